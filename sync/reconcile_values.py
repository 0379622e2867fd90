"""Telling whether two records hold the same, without keeping either of them.

The base snapshots are not asked: they say what Coupler believes, and here it is looked at whether
that is so. Of each coupled CRM record a short print of every mapped column is kept, which is
compared with what the BC record's fields would be in CRM. A print that does not fit calls for a
closer look at both records; one that fits by chance (once in two thousand million) hides a
difference until the value changes again.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from struct import Struct
from typing import Any

from couplings.model import CouplingIndexEntry
from errors import RecordError
from services.records import Record
from sync.differences import is_left_alone
from sync.mapping import Direction, TableMapping
from sync.plan import FieldState
from sync.projection import field_states, project_crm
from sync.work import Work

_SAYS_NOTHING = 0
_FITS_NOTHING = 2


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
