"""Waking records that waited for a record of another table.

A record whose reference could not be resolved has an outcome *waiting*. Each pass over its table
looks whether what it waits for is coupled by now (``ready_hints``), so no order of events leaves
one behind; that a parent just coupled something only makes the pass come at once (``Waking``):

    pass over contacts                        pass over customers
    looks up customer C: not coupled
                                              couples C, finds no waiting contact to wake
    stores the outcome: waits for C
    the next pass: C is coupled, goes on
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from couplings.store import CouplingStore
from sync.hints import HintReason, HintStore, RecordHint
from sync.outcomes import Outcome, OutcomeKind, OutcomeStore
from sync.requests import PassRequests

_WAIT_SECONDS = 1
"""A parent couples page after page; its children look after the last one, not after each."""

_CODES_OF_PARENT = frozenset({"company-is-no-customer", "customer-has-no-company-contact"})
"""Skipped for what their parent is not: a new parent may change that."""


_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Waking:
    """Has the children of a table looked at when records of it were coupled."""

    def __init__(
        self,
        requests: PassRequests,
        hints: HintStore,
        outcomes: OutcomeStore,
        *,
        children: Callable[[str], Sequence[str]],
        now: Callable[[], datetime],
    ) -> None:
        """``children`` tells the mappings that depend on one."""
        self._requests = requests
        self._hints = hints
        self._outcomes = outcomes
        self._children = children
        self._now = now

    def __call__(self, mapping: str) -> None:
        """Records of this mapping were coupled."""
        for child in self._children(mapping):
            skipped = [
                _hint(outcome, self._now())
                for outcome in outcomes_of(self._outcomes, child, OutcomeKind.SKIPPED)
                if outcome.code in _CODES_OF_PARENT
            ]
            self._hints.add_many(child, skipped)
            waiting = next(outcomes_of(self._outcomes, child, OutcomeKind.WAITING), None)
            if skipped or waiting:
                self._requests.request(child, delay_seconds=_WAIT_SECONDS)


def ready_hints(
    outcomes: OutcomeStore, couplings: CouplingStore, mapping: str, now: datetime
) -> list[RecordHint]:
    """Hints at the mapping's waiting records whose parent is coupled now."""
    return [
        _hint(outcome, now)
        for outcome in outcomes_of(outcomes, mapping, OutcomeKind.WAITING)
        if _is_ready(couplings, outcome)
    ]


def _is_ready(couplings: CouplingStore, outcome: Outcome) -> bool:
    ref = outcome.waits_for_ref
    if _ID.fullmatch(ref):
        return any(
            couplings.find_entry(parent, ref) or couplings.find_entry_by_crm(parent, ref)
            for parent in outcome.waits_for
        )
    return any(couplings.find_entry_by_key(parent, ref) for parent in outcome.waits_for)


def _hint(outcome: Outcome, now: datetime) -> RecordHint:
    return RecordHint(
        side="bc" if outcome.side == "bc" else "crm",
        record_id=outcome.record_id,
        reason=HintReason.PARENT,
        due_at=now,
    )


def outcomes_of(store: OutcomeStore, mapping: str, kind: OutcomeKind) -> Iterator[Outcome]:
    """All outcomes of one kind, a page at a time."""
    continuation: str | None = None
    while True:
        page = store.list_page(mapping=mapping, kind=kind, limit=1000, continuation=continuation)
        yield from page.outcomes
        continuation = page.continuation
        if continuation is None:
            return
