"""Deciding what to do with each pair of a page. Pure but for the pairs, which it fills in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from couplings.model import Side, digest_of
from errors import RecordError
from services.records import Record
from sync.outcome_model import (
    LEFT_UNCOUPLED,
    SETTLED,
    DecisionKind,
    FieldDetail,
    OutcomeKind,
)
from sync.pair import Action, Pair, Problem
from sync.partnerless import plan_without_partner
from sync.plan import (
    ABSENT,
    NOTHING_DECIDED,
    FieldConflict,
    FieldState,
    Resolution,
    WaitingFor,
    plan_pair,
)
from sync.projection import (
    field_states,
    insertion_in_bc,
    insertion_in_crm,
    project_bc,
    project_crm,
)
from sync.recommendation import Mode
from sync.rules.base import RecordSkippedError
from sync.work import Work


def plan(work: Work, pair: Pair) -> None:
    """Decide what to do with the pair; it is settled where nothing is to be written."""
    try:
        pair.content = _content(work, pair)
        if _is_left_alone(work, pair) or plan_without_partner(work, pair):
            return
        if _is_to_stay_without_partner(work, pair):
            pair.stop(_left_uncoupled(pair))
            return
        if pair.crm is None and pair.bc is not None:
            _plan_insertion_in_crm(work, pair, pair.bc)
        elif pair.bc is None and pair.crm is not None:
            _plan_insertion_in_bc(work, pair, pair.crm)
        elif pair.bc is not None and pair.crm is not None:
            _plan_pair(work, pair, pair.bc, pair.crm)
    except RecordSkippedError as skipped:
        pair.stop(Problem.of(skipped, OutcomeKind.SKIPPED))
    except RecordError as error:
        pair.stop(replace(Problem.of(error, OutcomeKind.FAILED), refused=True))


def _content(work: Work, pair: Pair) -> str:
    return digest_of(
        {
            "bc": project_bc(work.mapping, pair.bc) if pair.bc else None,
            "crm": project_crm(work.mapping, pair.crm) if pair.crm else None,
        }
    )


def content_of(work: Work, side: str, record: Record) -> str:
    """A digest of what one record holds."""
    project = project_bc if side == "bc" else project_crm
    return digest_of(project(work.mapping, record))


def _is_left_alone(work: Work, pair: Pair) -> bool:
    """Whether the record is parked or was uncoupled, and nothing changed since.

    One that left the filter is reported as such all the same: passes go by that when they count.
    """
    known = pair.known
    if known is None or pair.out_of_scope:
        return False
    if pair.apart:
        if pair.anew or pair.entry or not is_as_it_was(work, pair):
            return False
        # The outcome stays under a record that it was told of.
        pair.origin = next(iter(pair.apart))
    elif pair.asked or not known.parked or known.content != pair.content:
        return False
    pair.stop(
        Problem(
            kind=known.kind,
            code=known.code,
            message=known.message,
            field=known.field,
            value=known.value,
            partner=known.partner_name,
            hint=known.hint,
            refused=True,
            untried=True,
        )
    )
    return True


def is_as_it_was(work: Work, pair: Pair) -> bool:
    """Whether the records hold what they held when their coupling was removed."""
    records: dict[Side, Record | None] = {"bc": pair.bc, "crm": pair.crm}
    present = {side: record for side, record in records.items() if record is not None}
    return all(
        content_of(work, side, present[side]) == content
        for side, content in pair.apart.items()
        if side in present
    )


def _is_to_stay_without_partner(work: Work, pair: Pair) -> bool:
    """Whether nothing is to be created for the record: this run creates nothing, or an earlier one
    left it so and it did not change since. A deleted partner is restored all the same."""
    if pair.exists_on_both_sides or pair.replaces:
        return False
    if work.mode is not None:
        return work.mode is Mode.COUPLE_RECORDS and not pair.anew
    known = pair.known
    return (
        known is not None
        and known.code == LEFT_UNCOUPLED
        and known.content == pair.content
        and not pair.anew
    )


def _left_uncoupled(pair: Pair) -> Problem:
    here, there = "Business Central", "Dynamics 365 Sales"
    if pair.origin == "crm":
        here, there = there, here
    return Problem(
        kind=OutcomeKind.SKIPPED,
        code=LEFT_UNCOUPLED,
        message=f"No record in {there} matches, and the full synchronization of this table coupled "
        "records without creating any.",
        hint="Couple it by hand if its partner is there; retry it to have one created; or leave it "
        f"in {here} only. It gets a partner too when it changes, or by a full synchronization in "
        "mode full-synchronization.",
        refused=True,
        untried=True,
    )


def _plan_insertion_in_crm(work: Work, pair: Pair, bc: Record) -> None:
    pair.insertion = insertion_in_crm(work.mapping, bc, work.context.resolver)
    pair.columns = pair.insertion.values
    if pair.insertion.waiting:
        pair.stop(_waiting(pair.insertion.waiting[0]))
    elif pair.insertion.cleared:
        pair.note(_waiting(pair.insertion.cleared[0]))


def _plan_insertion_in_bc(work: Work, pair: Pair, crm: Record) -> None:
    pair.insertion = insertion_in_bc(work.mapping, crm, work.context.resolver)
    if pair.insertion.waiting:
        pair.stop(_waiting(pair.insertion.waiting[0]))
        return
    further = work.rule.bc_fields(crm, work.context)
    if isinstance(further, WaitingFor):
        pair.stop(_waiting_for(further, "", ""))
        return
    pair.insertion.values.update(further)


def _plan_pair(work: Work, pair: Pair, bc: Record, crm: Record) -> None:
    pair.states = field_states(work.mapping, bc, crm, pair.base, work.context.resolver)
    pair.plan = plan_pair(pair.states, work.mapping.update_conflict, _resolution(pair))
    pair.columns = project_crm(work.mapping, crm) | pair.plan.to_crm
    if pair.plan.waiting:
        pair.note(_waiting(pair.plan.waiting[0]))
    if pair.plan.conflicts:
        pair.note(conflict_problem(pair.plan.conflicts))


def _resolution(pair: Pair) -> Resolution:
    decision = pair.decision
    if decision is None or decision.kind is not DecisionKind.RESOLVE:
        return NOTHING_DECIDED
    return Resolution(winners=decision.winners, seen=decision.seen)


def _waiting(state: FieldState) -> Problem:
    """The outcome of a record whose field refers to one that is not coupled yet."""
    if state.waiting_for is None:
        raise ValueError("the field waits for nothing")
    names = (state.mapping.bc, state.mapping.crm)
    return _waiting_for(state.waiting_for, *names, is_cleared=state.is_cleared)


def _waiting_for(
    missing: WaitingFor, bc_field: str, crm_column: str, *, is_cleared: bool = False
) -> Problem:
    table = " or ".join(missing.mappings)
    blank = " Until then the field is blank on the other side." if is_cleared else ""
    return Problem(
        kind=OutcomeKind.WAITING,
        code="waiting-for-parent",
        message=f"Waits for {table} {missing.key!r}, which is not coupled yet.{blank}",
        field=bc_field or crm_column,
        value=missing.key,
        waits_for=missing.mappings,
        waits_for_ref=missing.ref,
        hint=f"Nothing, if {missing.key!r} synchronizes later: this record follows by itself. "
        f"Otherwise see why {table} {missing.key!r} is not in step.",
    )


def conflict_problem(conflicts: Sequence[FieldConflict]) -> Problem:
    """What is said of fields of which both sides have their own value."""
    named = "; ".join(
        f"{each.field.bc} is {each.bc!r} in Business Central, "
        f"{each.field.crm} is {each.crm_in_words!r} in Dynamics 365 Sales"
        for each in conflicts
    )
    held = [each for each in conflicts if each.winner is None]
    first = (held or conflicts)[0]
    return Problem(
        kind=OutcomeKind.CONFLICT,
        code="update-conflict" if held else SETTLED,
        message=f"Both sides have their own value: {named}.",
        field=first.field.bc,
        value=str(first.bc),
        bc_value=str(first.bc),
        crm_value=str(first.crm_in_words),
        fields=tuple(_detail(each) for each in conflicts),
        hint="Resolve the conflict by choosing a side, or enter the right value on both sides; the "
        "other fields were synchronized."
        if held
        else "Nothing: the conflict was decided as told. The losing value is kept here.",
    )


def _detail(conflict: FieldConflict) -> FieldDetail:
    base = conflict.base_bc
    return FieldDetail(
        bc_field=conflict.field.bc,
        crm_column=conflict.field.crm,
        bc_value=str(conflict.bc),
        crm_value=str(conflict.crm_in_words),
        base_value="" if base is ABSENT else str(base),
        winner=conflict.winner,
        seen=conflict.seen,
    )


def count_only(pairs: Sequence[Pair]) -> None:
    """What would be done, for a preview."""
    for pair in pairs:
        if pair.settled:
            continue
        if pair.deletes:
            pair.did(pair.deletes, Action.DELETE)
        elif not pair.exists_on_both_sides:
            pair.did("crm" if pair.crm is None else "bc", Action.INSERT)
        else:
            count_pair(pair)
        pair.settled = True


def count_pair(pair: Pair) -> None:
    if pair.plan.to_crm:
        pair.did("crm", Action.MODIFY)
    if pair.plan.to_bc:
        pair.did("bc", Action.MODIFY)
    if not pair.actions:
        first = Action.COUPLE if pair.entry is None else Action.UNCHANGED
        pair.did("crm" if pair.origin == "bc" else "bc", first)
