"""Having pairs taken apart by the next pass, with their table held."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from couplings.model import Coupling, CouplingState
from couplings.store import CouplingStore
from sync.hints import HintReason, HintStore, RecordHint
from sync.journal.journal import ChangeEntry
from sync.journal.model import ChangeAction, JournalPair
from sync.outcomes import Decision, DecisionKind, Outcome, OutcomeKind, OutcomeStore

TO_BE_UNCOUPLED = "to-be-uncoupled"
"""Code of a coupled record whose coupling a person wants removed, until that is done."""


class Parting:
    """Marks pairs of one table, which is held, as to be taken apart."""

    def __init__(
        self,
        mapping: str,
        *,
        couplings: CouplingStore,
        outcomes: OutcomeStore,
        hints: HintStore,
        entry: ChangeEntry,
        now: Callable[[], datetime],
    ) -> None:
        self._mapping = mapping
        self._couplings = couplings
        self._outcomes = outcomes
        self._hints = hints
        self._entry = entry
        self._now = now

    def mark(self, pairs: Sequence[Coupling]) -> None:
        """Store for each pair that a person wants it taken apart, in place of what was decided
        before; idempotent. The next pass does it."""
        self._entry.record(self._mapping, [_entered(each) for each in pairs])
        asked = [self._asked(each) for each in pairs]
        known = self._outcomes.find(self._mapping, [each.key for each in asked])
        self._outcomes.record_many(
            [
                replace(each, considered=known[each.key].decision if each.key in known else None)
                for each in asked
            ]
        )
        in_step = [each for each in pairs if each.state is CouplingState.COUPLED]
        self._couplings.save_many(
            self._mapping, [replace(each, state=CouplingState.WAITING) for each in in_step]
        )
        due_at = self._now()
        self._hints.add_many(
            self._mapping,
            (
                RecordHint(
                    side="bc", record_id=each.bc_id, reason=HintReason.RESOLVE, due_at=due_at
                )
                for each in pairs
            ),
        )

    def _asked(self, pair: Coupling) -> Outcome:
        now = self._now()
        return Outcome(
            mapping=self._mapping,
            side="bc",
            record_id=pair.bc_id,
            code=TO_BE_UNCOUPLED,
            kind=OutcomeKind.SKIPPED,
            record_name=pair.name,
            message="Somebody wants the record's coupling removed.",
            hint="Nothing: the next pass does it.",
            first_seen=now,
            last_seen=now,
            run_id="",
            partner_id=pair.crm_id,
            decision=Decision(kind=DecisionKind.UNCOUPLE),
            untried=True,
        )


def _entered(pair: Coupling) -> JournalPair:
    return JournalPair(
        bc_id=pair.bc_id,
        crm_id=pair.crm_id,
        bc_key=pair.bc_key,
        name=pair.name,
        action=ChangeAction.UNCOUPLED,
    )
