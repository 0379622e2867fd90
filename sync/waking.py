"""Waking records that waited for a record of another table.

A record whose reference could not be resolved has an outcome *waiting*. A pass looks at those of
its table only where a parent coupled something since it last looked: every table has a number on
its row (``TableState.couplings``) that grows with such work, and the row of each child tells which
numbers of its parents it has seen. That a parent just coupled something also makes a pass over the
children come at once (``Waking``), but nothing depends on that.

The number is made odd before a page of couplings is stored, and even when a pass, or a comparison,
came to its end. An odd one is looked at every time, because couplings may come at any moment:

    pass over contacts                        pass over customers
                                              makes its number odd: 5
    sees 5, looks: customer C is not coupled
                                              couples C
                                              comes to its end: 6
    the next pass: sees 6, looks: C is coupled

A crash leaves the number odd until a later pass over the parent comes to its end, by which time
everything that the crashed one was at is handled:

    pass over contacts                        pass over customers
                                              makes its number odd: 5
                                              couples C, dies
    sees 5, looks: C is coupled, goes on
                                              the next pass: meets C, coupled already; its end: 6

A pass that stores *waiting* itself looked its references up after it saw the numbers:

    pass over contacts                        pass over customers
    sees 6
    looks up customer D: not coupled
                                              makes its number odd: 7, couples D, 8
    stores the outcome: waits for D
    the next pass: sees 8, looks: D is coupled

What is seen is stored after the hints at the records that may go on, so a crash in between has them
looked at once more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from couplings.store import CouplingStore
from sync.hints import HintReason, RecordHint
from sync.mapping import TableMapping
from sync.outcomes import Outcome, OutcomeKind, OutcomeStore
from sync.requests import PassRequests

_WAIT_SECONDS = 1
"""A parent couples page after page; its children look after the last one, not after each."""

_CODES_OF_PARENT = ("company-is-no-customer", "customer-has-no-company-contact")
"""Skipped for what their parent is not: a new parent may change that."""

_MOST_POINT_READS = 50
"""So many records' parents are looked up singly; for more, all of the parents' couplings are
read."""

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Waking:
    """Has the children of a table looked at when records of it were coupled."""

    def __init__(
        self,
        requests: PassRequests,
        outcomes: OutcomeStore,
        *,
        children: Callable[[str], Sequence[str]],
    ) -> None:
        """``children`` tells the mappings that depend on one."""
        self._requests = requests
        self._outcomes = outcomes
        self._children = children

    def __call__(self, mapping: str) -> None:
        """Records of this mapping were coupled."""
        for child in self._children(mapping):
            if self._may_wait(child):
                self._requests.request(child, delay_seconds=_WAIT_SECONDS)

    def _may_wait(self, mapping: str) -> bool:
        if self._outcomes.has(mapping, OutcomeKind.WAITING):
            return True
        return any(
            self._outcomes.has(mapping, OutcomeKind.SKIPPED, code) for code in _CODES_OF_PARENT
        )


def parents_of(mapping: TableMapping) -> tuple[str, ...]:
    """The mappings whose records those of this one may wait for."""
    named = [name for each in mapping.fields if each.lookup for name in each.lookup.mappings]
    return tuple(dict.fromkeys((*mapping.dependencies, *named)))


def has_news(parents: Mapping[str, int], seen: Mapping[str, int]) -> bool:
    """Whether a parent coupled something since its number was seen, or may be about to. Pure."""
    return any(number % 2 or seen.get(name) != number for name, number in parents.items())


def ready_hints(
    outcomes: OutcomeStore, couplings: CouplingStore, mapping: str, now: datetime
) -> list[RecordHint]:
    """Hints at the mapping's records that may go on now: waiting ones whose parent is coupled, and
    those skipped for what their parent was not."""
    waiting = list(outcomes_of(outcomes, mapping, OutcomeKind.WAITING))
    ready = _coupled(couplings, waiting) if len(waiting) > _MOST_POINT_READS else None
    found = [
        each
        for each in waiting
        if (_is_ready(couplings, each) if ready is None else _named_in(ready, each))
    ]
    for code in _CODES_OF_PARENT:
        found += outcomes_of(outcomes, mapping, OutcomeKind.SKIPPED, code)
    return [_hint(outcome, now) for outcome in found]


def _is_ready(couplings: CouplingStore, outcome: Outcome) -> bool:
    ref = outcome.waits_for_ref
    if _ID.fullmatch(ref):
        return any(
            couplings.find_entry(parent, ref) or couplings.find_entry_by_crm(parent, ref)
            for parent in outcome.waits_for
        )
    return any(couplings.find_entry_by_key(parent, ref) for parent in outcome.waits_for)


def _coupled(couplings: CouplingStore, waiting: Sequence[Outcome]) -> dict[str, set[str]]:
    """By what the coupled records of each parent are named: both ids and the key."""
    parents = dict.fromkeys(name for outcome in waiting for name in outcome.waits_for)
    return {
        name: {
            reference
            for entry in couplings.scan_index(name)
            for reference in (entry.bc_id, entry.crm_id, entry.bc_key)
        }
        for name in parents
    }


def _named_in(coupled: Mapping[str, set[str]], outcome: Outcome) -> bool:
    return any(outcome.waits_for_ref in coupled[parent] for parent in outcome.waits_for)


def _hint(outcome: Outcome, now: datetime) -> RecordHint:
    return RecordHint(
        side="bc" if outcome.side == "bc" else "crm",
        record_id=outcome.record_id,
        reason=HintReason.PARENT,
        due_at=now,
    )


def outcomes_of(
    store: OutcomeStore, mapping: str, kind: OutcomeKind, code: str | None = None
) -> Iterator[Outcome]:
    """All outcomes of one kind, or of it and a code, a page at a time."""
    continuation: str | None = None
    while True:
        page = store.list_page(
            mapping=mapping, kind=kind, code=code, limit=1000, continuation=continuation
        )
        yield from page.outcomes
        continuation = page.continuation
        if continuation is None:
            return
