"""Whether a table mapping may be saved: everything that is wrong with it, at once. Pure.

A mapping is judged with the other ones of its connection, and, where it changes a default one, with
that. What it says about the two services' tables is held against their own descriptions by
``sync.mapping_metadata_check``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from errors import ConfigurationError
from sync.coupling_order import missing_dependencies
from sync.dependencies import levels
from sync.mapping import MAPPING_NAME, Condition, FieldMapping, Requirement, TableMapping
from sync.mapping_faults import Fault
from sync.mapping_field_check import field_faults
from sync.policies import policy_faults
from sync.rules.fields import RULE_FIELDS

_LEAST_ALIKE, _MOST_ALIKE = 50, 100
"""In percent: names less alike than that are alike by chance."""
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_FIXED = (
    "bc.name",
    "bc.page",
    "bc.key",
    "bc.derived_from",
    "bc.compared_daily",
    "bc.has_stock",
    "crm.name",
    "crm.entity_set",
    "crm.id_column",
    "rule",
    "not_offered",
)
"""What makes a default mapping what it is: code relies on it."""
_BLANK_IN_CUSTOM = ("bc.derived_from", "bc.compared_daily", "bc.has_stock", "rule")


def check(
    mapping: TableMapping, others: Mapping[str, TableMapping], default: TableMapping | None
) -> list[Fault]:
    """Everything that is wrong with the mapping; empty where it may be saved.

    ``others`` are the connection's other mappings, ``default`` the one of its name that comes with
    Coupler, None for one that a tenant added.
    """
    known = {**others, mapping.name: mapping}
    return list(
        chain(
            _name_faults(mapping),
            _identifier_faults(mapping),
            _fixed_faults(mapping, default),
            _rule_faults(mapping, default),
            _direction_faults(mapping),
            _dependency_faults(mapping, known),
            field_faults(mapping, known, default),
            _constant_faults(mapping),
            _condition_faults(mapping),
            _match_faults(mapping, default),
            policy_faults(mapping),
        )
    )


def _name_faults(mapping: TableMapping) -> Iterator[Fault]:
    if not re.fullmatch(MAPPING_NAME, mapping.name):
        message = "has 2 to 42 capital letters, blanks and hyphens, and begins and ends in a letter"
        yield Fault(path="name", code="name-invalid", message=message)


def _identifier_faults(mapping: TableMapping) -> Iterator[Fault]:
    """Names become parts of addresses and filters: nothing but names may be in their place."""
    for path, name in _names(mapping):
        if not _IDENTIFIER.fullmatch(name):
            message = f"{name!r} is no name of a table, field or column"
            yield Fault(path=path, code="name-invalid", message=message)


def _names(mapping: TableMapping) -> Iterator[tuple[str, str]]:
    bc, crm = mapping.bc, mapping.crm
    yield from (("bc.name", bc.name), ("bc.key", bc.key), ("crm.name", crm.name))
    yield from (("crm.entity_set", crm.entity_set), ("crm.id_column", crm.id_column))
    yield "crm.title", crm.title
    lists = {"bc.title": bc.title, "bc.also_read": bc.also_read, "crm.also_read": crm.also_read}
    for path, names in lists.items():
        yield from ((f"{path}[{n}]", name) for n, name in enumerate(names))
    for path, parts in _conditions(mapping):
        yield from ((f"{path}[{n}].field", each.field) for n, each in enumerate(parts))
    for side in ("constants_in_crm", "constants_in_bc"):
        for n, constant in enumerate(getattr(mapping, side)):
            yield f"{side}[{n}].name", constant.name
            if constant.entity_set:
                yield f"{side}[{n}].entity_set", constant.entity_set
    for n, key in enumerate(mapping.match):
        for m, part in enumerate(key.fields):
            yield f"match[{n}].fields[{m}].bc", part.bc
            yield f"match[{n}].fields[{m}].crm", part.crm
    for n, field in enumerate(mapping.fields):
        yield from _names_of_field(f"fields[{n}]", field)


def _names_of_field(path: str, field: FieldMapping) -> Iterator[tuple[str, str]]:
    yield f"{path}.crm", field.crm
    if field.constant is None:
        yield f"{path}.bc", field.bc
    if field.lookup:
        yield f"{path}.lookup.navigation", field.lookup.navigation
        yield f"{path}.lookup.entity_set", field.lookup.entity_set
        if field.lookup.named_by:
            yield f"{path}.lookup.named_by", field.lookup.named_by


def _conditions(
    mapping: TableMapping,
) -> Iterator[tuple[str, Sequence[Condition | Requirement]]]:
    yield "bc.scope", mapping.bc.scope
    yield "bc.requires", mapping.bc.requires
    yield "crm.scope", mapping.crm.scope
    yield "crm.requires", mapping.crm.requires


def _member(mapping: TableMapping, path: str) -> object:
    found: object = mapping
    for name in path.split("."):
        found = getattr(found, name)
    return found


def _fixed_faults(mapping: TableMapping, default: TableMapping | None) -> Iterator[Fault]:
    if default is None:
        for path in _BLANK_IN_CUSTOM:
            if _member(mapping, path):
                message = "belongs to mappings that come with Coupler; leave it out"
                yield Fault(path=path, code="only-in-default-mappings", message=message)
        return
    for path in _FIXED:
        was = _member(default, path)
        if _member(mapping, path) != was:
            message = f"cannot be changed from {was!r}; add a mapping of another name for that"
            yield Fault(path=path, code="fixed", message=message)


def _rule_faults(mapping: TableMapping, default: TableMapping | None) -> Iterator[Fault]:
    if default is None or mapping.rule != default.rule:
        return
    needed = RULE_FIELDS[default.rule]
    present = {field.crm: field for field in mapping.fields}
    for field in default.fields:
        if field.crm not in needed.columns:
            continue
        found = present.get(field.crm)
        if found is None or _kept(found) != _kept(field):
            message = (
                f"{field.bc} to {field.crm} is needed as it is in the default mapping: "
                f"{mapping.name} records cannot be synchronized otherwise"
            )
            yield Fault(path="fields", code="required-by-rule", message=message)
    for name in sorted(needed.reads - set(mapping.bc_select())):
        message = f"{name} must be read: add it here"
        yield Fault(path="bc.also_read", code="required-by-rule", message=message)


def _kept(field: FieldMapping) -> tuple[object, ...]:
    """What a rule relies on of a field."""
    return (
        field.bc,
        field.lookup,
        field.transformation,
        field.derived,
        field.last,
        field.direction.writes_crm,
    )


def _direction_faults(mapping: TableMapping) -> Iterator[Fault]:
    direction = mapping.direction
    if mapping.bc.page and direction.writes_bc:
        message = "must be to_crm: a page published as a web service can only be read"
        yield Fault(path="direction", code="page-read-only", message=message)
    flows = [field.direction for field in mapping.fields if not field.only_on_insert]
    for side, wanted, there in (
        ("CRM", direction.writes_crm, any(flow.writes_crm for flow in flows)),
        ("Business Central", direction.writes_bc, any(flow.writes_bc for flow in flows)),
    ):
        if wanted and mapping.fields and not there:
            message = f"no field flows to {side}: give one that direction first"
            yield Fault(path="direction", code="no-field-in-direction", message=message)
    for member, side, allowed in (
        ("creates_in_crm", "CRM", direction.writes_crm),
        ("creates_in_bc", "Business Central", direction.writes_bc),
    ):
        if getattr(mapping, member) and not allowed:
            message = f"nothing flows to {side}, so no record can be created there"
            yield Fault(path=member, code="creates-outside-direction", message=message)


def _dependency_faults(mapping: TableMapping, known: Mapping[str, TableMapping]) -> Iterator[Fault]:
    sound = True
    for n, name in enumerate(mapping.dependencies):
        path = f"dependencies[{n}]"
        if name == mapping.name:
            sound = False
            message = "a mapping cannot depend on itself"
            yield Fault(path=path, code="dependency-on-itself", message=message)
        elif name not in known:
            message = f"there is no mapping {name!r}; there are {', '.join(sorted(known))}"
            yield Fault(path=path, code="dependency-unknown", message=message)
        elif name in mapping.dependencies[:n]:
            message = f"{name} is named twice"
            yield Fault(path=path, code="dependency-twice", message=message)
    if not sound:
        return
    if all(name in known for name in mapping.dependencies):
        for missing in missing_dependencies(mapping, known):
            yield Fault(path="dependencies", code="dependency-missing", message=missing.message)
    try:
        levels({name: each.dependencies for name, each in known.items()})
    except ConfigurationError as circle:
        yield Fault(path="dependencies", code="dependency-cycle", message=circle.message)


def _constant_faults(mapping: TableMapping) -> Iterator[Fault]:
    written = {
        "constants_in_crm": {f.crm for f in mapping.fields if f.direction.writes_crm},
        "constants_in_bc": {f.bc for f in mapping.fields if f.direction.writes_bc},
    }
    for side, fields in written.items():
        constants = getattr(mapping, side)
        for n, constant in enumerate(constants):
            path = f"{side}[{n}]"
            if constant.name in fields:
                message = f"{constant.name} is written by a field mapping already"
                yield Fault(path=path, code="duplicate-target", message=message)
            if constant.name in {each.name for each in constants[:n]}:
                message = f"{constant.name} is given twice"
                yield Fault(path=path, code="duplicate-target", message=message)
            if side == "constants_in_bc" and (
                constant.entity_set or constant.lookup_local_currency
            ):
                message = "only constants in CRM can be records of another table"
                yield Fault(path=path, code="constant-invalid", message=message)


def _condition_faults(mapping: TableMapping) -> Iterator[Fault]:
    for side, table in (("bc", mapping.bc), ("crm", mapping.crm)):
        for n, condition in enumerate(table.scope):
            if condition.values and condition.suffix:
                message = "has either values or a suffix"
                yield Fault(path=f"{side}.scope[{n}]", code="condition-unclear", message=message)
        for n, requirement in enumerate(table.requires):
            path = f"{side}.requires[{n}]"
            if not requirement.values:
                message = "name the values with which a record takes part"
                yield Fault(path=f"{path}.values", code="values-missing", message=message)
            if not re.fullmatch(r"[a-z][a-z0-9-]{0,60}", requirement.code):
                message = "is in small letters and hyphens, such as blocked-in-bc"
                yield Fault(path=f"{path}.code", code="code-invalid", message=message)
            if not requirement.message:
                message = "tell people why a record takes no part"
                yield Fault(path=f"{path}.message", code="message-missing", message=message)


def _match_faults(mapping: TableMapping, default: TableMapping | None) -> Iterator[Fault]:
    derived = {bc for key in default.match for bc, _ in key.pairs} if default else set()
    readable = {*mapping.bc_select(), *derived}
    for n, key in enumerate(mapping.match):
        if not key.fields:
            message = "name at least one field and the column that it equals"
            yield Fault(path=f"match[{n}].fields", code="match-empty", message=message)
        for m, (bc_field, _) in enumerate(key.pairs):
            if bc_field not in readable:
                message = f"{bc_field} is not read: map it, or add it to bc.also_read"
                yield Fault(
                    path=f"match[{n}].fields[{m}].bc", code="match-field-unread", message=message
                )
    alike = mapping.proposes_from
    if alike is not None and not _LEAST_ALIKE <= alike <= _MOST_ALIKE:
        message = f"must be {_LEAST_ALIKE} to {_MOST_ALIKE} percent"
        yield Fault(path="proposes_from", code="similarity-out-of-range", message=message)
