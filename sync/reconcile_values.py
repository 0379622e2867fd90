"""Telling whether two records hold the same, without keeping either of them.

The base snapshots are not asked: they say what Coupler believes, and here it is looked at whether
that is so. Of each coupled CRM record a short print of every mapped column is kept, which is
compared with what the BC record's fields would be in CRM. A print that does not fit calls for a
closer look at both records; one that fits by chance (once in two thousand million) hides a
difference until the value changes again.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from struct import Struct
from typing import Any

from couplings.model import CouplingIndexEntry
from errors import RecordError
from services.records import Record
from sync.drift import FieldDifference, Flow
from sync.mapping import Direction, TableMapping
from sync.plan import ABSENT, FieldState, PairPlan, is_blank
from sync.projection import field_states, project_crm
from sync.work import Work

_SAYS_NOTHING = 0
_FITS_NOTHING = 2
_LONGEST_VALUE = 250


class Prints:
    """The prints of the coupled CRM records of a mapping: four bytes for each column."""

    def __init__(self, work: Work) -> None:
        fields = work.mapping.fields
        self._work = work
        self._form = Struct(f"={len(fields)}I")
        self._of: dict[str, bytes] = {}
        only_to_bc = tuple(each for each in fields if each.direction is Direction.FROM_CRM)
        self._only_to_bc = replace(work.mapping, fields=only_to_bc)

    def add(self, record: Record, entry: CouplingIndexEntry | None) -> None:
        """Keep the print of a coupled CRM record."""
        if entry is None:
            return
        try:
            self._of[entry.crm_id] = self._form.pack(*self._crm_prints(record))
        except RecordError:
            return  # without a print it is looked at more closely

    def fit(self, bc: Record, crm_id: str) -> bool:
        """Whether all fields agree, or differ because the mapping wants it so."""
        packed = self._of.get(crm_id)
        if packed is None:
            return False
        try:
            expected = self._bc_prints(bc)
        except RecordError:
            return False
        pairs = zip(self._form.unpack(packed), expected, strict=True)
        return all(left == right or _SAYS_NOTHING in (left, right) for left, right in pairs)

    def _crm_prints(self, record: Record) -> list[int]:
        values = project_crm(self._work.mapping, record)
        prints = {name: _print(value) for name, value in values.items()}
        for state in self._states(self._only_to_bc, {}, record):
            prints[state.mapping.crm] = _print_of(state, state.crm_as_bc)
        return [prints[each.crm] for each in self._work.mapping.fields]

    def _bc_prints(self, record: Record) -> list[int]:
        return [
            _print(state.bc)
            if state.mapping.direction is Direction.FROM_CRM
            else _print_of(state, state.bc_as_crm)
            for state in self._states(self._work.mapping, record, {})
        ]

    def _states(self, mapping: TableMapping, bc: Record, crm: Record) -> list[FieldState]:
        return field_states(mapping, bc, crm, None, self._work.context.resolver)


def _print_of(state: FieldState, value: Any) -> int:
    if state.waiting_for:
        return _FITS_NOTHING
    return _SAYS_NOTHING if is_left_alone(state) else _print(value)


def _print(value: Any) -> int:
    """The same for values that mean the same; always odd."""
    known: Hashable = "" if value is None else value
    return hash(known) & 0xFFFFFFFE | 1


def is_left_alone(state: FieldState) -> bool:
    """Whether the mapping wants no value written, whatever the two sides hold."""
    mapping = state.mapping
    if mapping.only_on_insert:
        return True
    if mapping.direction is Direction.TO_CRM:
        return state.bc_as_crm is ABSENT or (mapping.keep_if_blank and is_blank(state.bc))
    if mapping.direction is Direction.FROM_CRM:
        return state.crm_as_bc is ABSENT or (mapping.keep_if_blank and is_blank(state.crm))
    return False


def differences(states: Sequence[FieldState], plan: PairPlan) -> tuple[FieldDifference, ...]:
    """The fields that differ, and what a pass would do with each."""
    return tuple(
        FieldDifference(
            bc_field=state.mapping.bc,
            crm_column=state.mapping.crm,
            bc_value=_text(state.bc),
            crm_value=_text(_crm_in_words(state)),
            flow=_flow(state, plan),
        )
        for state in states
        if state.waiting_for or not (state.agree or is_left_alone(state))
    )


def _flow(state: FieldState, plan: PairPlan) -> Flow:
    mapping = state.mapping
    if state.waiting_for:
        return Flow.WAITS
    if mapping.crm in plan.to_crm:
        return Flow.TO_CRM
    if mapping.bc in plan.to_bc:
        return Flow.FROM_CRM
    return Flow.CONFLICT if mapping.crm in plan.held else Flow.AGREED


def _crm_in_words(state: FieldState) -> Any:
    """A reference by Business Central's code, where it has one, and not by its id."""
    readable = state.mapping.lookup is not None and state.crm_as_bc is not ABSENT
    return state.crm_as_bc if readable else state.crm


def _text(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
