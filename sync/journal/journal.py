"""The journal of coupling changes that people made, in storage.

An entry is written before the couplings are, so that there is no change without its entry:

    a change that dies                        the next attempt
    enters 1~A in place of 1~B
    couples 1~A
                                              finds 1~A coupled: enters nothing, 1~B is kept
    or dies before that
                                              finds 1~C there: enters 1~A in place of 1~C

What was entered and not done (of a crash that nobody came back to) is there as an entry, too: to
undo it finds the pair as it was before, which is no harm. Rows are kept as long as the audit trail
(``upkeep``), and no longer than their connection.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import batched, islice

from errors import RefusedRequestError
from storage.columns import Columns
from storage.leafing import partition_page
from storage.removal import remove_rows
from storage.rows import (
    ANY_VERSION,
    TRANSACTION_LIMIT,
    Operation,
    OperationKind,
    Row,
    RowChangedError,
    RowExistsError,
    Value,
)
from storage.tables import TenantTable
from sync.journal.model import (
    Change,
    ChangeAction,
    EnteredPair,
    Entry,
    FormerPair,
    JournalPair,
    Undone,
    UndoState,
)

TABLE = "couplingchanges"

_LONGEST_TEXT = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage:
    entries: list[Entry]
    continuation: str | None
    """Opaque; None on the last page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPage:
    pairs: list[EnteredPair]
    continuation: str | None
    """Opaque; None on the last page."""


class CouplingJournal:
    """The journal of one connection; safe for several threads."""

    def __init__(self, table: TenantTable, connection_id: str) -> None:
        self._table = table
        self._connection = connection_id

    def record(self, change: Change, mapping: str, pairs: Sequence[JournalPair]) -> None:
        """Enter pairs of a change; idempotent, a later word about a BC record counts."""
        if not pairs:
            return
        with suppress(RowExistsError):  # entered with earlier pairs
            self._table.insert(self._head(change, mapping, pairs[0]))
        for some in batched(pairs, TRANSACTION_LIMIT, strict=False):
            self._table.transact(
                self._pairs_of(change.change_id, mapping),
                [
                    Operation(kind=OperationKind.UPSERT, key=(each.bc_id,), values=_values(each))
                    for each in some
                ],
            )

    def take_back(self, change: Change, mapping: str, bc_ids: Iterable[str]) -> None:
        """Remove pairs that were entered and are not going to be changed; idempotent."""
        partition = self._pairs_of(change.change_id, mapping)
        remove_rows(self._table, partition, [(each,) for each in bc_ids])

    def entries(self, change_id: str) -> list[Entry]:
        """A change by table mapping; raises ``RefusedRequestError`` (404) where there is none."""
        rows = self._table.scan((self._connection,), prefix=(change_id,))
        found = [_entry_of(row) for row in rows]
        if not found:
            raise RefusedRequestError(
                404,
                "change-unknown",
                f"There is no coupling change {change_id}.",
                hint="Name one of the list of coupling changes.",
            )
        return found

    def list_page(
        self, *, mapping: str | None, by: str | None, limit: int, continuation: str | None
    ) -> EntryPage:
        """Entries, the latest first. Raises ``RefusedRequestError``: 422 for a limit outside 1 to
        1000, 400 for a continuation that another list gave."""
        wanted = {"mapping": mapping, "by": by}
        page, following = partition_page(
            self._table,
            (self._connection,),
            where={column: text for column, text in wanted.items() if text},
            limit=limit,
            continuation=continuation,
        )
        return EntryPage(entries=[_entry_of(row) for row in page], continuation=following)

    def list_pairs(
        self, change_id: str, mapping: str, *, limit: int, continuation: str | None
    ) -> PairPage:
        """Pairs of a change in the order of their BC ids; raises as ``list_page``."""
        page, following = partition_page(
            self._table,
            self._pairs_of(change_id, mapping),
            limit=limit,
            continuation=continuation,
        )
        return PairPage(pairs=[_entered(row) for row in page], continuation=following)

    def pairs_after(
        self, change_id: str, mapping: str, after: str, limit: int
    ) -> list[JournalPair]:
        """The pairs beyond a BC id, from the first one on where it is blank."""
        rows = self._table.scan(
            self._pairs_of(change_id, mapping),
            after=(after,) if after else None,
            page_size=min(limit, 1000),
        )
        return [_pair_of(row) for row in islice(rows, limit)]

    def count(self, change_id: str, mapping: str) -> int:
        """How many pairs a change is about; reads their keys."""
        return sum(1 for _ in self._scan_keys(change_id, mapping))

    def note_undoing(self, change_id: str, mapping: str, by: str) -> None:
        """Note which change undoes this one; idempotent."""
        row = Row(partition=(self._connection,), key=(change_id, mapping), values={"undone_by": by})
        with suppress(RowChangedError):  # the connection is being removed
            self._table.merge(row, ANY_VERSION)

    def tell_undone(self, change_id: str, mapping: str, undone: Sequence[Undone]) -> None:
        """Keep what became of undoing pairs; idempotent."""
        last = {each.bc_id: each for each in undone}
        for some in batched(last.values(), TRANSACTION_LIMIT, strict=False):
            self._table.transact(
                self._pairs_of(change_id, mapping),
                [
                    Operation(
                        kind=OperationKind.MERGE, key=(each.bc_id,), values=_undone_values(each)
                    )
                    for each in some
                ],
            )

    def _scan_keys(self, change_id: str, mapping: str) -> Iterator[Row]:
        return self._table.scan(self._pairs_of(change_id, mapping), select=())

    def _head(self, change: Change, mapping: str, example: JournalPair) -> Row:
        values: dict[str, Value] = {
            "mapping": mapping,
            "at": change.at,
            "by": change.by,
            "origin": change.origin,
            "undoes": change.undoes,
            "undone_by": "",
            **_values(example),
            "bc_id": example.bc_id,
        }
        return Row(partition=(self._connection,), key=(change.change_id, mapping), values=values)

    def _pairs_of(self, change_id: str, mapping: str) -> tuple[str, ...]:
        return (self._connection, change_id, mapping)


class ChangeEntry:
    """Where one change is entered, by those who carry it out."""

    def __init__(self, journal: CouplingJournal, change: Change) -> None:
        self._journal = journal
        self._change = change

    @property
    def change_id(self) -> str:
        return self._change.change_id

    def record(self, mapping: str, pairs: Sequence[JournalPair]) -> None:
        """Enter pairs that are about to be changed; idempotent."""
        self._journal.record(self._change, mapping, pairs)

    def take_back(self, mapping: str, bc_ids: Iterable[str]) -> None:
        """Of pairs that were entered, these were not changed; idempotent."""
        self._journal.take_back(self._change, mapping, bc_ids)


def _values(pair: JournalPair) -> dict[str, Value]:
    return {
        "crm_id": pair.crm_id,
        "bc_key": pair.bc_key,
        "name": pair.name,
        "action": pair.action.value,
        "replaced": json.dumps([asdict(each) for each in pair.replaced]),
        "undo_state": "",
        "undo_code": "",
        "undo_message": "",
        "undo_hint": "",
    }


def _undone_values(undone: Undone) -> dict[str, Value]:
    return {
        "undo_state": undone.state.value,
        "undo_code": undone.code,
        "undo_message": undone.message[:_LONGEST_TEXT],
        "undo_hint": undone.hint[:_LONGEST_TEXT],
    }


def _entry_of(row: Row) -> Entry:
    columns = Columns(row)
    example = _pair_of(replace(row, key=(columns.text("bc_id"),)))
    return Entry(
        change=Change(
            change_id=row.key[0],
            at=columns.time("at"),
            by=columns.text("by"),
            origin=columns.text("origin"),
            undoes=columns.text("undoes"),
        ),
        mapping=columns.text("mapping"),
        example=example,
        undone_by=columns.text("undone_by"),
    )


def _entered(row: Row) -> EnteredPair:
    columns = Columns(row)
    state = columns.text("undo_state")
    undone = (
        Undone(
            bc_id=row.key[0],
            state=UndoState(state),
            code=columns.text("undo_code"),
            message=columns.text("undo_message"),
            hint=columns.text("undo_hint"),
        )
        if state
        else None
    )
    return EnteredPair(pair=_pair_of(row), undone=undone)


def _pair_of(row: Row) -> JournalPair:
    columns = Columns(row)
    return JournalPair(
        bc_id=row.key[0],
        crm_id=columns.text("crm_id"),
        bc_key=columns.text("bc_key"),
        name=columns.text("name"),
        action=ChangeAction(columns.text("action")),
        replaced=tuple(FormerPair(**each) for each in json.loads(columns.text("replaced"))),
    )
