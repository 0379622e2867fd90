"""Record hints: records that are to be looked at, kept until somebody has.

A hint says no more than "look at this record": it is read again from the services, and the plan
decides. So a hint that comes late, twice or for nothing does no harm, and many hints about one
record are one row, or two where a person asks for it besides. Who handled a record removes its hint
only as it was read:

    worker                                    webhook
    reads the hint, version 1
    reads the record
                                              the record changes: writes the hint, version 2
    stores what became of the record
    removes the hint if still version 1: refused, it stays for the next pass

Hints come from webhooks, from people (retry, resolve, restore), from a parent that coupled, and
from Coupler itself where a refusal is to be tried again at a later time.

A worker that dies leaves hints behind whose wish was granted, and other ones have them followed
once more. Therefore a wish to have a record taken apart, or looked at, never couples one whose
coupling was removed: that takes a hint that says so, and nobody gives one to a coupled record.

    person                                    worker
    wants C and A taken apart: hint at C
                                              takes them apart, dies
                                              the next one follows the hint at C, which has no
                                              coupling: it is left as it is
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import batched, islice

from couplings.model import Side
from storage.columns import Columns
from storage.rows import (
    TRANSACTION_LIMIT,
    Operation,
    OperationKind,
    Row,
    RowChangedError,
    TransactionRefusedError,
    Value,
)
from storage.tables import TenantTable
from sync.outcome_model import RecordKey


class HintReason(StrEnum):
    """Who wants the record looked at."""

    CHANGED = "changed"  # a webhook, or a comparison of keys, says that it changed or is gone
    RETRY = "retry"  # a person asks for another attempt: a parked record is tried again
    RESOLVE = "resolve"  # a person decided something; the decision is on the outcome's row
    COUPLE = "couple"  # a person wants a partner for it, even if its coupling was removed
    PARENT = "parent"  # the record that it waited for is coupled now
    AGAIN = "again"  # a service failed on it; due when the time has come


ASKED = (HintReason.RETRY, HintReason.RESOLVE, HintReason.COUPLE)
"""A person wants the record looked at, even if nothing changed."""
_ASKED = "asked"
_COMPARED = "compared"
BEFORE_THE_FIRST = (*ASKED, HintReason.AGAIN)
"""What is followed on tables that were never synchronized wholly: what people ask for about single
records, and what failed of that. What changed there is for the first synchronization."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordHint:
    """One record to look at."""

    side: Side
    record_id: str
    reason: HintReason
    due_at: datetime
    """Not before this time."""
    by_comparison: bool = False
    """Whether it can be followed only where all records are compared."""
    etag: str = field(default="", compare=False)
    """Version of the row that it was read from."""

    @property
    def key(self) -> tuple[str, ...]:
        """A record has one hint because a person asks, and one for whatever else there is: that it
        changed must not make what was asked forgotten. What is left for a comparison is one more,
        lest it take the place of what is asked meanwhile."""
        record = (self.side, self.record_id)
        if self.by_comparison:
            return (*record, _COMPARED)
        return (*record, _ASKED) if self.reason in ASKED else record


class HintStore:
    """The hints of one connection; safe for several threads."""

    def __init__(self, table: TenantTable, connection_id: str) -> None:
        self._table = table
        self._connection = connection_id

    def add_many(self, mapping: str, hints: Iterable[RecordHint]) -> None:
        """Store hints, the last one of each record; idempotent.

        A hint that is there already is replaced, which gives it a new version: whoever is handling
        the record does not remove it then.
        """
        latest = {hint.key: hint for hint in hints}
        for some in batched(latest.items(), TRANSACTION_LIMIT, strict=False):
            self._table.transact(
                self._partition(mapping),
                [
                    Operation(kind=OperationKind.UPSERT, key=key, values=_values(hint))
                    for key, hint in some
                ],
            )

    def due(
        self,
        mapping: str,
        now: datetime,
        limit: int,
        *,
        reasons: Collection[HintReason] = frozenset(HintReason),
    ) -> list[RecordHint]:
        """Hints that are due, at most ``limit``, in the order of their records; without those that
        are left for a comparison."""
        due = (
            hint
            for hint in self._scan(mapping)
            if hint.due_at <= now and hint.reason in reasons and not hint.by_comparison
        )
        return list(islice(due, limit))

    def left_for_comparison(self, mapping: str) -> list[RecordHint]:
        """What is to be followed when all records are compared."""
        return [hint for hint in self._scan(mapping) if hint.by_comparison]

    def _scan(self, mapping: str) -> Iterator[RecordHint]:
        return map(_hint_of, self._table.scan(self._partition(mapping)))

    def remove_many(self, mapping: str, hints: Sequence[RecordHint]) -> None:
        """Remove hints as they were read; one that was written again meanwhile stays."""
        for some in batched(hints, TRANSACTION_LIMIT, strict=False):
            try:
                self._table.transact(
                    self._partition(mapping),
                    [
                        Operation(
                            kind=OperationKind.DELETE,
                            key=hint.key,
                            etag=hint.etag,
                        )
                        for hint in some
                    ],
                )
            except TransactionRefusedError:
                for hint in some:
                    self._remove(mapping, hint)

    def _remove(self, mapping: str, hint: RecordHint) -> None:
        try:
            self._table.delete(self._partition(mapping), hint.key, etag=hint.etag)
        except RowChangedError:
            return  # written again since it was read: it is for the next pass

    def _partition(self, mapping: str) -> tuple[str, ...]:
        return (self._connection, mapping)


def given_as(hints: Iterable[RecordHint], reasons: Collection[HintReason]) -> set[RecordKey]:
    """The records that are hinted at for one of these reasons."""
    return {(hint.side, hint.record_id) for hint in hints if hint.reason in reasons}


def _values(hint: RecordHint) -> dict[str, Value]:
    return {"reason": hint.reason.value, "due_at": hint.due_at}


def _hint_of(row: Row) -> RecordHint:
    side, record_id, *kind = row.key
    columns = Columns(row)
    return RecordHint(
        side="bc" if side == "bc" else "crm",
        record_id=record_id,
        reason=HintReason(columns.text("reason")),
        due_at=columns.time("due_at"),
        by_comparison=kind == [_COMPARED],
        etag=row.etag,
    )
