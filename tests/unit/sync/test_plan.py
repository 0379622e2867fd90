"""Properties of the three-way decision."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sync.mapping import Direction, FieldMapping, UpdateConflict
from sync.plan import (
    ABSENT,
    FieldConflict,
    FieldState,
    Resolution,
    WaitingFor,
    agreed_base,
    plan_pair,
    same,
)

VALUES = st.sampled_from(["", "a", "b", "c", None, 0, 1, 2.5, True, False])
POLICIES = st.sampled_from(UpdateConflict)
DIRECTIONS = st.sampled_from(Direction)

MIRRORED_POLICY = {
    UpdateConflict.KEEP_BOTH: UpdateConflict.KEEP_BOTH,
    UpdateConflict.SEND_TO_CRM: UpdateConflict.GET_FROM_CRM,
    UpdateConflict.GET_FROM_CRM: UpdateConflict.SEND_TO_CRM,
}
MIRRORED_DIRECTION = {
    Direction.TO_CRM: Direction.FROM_CRM,
    Direction.FROM_CRM: Direction.TO_CRM,
    Direction.BOTH: Direction.BOTH,
}


@st.composite
def states(draw, position: int = 0, direction=DIRECTIONS) -> FieldState:
    """A field whose transformation is the identity, so that both sides' forms are the same."""
    chosen = draw(direction)
    bc, crm = draw(VALUES), draw(VALUES)
    based = draw(st.booleans())
    return FieldState(
        mapping=FieldMapping(
            bc=f"bc{position}",
            crm=f"crm{position}",
            direction=chosen,
            keep_if_blank=draw(st.booleans()),
            only_on_insert=draw(st.booleans()),
        ),
        bc=bc,
        crm=crm,
        bc_as_crm=bc if chosen.writes_crm else ABSENT,
        crm_as_bc=crm if chosen.writes_bc else ABSENT,
        base_bc=draw(VALUES) if based else ABSENT,
        base_crm=draw(VALUES) if based else ABSENT,
    )


@st.composite
def pairs(draw) -> list[FieldState]:
    return [draw(states(position)) for position in range(draw(st.integers(0, 5)))]


def mirrored(state: FieldState) -> FieldState:
    """The same field seen from the other side."""
    mapping = replace(
        state.mapping,
        bc=state.mapping.crm,
        crm=state.mapping.bc,
        direction=MIRRORED_DIRECTION[state.mapping.direction],
    )
    return replace(
        state,
        mapping=mapping,
        bc=state.crm,
        crm=state.bc,
        bc_as_crm=state.crm_as_bc,
        crm_as_bc=state.bc_as_crm,
        base_bc=state.base_crm,
        base_crm=state.base_bc,
    )


def applied(state: FieldState, plan) -> FieldState:
    """The field after the plan was carried out and its agreement stored."""
    bc = plan.to_bc.get(state.mapping.bc, state.bc)
    crm = plan.to_crm.get(state.mapping.crm, state.crm)
    base = agreed_base([state], plan)
    direction = state.mapping.direction
    return replace(
        state,
        bc=bc,
        crm=crm,
        bc_as_crm=bc if direction.writes_crm else ABSENT,
        crm_as_bc=crm if direction.writes_bc else ABSENT,
        base_bc=base.bc.get(state.mapping.bc, ABSENT),
        base_crm=base.crm.get(state.mapping.crm, ABSENT),
    )


@given(pairs(), POLICIES)
def test_the_plan_is_total_and_deterministic(fields, policy):
    assert plan_pair(fields, policy) == plan_pair(fields, policy)


@given(pairs(), POLICIES)
def test_swapping_the_sides_swaps_the_plan(fields, policy):
    plan = plan_pair(fields, policy)
    other = plan_pair([mirrored(state) for state in fields], MIRRORED_POLICY[policy])
    assert other.to_bc == plan.to_crm
    assert other.to_crm == plan.to_bc
    assert len(other.conflicts) == len(plan.conflicts)


@given(pairs(), POLICIES)
def test_what_agrees_is_not_written(fields, policy):
    plan = plan_pair(fields, policy)
    for state in fields:
        if same(state.bc, state.crm):
            assert state.mapping.crm not in plan.to_crm
            assert state.mapping.bc not in plan.to_bc


@given(pairs(), POLICIES)
def test_no_value_is_invented_and_no_field_flows_both_ways(fields, policy):
    plan = plan_pair(fields, policy)
    for state in fields:
        if state.mapping.crm in plan.to_crm:
            assert plan.to_crm[state.mapping.crm] == state.bc
            assert state.mapping.bc not in plan.to_bc
            assert state.mapping.direction.writes_crm
        if state.mapping.bc in plan.to_bc:
            assert plan.to_bc[state.mapping.bc] == state.crm
            assert state.mapping.direction.writes_bc


@given(states(direction=st.just(Direction.BOTH)), POLICIES)
def test_a_two_way_edit_on_one_side_alone_flows_to_the_other(state, policy):
    plan = plan_pair([state], policy)
    unequal = not same(state.bc, state.crm) and not state.mapping.only_on_insert
    if state.agreed_before and unequal and state.bc_changed and not state.crm_changed:
        assert plan.to_crm == {state.mapping.crm: state.bc}
    if state.agreed_before and unequal and state.crm_changed and not state.bc_changed:
        assert plan.to_bc == {state.mapping.bc: state.crm}


@given(states(direction=st.just(Direction.BOTH)), POLICIES)
def test_two_edits_of_one_field_are_a_conflict_whose_values_are_both_kept(state, policy):
    plan = plan_pair([state], policy)
    both_edited = state.agreed_before and state.bc_changed and state.crm_changed
    if both_edited and not same(state.bc, state.crm) and not state.mapping.only_on_insert:
        (conflict,) = plan.conflicts
        assert (conflict.bc, conflict.crm) == (state.bc, state.crm)
        assert plan.writes == (policy is not UpdateConflict.KEEP_BOTH)


@given(st.lists(states(), max_size=1), POLICIES)
def test_carrying_a_plan_out_leaves_nothing_to_do_but_held_conflicts(fields, policy):
    for state in fields:
        plan = plan_pair([state], policy)
        again = plan_pair([applied(state, plan)], policy)
        assert not again.writes
        assert bool(again.held) == bool(plan.held)


@given(states(), POLICIES)
def test_a_field_that_waits_is_neither_written_nor_agreed_on(state, policy):
    waiting = replace(state, waiting_for=WaitingFor(mappings=("CUSTOMER",), key="10000"))
    plan = plan_pair([waiting], policy)
    assert not plan.writes
    assert plan.waiting == (waiting,)
    base = agreed_base([waiting], plan)
    if state.agreed_before:
        assert base.bc == {state.mapping.bc: state.base_bc}
    else:
        assert base.bc == {}


@given(states(direction=st.just(Direction.TO_CRM)), POLICIES)
def test_a_blank_source_leaves_the_target_alone_where_the_mapping_says_so(state, policy):
    plan = plan_pair([state], policy)
    if state.mapping.keep_if_blank and state.bc in ("", None):
        assert plan.to_crm == {}


# One record, copied to both sides and then perturbed: records made independently rarely agree in
# most fields, and so rarely show what happens to the few that differ.


@st.composite
def perturbed(draw) -> list[FieldState]:
    """A two-way record in step, some fields of which were edited on one side, or on both."""
    fields = []
    for position in range(draw(st.integers(1, 8))):
        agreed = draw(VALUES)
        edited = draw(st.sampled_from(["no", "no", "bc", "crm", "both"]))
        bc = draw(VALUES) if edited in ("bc", "both") else agreed
        crm = draw(VALUES) if edited in ("crm", "both") else agreed
        policy = draw(st.one_of(st.none(), POLICIES))
        fields.append(
            FieldState(
                mapping=FieldMapping(
                    bc=f"bc{position}",
                    crm=f"crm{position}",
                    direction=Direction.BOTH,
                    update_conflict=policy,
                ),
                bc=bc,
                crm=crm,
                bc_as_crm=bc,
                crm_as_bc=crm,
                base_bc=agreed,
                base_crm=agreed,
            )
        )
    return fields


def conflicts_of(fields: list[FieldState]) -> list[FieldConflict]:
    return list(plan_pair(fields, UpdateConflict.KEEP_BOTH).conflicts)


def in_conflict(state: FieldState) -> bool:
    return state.bc_changed and state.crm_changed and not same(state.bc, state.crm)


@given(perturbed(), POLICIES)
def test_every_edit_survives_but_those_that_lose_a_conflict(fields, policy):
    plan = plan_pair(fields, policy)
    after = [applied(state, plan) for state in fields]
    for before, now in zip(fields, after, strict=True):
        if in_conflict(before):
            continue
        edited = before.bc if before.bc_changed else before.crm
        assert same(now.bc, edited)
        assert same(now.crm, edited)


@given(perturbed(), POLICIES)
def test_a_held_field_holds_alone(fields, policy):
    plan = plan_pair(fields, policy)
    rest = [state for state in fields if state.mapping.crm not in plan.held]
    alone = plan_pair(rest, policy)
    assert (alone.to_crm, alone.to_bc) == (plan.to_crm, plan.to_bc)
    for state in fields:
        if state.mapping.crm in plan.held:
            base = agreed_base(fields, plan)
            assert base.bc[state.mapping.bc] is state.base_bc
            assert base.crm[state.mapping.crm] is state.base_crm


@given(perturbed(), POLICIES)
def test_the_field_s_policy_or_else_the_mapping_s_decides_a_conflict(fields, policy):
    plan = plan_pair(fields, policy)
    assert {each.field.crm for each in plan.conflicts} == {
        state.mapping.crm for state in fields if in_conflict(state)
    }
    for conflict in plan.conflicts:
        counts = conflict.field.update_conflict or policy
        if counts is UpdateConflict.SEND_TO_CRM:
            assert plan.to_crm[conflict.field.crm] == conflict.bc
        elif counts is UpdateConflict.GET_FROM_CRM:
            assert plan.to_bc[conflict.field.bc] == conflict.crm
        else:
            assert conflict.field.crm in plan.held


@given(perturbed(), POLICIES, st.sampled_from([Direction.TO_CRM, Direction.FROM_CRM]))
def test_a_person_s_decision_counts_more_than_any_policy_and_keeps_the_loser(
    fields, policy, winner
):
    shown = conflicts_of(fields)
    decided = Resolution(
        winners={each.field.crm: winner for each in shown},
        seen={each.field.crm: each.seen for each in shown},
    )
    plan = plan_pair(fields, policy, decided)
    assert not plan.held
    for conflict in plan.conflicts:
        written = plan.to_crm if winner is Direction.TO_CRM else plan.to_bc
        name = conflict.field.crm if winner is Direction.TO_CRM else conflict.field.bc
        assert written[name] == (conflict.bc if winner is Direction.TO_CRM else conflict.crm)
        assert (conflict.bc, conflict.crm) in {(state.bc, state.crm) for state in fields}


@given(perturbed(), st.sampled_from([Direction.TO_CRM, Direction.FROM_CRM]))
def test_a_decision_about_other_values_counts_for_nothing(fields, winner):
    decided = Resolution(
        winners={state.mapping.crm: winner for state in fields},
        seen={state.mapping.crm: "what was shown before" for state in fields},
    )
    policy = UpdateConflict.KEEP_BOTH
    assert plan_pair(fields, policy, decided) == plan_pair(fields, policy)


@given(perturbed(), POLICIES)
def test_an_echo_never_flows(fields, policy):
    """What a side holds because Coupler wrote it there is what was agreed on: no edit of its."""
    plan = plan_pair(fields, policy)
    after = [applied(state, plan) for state in fields]
    again = plan_pair(after, policy)
    assert not again.writes
    assert again.held == plan.held


@given(perturbed(), POLICIES)
def test_a_value_that_is_not_known_in_the_other_form_is_not_written(fields, policy):
    unknown = [replace(state, bc_as_crm=ABSENT, crm_as_bc=ABSENT) for state in fields]
    assert not plan_pair(unknown, policy).writes


def test_a_cleared_reference_follows_as_soon_as_its_record_is_coupled():
    mapping = FieldMapping(bc="b", crm="c", direction=Direction.BOTH, clear_on_failure=True)
    agreed = {"base_bc": "C0", "base_crm": "zero"}
    cleared = FieldState(
        mapping=mapping,
        bc="C1",
        crm="zero",
        bc_as_crm=None,
        crm_as_bc="C0",
        waiting_for=WaitingFor(mappings=("CONTACT",), key="C1"),
        **agreed,
    )
    plan = plan_pair([cleared], UpdateConflict.KEEP_BOTH)
    assert (plan.to_crm, plan.to_bc, plan.conflicts) == ({"c": None}, {}, ())
    assert plan.waiting == (cleared,)
    base = agreed_base([cleared], plan)
    assert (base.bc, base.crm) == ({}, {})
    coupled = replace(
        cleared,
        crm=None,
        bc_as_crm="one",
        crm_as_bc="",
        waiting_for=None,
        base_bc=ABSENT,
        base_crm=ABSENT,
    )
    assert plan_pair([coupled], UpdateConflict.KEEP_BOTH).to_crm == {"c": "one"}
