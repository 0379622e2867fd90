"""What is wrong with the fields of a table mapping. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sync.mapping import (
    Direction,
    FieldMapping,
    Lookup,
    LookupTarget,
    TableMapping,
)
from sync.mapping_faults import Fault
from sync.transformations import TRANSFORMATIONS

MOST_FIELDS = 150
_UNITS = "UNIT OF MEASURE"
_CURRENCIES = "CURRENCY"


def field_faults(
    mapping: TableMapping, known: Mapping[str, TableMapping], default: TableMapping | None
) -> Iterator[Fault]:
    """Everything that is wrong with the mapping's fields; ``known`` are all of the connection's
    mappings, this one among them, ``default`` the one of its name that comes with Coupler."""
    if not mapping.fields:
        message = "map at least one field"
        yield Fault(path="fields", code="no-fields", message=message)
    if len(mapping.fields) > MOST_FIELDS:
        message = f"has {len(mapping.fields)} fields; {MOST_FIELDS} are allowed"
        yield Fault(path="fields", code="too-many-fields", message=message)
    yield from _duplicate_faults(mapping)
    ancestors = _ancestors(mapping, known)
    for n, field in enumerate(mapping.fields):
        path = f"fields[{n}]"
        yield from _direction_faults(path, field, mapping)
        yield from _transformation_faults(path, field)
        yield from _option_faults(path, field)
        yield from _default_faults(path, field, default)
        if field.lookup:
            yield from _lookup_faults(f"{path}.lookup", field, field.lookup, known, ancestors)


def _duplicate_faults(mapping: TableMapping) -> Iterator[Fault]:
    in_crm: dict[str, int] = {}
    in_bc: dict[str, int] = {}
    for n, field in enumerate(mapping.fields):
        path = f"fields[{n}]"
        if field.direction.writes_crm:
            for column in _columns(field):
                if column in in_crm:
                    message = f"fields[{in_crm[column]}] writes {column} already"
                    yield Fault(path=f"{path}.crm", code="duplicate-target", message=message)
                in_crm.setdefault(column, n)
        if field.direction.writes_bc:
            if field.bc in in_bc:
                message = f"fields[{in_bc[field.bc]}] writes {field.bc} already"
                yield Fault(path=f"{path}.bc", code="duplicate-target", message=message)
            in_bc.setdefault(field.bc, n)


def _columns(field: FieldMapping) -> tuple[str, ...]:
    """Every CRM column that the field writes."""
    transformation = TRANSFORMATIONS.get(field.transformation)
    return (field.crm, *(transformation.also_writes if transformation else ()))


def _direction_faults(path: str, field: FieldMapping, mapping: TableMapping) -> Iterator[Fault]:
    outside = (field.direction.writes_crm and not mapping.direction.writes_crm) or (
        field.direction.writes_bc and not mapping.direction.writes_bc
    )
    if outside:
        message = f"{field.direction} is not within the table's direction, {mapping.direction}"
        yield Fault(path=f"{path}.direction", code="direction-outside-table", message=message)


def _transformation_faults(path: str, field: FieldMapping) -> Iterator[Fault]:
    path = f"{path}.transformation"
    transformation = TRANSFORMATIONS.get(field.transformation)
    if transformation is None:
        message = f"{field.transformation!r} is none of {', '.join(TRANSFORMATIONS)}"
        yield Fault(path=path, code="transformation-unknown", message=message)
        return
    goes = {
        Direction.TO_CRM: transformation.goes_to_crm,
        Direction.FROM_CRM: transformation.goes_to_bc,
        Direction.BOTH: transformation.goes_to_crm and transformation.goes_to_bc,
    }
    if not goes[field.direction]:
        only = Direction.TO_CRM if transformation.goes_to_crm else Direction.FROM_CRM
        message = f"{field.transformation} works {only} only"
        yield Fault(path=path, code="transformation-one-way", message=message)
    if field.lookup and field.transformation != "same":
        message = "a reference is not transformed: leave it out"
        yield Fault(path=path, code="transformation-of-reference", message=message)


def _option_faults(path: str, field: FieldMapping) -> Iterator[Fault]:
    if field.clear_on_failure and not field.lookup:
        message = "only a reference (lookup) can wait for another record"
        yield Fault(path=f"{path}.clear_on_failure", code="not-a-reference", message=message)
    if field.keep_if_blank and field.direction is Direction.BOTH:
        message = "needs one direction: what is blank on one side could never be cleared"
        yield Fault(path=f"{path}.keep_if_blank", code="needs-one-direction", message=message)
    if field.truncate and not (field.bc_length or field.crm_length):
        message = "needs the length at which text is cut"
        yield Fault(path=f"{path}.truncate", code="length-missing", message=message)
    if field.constant is not None:
        yield from _constant_faults(path, field)


def _constant_faults(path: str, field: FieldMapping) -> Iterator[Fault]:
    path = f"{path}.constant"
    if field.bc != f"={field.crm}":
        message = f"has no BC field: leave bc out, or give it as '={field.crm}'"
        yield Fault(path=path, code="constant-invalid", message=message)
    if field.direction is not Direction.TO_CRM:
        message = "flows to_crm; in Business Central constants_in_bc sets values of new records"
        yield Fault(path=path, code="constant-invalid", message=message)
    if field.lookup:
        message = "cannot be looked up; constants_in_crm can name a record by its id"
        yield Fault(path=path, code="constant-invalid", message=message)


def _default_faults(
    path: str, field: FieldMapping, default: TableMapping | None
) -> Iterator[Fault]:
    """What only the code behind a default mapping can do."""
    there = default.fields if default else ()
    if field.derived and field.derived not in {f.derived for f in there if f.bc == field.bc}:
        message = f"{field.bc} is not worked out by Coupler: leave it out"
        yield Fault(path=f"{path}.derived", code="not-derived", message=message)
    if not field.derived and field.bc in {f.bc for f in there if f.derived}:
        message = f"{field.bc} is worked out by Coupler: leave it as in the default mapping"
        yield Fault(path=f"{path}.derived", code="derived", message=message)
    if field.last and field.crm not in {f.crm for f in there if f.last}:
        message = "only products have a column that is written last"
        yield Fault(path=f"{path}.last", code="only-in-default-mappings", message=message)


def _lookup_faults(
    path: str,
    field: FieldMapping,
    lookup: Lookup,
    known: Mapping[str, TableMapping],
    ancestors: set[str],
) -> Iterator[Fault]:
    if not lookup.mappings:
        message = "name the mapping whose couplings tell the record"
        yield Fault(path=f"{path}.mappings", code="lookup-unknown", message=message)
    for n, name in enumerate(lookup.mappings):
        each = f"{path}.mappings[{n}]"
        if name not in known:
            message = f"there is no mapping {name!r}; there are {', '.join(sorted(known))}"
            yield Fault(path=each, code="lookup-unknown", message=message)
            continue
        if name not in ancestors and not field.clear_on_failure:
            message = f"{name} must be a dependency, or clear_on_failure be set"
            yield Fault(path=each, code="lookup-not-dependency", message=message)
        parent = known[name].crm.entity_set
        if lookup.target is LookupTarget.RECORD and lookup.entity_set != parent:
            message = f"{name} couples records of {parent}, not of {lookup.entity_set}"
            yield Fault(path=f"{path}.entity_set", code="lookup-of-other-table", message=message)
    if lookup.target is LookupTarget.BASE_UNIT and lookup.mappings != (_UNITS,):
        message = f"base_unit is for lookups through {_UNITS}"
        yield Fault(path=f"{path}.target", code="lookup-invalid", message=message)
    if lookup.target is LookupTarget.BASE_UNIT and field.direction is not Direction.TO_CRM:
        message = "base_unit flows to_crm only"
        yield Fault(path=f"{path}.target", code="lookup-invalid", message=message)
    if lookup.blank_is_local_currency and lookup.mappings != (_CURRENCIES,):
        message = f"is for lookups through {_CURRENCIES}"
        yield Fault(path=f"{path}.blank_is_local_currency", code="lookup-invalid", message=message)


def _ancestors(mapping: TableMapping, known: Mapping[str, TableMapping]) -> set[str]:
    """Every mapping that this one comes after, directly or through others."""
    found: set[str] = set()
    frontier = set(mapping.dependencies) & set(known)
    while frontier:
        found |= frontier
        parents = {name for each in frontier for name in known[each].dependencies}
        frontier = (parents & set(known)) - found
    return found
