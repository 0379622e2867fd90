"""Coupling two records because a person says that they are the same.

Everything is read and checked first; then, with the table held (``sync.by_hand.table_hold``), in
this order: what is left of couplings that are replaced is marked as uncoupled, the pair is coupled,
the chosen side is stored as the person's decision, a hint has the pair synchronized. A crash at any
point is followed by the person's next try, which finds what was done and goes on:

    a call that dies                          the same call again
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
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from couplings.model import Coupling, CouplingState, Side
from errors import RefusedRequestError
from sync.by_hand.named_records import PLACES
from sync.by_hand.side_by_side import PARENT_NOT_COUPLED, Partner, SideBySide, derive, look
from sync.by_hand.table_hold import TableHold
from sync.cascade import Parent
from sync.commit import outcome_of, outcomes_apart
from sync.hints import HintReason, HintStore, RecordHint
from sync.lease_keeper import LeaseKeeper
from sync.mapping import Direction, TableMapping
from sync.outcome_model import Decision, DecisionKind, Outcome, RecordKey
from sync.pair import Pair
from sync.planning import conflict_problem
from sync.requests import PassRequests
from sync.table_model import TableState
from sync.work import Work


class First(StrEnum):
    """Whose values count where both sides differ when a pair is synchronized for the first time."""

    TO_CRM = "to_crm"
    FROM_CRM = "from_crm"
    NONE = "none"  # nobody's: differing fields are reported, or decided by the mapping's policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupled:
    """What became of a wish to couple two records."""

    seen: SideBySide
    """Both records as they were."""
    coupling: Coupling
    """Without its base snapshot."""
    before: bool
    """The two were coupled already."""
    replaced: tuple[Partner, ...]
    """The couplings that this one took the place of."""


class NotCoupleableError(RefusedRequestError):
    """Something stands in the way; ``errors`` names all of it."""

    def __init__(self, seen: SideBySide) -> None:
        parents = [each for each in seen.obstacles if each.code == PARENT_NOT_COUPLED]
        first = (parents or list(seen.obstacles))[0]
        super().__init__(
            409,
            PARENT_NOT_COUPLED if parents else "not-coupleable",
            f"{seen.name} and {seen.crm_name} cannot be coupled: {first.message}",
            hint=" ".join(dict.fromkeys(each.hint for each in parents)) if parents else first.hint,
        )
        self.seen = seen
        self.errors = tuple(
            {"member": each.field or each.code, "message": each.message} for each in seen.obstacles
        )


class CoupledOtherwiseError(RefusedRequestError):
    """A record has another partner; ``errors`` names it."""

    def __init__(self, told: Sequence[tuple[str, str]]) -> None:
        """``told``: side and message, as ``partners_in_words`` has them."""
        super().__init__(
            409,
            "coupled-otherwise",
            " ".join(message for _, message in told),
            hint="Uncouple them first, or couple with replace, which gives up the other partner.",
        )
        self.errors = tuple({"member": side, "message": message} for side, message in told)


class ManualCoupling:
    """Couples records of one table mapping of one connection by hand."""

    def __init__(
        self,
        open_work: Callable[[], Work],
        *,
        hold: TableHold,
        hints: HintStore,
        requests: PassRequests,
        wake_waiting: Callable[[str], None],
        now: Callable[[], datetime],
    ) -> None:
        """``wake_waiting`` has the records looked at that may have waited for those of a mapping.
        ``open_work`` opens the two services; it may raise."""
        self._open_work = open_work
        self._hold = hold
        self._hints = hints
        self._requests = requests
        self._wake_waiting = wake_waiting
        self._now = now

    def compare(self, bc: str, crm: str) -> SideBySide:
        """Both records side by side, nothing written; raises as ``side_by_side.look``."""
        return look(self._open_work(), bc, crm)

    def couple(self, bc: str, crm: str, first: First, *, replaces: bool) -> Coupled:
        """Couple the BC record of that id, number or code with the CRM record of that id.

        Idempotent: a pair that is coupled already takes the choice of a side and is synchronized.
        Of two persons at one record the second one is refused, or replaces what the first one did.

        Raises ``RefusedRequestError``: 404 for records that do not exist; 409 where they may not be
        coupled, have other partners that are not to be replaced, or the table is at work for long;
        422 for a direction that the mapping does not have.
        """
        work = self._open_work()
        _check_direction(work.mapping, first)
        seen = _allowed(look(work, bc, crm), replaces=replaces)
        with self._hold(work.mapping.name) as keeper:
            if _partners(work, seen) != [
                each.coupling for each in (seen.of_bc, seen.of_crm) if each
            ]:
                seen = _allowed(look(work, seen.bc_id, seen.crm_id), replaces=replaces)
            coupling = self._couple(work, seen, keeper)
            self._decide(work, seen, first)
            self._requests.want(work.mapping.name)
        self._wake_waiting(work.mapping.name)
        return Coupled(seen=seen, coupling=coupling, before=seen.is_coupled, replaced=seen.others)

    def _couple(self, work: Work, seen: SideBySide, keeper: LeaseKeeper[TableState]) -> Coupling:
        """Couple the pair in place of the partners that were seen."""
        keys = [("bc", seen.bc_id), ("crm", seen.crm_id)]
        _withdraw_decisions(work, keys)
        if seen.of_bc and seen.is_coupled:
            return seen.of_bc.coupling
        now = self._now()
        left = [each for partner in seen.others for each in _apart(work, seen, partner, now)]
        known = work.outcomes.find(work.mapping.name, [each.key for each in left])
        work.outcomes.record_many([_overriding(each, known.get(each.key)) for each in left])
        coupling = Coupling(
            mapping=work.mapping.name,
            bc_id=seen.bc_id,
            crm_id=seen.crm_id,
            bc_key=seen.key,
            name=seen.name,
            base=None,
            bc_version=None,
            crm_version=None,
            state=CouplingState.CONFLICT if seen.plan.conflicts else CouplingState.COUPLED,
            coupled_at=now,
            synchronized_at=None,
        )
        # Raises where the table was lost to a worker that knows better.
        keeper.checkpoint(couplings=keeper.held.couplings_begun)
        if seen.others:
            before = [Parent.of(each.coupling) for each in seen.others]
            with work.cascade(work.mapping.name, before):
                work.couplings.recouple(work.mapping.name, coupling)
        elif refusals := work.couplings.couple_many(work.mapping.name, [coupling]):
            raise CoupledOtherwiseError([("bc", refusals[0].message)])
        keeper.note(couplings=keeper.held.couplings_ended)
        work.outcomes.clear_many(work.mapping.name, keys, carried_out=True)
        return coupling

    def _decide(self, work: Work, seen: SideBySide, first: First) -> None:
        """Store whose values count, and have the pair looked at."""
        name, now = work.mapping.name, self._now()
        decided = _decided(work, seen, first, now)
        if decided:
            # Whoever compares the whole table before the hint is followed is to ask for decisions.
            coupled = seen.of_bc.coupling if seen.of_bc and seen.is_coupled else None
            if coupled and coupled.state is CouplingState.COUPLED:
                contested = replace(coupled, state=CouplingState.CONFLICT)
                work.couplings.save_many(name, [contested])
            known = work.outcomes.find(name, [decided.key]).get(decided.key)
            work.outcomes.record_many([_overriding(decided, known)])
        self._hints.add_many(
            name,
            [RecordHint(side="bc", record_id=seen.bc_id, reason=HintReason.RESOLVE, due_at=now)],
        )


def _check_direction(mapping: TableMapping, first: First) -> None:
    possible = {
        First.TO_CRM: mapping.direction.writes_crm,
        First.FROM_CRM: mapping.direction.writes_bc,
        First.NONE: True,
    }
    if not possible[first]:
        raise RefusedRequestError(
            422,
            "direction-impossible",
            f"{mapping.name} is synchronized in the direction {mapping.direction.value} only.",
            hint=f"Choose {mapping.direction.value} or none.",
        )


def _allowed(seen: SideBySide, *, replaces: bool) -> SideBySide:
    """The pair, if it may be coupled."""
    if seen.obstacles and not seen.is_coupled:
        raise NotCoupleableError(seen)
    if seen.others and not replaces:
        raise CoupledOtherwiseError(partners_in_words(seen))
    return seen


def partners_in_words(seen: SideBySide) -> list[tuple[str, str]]:
    """Whom the records are coupled with: side and message."""
    told: list[tuple[str, str]] = []
    if seen.of_bc:
        told.append(("bc", f"{seen.name} is coupled with {_shown(seen.of_bc, 'crm')} already."))
    if seen.of_crm:
        told.append(
            ("crm", f"{seen.crm_name} is coupled with {_shown(seen.of_crm, 'bc')} already.")
        )
    return told


def _shown(partner: Partner, side: Side) -> str:
    """A partner by name and id, and whether it is still there."""
    record_id = partner.coupling.crm_id if side == "crm" else partner.coupling.bc_id
    gone = f", which was deleted in {PLACES[side]}," if partner.record is None else ""
    return f"{partner.name} ({record_id}){gone}"


def _partners(work: Work, seen: SideBySide) -> list[Coupling]:
    """The couplings in which the two records stand now."""
    name = work.mapping.name
    of_bc = work.couplings.find_by_bc(name, [seen.bc_id])
    of_crm = work.couplings.find_by_crm(name, [seen.crm_id])
    return [*of_bc.values(), *of_crm.values()]


def _withdraw_decisions(work: Work, keys: Sequence[RecordKey]) -> None:
    """Forget what was decided about the records before: this wish is the later one."""
    for outcome in work.outcomes.find(work.mapping.name, keys).values():
        if outcome.decision and not work.outcomes.change(replace(outcome, decision=None)):
            raise RefusedRequestError(
                409,
                "outcome-changes",
                "Somebody else decides about one of the records just now.",
                hint="Ask again if it is still wanted.",
            )


def _apart(work: Work, seen: SideBySide, partner: Partner, now: datetime) -> list[Outcome]:
    """What is said of a record that loses its partner to the pair: it gets no new one by itself."""
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


def _overriding(outcome: Outcome, known: Outcome | None) -> Outcome:
    """The outcome with its own decision, or none, in place of an earlier one."""
    return replace(outcome, considered=known.decision if known else None)


def _decided(work: Work, seen: SideBySide, first: First, now: datetime) -> Outcome | None:
    """The differing fields with the person's decision about them; None where there is none."""
    conflicts = [replace(each, winner=None) for each in seen.plan.conflicts]
    if first is First.NONE or not conflicts:
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
            winners={each.field.crm: Direction(first.value) for each in conflicts},
            seen={each.field.crm: each.seen for each in conflicts},
        ),
    )
