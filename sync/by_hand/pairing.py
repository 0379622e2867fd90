"""Coupling pairs that were looked at, with their table held: what by hand and in bulk do alike.

In this order: what was decided about the records before is withdrawn, the change is entered in the
journal, what is left of couplings that are replaced is marked as uncoupled, the pairs are coupled,
the chosen side is stored as the person's decision, hints have the pairs synchronized. A crash at
any point is followed by another attempt at the same pairs, which finds what was done and goes on:

    an attempt that dies                      the next one
    marks the present partner as uncoupled
                                              finds the partner coupled still: replaces it
    couples the pair
                                              finds it coupled: decides, hints
    stores the decision
                                              the same decision, the same hint

and in the meantime nothing is lost or overwritten: a pair that is coupled without its decision is
one whose differing fields a pass reports as conflicts.

The choice of a side is a decision as about any conflict (``sync.decisions``), bound to the values
that were seen: one that changes before the pair is synchronized was not decided about. It is made
of the fields that both sides fill differently; a blank one takes the other side's value, whoever
was chosen, as it does when records are matched.

A BC record that is coupled here before any pass met it is no new one for the pass that does, though
it adds to the count by which passes notice deletions. So the count is forgotten:

    person                                    pass over customers
                                              counts 10
    customer X is created, and Y deleted
    couples X
                                              counts 10 and meets no new one: nobody would miss Y
                                              without a count it compares the keys: Y is gone
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from couplings.model import Coupling, CouplingState
from couplings.store import CouplingRefusal
from errors import TransientError
from sync.by_hand.side_by_side import Partner, SideBySide, derive
from sync.cascade import Parent
from sync.commit import outcome_of, outcomes_apart
from sync.hints import HintReason, HintStore, RecordHint
from sync.journal.journal import ChangeEntry
from sync.journal.model import ChangeAction, FormerPair, JournalPair
from sync.lease_keeper import LeaseKeeper
from sync.mapping import Direction
from sync.outcome_model import Decision, DecisionKind, Outcome, RecordKey
from sync.pair import Pair
from sync.planning import conflict_problem
from sync.table_job import uncounted
from sync.table_model import TableState
from sync.work import Work

_TRIES = 5


class First(StrEnum):
    """Whose values count where both sides differ when a pair is synchronized for the first time."""

    TO_CRM = "to_crm"
    FROM_CRM = "from_crm"
    NONE = "none"  # nobody's: differing fields are reported, or decided by the mapping's policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A pair that is to be coupled."""

    seen: SideBySide
    """Both records as they were just read; its other partners are given up."""
    first: First


class Pairing:
    """Couples pairs of one table, which is held."""

    def __init__(
        self,
        work: Work,
        table: LeaseKeeper[TableState],
        *,
        hints: HintStore,
        entry: ChangeEntry,
        now: Callable[[], datetime],
    ) -> None:
        self._work = work
        self._table = table
        self._hints = hints
        self._entry = entry
        self._now = now

    def couple(self, wishes: Sequence[Wish]) -> dict[str, Coupling | CouplingRefusal]:
        """Couple the pairs and have them looked at; returns by BC id what each became: a coupling,
        without its base, or a refusal where a record was coupled otherwise meanwhile.

        Idempotent. Raises ``LeaseLostError`` where the table was lost to a worker that knows
        better; nothing is coupled then.
        """
        name = self._work.mapping.name
        keys = [key for wish in wishes for key in _keys(wish.seen)]
        self._withdraw_decisions(keys)
        became = self._become(wishes)
        done = [wish for wish in wishes if isinstance(became[wish.seen.bc_id], Coupling)]
        fresh = [key for wish in done if not wish.seen.is_coupled for key in _keys(wish.seen)]
        self._work.outcomes.clear_many(name, fresh, carried_out=True)
        self._decide(done)
        due_at = self._now()
        self._hints.add_many(
            name,
            (
                RecordHint(
                    side="bc",
                    record_id=wish.seen.bc_id,
                    reason=HintReason.RESOLVE,
                    due_at=due_at,
                )
                for wish in done
            ),
        )
        return became

    def _become(self, wishes: Sequence[Wish]) -> dict[str, Coupling | CouplingRefusal]:
        before = [wish.seen.of_bc for wish in wishes if wish.seen.is_coupled]
        became: dict[str, Coupling | CouplingRefusal] = {
            each.coupling.bc_id: each.coupling for each in before if each
        }
        free = [wish.seen for wish in wishes if not wish.seen.is_coupled]
        return became | (self._couple(free) if free else {})

    def _couple(self, free: Sequence[SideBySide]) -> dict[str, Coupling | CouplingRefusal]:
        """Couple the pairs in place of the partners that were seen."""
        name, couplings = self._work.mapping.name, self._work.couplings
        wanted = {seen.bc_id: self._coupling(seen) for seen in free}
        replacing = [seen for seen in free if seen.others]
        self._entry.record(name, [_entered(seen) for seen in free])
        self._mark_as_uncoupled(replacing)
        held = self._table.held
        self._table.checkpoint(
            couplings=held.couplings_begun,
            watermarks=uncounted(held.watermarks),
            # a comparison that goes on later would end with the number it began with
            pending=uncounted(held.pending) if held.pending else None,
        )
        if replacing:
            given_up = [Parent.of(each.coupling) for seen in replacing for each in seen.others]
            with self._work.cascade(name, given_up):
                for seen in replacing:
                    couplings.recouple(name, wanted[seen.bc_id])
        refusals = couplings.couple_many(
            name, [wanted[seen.bc_id] for seen in free if not seen.others]
        )
        self._entry.take_back(name, [refusal.coupling.bc_id for refusal in refusals])
        self._table.note(couplings=self._table.held.couplings_ended)
        return wanted | {refusal.coupling.bc_id: refusal for refusal in refusals}

    def _coupling(self, seen: SideBySide) -> Coupling:
        return Coupling(
            mapping=self._work.mapping.name,
            bc_id=seen.bc_id,
            crm_id=seen.crm_id,
            bc_key=seen.key,
            name=seen.name,
            base=None,
            bc_version=None,
            crm_version=None,
            state=CouplingState.CONFLICT if seen.plan.conflicts else CouplingState.COUPLED,
            coupled_at=self._now(),
            synchronized_at=None,
        )

    # What was decided before, and what is decided now

    def _withdraw_decisions(self, keys: Sequence[RecordKey]) -> None:
        """Forget what was decided about the records before: this wish is the later one."""
        outcomes = self._work.outcomes
        left = list(keys)
        for _ in range(_TRIES):
            known = outcomes.find(self._work.mapping.name, left).items()
            left = [
                key
                for key, outcome in known
                if outcome.decision and not outcomes.change(replace(outcome, decision=None))
            ]
            if not left:
                return
        raise TransientError(
            "outcome-changes",
            "Others keep deciding about one of the records just now.",
            hint="Ask again if it is still wanted.",
        )

    def _mark_as_uncoupled(self, replacing: Sequence[SideBySide]) -> None:
        """Say of the records that lose their partners that they get no new ones by themselves."""
        work, now = self._work, self._now()
        partners = [(seen, partner) for seen in replacing for partner in seen.others]
        work.prepare(
            bc=[each.record for seen, each in partners if each is seen.of_crm and each.record]
        )
        left = [each for seen, partner in partners for each in _apart(work, seen, partner, now)]
        self._record(left)

    def _decide(self, wishes: Sequence[Wish]) -> None:
        """Store whose values count."""
        work, now = self._work, self._now()
        decided = [(wish, each) for wish in wishes if (each := _decided(work, wish, now))]
        # Whoever compares the whole table before the hint is followed is to ask for decisions.
        in_step = [
            wish.seen.of_bc.coupling
            for wish, _ in decided
            if wish.seen.of_bc and wish.seen.is_coupled
        ]
        contested = [
            replace(coupling, state=CouplingState.CONFLICT)
            for coupling in in_step
            if coupling.state is CouplingState.COUPLED
        ]
        work.couplings.save_many(work.mapping.name, contested)
        self._record([outcome for _, outcome in decided])

    def _record(self, outcomes: Sequence[Outcome]) -> None:
        """Store outcomes with their own decisions, or none, in place of earlier ones."""
        store = self._work.outcomes
        known = store.find(self._work.mapping.name, [each.key for each in outcomes])
        store.record_many(
            [
                replace(each, considered=known[each.key].decision if each.key in known else None)
                for each in outcomes
            ]
        )


def _entered(seen: SideBySide) -> JournalPair:
    return JournalPair(
        bc_id=seen.bc_id,
        crm_id=seen.crm_id,
        bc_key=seen.key,
        name=seen.name,
        action=ChangeAction.REPLACED if seen.others else ChangeAction.COUPLED,
        replaced=tuple(
            FormerPair(
                bc_id=each.coupling.bc_id, crm_id=each.coupling.crm_id, name=each.coupling.name
            )
            for each in seen.others
        ),
    )


def _keys(seen: SideBySide) -> list[RecordKey]:
    return [("bc", seen.bc_id), ("crm", seen.crm_id)]


def _apart(work: Work, seen: SideBySide, partner: Partner, now: datetime) -> list[Outcome]:
    """What is said of a record that loses its partner to the pair."""
    if partner.record is None:
        return []
    pair = Pair(
        origin="bc",
        bc_id=partner.coupling.bc_id,
        crm_id=partner.coupling.crm_id,
        name=partner.name,
    )
    if partner is seen.of_bc:
        pair.crm = partner.record
    else:
        pair.bc, _ = derive(work, partner.record)
    return outcomes_apart(work, pair, now)


def _decided(work: Work, wish: Wish, now: datetime) -> Outcome | None:
    """The differing fields with the person's decision about them; None where there is none."""
    seen = wish.seen
    conflicts = [replace(each, winner=None) for each in seen.plan.conflicts]
    if wish.first is First.NONE or not conflicts:
        return None
    pair = Pair(
        origin="bc",
        bc_id=seen.bc_id,
        crm_id=seen.crm_id,
        key=seen.key,
        name=seen.name,
        bc=seen.bc,
        crm=seen.crm,
    )
    return replace(
        outcome_of(work, pair, conflict_problem(conflicts), now),
        decision=Decision(
            kind=DecisionKind.RESOLVE,
            winners={each.field.crm: Direction(wish.first.value) for each in conflicts},
            seen={each.field.crm: each.seen for each in conflicts},
        ),
    )
