"""The three-way decision about one record, field by field. Pure.

Three things are compared: Business Central's value now, CRM's value now, and the base snapshot,
that is both values when the two last agreed. What differs from the base was changed; nothing else
can tell which side changed, and no clock is asked (the incumbent compares the clocks of two
systems, and its users see thousands of false conflicts).

An echo of Coupler's own write needs no special case: it equals the base.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from couplings.model import BaseSnapshot, digest_of
from sync.mapping import Direction, FieldMapping, UpdateConflict


class Absent:
    """The type of ``ABSENT``."""


ABSENT = Absent()
"""A base value that was never agreed on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFor:
    """A reference to a record that is not coupled yet."""

    mappings: tuple[str, ...]
    """Mappings that could couple it."""
    key: str
    """The number, code or id by which it is referred to, or the name that people know it by."""
    ref: str = ""
    """The number, code or id alone, by which it can be looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldState:
    """One field mapping with everything known about it."""

    mapping: FieldMapping
    bc: Any
    crm: Any
    """The two values now, each in its own side's form."""
    bc_as_crm: Any
    """What CRM should hold if Business Central's value flowed; ``ABSENT`` where it cannot flow."""
    crm_as_bc: Any
    base_bc: Any = ABSENT
    base_crm: Any = ABSENT
    """The values at the last agreement, ``ABSENT`` before the first."""
    waiting_for: WaitingFor | None = None
    """The uncoupled record that the value refers to: until that is coupled the field is held, or
    cleared where the mapping says so."""

    @property
    def bc_changed(self) -> bool:
        return not same(self.bc, self.base_bc)

    @property
    def crm_changed(self) -> bool:
        return not same(self.crm, self.base_crm)

    @property
    def agreed_before(self) -> bool:
        return self.base_bc is not ABSENT and self.base_crm is not ABSENT

    @property
    def is_cleared(self) -> bool:
        """The value is blank on the other side for want of the record that it refers to."""
        return self.waiting_for is not None and self.mapping.clear_on_failure

    @property
    def agree(self) -> bool:
        """Both sides say the same already, in at least one of the two forms."""
        return same(self.bc_as_crm, self.crm) or same(self.crm_as_bc, self.bc)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldConflict:
    """A two-way field that both sides changed; ``winner`` is None where it is held."""

    field: FieldMapping
    bc: Any
    crm: Any
    crm_as_bc: Any
    base_bc: Any
    winner: Direction | None

    @property
    def seen(self) -> str:
        """Stands for the two values: a person's decision counts only while they are these."""
        return digest_of({"bc": self.bc, "crm": self.crm})

    @property
    def crm_in_words(self) -> Any:
        """CRM's value as people know it: a reference by Business Central's code, not by its id."""
        readable = self.field.lookup is not None and self.crm_as_bc is not ABSENT
        return self.crm_as_bc if readable else self.crm


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPlan:
    """What to write on either side so that the pair agrees."""

    to_crm: dict[str, Any] = field(default_factory=dict)
    """CRM column → value in CRM's form (lookups: the record's id)."""
    to_bc: dict[str, Any] = field(default_factory=dict)
    """BC field → value."""
    conflicts: tuple[FieldConflict, ...] = ()
    waiting: tuple[FieldState, ...] = ()

    @property
    def held(self) -> frozenset[str]:
        """CRM columns that could not be settled: they keep their old base."""
        conflicts = {each.field.crm for each in self.conflicts if each.winner is None}
        return frozenset(conflicts | {state.mapping.crm for state in self.waiting})

    @property
    def writes(self) -> bool:
        return bool(self.to_crm or self.to_bc)


def same(left: Any, right: Any) -> bool:
    """Whether two values of one side's form mean the same; absent text is empty text.

    ``ABSENT`` equals nothing, not even itself: what is unknown agrees with nothing.
    """
    if left is ABSENT or right is ABSENT:
        return False
    return bool(_canonical(left) == _canonical(right))


def is_blank(value: Any) -> bool:
    """No text, no number, no reference. False and zero are values."""
    return value is None or value == ""


def _canonical(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return ("boolean", value)
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """How a person decided the conflicts of one pair."""

    winners: Mapping[str, Direction] = field(default_factory=dict)
    """CRM column → the direction in which its value goes."""
    seen: Mapping[str, str] = field(default_factory=dict)
    """CRM column → ``FieldConflict.seen`` as it was shown to the person: where a value changed
    since, nobody decided about it, and the conflict stays."""

    def winner(self, conflict: FieldConflict) -> Direction | None:
        """Who wins this conflict, None where it was not decided."""
        column = conflict.field.crm
        return self.winners.get(column) if self.seen.get(column) == conflict.seen else None


NOTHING_DECIDED = Resolution()


def plan_pair(
    states: Sequence[FieldState],
    policy: UpdateConflict,
    resolution: Resolution = NOTHING_DECIDED,
) -> PairPlan:
    """Decide every field of a coupled pair; one-sided edits flow, disjoint edits are merged.

    A conflict is settled by the person's decision, else by the field's policy, else by ``policy``.
    Swapping the sides (and the direction of every mapping, policy and decision) swaps the plan.
    """
    to_crm: dict[str, Any] = {}
    to_bc: dict[str, Any] = {}
    conflicts: list[FieldConflict] = []
    waiting = tuple(state for state in states if state.waiting_for)
    for state in states:
        if state.waiting_for and not state.is_cleared:
            continue
        flow = _decide(state, policy)
        if isinstance(flow, FieldConflict):
            winner = _carried(state, resolution.winner(flow) or flow.winner)
            conflicts.append(replace(flow, winner=winner))
            flow = winner
        flow = _carried(state, flow)
        if flow is Direction.TO_CRM:
            to_crm[state.mapping.crm] = state.bc_as_crm
        elif flow is Direction.FROM_CRM:
            to_bc[state.mapping.bc] = state.crm_as_bc
    return PairPlan(to_crm=to_crm, to_bc=to_bc, conflicts=tuple(conflicts), waiting=waiting)


def _carried(state: FieldState, flow: Direction | None) -> Direction | None:
    """The flow, or None where the value is not known in the other side's form yet."""
    value = state.bc_as_crm if flow is Direction.TO_CRM else state.crm_as_bc
    return None if value is ABSENT else flow


def _decide(state: FieldState, policy: UpdateConflict) -> Direction | FieldConflict | None:
    """Which way this field flows, None for not at all."""
    mapping = state.mapping
    if state.agree or mapping.only_on_insert:
        return None
    if mapping.direction is Direction.TO_CRM:
        return _one_way(state, state.bc, state.bc_as_crm, Direction.TO_CRM)
    if mapping.direction is Direction.FROM_CRM:
        return _one_way(state, state.crm, state.crm_as_bc, Direction.FROM_CRM)
    return _two_way(state, policy)


def _one_way(state: FieldState, source: Any, value: Any, direction: Direction) -> Direction | None:
    """The source owns the field: whatever changed, its value is restored."""
    if value is ABSENT or (state.mapping.keep_if_blank and is_blank(source)):
        return None
    untouched = state.agreed_before and not state.bc_changed and not state.crm_changed
    # Untouched and yet not equal: a side stores the value in a form of its own (rounded, say).
    # Writing it again would write it for ever.
    return None if untouched else direction


def _two_way(state: FieldState, policy: UpdateConflict) -> Direction | FieldConflict | None:
    if state.agreed_before:
        if not state.crm_changed:
            return Direction.TO_CRM if state.bc_changed else None
        if not state.bc_changed:
            return Direction.FROM_CRM
    elif is_blank(state.crm):
        return Direction.TO_CRM
    elif is_blank(state.bc):
        return Direction.FROM_CRM
    winner = {
        UpdateConflict.KEEP_BOTH: None,
        UpdateConflict.SEND_TO_CRM: Direction.TO_CRM,
        UpdateConflict.GET_FROM_CRM: Direction.FROM_CRM,
    }[state.mapping.update_conflict or policy]
    return FieldConflict(
        field=state.mapping,
        bc=state.bc,
        crm=state.crm,
        crm_as_bc=state.crm_as_bc,
        base_bc=state.base_bc,
        winner=winner,
    )


def agreed_base(states: Sequence[FieldState], plan: PairPlan) -> BaseSnapshot:
    """The base after ``plan`` was carried out: a held field keeps its old one, or none at all.

    A cleared field has none: a blank that stands for a record that is not coupled yet was never
    agreed on, and gives way to the reference as soon as there is one.
    """
    bc: dict[str, Any] = {}
    crm: dict[str, Any] = {}
    for state in states:
        mapping = state.mapping
        if mapping.crm in plan.held:
            if state.agreed_before and not state.is_cleared:
                bc[mapping.bc], crm[mapping.crm] = state.base_bc, state.base_crm
            continue
        bc[mapping.bc] = plan.to_bc.get(mapping.bc, state.bc)
        crm[mapping.crm] = plan.to_crm.get(mapping.crm, state.crm)
    return BaseSnapshot(bc=bc, crm=crm)
