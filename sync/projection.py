"""Between records as the services' JSON has them and the values that the planner compares. Pure.

The only module that knows how a field mapping's transformation, lookup, length limit and extra
columns apply.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from couplings.model import BaseSnapshot
from errors import RecordError
from services.records import Record
from sync.mapping import Constant, FieldMapping, Lookup, TableMapping
from sync.plan import ABSENT, FieldState, WaitingFor, is_blank
from sync.transformations import KEEP, TRANSFORMATIONS


class Resolver(Protocol):
    """Answers which record of the other side a reference means."""

    def to_crm(self, lookup: Lookup, value: Any) -> str | WaitingFor:
        """The CRM id that a BC number, code or id refers to."""

    def to_bc(self, lookup: Lookup, crm_id: str) -> Any | WaitingFor:
        """The BC number, code or id that a CRM id refers to."""

    @property
    def local_currency(self) -> str:
        """CRM id of the currency that Business Central calls local."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Insertion:
    """The values of a record to create, and what it still waits for."""

    values: dict[str, Any]
    """Mapped columns or fields → value in the target side's form."""
    later: dict[str, Any]
    """Those of ``values`` that are written after the record's companions."""
    waiting: tuple[FieldState, ...]
    """Fields without which the record is not created: what they refer to is not coupled yet."""
    cleared: tuple[FieldState, ...] = ()
    """Fields that are left blank until what they refer to is coupled."""


def project_bc(mapping: TableMapping, record: Record) -> dict[str, Any]:
    """The mapped fields of a BC record."""
    return {each.bc: _bc_value(each, record) for each in mapping.fields}


def project_crm(mapping: TableMapping, record: Record) -> dict[str, Any]:
    """The mapped columns of a CRM record, lookups as ids, absent text as empty text."""
    return {each.crm: _crm_value(each, record) for each in mapping.fields}


def _bc_value(field: FieldMapping, record: Record) -> Any:
    return record.get(field.bc) if field.constant is None else field.constant


def _crm_value(field: FieldMapping, record: Record) -> Any:
    value = record.get(field.crm_column)
    if value is None and (field.crm_length is not None or field.bc_length is not None):
        return ""
    return value


def field_states(
    mapping: TableMapping,
    bc: Record,
    crm: Record,
    base: BaseSnapshot | None,
    resolver: Resolver,
) -> list[FieldState]:
    """Every field of a pair as the planner wants it.

    Raises ``RecordError`` for a value that cannot become the other side's.
    """
    return [field_state(field, bc, crm, base, resolver) for field in mapping.fields]


def field_state(
    field: FieldMapping,
    bc_record: Record,
    crm_record: Record,
    base: BaseSnapshot | None,
    resolver: Resolver,
) -> FieldState:
    """One field of a pair; raises as ``field_states``."""
    bc, crm = _bc_value(field, bc_record), _crm_value(field, crm_record)
    flows = field.direction.writes_crm and not _is_underived(field, bc_record)
    bc_as_crm: Any = _to_crm(field, bc, resolver) if flows else ABSENT
    crm_as_bc: Any = _to_bc(field, crm, resolver) if field.direction.writes_bc else ABSENT
    waiting: WaitingFor | None = None
    if isinstance(bc_as_crm, WaitingFor):
        waiting = _named(bc_as_crm, field.lookup, bc_record)
        bc_as_crm = None if field.clear_on_failure else ABSENT
    if isinstance(crm_as_bc, WaitingFor):
        waiting = crm_as_bc
        crm_as_bc = "" if field.clear_on_failure else ABSENT
    return FieldState(
        mapping=field,
        bc=bc,
        crm=crm,
        bc_as_crm=bc_as_crm,
        crm_as_bc=crm_as_bc,
        base_bc=base.bc.get(field.bc, ABSENT) if base else ABSENT,
        base_crm=base.crm.get(field.crm, ABSENT) if base else ABSENT,
        waiting_for=waiting,
    )


def _is_underived(field: FieldMapping, bc_record: Record) -> bool:
    """Whether the value could not be worked out yet: unknown is not blank, and clears nothing.

    It is so for a BC record that was just created: what it is derived from was read before.
    """
    return bool(field.derived) and field.bc not in bc_record


def _named(missing: WaitingFor, lookup: Lookup | None, bc_record: Record) -> WaitingFor:
    """The missing record by the name that people know, where it is referred to by an id."""
    name = bc_record.get(lookup.named_by) if lookup and lookup.named_by else None
    return replace(missing, key=str(name)) if name else missing


def insertion_in_crm(mapping: TableMapping, bc: Record, resolver: Resolver) -> Insertion:
    """The columns of a CRM record made from a BC record; raises ``RecordError``."""
    states = [
        field_state(field, bc, {}, None, resolver)
        for field in mapping.fields
        if field.direction.writes_crm
        and not (field.keep_if_blank and is_blank(_bc_value(field, bc)))
    ]
    settled = [state for state in states if not state.waiting_for]
    return Insertion(
        values={state.mapping.crm: state.bc_as_crm for state in settled},
        later={state.mapping.crm: state.bc_as_crm for state in settled if state.mapping.last},
        waiting=_waiting(states),
        cleared=_cleared(states),
    )


def columns_of_new(mapping: TableMapping, sent: dict[str, Any]) -> dict[str, Any]:
    """The mapped columns of a CRM record that was just created of these: those that CRM is known to
    set by itself, too. So the echo of the creation is recognized without a further look."""
    known = {
        field.crm: value
        for field in mapping.fields
        if not field.direction.writes_crm
        and not field.lookup
        and (value := TRANSFORMATIONS[field.transformation].crm_of_new) is not None
    }
    return known | sent


def insertion_in_bc(mapping: TableMapping, crm: Record, resolver: Resolver) -> Insertion:
    """The fields of a BC record made from a CRM record; raises ``RecordError``."""
    states = [
        field_state(field, {}, crm, None, resolver)
        for field in mapping.fields
        if field.direction.writes_bc
    ]
    settled = [s for s in states if not s.waiting_for and s.crm_as_bc is not ABSENT]
    return Insertion(
        values={state.mapping.bc: state.crm_as_bc for state in settled},
        later={},
        waiting=_waiting(states),
        cleared=_cleared(states),
    )


def _waiting(states: Sequence[FieldState]) -> tuple[FieldState, ...]:
    return tuple(s for s in states if s.waiting_for and not s.mapping.clear_on_failure)


def _cleared(states: Sequence[FieldState]) -> tuple[FieldState, ...]:
    return tuple(s for s in states if s.waiting_for and s.mapping.clear_on_failure)


def crm_body(mapping: TableMapping, values: dict[str, Any]) -> Record:
    """The columns to send for planned values: lookups bound, names and states spread out."""
    body: Record = {}
    for field in mapping.fields:
        if field.crm not in values:
            continue
        value = values[field.crm]
        if field.lookup:
            body[f"{field.lookup.navigation}@odata.bind"] = (
                None if is_blank(value) else f"/{field.lookup.entity_set}({value})"
            )
        elif field.direction.writes_crm:
            body |= TRANSFORMATIONS[field.transformation].columns(field.crm, value)
    return body


def crm_constants(constants: Sequence[Constant], resolver: Resolver) -> Record:
    """The constant columns of a new CRM record."""
    body: Record = {}
    for constant in constants:
        if constant.lookup_local_currency:
            bound = f"/transactioncurrencies({resolver.local_currency})"
            body[f"{constant.name}@odata.bind"] = bound
        elif constant.entity_set:
            body[f"{constant.name}@odata.bind"] = f"/{constant.entity_set}({constant.value})"
        else:
            body[constant.name] = constant.value
    return body


def bc_constants(constants: Sequence[Constant]) -> Record:
    """The constant fields of a new BC record."""
    return {constant.name: constant.value for constant in constants}


def _to_crm(field: FieldMapping, value: Any, resolver: Resolver) -> Any:
    if field.lookup:
        if is_blank(value):
            return resolver.local_currency if field.lookup.blank_is_local_currency else None
        return resolver.to_crm(field.lookup, value)
    return _fitting(field, TRANSFORMATIONS[field.transformation].to_crm(value), field.crm_length)


def _to_bc(field: FieldMapping, value: Any, resolver: Resolver) -> Any:
    if field.lookup:
        return "" if is_blank(value) else resolver.to_bc(field.lookup, value)
    result = TRANSFORMATIONS[field.transformation].to_bc(value)
    return ABSENT if result is KEEP else _fitting(field, result, field.bc_length)


def _fitting(field: FieldMapping, value: Any, length: int | None) -> Any:
    """The value, cut where the mapping allows it; raises ``RecordError`` where it is too long."""
    if not isinstance(value, str) or length is None or len(value) <= length:
        return value
    if field.truncate:
        return value[:length].rstrip()
    raise RecordError(
        "too-long",
        f"{field.bc} ↔ {field.crm}: {value!r} has {len(value)} characters, {length} fit.",
        field=field.bc,
        value=value,
        hint="Shorten the value on the side where it was entered.",
    )
