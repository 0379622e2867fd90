"""Why records are not in step: one row for each record that is not.

A row tells record, field, value, reason and what to do; seen again, it keeps the time of its first
appearance and counts the attempts. A record that got in step loses its row.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import batched

from errors import TransientError
from storage.columns import Columns
from storage.leafing import rows_from
from storage.paging import MAX_PAGE, check_limit, take_page
from storage.rows import (
    ANY_VERSION,
    TRANSACTION_LIMIT,
    Operation,
    OperationKind,
    Row,
    RowChangedError,
    TransactionRefusedError,
)
from storage.sorting import sorted_page
from storage.tables import TenantTable
from sync.outcome_model import (
    SETTLED,
    Decision,
    DecisionKind,
    FieldDetail,
    Outcome,
    OutcomeKind,
    RecordKey,
)
from sync.outcome_rows import (
    RECORDED_AT_ONCE,
    continued,
    key_of,
    outcome_of,
    outcome_values,
)

__all__ = [
    "Decision",
    "DecisionKind",
    "FieldDetail",
    "Outcome",
    "OutcomeKind",
    "OutcomeOrder",
    "OutcomePage",
    "OutcomeStore",
    "RecordKey",
]

_POINT_READS = 20
"""Up to so many rows are looked up one by one; more by reading the mapping's keys, a thousand to a
request."""
_TRIES = 5
"""How often outcomes are stored anew where others write the same rows."""
_KEPT = timedelta(days=30)


class OutcomeOrder(StrEnum):
    """By which a list is sorted; a minus is the other way round."""

    RECORD = "record"  # the order of storage: table mapping, side, id; its pages cost nothing
    FIRST_SEEN = "first_seen"
    LATEST_FIRST_SEEN = "-first_seen"
    LAST_SEEN = "last_seen"
    LATEST_LAST_SEEN = "-last_seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomePage:
    outcomes: list[Outcome]
    continuation: str | None
    """Opaque; None on the last page."""


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
        on. A decision that a person stored meanwhile stays as well. Long texts are cut.
        """
        by_mapping: dict[str, dict[RecordKey, Outcome]] = {}
        for outcome in outcomes:
            by_mapping.setdefault(outcome.mapping, {})[outcome.key] = outcome
        for mapping, latest in by_mapping.items():
            left = list(latest.values())
            for _ in range(_TRIES):
                left = self._record(mapping, left)
                if not left:
                    break
            else:
                raise TransientError(
                    "outcomes-contended",
                    f"Others keep changing outcomes of {mapping}.",
                    hint="The work is tried again.",
                )

    def _record(self, mapping: str, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Store outcomes over what is known of their records; returns those that were refused
        because somebody else wrote one of them since it was read, or an answer was lost."""
        known = self.find(mapping, [outcome.key for outcome in outcomes])

        def store(batch: Sequence[Outcome]) -> Sequence[Outcome]:
            operations = [_recording(each, known.get(each.key)) for each in batch]
            try:
                self._table.transact(self._partition(mapping), operations)
            except TransactionRefusedError:
                return batch
            return ()

        return [
            each
            for refused in self._in_batches(store, outcomes, RECORDED_AT_ONCE)
            for each in refused
        ]

    def find(self, mapping: str, keys: Collection[RecordKey]) -> dict[RecordKey, Outcome]:
        """The outcomes of those of these records that have one."""
        return {key: outcome_of(row) for key, row in self._find(mapping, keys, None).items()}

    def change(self, outcome: Outcome) -> bool:
        """Store what a person decided about an outcome that was read; False where it was written
        since, or is gone."""
        row = Row(
            partition=self._partition(outcome.mapping),
            key=outcome.key,
            values=outcome_values(outcome),
        )
        try:
            self._table.replace(row, outcome.etag)
        except RowChangedError:
            return False
        return True

    def record_ids(self, mapping: str, side: str) -> list[str]:
        """Ids of the side's records that are not in step, in order."""
        rows = self._table.scan(self._partition(mapping), prefix=(side,), select=("code",))
        return [row.key[1] for row in rows if not _is_kept(row)]

    def clear_many(
        self, mapping: str, keys: Collection[RecordKey], *, carried_out: bool = False
    ) -> int:
        """Remove the outcomes of records that are in step now; returns how many there were.

        A conflict that was decided is kept for its losing value. What a person wants done stays as
        well, unless it was ``carried_out``: whoever handled the record did not know of it.
        """
        found = self._find(mapping, keys, ("code", "decision"))
        return self._delete(
            mapping,
            {
                key: ANY_VERSION if carried_out else row.etag
                for key, row in found.items()
                if not _is_kept(row) and (carried_out or not Columns(row).text("decision"))
            },
        )

    def clear_older(self, mapping: str, moment: datetime) -> int:
        """Remove the mapping's outcomes that were not noticed since; returns how many.

        Conflicts that were decided stay for 30 days.
        """
        rows = self._table.scan(self._partition(mapping), select=("last_seen", "code"))
        older = {
            key_of(row): ANY_VERSION
            for row in rows
            if Columns(row).time("last_seen") < (moment - _KEPT if _is_kept(row) else moment)
        }
        return self._delete(mapping, older)

    def list_page(
        self,
        *,
        mapping: str | None = None,
        kind: OutcomeKind | None = None,
        code: str | None = None,
        keep: Callable[[Outcome], bool] = lambda _: True,
        order: OutcomeOrder = OutcomeOrder.RECORD,
        limit: int = 100,
        continuation: str | None = None,
    ) -> OutcomePage:
        """Outcomes in that order, those of them to ``keep``. Raises ``RefusedRequestError``: 422
        for a limit outside 1 to 1000, 400 for a continuation that another list gave."""
        where, check = _where(kind, code), check_limit(limit)
        if order is OutcomeOrder.RECORD:
            rows = self._rows(mapping, where, check, continuation)
            kept = (row for row in rows if keep(outcome_of(row)))
            page, following = take_page(kept, limit, of=self._table)
            return OutcomePage(outcomes=[outcome_of(row) for row in page], continuation=following)
        everyone = map(outcome_of, self._rows(mapping, where, MAX_PAGE, None))
        found, following = sorted_page(
            filter(keep, everyone),
            _place(order),
            order=order.value,
            limit=limit,
            continuation=continuation,
            of=self._table,
        )
        return OutcomePage(outcomes=found, continuation=following)

    def has(self, mapping: str, kind: OutcomeKind, code: str | None = None) -> bool:
        """Whether the mapping has an outcome of that kind, and of that code where one is given."""
        return next(self._rows(mapping, _where(kind, code), 1, None), None) is not None

    def scan(self, *, mapping: str | None = None, code: str | None = None) -> Iterator[Outcome]:
        """All outcomes, or those of a mapping and code, a thousand to a request."""
        return map(outcome_of, self._rows(mapping, _where(None, code), 1000, None))

    def _rows(
        self, mapping: str | None, where: dict[str, str], limit: int, continuation: str | None
    ) -> Iterator[Row]:
        return rows_from(
            self._table,
            self._connection,
            mapping,
            where=where,
            limit=limit,
            continuation=continuation,
        )

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

    def _delete(self, mapping: str, versions: Mapping[RecordKey, str]) -> int:
        """Remove rows of these versions."""
        self._in_batches(
            lambda batch: self._delete_batch(mapping, batch),
            [
                Operation(kind=OperationKind.DELETE, key=key, etag=etag)
                for key, etag in sorted(versions.items())
            ],
        )
        return len(versions)

    def _in_batches[Item, Result](
        self,
        work: Callable[[Sequence[Item]], Result],
        items: Sequence[Item],
        size: int = TRANSACTION_LIMIT,
    ) -> list[Result]:
        batches = list(batched(items, size, strict=False))
        mapped = map if self._pool is None or len(batches) < 2 else self._pool.map
        return list(mapped(work, batches))

    def _delete_batch(self, mapping: str, batch: Sequence[Operation]) -> None:
        partition = self._partition(mapping)
        try:
            self._table.transact(partition, batch)
        except TransactionRefusedError:
            # a row is gone already, as after an answer that was lost, or was written since
            for operation in batch:
                with suppress(RowChangedError):
                    self._table.delete(partition, operation.key, etag=operation.etag)

    def _partition(self, mapping: str) -> tuple[str, ...]:
        return (self._connection, mapping)


def _recording(outcome: Outcome, known: Outcome | None) -> Operation:
    values = outcome_values(continued(outcome, known))
    if known is None:
        return Operation(kind=OperationKind.INSERT, key=outcome.key, values=values)
    return Operation(kind=OperationKind.REPLACE, key=outcome.key, values=values, etag=known.etag)


def _where(kind: OutcomeKind | None, code: str | None) -> dict[str, str]:
    where = {"kind": kind.value} if kind else {}
    return where | ({"code": code} if code else {})


def _place(order: OutcomeOrder) -> Callable[[Outcome], tuple[str, ...]]:
    """What outcomes are sorted by; mapping and record make each place different."""
    by_first = order in (OutcomeOrder.FIRST_SEEN, OutcomeOrder.LATEST_FIRST_SEEN)

    def place(outcome: Outcome) -> tuple[str, ...]:
        seen = outcome.first_seen if by_first else outcome.last_seen
        # of times in UTC the text sorts as the time does
        return seen.isoformat(timespec="microseconds"), outcome.mapping, *outcome.key

    return place


def _is_kept(row: Row) -> bool:
    """Whether the outcome outlives that its record is in step."""
    return Columns(row).text("code") == SETTLED
