"""Why records are not in step: one row for each record that is not.

A row tells record, field, value, reason and what to do; seen again, it keeps the time of its first
appearance and counts the attempts. A record that got in step loses its row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from itertools import batched, chain

from storage.columns import Columns
from storage.paging import check_limit, resume, take_page, unknown_continuation
from storage.rows import (
    TRANSACTION_LIMIT,
    Operation,
    OperationKind,
    Row,
    TransactionRefusedError,
    Value,
)
from storage.tables import TenantTable

type RecordKey = tuple[str, str]
"""Side (``bc`` or ``crm``) and the record's id there."""

_POINT_READS = 20
"""Up to so many rows are looked up one by one; more by reading the mapping's keys, a thousand to a
request."""


class OutcomeKind(StrEnum):
    FAILED = "failed"  # refused for its content or by the service
    WAITING = "waiting"  # for a record it refers to; heals by itself
    SKIPPED = "skipped"  # left out on purpose, by a rule that is named
    CONFLICT = "conflict"  # both sides changed the same field
    AMBIGUOUS = "ambiguous"  # several records could be its partner


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one record, and what to do about it."""

    mapping: str
    side: str
    """``bc`` or ``crm``: whose id ``record_id`` is."""
    record_id: str
    code: str
    """Stable reason, kebab-case."""
    kind: OutcomeKind
    record_name: str
    message: str
    first_seen: datetime
    """Of an outcome to be recorded: now; the store keeps an earlier time it knows."""
    last_seen: datetime
    run_id: str
    """The run that noticed it last."""
    partner_name: str = ""
    field: str = ""
    value: str = ""
    hint: str = ""
    """What to do; empty where the message says it."""
    attempts: int = 1
    """How often it was noticed; counted by the store."""

    @property
    def key(self) -> RecordKey:
        return (self.side, self.record_id)


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
            known = self._find(mapping, latest, ("first_seen", "attempts"))
            self._in_batches(
                partial(self._table.transact, self._partition(mapping)),
                [
                    Operation(
                        kind=OperationKind.UPSERT,
                        key=key,
                        values=_values(_continued(outcome, known.get(key))),
                    )
                    for key, outcome in latest.items()
                ],
            )

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
        older = [_record_key(row) for row in rows if Columns(row).time("last_seen") < moment]
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
        return OutcomePage(outcomes=[_outcome_of(row) for row in page], continuation=following)

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
        self, mapping: str, keys: Collection[RecordKey], columns: Sequence[str]
    ) -> dict[RecordKey, Row]:
        """The rows of those records that have one."""
        partition = self._partition(mapping)
        if len(keys) > _POINT_READS:
            wanted = set(keys)
            rows = self._table.scan(partition, select=columns)
            return {key: row for row in rows if (key := _record_key(row)) in wanted}
        found = (self._table.get(partition, key) for key in keys)
        return {_record_key(row): row for row in found if row}

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


def _continued(outcome: Outcome, known: Row | None) -> Outcome:
    if known is None:
        return outcome
    columns = Columns(known)
    return replace(
        outcome, first_seen=columns.time("first_seen"), attempts=columns.number("attempts") + 1
    )


def _record_key(row: Row) -> RecordKey:
    side, record_id = row.key
    return side, record_id


def _values(outcome: Outcome) -> dict[str, Value]:
    return {
        "code": outcome.code,
        "kind": outcome.kind.value,
        "record_name": _cut(outcome.record_name, 250),
        "partner_name": _cut(outcome.partner_name, 250),
        "field": outcome.field,
        "value": _cut(outcome.value, 1000),
        "message": _cut(outcome.message, 4000),
        "hint": _cut(outcome.hint, 1000),
        "first_seen": outcome.first_seen,
        "last_seen": outcome.last_seen,
        "attempts": outcome.attempts,
        "run_id": outcome.run_id,
    }


def _outcome_of(row: Row) -> Outcome:
    columns = Columns(row)
    side, record_id = row.key
    return Outcome(
        mapping=row.partition[1],
        side=side,
        record_id=record_id,
        code=columns.text("code"),
        kind=OutcomeKind(columns.text("kind")),
        record_name=columns.text("record_name"),
        partner_name=columns.text("partner_name"),
        field=columns.text("field"),
        value=columns.text("value"),
        message=columns.text("message"),
        hint=columns.text("hint"),
        first_seen=columns.time("first_seen"),
        last_seen=columns.time("last_seen"),
        attempts=columns.number("attempts"),
        run_id=columns.text("run_id"),
    )


def _cut(text: str, longest: int) -> str:
    """Texts of services and users can be of any length; a person reads the beginning."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
