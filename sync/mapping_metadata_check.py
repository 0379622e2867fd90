"""Whether what a table mapping says of the two services' tables is so. Pure.

``sync.mapping_check`` judges a mapping by itself; this holds it against the tables as the services
describe them: that they are there, and each field and column with them, can be written where
something flows, holds the right kind of values, and is as long as the mapping says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from services.table_facts import ColumnFacts, TableFacts, ValueKind
from sync.mapping import (
    BcTable,
    Constant,
    CrmTable,
    DeletionConflict,
    FieldMapping,
    TableMapping,
    UpdateConflict,
)
from sync.mapping_faults import Fault
from sync.transformations import TRANSFORMATIONS, Transformation

_LOOKUP_VALUE = re.compile(r"_(\w+)_value")
_SHOWN = 40


def touches_tables(mapping: TableMapping, before: TableMapping) -> bool:
    """Whether the mapping says anything else of the services' tables than it did before."""
    return _described(mapping) != _described(before)


def _described(mapping: TableMapping) -> TableMapping:
    """The mapping without what concerns no table."""
    fields = tuple(replace(each, update_conflict=None) for each in mapping.fields)
    return replace(
        mapping,
        enabled=True,
        dependencies=(),
        fields=fields,
        update_conflict=UpdateConflict.KEEP_BOTH,
        deletion_conflict=DeletionConflict.REPORT,
    )


def metadata_faults(
    mapping: TableMapping, bc: TableFacts | None, crm: TableFacts | None
) -> list[Fault]:
    """Everything in the mapping that the services' tables do not bear out; None: no such table."""
    faults = []
    if bc is None:
        where = "published as a web service" if mapping.bc.page else "in API v2.0"
        message = f"Business Central has no {mapping.bc.name} {where}"
        faults.append(Fault(path="bc.name", code="table-unknown", message=message))
    else:
        faults += _bc_faults(mapping, bc)
    if crm is None:
        message = f"Dynamics 365 Sales has no table with the entity set {mapping.crm.entity_set}"
        faults.append(Fault(path="crm.entity_set", code="table-unknown", message=message))
    else:
        faults += _crm_faults(mapping, crm)
    if bc is not None and crm is not None:
        for n, field in enumerate(mapping.fields):
            faults += _kind_faults(f"fields[{n}]", field, bc, crm)
    return faults


def with_lengths(
    mapping: TableMapping, bc: TableFacts | None, crm: TableFacts | None
) -> TableMapping:
    """The mapping with the lengths of text that it leaves open, as the services tell them."""

    def told(field: FieldMapping) -> FieldMapping:
        here = bc.columns.get(field.bc) if bc and field.direction.writes_bc else None
        there = crm.columns.get(field.crm) if crm and field.direction.writes_crm else None
        return replace(
            field,
            bc_length=field.bc_length or (here.length if here else None),
            crm_length=field.crm_length or (there.length if there else None),
        )

    fields = tuple(each if each.lookup else told(each) for each in mapping.fields)
    return replace(mapping, fields=fields)


def _bc_faults(mapping: TableMapping, table: TableFacts) -> Iterator[Fault]:
    for name in (mapping.bc.id_field, mapping.bc.stamp_field):
        if name not in table.columns:
            message = f"{mapping.bc.name} has no field {name}, without which it cannot be followed"
            yield Fault(path="bc.name", code="system-field-missing", message=message)
    for path, name in _bc_names(mapping):
        if name not in table.columns:
            yield _unknown(path, name, table)
    for n, field in enumerate(mapping.fields):
        if not field.derived and field.constant is None:
            yield from _field_faults(f"fields[{n}]", field, table)
    yield from _new_record_faults("constants_in_bc", mapping.constants_in_bc, table)


def _new_record_faults(
    path: str, constants: Sequence[Constant], table: TableFacts
) -> Iterator[Fault]:
    for n, constant in enumerate(constants):
        column = table.columns.get(constant.name)
        if column is None:
            yield _unknown(f"{path}[{n}].name", constant.name, table)
        else:
            yield from _writing_faults(f"{path}[{n}].name", column, only_new=True)


def _field_faults(path: str, field: FieldMapping, table: TableFacts) -> Iterator[Fault]:
    column = table.columns.get(field.bc)
    if column is None:
        yield _unknown(f"{path}.bc", field.bc, table)
    elif field.direction.writes_bc:
        yield from _writing_faults(f"{path}.bc", column, only_new=field.only_on_insert)
        yield from _length_faults(f"{path}.bc_length", field.bc_length, column)


def _bc_names(mapping: TableMapping) -> Iterator[tuple[str, str]]:
    yield "bc.key", mapping.bc.key
    yield from ((f"bc.title[{n}]", name) for n, name in enumerate(mapping.bc.title))
    yield from ((f"bc.also_read[{n}]", name) for n, name in enumerate(mapping.bc.also_read))
    yield from _condition_names("bc", mapping.bc)


def _condition_names(side: str, table: BcTable | CrmTable) -> Iterator[tuple[str, str]]:
    yield from ((f"{side}.scope[{n}].field", each.field) for n, each in enumerate(table.scope))
    required = enumerate(table.requires)
    yield from ((f"{side}.requires[{n}].field", each.field) for n, each in required)


def _crm_faults(mapping: TableMapping, table: TableFacts) -> Iterator[Fault]:
    for path, said, is_so in (
        ("crm.name", mapping.crm.name, table.name),
        ("crm.id_column", mapping.crm.id_column, table.key),
    ):
        if said != is_so:
            message = f"is {is_so} for {mapping.crm.entity_set}, not {said}"
            yield Fault(path=path, code="table-differs", message=message)
    for path, name in _crm_names(mapping):
        if _column_name(name) not in table.columns:
            yield _unknown(path, name, table)
    for n, field in enumerate(mapping.fields):
        yield from _column_faults(f"fields[{n}]", field, table)
    yield from _new_record_faults("constants_in_crm", mapping.constants_in_crm, table)


def _column_faults(path: str, field: FieldMapping, table: TableFacts) -> Iterator[Fault]:
    column = table.columns.get(field.crm)
    if column is None:
        yield _unknown(f"{path}.crm", field.crm, table)
        return
    if field.lookup and field.lookup.navigation not in column.navigations:
        known = ", ".join(sorted(column.navigations)) or f"none: {field.crm} is no reference"
        message = f"the navigation properties of {field.crm} are {known}"
        yield Fault(path=f"{path}.lookup.navigation", code="navigation-unknown", message=message)
    if not field.direction.writes_crm:
        return
    transformation = TRANSFORMATIONS.get(field.transformation)
    written = transformation.also_writes if transformation else ()
    if written and field.transformation == "person_name":
        # CRM composes the name itself; what is written are its parts.
        for name in written:
            part = table.columns.get(name)
            if part is None:
                yield _unknown(f"{path}.transformation", name, table)
        return
    yield from _writing_faults(f"{path}.crm", column, only_new=field.only_on_insert)
    if not field.lookup:
        yield from _length_faults(f"{path}.crm_length", field.crm_length, column)


def _crm_names(mapping: TableMapping) -> Iterator[tuple[str, str]]:
    yield "crm.title", mapping.crm.title
    yield from ((f"crm.also_read[{n}]", name) for n, name in enumerate(mapping.crm.also_read))
    yield from _condition_names("crm", mapping.crm)
    for n, key in enumerate(mapping.match):
        yield from ((f"match[{n}].fields[{m}].crm", each.crm) for m, each in enumerate(key.fields))


def _column_name(name: str) -> str:
    """The column behind a name as it is in CRM's answers."""
    found = _LOOKUP_VALUE.fullmatch(name)
    return found[1] if found else name


def _unknown(path: str, name: str, table: TableFacts) -> Fault:
    close = [each for each in sorted(table.columns) if _alike(name, each)][:_SHOWN]
    hint = f"; it has {', '.join(close)}" if close else ""
    message = f"{table.entity_set} has no {name!r}{hint}"
    return Fault(path=path, code="column-unknown", message=message)


def _alike(name: str, other: str) -> bool:
    shorter, longer = sorted((name.casefold(), other.casefold()), key=len)
    return shorter in longer or longer.startswith(shorter[:4])


def _writing_faults(path: str, column: ColumnFacts, *, only_new: bool) -> Iterator[Fault]:
    if not (column.on_update or (only_new and column.on_create)):
        when = "when a record is created only" if column.on_create else "never"
        message = f"{column.name} can be set {when}"
        yield Fault(path=path, code="column-read-only", message=message)


def _length_faults(path: str, length: int | None, column: ColumnFacts) -> Iterator[Fault]:
    if length and column.length and length > column.length:
        message = f"{column.name} takes {column.length} characters, not {length}"
        yield Fault(path=path, code="length-too-long", message=message)


def _kind_faults(
    path: str, field: FieldMapping, bc: TableFacts, crm: TableFacts
) -> Iterator[Fault]:
    here, there = bc.columns.get(field.bc), crm.columns.get(field.crm)
    transformation = TRANSFORMATIONS.get(field.transformation)
    if field.lookup or there is None or transformation is None:
        return
    if there.kind is ValueKind.LOOKUP:
        message = f"{field.crm} refers to a record: say by lookup through which mapping"
        yield Fault(path=f"{path}.lookup", code="lookup-missing", message=message)
        return
    if field.constant is not None:
        yield from _constant_faults(path, field, there)
    elif here is not None and not field.derived:
        yield from _unlike_faults(path, field, transformation, (here.kind, there.kind))


def _unlike_faults(
    path: str,
    field: FieldMapping,
    transformation: Transformation,
    kinds: tuple[ValueKind, ValueKind],
) -> Iterator[Fault]:
    here, there = kinds
    wanted = (transformation.bc_kind or here, transformation.crm_kind or here)
    if _fits(here, wanted[0]) and _fits(there, wanted[1]):
        return
    message = (
        f"{field.transformation} goes between {wanted[0]} and {wanted[1]}; "
        f"{field.bc} is {here} and {field.crm} is {there}"
    )
    yield Fault(path=f"{path}.transformation", code="kinds-differ", message=message)


def _fits(kind: ValueKind, wanted: ValueKind) -> bool:
    """CRM keeps days and moments in one kind of column."""
    moments = (ValueKind.DATE, ValueKind.TIME)
    return kind is wanted or (kind in moments and wanted in moments)


_KIND_OF_CONSTANT: Mapping[type, tuple[ValueKind, ...]] = {
    str: (ValueKind.TEXT, ValueKind.DATE, ValueKind.TIME, ValueKind.ID),
    bool: (ValueKind.FLAG,),
    int: (ValueKind.NUMBER, ValueKind.OPTION),
    float: (ValueKind.NUMBER,),
}


def _constant_faults(path: str, field: FieldMapping, column: ColumnFacts) -> Iterator[Fault]:
    fitting = _KIND_OF_CONSTANT.get(type(field.constant), ())
    if column.kind not in fitting:
        message = f"{field.crm} is {column.kind}, and {field.constant!r} is not"
        yield Fault(path=f"{path}.constant", code="kinds-differ", message=message)
