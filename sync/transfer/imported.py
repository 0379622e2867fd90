"""The rows of an import as wants, and what became of them as its report.

An import is strict: every row is checked before anything is coupled. The names in its rows become
ids at the first look and stay those, so that what is coupled is what was checked, whoever renames
a record in between:

    run                                       person
    10000 and C-1 mean customer B, account C: fit
                                              gives C-1 to account D
    couples B with C

A record that rows before it mean already is refused: which of them is right is nobody's to guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from couplings.model import Side
from sync.bulk.model import Action, Told, Want
from sync.by_hand.named_records import PLACES
from sync.transfer.import_model import Import, ReportedRow, RowState
from sync.transfer.import_store import ImportStore
from sync.transfer.naming import records_meant
from sync.work import Work

type _Key = tuple[Side, str]
"""A record by its side and id."""


class ImportedList:
    """The wants of one import (``sync.bulk.model.WantList``)."""

    strict = True

    def __init__(self, store: ImportStore, one: Import, work: Work) -> None:
        self._store = store
        self._import = one
        self._work = work
        self._given: dict[str, ReportedRow] = {}
        self._meant_at: dict[_Key, str] | None = None
        """The places of rows by the records that they mean, once that was read."""

    @property
    def check_only(self) -> bool:
        return self._import.check_only

    def count(self) -> int:
        return self._import.rows

    def page(self, after: str, limit: int) -> Sequence[Want]:
        """The next rows; one that names no record, or several, or what another row names, has a
        blank id."""
        rows = self._store.rows_after(self._import.import_id, after, limit)
        if any(each.state is RowState.WAITING for each in rows):
            rows = self._once(self._named(rows), after)
        self._given |= {each.place: each for each in rows}
        return [
            Want(
                place=each.place,
                action=Action.COUPLE,
                bc_id=each.bc_id,
                crm_id=each.crm_id,
                first=each.row.first,
                replaces=each.row.replaces,
            )
            for each in rows
        ]

    def tell(self, told: Sequence[Told]) -> None:
        """Keep what became of rows that were given."""
        self._store.save(
            self._import.import_id, [_reported(self._given[each.place], each) for each in told]
        )

    def _named(self, rows: Sequence[ReportedRow]) -> list[ReportedRow]:
        """The rows with the records that they mean, as far as they mean any."""
        unnamed = [each for each in rows if each.state is RowState.WAITING]
        meant = records_meant(self._work, [each.row for each in unnamed])
        named = {
            row.place: replace(
                row,
                bc_id=each.bc_id,
                crm_id=each.crm_id,
                code=each.problem.code if each.problem else "",
                message=each.problem.message if each.problem else "",
                hint=each.problem.hint if each.problem else "",
            )
            for row, each in zip(unnamed, meant, strict=True)
        }
        return [named.get(each.place, each) for each in rows]

    def _once(self, rows: Sequence[ReportedRow], after: str) -> list[ReportedRow]:
        """The rows, those refused that mean a record of an earlier row."""
        if self._meant_at is None:
            earlier = self._store.ids_up_to(self._import.import_id, after) if after else []
            self._meant_at = {
                key: place for place, bc_id, crm_id in earlier for key in _keys(bc_id, crm_id)
            }
        return [self._unless_repeated(each, self._meant_at) for each in rows]

    def _unless_repeated(self, row: ReportedRow, meant_at: dict[_Key, str]) -> ReportedRow:
        for key in _keys(row.bc_id, row.crm_id):
            place = meant_at.setdefault(key, row.place)
            if place != row.place:
                side, record_id = key
                return replace(
                    row,
                    bc_id="",
                    crm_id="",
                    code="named-twice",
                    message=f"Line {int(place)} names record {record_id} of {PLACES[side]}, too.",
                    hint="Leave one of the rows out.",
                )
        return row


def _keys(bc_id: str, crm_id: str) -> list[_Key]:
    keys: list[_Key] = [("bc", bc_id), ("crm", crm_id)]
    return [(side, record_id) for side, record_id in keys if record_id]


def _reported(row: ReportedRow, told: Told) -> ReportedRow:
    state = RowState(told.state.value)
    if state is RowState.REFUSED and not (row.bc_id and row.crm_id):
        return replace(row, state=state)  # what names no record has told why
    if state is RowState.ALREADY and row.state is RowState.COUPLED:
        return row  # coupled by this import before a crash
    return replace(
        row,
        state=state,
        code=told.code,
        message=told.message,
        hint=told.hint,
        replaced=told.replaced,
    )
