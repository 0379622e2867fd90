"""Two records that somebody wants coupled, as both systems hold them now.

What is told before a pair is coupled by hand: both records' mapped fields side by side, what a pass
would do with each, whom the records are coupled with already, and what stands in the way. The same
rules hold as for a pair that is matched by its keys, so that nothing is coupled here that a pass
would refuse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from couplings.model import BaseSnapshot, Coupling
from errors import RecordError
from services.records import Record
from sync.by_hand.named_records import PLACES, find_bc, find_crm
from sync.crm_index import failed_requirement
from sync.differences import compared, differs, text
from sync.drift import Flow
from sync.fetching import fetch_bc, fetch_crm
from sync.mapping import FieldMapping, Requirement, TableMapping
from sync.plan import FieldState, PairPlan, plan_pair
from sync.projection import field_state, project_bc, project_crm
from sync.work import Work

PARENT_NOT_COUPLED = "parent-not-coupled"
"""Code of what stands in the way where another record is to be coupled first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why the two records cannot be coupled."""

    code: str
    message: str
    field: str = ""
    """The BC field or CRM column that it is about; blank where it is about the whole record."""
    hint: str = ""
    waits_for: tuple[str, ...] = ()
    """The table mappings in one of which another record is to be coupled first."""
    ref: str = ""
    """That record's number, code or id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedField:
    """One mapped field of both records."""

    bc_field: str
    crm_column: str
    bc_value: str
    crm_value: str
    """The values as people know them."""
    same: bool
    """Both mean the same, or the mapping leaves them alone."""
    flow: Flow | None
    """What a pass would do with them if the two were coupled; None where they are the same, or
    one cannot become the other."""
    problem: str = ""
    """Why one side's value cannot become the other's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """What one of the records is coupled with already."""

    coupling: Coupling
    record: Record | None
    """The partner as it is now; None where it is gone."""
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide:
    """Both records, and what is to be known before they are coupled."""

    bc_id: str
    crm_id: str
    key: str
    name: str
    crm_name: str
    bc: Record
    """With its derived fields, as far as they can be worked out."""
    crm: Record
    states: tuple[FieldState, ...]
    """Without those of fields that have a problem."""
    plan: PairPlan
    fields: tuple[ComparedField, ...]
    obstacles: tuple[Obstacle, ...]
    of_bc: Partner | None
    """The CRM record that the BC record is coupled with."""
    of_crm: Partner | None
    """The BC record that the CRM record is coupled with."""

    @property
    def is_coupled(self) -> bool:
        """The two are coupled with each other."""
        return self.of_bc is not None and self.of_bc.coupling.crm_id == self.crm_id

    @property
    def others(self) -> tuple[Partner, ...]:
        """The partners that stand in the way."""
        return () if self.is_coupled else tuple(each for each in (self.of_bc, self.of_crm) if each)


def look(work: Work, bc: str, crm_id: str) -> SideBySide:
    """Both records now; ``bc`` is an id, a number or a code.

    Raises ``RefusedRequestError``: 404 for a record that does not exist, 409 where several BC
    records have that number; else as the services do.
    """
    record, other = find_bc(work, [bc])[bc], find_crm(work, [crm_id])[crm_id]
    (seen,) = look_at_many(work, [(record, other)])
    return seen


def look_at_many(work: Work, pairs: Sequence[tuple[Record, Record]]) -> list[SideBySide]:
    """Pairs of a BC and a CRM record that were just read, in their order; few requests for all."""
    partners = _Partners(work, pairs)
    work.prepare(bc=[bc for bc, _ in pairs])
    return [_side_by_side(work, bc, crm, partners) for bc, crm in pairs]


def _side_by_side(work: Work, bc: Record, crm: Record, partners: _Partners) -> SideBySide:
    mapping = work.mapping
    bc_id, crm_id = _bc_id(mapping, bc), crm[mapping.crm.id_column]
    of_bc, of_crm = partners.of_bc(bc_id), partners.of_crm(crm_id)
    is_coupled = of_bc is not None and of_bc.coupling.crm_id == crm_id
    base = of_bc.coupling.base if of_bc and is_coupled else None
    derived, refused = derive(work, bc)
    states, fields, plan = _compare(work, derived, crm, base)
    obstacles = tuple(_obstacles(work, derived, crm, states))
    return SideBySide(
        bc_id=bc_id,
        crm_id=crm_id,
        key=str(bc[mapping.bc.key]),
        name=mapping.bc.name_of(bc),
        crm_name=str(crm.get(mapping.crm.title) or ""),
        bc=derived,
        crm=crm,
        states=tuple(states),
        plan=plan,
        fields=fields,
        obstacles=(refused, *obstacles) if refused else obstacles,
        of_bc=of_bc,
        of_crm=of_crm,
    )


def derive(work: Work, record: Record) -> tuple[Record, Obstacle | None]:
    """The BC record, for which the work is prepared, with its derived fields; or as it is and why
    they cannot be worked out."""
    try:
        return work.rule.derive(record, work.context), None
    except RecordError as error:
        return record, _obstacle_of(error)


def _bc_id(mapping: TableMapping, record: Record) -> str:
    return str(record[mapping.bc.id_field])


class _Partners:
    """What the records of some pairs are coupled with already."""

    def __init__(self, work: Work, pairs: Sequence[tuple[Record, Record]]) -> None:
        mapping = work.mapping
        self._mapping = mapping
        self._bc = {_bc_id(mapping, bc): bc for bc, _ in pairs}
        self._crm = {crm[mapping.crm.id_column]: crm for _, crm in pairs}
        self._of_bc = work.couplings.find_by_bc(mapping.name, self._bc)
        self._of_crm = work.couplings.find_by_crm(mapping.name, self._crm)
        further_crm = {each.crm_id for each in self._of_bc.values()} - self._crm.keys()
        further_bc = {each.bc_id for each in self._of_crm.values()} - self._bc.keys()
        self._crm |= fetch_crm(work, sorted(further_crm))
        self._bc |= fetch_bc(work, sorted(further_bc))

    def of_bc(self, bc_id: str) -> Partner | None:
        """The CRM record that a BC record is coupled with."""
        coupling = self._of_bc.get(bc_id)
        if coupling is None:
            return None
        record = self._crm.get(coupling.crm_id)
        name = str((record or {}).get(self._mapping.crm.title) or coupling.crm_id)
        return Partner(coupling=coupling, record=record, name=name)

    def of_crm(self, crm_id: str) -> Partner | None:
        """The BC record that a CRM record is coupled with."""
        coupling = self._of_crm.get(crm_id)
        if coupling is None:
            return None
        record = self._bc.get(coupling.bc_id)
        name = self._mapping.bc.name_of(record) if record else coupling.name
        return Partner(coupling=coupling, record=record, name=name or coupling.bc_id)


# Fields


def _compare(
    work: Work, bc: Record, crm: Record, base: BaseSnapshot | None
) -> tuple[list[FieldState], tuple[ComparedField, ...], PairPlan]:
    mapping, problems = work.mapping, dict[str, str]()
    states: dict[str, FieldState] = {}
    for each in mapping.fields:
        try:
            states[each.crm] = field_state(each, bc, crm, base, work.context.resolver)
        except RecordError as error:
            problems[each.crm] = error.message
    plan = plan_pair(list(states.values()), mapping.update_conflict)
    left, right = project_bc(mapping, bc), project_crm(mapping, crm)
    fields = tuple(
        _without_state(each, left, right, problems[each.crm])
        if each.crm in problems
        else _with_state(states[each.crm], plan)
        for each in mapping.fields
    )
    return list(states.values()), fields, plan


def _with_state(state: FieldState, plan: PairPlan) -> ComparedField:
    told, same = compared(state, plan), not differs(state)
    return ComparedField(
        bc_field=told.bc_field,
        crm_column=told.crm_column,
        bc_value=told.bc_value,
        crm_value=told.crm_value,
        same=same,
        flow=None if same else told.flow,
    )


def _without_state(field: FieldMapping, bc: Record, crm: Record, problem: str) -> ComparedField:
    return ComparedField(
        bc_field=field.bc,
        crm_column=field.crm,
        bc_value=text(bc[field.bc]),
        crm_value=text(crm[field.crm]),
        same=False,
        flow=None,
        problem=problem,
    )


# What stands in the way


def _obstacles(work: Work, bc: Record, crm: Record, states: list[FieldState]) -> Iterator[Obstacle]:
    mapping = work.mapping
    yield from _outside(mapping, bc, crm)
    for requirement in (
        failed_requirement(mapping.bc.requires, bc),
        failed_requirement(mapping.crm.requires, crm),
    ):
        if requirement:
            yield _obstacle_of_requirement(requirement)
    parents = list(_missing_parents(states))
    yield from parents
    if parents:
        return  # whether the rule lets them be coupled cannot be told before
    if not work.rule.belongs(crm, work.context):
        yield Obstacle(
            code="not-of-this-table",
            message="The record in Dynamics 365 Sales can be no partner of this table's records.",
        )
    try:
        work.rule.check_match(bc, crm, work.context)
    except RecordError as error:
        yield _obstacle_of(error)


def _outside(mapping: TableMapping, bc: Record, crm: Record) -> Iterator[Obstacle]:
    for place, scope, record in (
        (PLACES["bc"], mapping.bc.scope, bc),
        (PLACES["crm"], mapping.crm.scope, crm),
    ):
        for condition in scope:
            if not condition.holds(record):
                value = record.get(condition.field)
                yield Obstacle(
                    code="out-of-filter",
                    message=f"In {place}, {condition.field} is {value!r}: the record is "
                    f"outside the filter of {mapping.name}.",
                    field=condition.field,
                    hint="Change the record, or the filter of the table mapping.",
                )


def _missing_parents(states: list[FieldState]) -> Iterator[Obstacle]:
    """Records that these refer to and that are not coupled: their turn is first."""
    for state in states:
        missing = state.waiting_for
        if missing and not state.mapping.clear_on_failure:
            table = " or ".join(missing.mappings)
            yield Obstacle(
                code=PARENT_NOT_COUPLED,
                message=f"{table} {missing.key!r}, to which {state.mapping.bc} and "
                f"{state.mapping.crm} refer, is not coupled.",
                field=state.mapping.bc,
                hint=f"Couple {table} {missing.key!r} first.",
                waits_for=missing.mappings,
                ref=missing.ref,
            )


def _obstacle_of(error: RecordError) -> Obstacle:
    return Obstacle(code=error.code, message=error.message, field=error.field, hint=error.hint)


def _obstacle_of_requirement(failed: Requirement) -> Obstacle:
    return Obstacle(code=failed.code, message=failed.message, field=failed.field, hint=failed.hint)
