"""What matches found, in storage: the rows of each result, and which result counts.

A result's rows have a partition of their own, named by the run and by the worker that took the
line: what a worker wrote that died, or that lost its lease and does not know it yet, mixes with
nothing. A table's head points at the result that counts once all of its rows are stored; then the
rows of older ones are removed.

    worker 1                                  worker 2
    writes rows of r-1
    loses its lease, goes on                  takes the line, writes rows of r-2
                                              the head points at r-2; removes r-1
    finds that a newer result counts, and
    leaves the head alone

Rows that worker 1 still wrote belong to no head, and the next match of the table removes them.

A pick is two rows, one under each record, written together: so the storage itself refuses a second
pick of either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import batched, chain, islice

from couplings.model import Side
from storage.columns import Columns
from storage.leafing import partition_page
from storage.removal import remove_rows
from storage.rows import (
    TRANSACTION_LIMIT,
    Operation,
    OperationKind,
    Row,
    RowChangedError,
    RowExistsError,
    TransactionRefusedError,
)
from storage.tables import TenantTable
from sync.matching.model import (
    Candidate,
    Fate,
    MatchKind,
    MatchRow,
    Pick,
    Result,
    ResultId,
)
from sync.matching.stored import (
    MEMBER,
    PICKED,
    candidate_of,
    candidates_key,
    fate_values,
    head_values,
    insertions,
    pick_key,
    pick_of,
    pick_values,
    result_of,
    row_of,
)

TABLE = "matches"
_REMOVED_TOGETHER = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPage:
    rows: list[MatchRow]
    continuation: str | None
    """Opaque; None on the last page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatePage:
    candidates: list[Candidate]
    continuation: str | None
    """Opaque; None on the last page."""


class MatchStore:
    """The matches of one connection; safe for several threads."""

    def __init__(self, table: TenantTable, connection_id: str, *, pool: Executor) -> None:
        """``pool`` writes batches of rows side by side."""
        self._table = table
        self._pool = pool
        self._connection = connection_id

    # Results

    def put_rows(self, mapping: str, result: ResultId, rows: Iterable[MatchRow]) -> None:
        """Store rows of a result that does not count yet, as many as fit into memory twice;
        idempotent."""
        partition = self._rows_of(mapping, result)
        operations = (each for row in rows for each in insertions(row))
        batches = batched(operations, TRANSACTION_LIMIT, strict=False)
        # all at once, because none has to come before another: nothing counts yet
        for _ in self._pool.map(partial(self._put, partition), batches):
            pass

    def _put(self, partition: tuple[str, ...], new: Sequence[Operation]) -> None:
        """Store new rows: insertions cost a third of anything else
        (``storage.plain_transactions``). Rows that are there already are those of a request whose
        answer was lost."""
        try:
            self._table.transact(partition, new)
        except TransactionRefusedError:
            upsert = OperationKind.UPSERT
            self._table.transact(partition, [replace(each, kind=upsert) for each in new])

    def publish(self, result: Result) -> None:
        """Have this result count, unless a newer one does; all of its rows are stored."""
        key = (result.mapping,)
        while True:
            stored = self._table.get(self._heads, key)
            if stored and not result.id.is_newer_than(result_of(stored).id):
                return
            head = Row(partition=self._heads, key=key, values=head_values(result))
            with suppress(RowExistsError, RowChangedError):
                if stored is None:
                    self._table.insert(head)
                else:
                    self._table.replace(head, stored.etag)
                return

    def forget_older(self, result: Result) -> None:
        """Remove the rows of results before this one, as many side by side as the pool does;
        idempotent."""
        keys: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
        for row in self._rows_of_others(result):
            run_id, _, epoch = row.partition[2].rpartition("-")
            if result.id.is_newer_than(ResultId(run_id=run_id, epoch=int(epoch))):
                keys.setdefault(row.partition, []).append(row.key)
        for partition, some in keys.items():
            remove = partial(remove_rows, self._table, partition)
            for _ in self._pool.map(remove, batched(some, _REMOVED_TOGETHER, strict=False)):
                pass

    def _rows_of_others(self, result: Result) -> Iterator[Row]:
        """The keys of all rows of earlier results, and of some later ones; none of its own, which
        are many."""
        mapping, of = result.mapping, result.id
        earlier_runs = self._table.scan_below(
            (self._connection, mapping), after=self._rows_of(mapping, of), select=()
        )
        earlier_workers = (
            self._table.scan(self._rows_of(mapping, replace(of, epoch=epoch)), select=())
            for epoch in range(1, of.epoch)
        )
        return chain(earlier_runs, *earlier_workers)

    def find(self, mapping: str) -> Result | None:
        """The result that counts."""
        stored = self._table.get(self._heads, (mapping,))
        return result_of(stored) if stored else None

    def results(self) -> dict[str, Result]:
        """The results that count, by mapping."""
        found = map(result_of, self._table.scan(self._heads))
        return {each.mapping: each for each in found}

    # Rows

    def list_page(
        self,
        result: Result,
        kind: MatchKind,
        *,
        keep: Callable[[MatchRow], bool] = lambda _: True,
        limit: int = 100,
        continuation: str | None = None,
    ) -> RowPage:
        """Rows of a kind in the order of their places, what is to ``keep`` of them. Raises
        ``RefusedRequestError``: 422 for a limit outside 1 to 1000, 400 for a continuation that
        another list gave, or that was given before the table was matched again."""
        page, following = partition_page(
            self._table,
            self._rows_of(result.mapping, result.id),
            prefix=(kind.value,),
            keep=lambda row: keep(row_of(row)),
            limit=limit,
            continuation=continuation,
        )
        return RowPage(rows=[row_of(row) for row in page], continuation=following)

    def rows_after(
        self, result: Result, kind: MatchKind, place: str, limit: int
    ) -> Sequence[MatchRow]:
        """The first rows of a kind beyond a place."""
        rows = self._table.scan(
            self._rows_of(result.mapping, result.id),
            prefix=(kind.value,),
            after=(kind.value, place) if place else None,
            page_size=min(limit, 1000),
        )
        return [row_of(row) for row in islice(rows, limit)]

    def row(self, result: Result, kind: MatchKind, place: str) -> MatchRow | None:
        """One row; one point read."""
        stored = self._table.get(self._rows_of(result.mapping, result.id), (kind.value, place))
        return row_of(stored) if stored else None

    def candidates_page(
        self,
        result: Result,
        place: str,
        side: Side,
        *,
        limit: int = 100,
        continuation: str | None = None,
    ) -> CandidatePage:
        """All candidates of one side of an ambiguous group. Raises as ``list_page``."""
        page, following = partition_page(
            self._table,
            self._rows_of(result.mapping, result.id),
            prefix=candidates_key(place, side),
            limit=limit,
            continuation=continuation,
        )
        return CandidatePage(candidates=[candidate_of(row) for row in page], continuation=following)

    def memberships(
        self, result: Result, side: Side, record_id: str
    ) -> dict[tuple[MatchKind, str], Candidate]:
        """The groups and proposals that a record is in, and how it is shown there."""
        partition = self._rows_of(result.mapping, result.id)
        rows = self._table.scan(partition, prefix=(MEMBER, side, record_id))
        return {(MatchKind(row.key[3]), row.key[4]): candidate_of(row) for row in rows}

    def tell(self, result: Result, fates: Sequence[tuple[tuple[str, ...], Fate]]) -> None:
        """Keep what became of rows, by their keys; idempotent. Rows that are gone, of a result that
        was replaced or a pick that was taken back, keep nothing."""
        partition = self._rows_of(result.mapping, result.id)
        latest = dict(fates)
        for some in batched(latest.items(), TRANSACTION_LIMIT, strict=False):
            told = [
                Operation(kind=OperationKind.MERGE, key=key, values=fate_values(fate))
                for key, fate in some
            ]
            try:
                self._table.transact(partition, told)
            except TransactionRefusedError:
                for each in told:
                    with suppress(TransactionRefusedError):
                        self._table.transact(partition, [each])

    # Picks

    def pick(self, result: Result, pick: Pick) -> Pick | None:
        """Store a pick; None once it is, else the pick that has one of the records already."""
        partition = self._rows_of(result.mapping, result.id)
        values = pick_values(pick)
        try:
            self._table.transact(
                partition,
                [
                    Operation(kind=OperationKind.INSERT, key=key, values=values)
                    for key in (pick_key("bc", pick.bc_id), pick_key("crm", pick.crm_id))
                ],
            )
        except TransactionRefusedError:
            of_bc = self.find_pick(result, "bc", pick.bc_id)
            found = of_bc or self.find_pick(result, "crm", pick.crm_id)
            if found is None:  # taken back in between
                return self.pick(result, pick)
            same = (found.bc_id, found.crm_id) == (pick.bc_id, pick.crm_id)
            return None if same else found
        return None

    def take_back(self, result: Result, pick: Pick) -> None:
        """Remove a pick; idempotent."""
        remove_rows(
            self._table,
            self._rows_of(result.mapping, result.id),
            [pick_key("bc", pick.bc_id), pick_key("crm", pick.crm_id)],
        )

    def find_pick(self, result: Result, side: Side, record_id: str) -> Pick | None:
        """The pick that has this record."""
        partition = self._rows_of(result.mapping, result.id)
        row = self._table.get(partition, pick_key(side, record_id))
        if row is None or side == "bc":
            return pick_of(row) if row else None
        of_bc = self._table.get(partition, pick_key("bc", Columns(row).text("bc_id")))
        return pick_of(of_bc) if of_bc else pick_of(row)

    def picks_after(self, result: Result, bc_id: str, limit: int) -> Sequence[Pick]:
        """The first picks beyond that of a BC record."""
        rows = self._table.scan(
            self._rows_of(result.mapping, result.id),
            prefix=(PICKED, "bc"),
            after=pick_key("bc", bc_id) if bc_id else None,
            page_size=min(limit, 1000),
        )
        return [pick_of(row) for row in islice(rows, limit)]

    def picks(self, result: Result) -> Iterator[Pick]:
        """All picks of a result."""
        rows = self._table.scan(self._rows_of(result.mapping, result.id), prefix=(PICKED, "bc"))
        return map(pick_of, rows)

    @property
    def _heads(self) -> tuple[str, ...]:
        return (self._connection,)

    def _rows_of(self, mapping: str, result: ResultId) -> tuple[str, ...]:
        return (self._connection, mapping, result.text)
