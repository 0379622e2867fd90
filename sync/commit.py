"""Storing what became of a page: couplings with their bases first, then outcomes.

Both are idempotent, and the caller's checkpoint comes after them; so a crash at any point means
that the page is handled once more, finds its records under the ids they were given, and stores the
same again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from couplings.model import BaseSnapshot, Coupling, CouplingState
from couplings.store import CouplingRefusal
from services.records import Record
from sync.cascade import Parent
from sync.hints import HintReason, RecordHint
from sync.jobs import Counters
from sync.mapping import Direction
from sync.outcome_model import SETTLED, UNCOUPLED, Outcome, OutcomeKind, RecordKey
from sync.pair import Action, Pair, Problem
from sync.plan import agreed_base
from sync.planning import content_of
from sync.projection import columns_of_new, project_bc
from sync.work import Work

_STATE_OF_PROBLEM = {
    OutcomeKind.FAILED: CouplingState.FAILED,
    OutcomeKind.WAITING: CouplingState.WAITING,
    OutcomeKind.CONFLICT: CouplingState.CONFLICT,
    OutcomeKind.SKIPPED: CouplingState.SKIPPED,
}


_FIRST_TRY = timedelta(minutes=1)
_LONGEST_TRY = timedelta(hours=1)


def commit_page(work: Work, pairs: Sequence[Pair], now: datetime) -> dict[Direction, Counters]:
    """Store couplings and outcomes of settled pairs; returns the page's counters by direction."""
    if not work.preview:
        # Before the couplings go: a record without coupling and without this would be a new one.
        # What a person decided stays with it until the coupling is gone: whoever takes the table
        # over in between, from a worker that died or stands still, finds it and goes on with it.
        apart = [
            each for pair in pairs if pair.uncouple for each in outcomes_apart(work, pair, now)
        ]
        work.outcomes.record_many([replace(each, considered=None) for each in apart])
        # One that is in step is not looked at again after a crash; what a person decided is to be
        # known until it was carried out, and has the record looked at again.
        undecided = [pair for pair in pairs if pair.decision is None]
        work.outcomes.clear_many(work.mapping.name, _without_outcome(undecided))
        uncoupled = [
            Parent(bc_id=pair.bc_id, crm_id=pair.crm_id, key=pair.key)
            for pair in pairs
            if pair.uncouple
        ]
        with work.cascade(work.mapping.name, uncoupled):
            _store_couplings(work, pairs, now)
        work.outcomes.record_many([each for pair in pairs for each in _outcomes(work, pair, now)])
        work.hints.add_many(work.mapping.name, _tries(pairs, now))
        decided = [pair for pair in pairs if pair.decision is not None]
        work.outcomes.clear_many(work.mapping.name, _without_outcome(decided), carried_out=True)
    return _count(work, pairs)


def _store_couplings(work: Work, pairs: Sequence[Pair], now: datetime) -> None:
    new = [pair for pair in pairs if _is_pair(pair) and pair.entry is None]
    changed = [pair for pair in pairs if _changes_coupling(pair)]
    couplings = work.couplings
    for pair in pairs:
        if pair.uncouple:
            couplings.uncouple(work.mapping.name, pair.bc_id, crm_id=pair.crm_id)
    # A crash after the old coupling was removed leaves both records uncoupled: the hint has them
    # looked at, and the new record's id, or a natural key, tells whose it is.
    replacing = [pair for pair in new if pair.replaces]
    work.hints.add_many(work.mapping.name, [_hint(pair, now) for pair in replacing])
    for pair in replacing:
        couplings.uncouple(work.mapping.name, pair.replaces)
    refusals = couplings.couple_many(
        work.mapping.name, [_coupling(work, pair, now) for pair in new]
    )
    refusals += couplings.save_many(
        work.mapping.name, [_coupling(work, pair, now) for pair in changed]
    )
    _note_refusals(pairs, refusals)


def _is_pair(pair: Pair) -> bool:
    """Both records exist and belong together, whatever else is to be said of them."""
    if pair.uncouple or _stays_apart(pair):
        return False
    made = Action.INSERT in pair.actions.values()
    return made or pair.exists_on_both_sides


def couples(pair: Pair) -> bool:
    """Whether storing the pair has a record found that was not: others may wait for it."""
    return _is_pair(pair) and (pair.entry is None or pair.entry.bc_key != pair.key)


def _stays_apart(pair: Pair) -> bool:
    """Whether the records were uncoupled before, and nothing changed that could couple them."""
    return pair.problem is not None and pair.problem.code == UNCOUPLED


def _changes_coupling(pair: Pair) -> bool:
    """A coupled pair that was looked at more closely than by its digest."""
    if pair.entry is None or pair.uncouple:
        return False
    if pair.gone:
        return pair.problem is not None
    return _is_pair(pair) and (bool(pair.states) or pair.problem is not None)


def _coupling(work: Work, pair: Pair, now: datetime) -> Coupling:
    problem = pair.problem
    state = _state(problem) if problem else None
    return Coupling(
        mapping=work.mapping.name,
        bc_id=pair.bc_id,
        crm_id=pair.crm_id,
        bc_key=pair.key,
        name=pair.name,
        base=_base(work, pair),
        bc_version=pair.bc.get("@odata.etag") if pair.bc else None,
        crm_version=None,  # CRM does not tell the version of what was just written
        state=state or CouplingState.COUPLED,
        coupled_at=now,
        synchronized_at=now if problem is None else None,
        etag=pair.entry.etag if pair.entry else "",
    )


def _state(problem: Problem) -> CouplingState:
    if problem.code == SETTLED:
        return CouplingState.COUPLED
    if problem.untried:
        return CouplingState.PARKED
    return _STATE_OF_PROBLEM.get(problem.kind, CouplingState.COUPLED)


def _tries(pairs: Sequence[Pair], now: datetime) -> list[RecordHint]:
    """Hints at records that a service failed on, for when they are to be tried again."""
    return [
        _hint(pair, now + _back_off(pair.known.attempts if pair.known else 0))
        for pair in pairs
        if pair.problem and pair.problem.again
    ]


def _hint(pair: Pair, due_at: datetime) -> RecordHint:
    side, record_id = _outcome_key(pair)
    return RecordHint(
        side="bc" if side == "bc" else "crm",
        record_id=record_id,
        reason=HintReason.AGAIN,
        due_at=due_at,
    )


def _back_off(attempts: int) -> timedelta:
    wait: timedelta = _FIRST_TRY * 2 ** min(attempts, 10)
    return min(wait, _LONGEST_TRY)


def _base(work: Work, pair: Pair) -> BaseSnapshot | None:
    """What both sides agree on now; a refused write leaves the last agreement as it was."""
    if pair.problem and pair.problem.kind is OutcomeKind.FAILED:
        return pair.base
    if pair.states:
        return agreed_base(pair.states, pair.plan)
    if pair.insertion and pair.bc:
        columns = columns_of_new(work.mapping, pair.insertion.values)
        return BaseSnapshot(bc=project_bc(work.mapping, pair.bc), crm=columns)
    return pair.base


def _note_refusals(pairs: Sequence[Pair], refusals: Sequence[CouplingRefusal]) -> None:
    refused = {refusal.coupling.bc_id: refusal.message for refusal in refusals}
    for pair in pairs:
        if pair.bc_id in refused:
            pair.problem = Problem(
                kind=OutcomeKind.FAILED,
                code="coupled-otherwise",
                message=refused[pair.bc_id],
                partner=pair.crm_id,
                hint="Remove the other coupling if it is wrong.",
            )


def _outcome_key(pair: Pair) -> RecordKey:
    return (pair.origin, pair.bc_id if pair.origin == "bc" else pair.crm_id)


def _without_outcome(pairs: Sequence[Pair]) -> list[RecordKey]:
    """Both records of a pair in step, and the one of any other pair that the outcome is not told
    under: an earlier pass may have met the pair from the other side."""
    both: list[RecordKey] = [
        key for pair in pairs for key in (("bc", pair.bc_id), ("crm", pair.crm_id))
    ]
    # A restored pair was told of under a record that is no more.
    both += [pair.known.key for pair in pairs if pair.known]
    both += [("bc", pair.replaces) for pair in pairs if pair.replaces]
    told = {_outcome_key(pair) for pair in pairs if pair.problem}
    told |= {key for pair in pairs if pair.uncouple or _stays_apart(pair) for key in _left(pair)}
    told |= {each.key for pair in pairs for each in pair.kept}
    return [key for key in both if key not in told]


def _left(pair: Pair) -> dict[RecordKey, Record]:
    """What is left of an uncoupled pair."""
    records: dict[RecordKey, Record | None] = {
        ("bc", pair.bc_id): None if pair.deletes == "bc" else pair.bc,
        ("crm", pair.crm_id): None if pair.deletes == "crm" else pair.crm,
    }
    return {key: record for key, record in records.items() if record is not None}


def outcomes_apart(work: Work, pair: Pair, now: datetime) -> list[Outcome]:
    """What is said of the records of a pair whose coupling is removed."""
    return [
        Outcome(
            mapping=work.mapping.name,
            side=side,
            record_id=record_id,
            code=UNCOUPLED,
            kind=OutcomeKind.SKIPPED,
            record_name=pair.name,
            message="The record's coupling was removed, and it has not changed since.",
            hint="Nothing, if it is to stay so. Retry it to have it coupled or created anew; so it "
            "is when it changes.",
            first_seen=now,
            last_seen=now,
            run_id=work.run_id,
            content=content_of(work, side, record),
            considered=pair.decision,
            untried=True,
        )
        for (side, record_id), record in _left(pair).items()
    ]


def _outcomes(work: Work, pair: Pair, now: datetime) -> list[Outcome]:
    """What is to be said of a pair: mostly one thing or nothing."""
    if pair.kept:
        return [
            replace(each, last_seen=now, considered=each.decision, untried=True)
            for each in pair.kept
        ]
    if _stays_apart(pair) or (pair.uncouple and pair.decision):
        return outcomes_apart(work, pair, now)
    return [outcome_of(work, pair, pair.problem, now)] if pair.problem else []


def outcome_of(work: Work, pair: Pair, problem: Problem, now: datetime) -> Outcome:
    """What is said of a pair with that problem."""
    side, record_id = _outcome_key(pair)
    return Outcome(
        mapping=work.mapping.name,
        side=side,
        record_id=record_id,
        code=problem.code,
        kind=problem.kind,
        record_name=pair.name,
        message=problem.message,
        first_seen=now,
        last_seen=now,
        run_id=work.run_id,
        partner_id=_partner_id(pair),
        partner_name=problem.partner or _partner_name(work, pair),
        field=problem.field,
        value=problem.value,
        bc_value=problem.bc_value,
        crm_value=problem.crm_value,
        fields=problem.fields,
        hint=problem.hint,
        waits_for=problem.waits_for,
        waits_for_ref=problem.waits_for_ref,
        content=pair.content if problem.refused else "",
        decision=pair.decision if problem.again else None,
        considered=pair.decision,
        untried=problem.untried,
    )


def _partner_id(pair: Pair) -> str:
    if pair.entry is None and not pair.exists_on_both_sides:
        return ""
    return pair.crm_id if pair.origin == "bc" else pair.bc_id


def _partner_name(work: Work, pair: Pair) -> str:
    if pair.origin == "bc":
        return str((pair.crm or {}).get(work.mapping.crm.title) or "")
    return work.mapping.bc.name_of(pair.bc) if pair.bc else ""


_COUNTER_OF_KIND = {
    OutcomeKind.FAILED: "failed",
    OutcomeKind.WAITING: "waiting",
    OutcomeKind.SKIPPED: "skipped",
    OutcomeKind.CONFLICT: "conflict",
    OutcomeKind.AMBIGUOUS: "conflict",
}


def _count(work: Work, pairs: Sequence[Pair]) -> dict[Direction, Counters]:
    """Each pair counts once in every direction that did something, by its weightiest word."""
    totals = {
        Direction.TO_CRM: dict.fromkeys(_COUNTER_NAMES, 0),
        Direction.FROM_CRM: dict.fromkeys(_COUNTER_NAMES, 0),
    }
    for pair in pairs:
        words = {
            Direction.TO_CRM if side == "crm" else Direction.FROM_CRM: action.value
            for side, action in pair.actions.items()
        }
        if pair.problem and pair.problem.code != SETTLED:
            # weighs more than what was done all the same
            words[_home(work, pair)] = _word(pair.problem)
        for direction, word in words.items():
            totals[direction][word] += 1
    return {direction: replace(Counters(), **counts) for direction, counts in totals.items()}


def _word(problem: Problem) -> str:
    return "skipped" if problem.untried else _COUNTER_OF_KIND[problem.kind]


_COUNTER_NAMES = (*(action.value for action in Action), *dict.fromkeys(_COUNTER_OF_KIND.values()))


def _home(work: Work, pair: Pair) -> Direction:
    """The direction a problem is told under: the one the record was to take."""
    if work.mapping.direction is not Direction.BOTH:
        return work.mapping.direction
    return Direction.TO_CRM if pair.origin == "bc" else Direction.FROM_CRM
