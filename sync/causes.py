"""Records that are not in step, grouped by cause: what an operator reads first. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sync.outcome_model import Outcome, OutcomeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """The records of one mapping that have one kind and code of outcome."""

    mapping: str
    kind: OutcomeKind
    code: str
    count: int
    ignored: int
    """Those of them that a person wants to hear no more of."""
    parked: int
    first_seen: datetime
    last_seen: datetime
    example: Outcome
    """The one that was noticed last, of those not ignored if there are any."""
    heals_by_itself: bool

    @property
    def needs_a_person(self) -> bool:
        """Whether somebody should look: it does not heal, was not meant, and is not ignored."""
        is_meant = self.kind is OutcomeKind.SKIPPED or self.code == "update-conflict-settled"
        return self.count > self.ignored and not self.heals_by_itself and not is_meant


def causes(outcomes: Iterable[Outcome]) -> list[Cause]:
    """The causes in the order of mapping, kind and code."""
    found: dict[tuple[str, str, str], Cause] = {}
    for outcome in outcomes:
        key = (outcome.mapping, outcome.kind.value, outcome.code)
        found[key] = _joined(found[key], outcome) if key in found else _cause(outcome)
    return [found[key] for key in sorted(found)]


def _cause(outcome: Outcome) -> Cause:
    return Cause(
        mapping=outcome.mapping,
        kind=outcome.kind,
        code=outcome.code,
        count=1,
        ignored=int(outcome.ignored),
        parked=int(outcome.parked),
        first_seen=outcome.first_seen,
        last_seen=outcome.last_seen,
        example=outcome,
        heals_by_itself=outcome.heals_by_itself,
    )


def _joined(cause: Cause, outcome: Outcome) -> Cause:
    example = max(cause.example, outcome, key=lambda each: (not each.ignored, each.last_seen))
    return replace(
        cause,
        count=cause.count + 1,
        ignored=cause.ignored + outcome.ignored,
        parked=cause.parked + outcome.parked,
        first_seen=min(cause.first_seen, outcome.first_seen),
        last_seen=max(cause.last_seen, outcome.last_seen),
        example=example,
    )
