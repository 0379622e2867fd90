"""Why records are not in step: one row for each record that is not.

A row tells record, field, value, reason and what to do; seen again, it keeps the time of its first
appearance and counts the attempts. A record that got in step loses its row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import batched, chain

from storage.columns import Columns
from storage.paging import check_limit, resume, take_page, unknown_continuation
from storage.rows import (
    ANY_VERSION,
    TRANSACTION_LIMIT,
    Operation,
    OperationKind,
    Row,
    RowChangedError,
    TransactionRefusedError,
)
from storage.tables import TenantTable
from sync.outcome_model import (
    Decision,
    DecisionKind,
    FieldDetail,
    Outcome,
    OutcomeKind,
    RecordKey,
)
from sync.outcome_rows import continued, key_of, outcome_of, outcome_values

__all__ = [
    "Decision",
    "DecisionKind",
    "FieldDetail",
    "Outcome",
    "OutcomeCount",
    "OutcomeKind",
    "OutcomePage",
    "OutcomeStore",
    "RecordKey",
]

_POINT_READS = 20
"""Up to so many rows are looked up one by one; more by reading the mapping's keys, a thousand to a
request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomePage:
    outcomes: list[Outcome]
    continuation: str | None
    """Opaque; None on the last page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeCount:
    """How many records of a mapping have an outcome of this kind and code."""

    mapping: str
    kind: OutcomeKind
    code: str
    count: int


class OutcomeStore:
    """The outcomes of one connection; safe for several threads.

    ``pool`` runs batches side by side; as with ``CouplingStore``, do not call from its own tasks.
    """

    def __init__(
        self, table: TenantTable, connection_id: str, *, pool: Executor | None = None
    ) -> None:
        self._table = table
        self._connection = connection_id
        self._pool = pool

    def record_many(self, outcomes: Sequence[Outcome]) -> None:
        """Store outcomes, one for each record: a later one replaces an earlier one.

        ``first_seen`` of a record that has an outcome already stays, and its attempts are counted
        on. Long texts are cut. One writer per mapping is assumed (the holder of the lease).
        """
        by_mapping: dict[str, dict[RecordKey, Outcome]] = {}
        for outcome in outcomes:
            by_mapping.setdefault(outcome.mapping, {})[outcome.key] = outcome
        for mapping, latest in by_mapping.items():
            known = self.find(mapping, latest)
            self._in_batches(
                partial(self._table.transact, self._partition(mapping)),
                [
                    Operation(
                        kind=OperationKind.UPSERT,
                        key=key,
                        values=outcome_values(continued(outcome, known.get(key))),
                    )
                    for key, outcome in latest.items()
                ],
            )

    def find(self, mapping: str, keys: Collection[RecordKey]) -> dict[RecordKey, Outcome]:
        """The outcomes of those of these records that have one."""
        return {key: outcome_of(row) for key, row in self._find(mapping, keys, None).items()}

    def change(self, outcome: Outcome) -> bool:
        """Store what a person decided about an outcome; False where it is gone."""
        row = Row(
            partition=self._partition(outcome.mapping),
            key=outcome.key,
            values=outcome_values(outcome),
        )
        try:
            self._table.replace(row, ANY_VERSION)
        except RowChangedError:
            return False
        return True

    def record_ids(self, mapping: str, side: str) -> list[str]:
        """Ids of the side's records that have an outcome, in order."""
        rows = self._table.scan(self._partition(mapping), prefix=(side,), select=())
        return [row.key[1] for row in rows]

    def clear_many(self, mapping: str, keys: Collection[RecordKey]) -> int:
        """Remove the outcomes of records that are in step now; returns how many there were."""
        found = self._find(mapping, keys, ())
        self._in_batches(
            lambda batch: self._delete_batch(mapping, batch),
            [Operation(kind=OperationKind.DELETE, key=key) for key in sorted(found)],
        )
        return len(found)

    def clear_older(self, mapping: str, moment: datetime) -> int:
        """Remove the mapping's outcomes that were not noticed since; returns how many."""
        rows = self._table.scan(self._partition(mapping), select=("last_seen",))
        older = [key_of(row) for row in rows if Columns(row).time("last_seen") < moment]
        return self.clear_many(mapping, older)

    def list_page(
        self,
        *,
        mapping: str | None = None,
        kind: OutcomeKind | None = None,
        limit: int = 100,
        continuation: str | None = None,
    ) -> OutcomePage:
        """Outcomes by mapping and record. Raises ``RefusedRequestError`` (422) for a limit
        outside 1 to 1000 or a continuation that another list gave."""
        rows = self._rows(
            mapping, {"kind": kind.value} if kind else {}, check_limit(limit), continuation
        )
        page, following = take_page(rows, limit)
        return OutcomePage(outcomes=[outcome_of(row) for row in page], continuation=following)

    def summary(self) -> list[OutcomeCount]:
        """Counts of all outcomes by mapping, kind and code, in that order; reads all of them."""
        rows = self._table.scan_below((self._connection,), select=("kind", "code"))
        counts = Counter(
            (row.partition[1], Columns(row).text("kind"), Columns(row).text("code")) for row in rows
        )
        return [
            OutcomeCount(mapping=mapping, kind=OutcomeKind(kind), code=code, count=count)
            for (mapping, kind, code), count in sorted(counts.items())
        ]

    def _rows(
        self, mapping: str | None, where: dict[str, str], limit: int, continuation: str | None
    ) -> Iterator[Row]:
        last = resume(continuation)
        size = min(limit + 1, 1000)
        if last is None:
            if mapping is None:
                return self._table.scan_below((self._connection,), where=where, page_size=size)
            return self._table.scan(self._partition(mapping), where=where, page_size=size)
        partition, key = last
        if len(partition) != 2 or partition[0] != self._connection:
            raise unknown_continuation()
        if mapping not in (None, partition[1]):
            raise unknown_continuation()
        rest = self._table.scan(partition, after=key, where=where, page_size=size)
        if mapping is not None:
            return rest
        others = self._table.scan_below(
            (self._connection,), after=partition, where=where, page_size=size
        )
        return chain(rest, others)

    def _find(
        self, mapping: str, keys: Collection[RecordKey], columns: Sequence[str] | None
    ) -> dict[RecordKey, Row]:
        """The rows of those records that have one."""
        partition = self._partition(mapping)
        if len(keys) > _POINT_READS:
            wanted = set(keys)
            rows = self._table.scan(partition, select=columns)
            return {key: row for row in rows if (key := key_of(row)) in wanted}
        found = (self._table.get(partition, key) for key in keys)
        return {key_of(row): row for row in found if row}

    def _in_batches(
        self, work: Callable[[Sequence[Operation]], object], operations: Sequence[Operation]
    ) -> None:
        batches = list(batched(operations, TRANSACTION_LIMIT, strict=False))
        mapped = map if self._pool is None or len(batches) < 2 else self._pool.map
        for _ in mapped(work, batches):
            pass  # raises what a batch raised

    def _delete_batch(self, mapping: str, batch: Sequence[Operation]) -> None:
        partition = self._partition(mapping)
        try:
            self._table.transact(partition, batch)
        except TransactionRefusedError:
            # a row is gone already, as after an answer that was lost
            for operation in batch:
                self._table.delete(partition, operation.key)

    def _partition(self, mapping: str) -> tuple[str, ...]:
        return (self._connection, mapping)
