"""Imports in storage: the rows of a file, and what became of each.

Each file has rows of its own, so that two that are sent at once never mix. The last one whose run
was begun is the one that is reported; earlier ones are removed then, and so is what a sender left
who died, or was refused, between storing the rows and beginning the run:

    sender A                                  sender B, of the same table
    stores rows, A
                                              stores rows, B
    begins run, notes it: A is reported
                                              is refused: one run at a time; removes B
    dies before it begins a run
                                              (an hour later) begins a run, notes it, removes A

The run is noted by its sender and, should that one die, by the worker that takes it up.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import batched, islice
from typing import Any

from errors import RefusedRequestError
from storage.columns import Columns
from storage.leafing import partition_page
from storage.removal import remove_rows
from storage.rows import TRANSACTION_LIMIT, Operation, OperationKind, Row, RowChangedError, Value
from storage.tables import TenantTable
from sync.by_hand.pairing import First
from sync.transfer.coupling_file import FileRow
from sync.transfer.import_model import Import, ReportedRow, RowState

TABLE = "imports"

_KEPT_WITHOUT_A_RUN = timedelta(hours=1)
_LONGEST_TEXT = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPage:
    rows: list[ReportedRow]
    continuation: str | None
    """Opaque; None on the last page."""


class ImportStore:
    """The imports of one table mapping of one connection; safe for several threads."""

    def __init__(self, table: TenantTable, connection_id: str, mapping: str) -> None:
        self._table = table
        self._connection = connection_id
        self._mapping = mapping

    def add(self, new: Import, rows: Sequence[FileRow]) -> None:
        """Store the rows of a file whose run is yet to be begun."""
        self._table.upsert(self._head(new))
        self.save(new.import_id, [ReportedRow(row=row) for row in rows])

    def begun(self, import_id: str, run_id: str, started_at: datetime) -> None:
        """Note the run of an import, which is the reported one from now on; idempotent."""
        head = self._table.get(self._partition, (import_id,))
        if head is None:
            return  # a later import was begun, and this one removed
        noted = replace(head, values={"run_id": run_id, "stored_at": started_at})
        with suppress(RowChangedError):  # the worker noted the same, or the import was removed
            self._table.merge(noted, head.etag)
        self._remove_others(import_id, started_at)

    def forget(self, import_id: str) -> None:
        """Remove an import and its rows; idempotent."""
        partition = self._rows_of(import_id)
        keys = [row.key for row in self._table.scan(partition, select=())]
        remove_rows(self._table, partition, keys)
        self._table.delete(self._partition, (import_id,))

    def load(self, import_id: str) -> Import:
        """The import of that id; raises ``RefusedRequestError`` (404) where it was removed."""
        row = self._table.get(self._partition, (import_id,))
        if row is None:
            raise RefusedRequestError(
                404,
                "import-unknown",
                "The file's rows are no longer there.",
                hint="Send the file again.",
            )
        return self._import_of(row)

    def last(self) -> Import | None:
        """The last import whose run was begun."""
        begun = [each for each in self._heads() if each.run_id]
        return max(begun, key=lambda each: each.stored_at, default=None)

    def rows_after(self, import_id: str, place: str, limit: int) -> list[ReportedRow]:
        """The rows that follow a place, blank for the beginning, in the order of the file."""
        rows = self._table.scan(
            self._rows_of(import_id), after=(place,) if place else None, page_size=min(limit, 1000)
        )
        return [_row_of(row) for row in islice(rows, limit)]

    def ids_up_to(self, import_id: str, place: str) -> Iterator[tuple[str, str, str]]:
        """Place, BC id and CRM id of the rows up to a place, as far as the ids are known."""
        for row in self._table.scan(self._rows_of(import_id), select=("bc_id", "crm_id")):
            columns = Columns(row)
            if row.key[0] > place:
                return
            yield row.key[0], columns.text("bc_id"), columns.text("crm_id")

    def save(self, import_id: str, rows: Sequence[ReportedRow]) -> None:
        """Store what became of rows; idempotent."""
        for some in batched(rows, TRANSACTION_LIMIT, strict=False):
            self._table.transact(
                self._rows_of(import_id),
                [
                    Operation(kind=OperationKind.UPSERT, key=(row.place,), values=_values(row))
                    for row in some
                ],
            )

    def counts(self, import_id: str) -> dict[RowState, int]:
        """How many rows are in each state; reads all rows' states."""
        rows = self._table.scan(self._rows_of(import_id), select=("state",))
        counted = Counter(RowState(Columns(row).text("state")) for row in rows)
        return {state: counted[state] for state in RowState}

    def list_page(
        self, import_id: str, *, state: RowState | None, limit: int, continuation: str | None
    ) -> RowPage:
        """Rows in the order of the file. Raises ``RefusedRequestError``: 422 for a limit outside 1
        to 1000, 400 for a continuation that another list gave, or that of another import."""
        page, following = partition_page(
            self._table,
            self._rows_of(import_id),
            where={"state": state.value} if state else {},
            limit=limit,
            continuation=continuation,
        )
        return RowPage(rows=[_row_of(row) for row in page], continuation=following)

    def _remove_others(self, import_id: str, at: datetime) -> None:
        for each in self._heads():
            is_left = not each.run_id and each.stored_at < at - _KEPT_WITHOUT_A_RUN
            is_earlier = bool(each.run_id) and each.stored_at < at
            if each.import_id != import_id and (is_left or is_earlier):
                self.forget(each.import_id)

    def _heads(self) -> list[Import]:
        return [self._import_of(row) for row in self._table.scan(self._partition)]

    def _head(self, one: Import) -> Row:
        values: dict[str, Value] = {
            "check_only": one.check_only,
            "rows": one.rows,
            "stored_at": one.stored_at,
            "run_id": one.run_id,
        }
        return Row(partition=self._partition, key=(one.import_id,), values=values)

    def _import_of(self, row: Row) -> Import:
        columns = Columns(row)
        return Import(
            import_id=row.key[0],
            mapping=self._mapping,
            check_only=columns.flag("check_only"),
            rows=columns.number("rows"),
            stored_at=columns.time("stored_at"),
            run_id=columns.text("run_id"),
        )

    @property
    def _partition(self) -> tuple[str, ...]:
        return (self._connection, self._mapping)

    def _rows_of(self, import_id: str) -> tuple[str, ...]:
        return (*self._partition, import_id)


def _values(reported: ReportedRow) -> dict[str, Value]:
    return {
        "asked": json.dumps(asdict(reported.row)),
        "state": reported.state.value,
        "code": reported.code,
        "message": reported.message[:_LONGEST_TEXT],
        "hint": reported.hint[:_LONGEST_TEXT],
        "bc_id": reported.bc_id,
        "crm_id": reported.crm_id,
        "replaced": json.dumps(reported.replaced),
    }


def _row_of(row: Row) -> ReportedRow:
    columns = Columns(row)
    return ReportedRow(
        row=_file_row(json.loads(columns.text("asked"))),
        state=RowState(columns.text("state")),
        code=columns.text("code"),
        message=columns.text("message"),
        hint=columns.text("hint"),
        bc_id=columns.text("bc_id"),
        crm_id=columns.text("crm_id"),
        replaced=tuple(json.loads(columns.text("replaced"))),
    )


def _file_row(asked: dict[str, Any]) -> FileRow:
    return FileRow(
        **asked
        | {
            "crm_key": tuple((column, value) for column, value in asked["crm_key"]),
            "first": First(asked["first"]),
        }
    )
