"""What two records hold, field by field as people know it, and what a pass would do. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sync.drift import FieldDifference, Flow
from sync.mapping import Direction
from sync.plan import ABSENT, FieldState, PairPlan, is_blank

_LONGEST_VALUE = 250


def is_left_alone(state: FieldState) -> bool:
    """Whether the mapping wants no value written, whatever the two sides hold."""
    mapping = state.mapping
    if mapping.only_on_insert:
        return True
    if mapping.direction is Direction.TO_CRM:
        return state.bc_as_crm is ABSENT or (mapping.keep_if_blank and is_blank(state.bc))
    if mapping.direction is Direction.FROM_CRM:
        return state.crm_as_bc is ABSENT or (mapping.keep_if_blank and is_blank(state.crm))
    return False


def differences(states: Sequence[FieldState], plan: PairPlan) -> tuple[FieldDifference, ...]:
    """The fields that differ, and what a pass would do with each."""
    return tuple(compared(state, plan) for state in states if differs(state))


def differs(state: FieldState) -> bool:
    """Whether the two values do not mean the same, and the mapping wants them to."""
    return bool(state.waiting_for) or not (state.agree or is_left_alone(state))


def compared(state: FieldState, plan: PairPlan) -> FieldDifference:
    """One field of a pair, and what a pass would do with it."""
    return FieldDifference(
        bc_field=state.mapping.bc,
        crm_column=state.mapping.crm,
        bc_value=text(state.bc),
        crm_value=text(_crm_in_words(state)),
        flow=_flow(state, plan),
    )


def _flow(state: FieldState, plan: PairPlan) -> Flow:
    mapping = state.mapping
    if state.waiting_for:
        return Flow.WAITS
    if mapping.crm in plan.to_crm:
        return Flow.TO_CRM
    if mapping.bc in plan.to_bc:
        return Flow.FROM_CRM
    return Flow.CONFLICT if mapping.crm in plan.held else Flow.AGREED


def _crm_in_words(state: FieldState) -> Any:
    """A reference by Business Central's code, where it has one, and not by its id."""
    readable = state.mapping.lookup is not None and state.crm_as_bc is not ABSENT
    return state.crm_as_bc if readable else state.crm


def text(value: Any) -> str:
    """A value as it is shown: the beginning of a long one."""
    shown = "" if value is None else str(value)
    return shown if len(shown) <= _LONGEST_VALUE else shown[: _LONGEST_VALUE - 1] + "…"
