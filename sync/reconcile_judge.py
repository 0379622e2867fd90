"""What is wrong with a pair that a pass would have handled now, in words and as a kind. Pure.

The pair comes planned, as for a preview: what a pass would do with it is known. Drift is explained
where the record's outcome says the same as the plan, or says that a service refused the record:
then nothing was lost, and the outcome tells what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from couplings.model import CouplingIndexEntry, Side
from errors import RecordError
from sync.differences import differences
from sync.drift import Drift, DriftKind, FieldDifference, Flow
from sync.intake import RESTORE_UNFINISHED
from sync.outcome_model import TO_STAY_UNCOUPLED, OutcomeKind
from sync.pair import Action, Pair
from sync.plan import plan_pair
from sync.projection import field_states
from sync.work import Work

AGREED_SO = "agreed-so"
"""Explains fields that differ although both sides were taken for equal, and changed by neither
since: a side stores the value in a form of its own. A pass leaves them alone."""

type Known = tuple[OutcomeKind, str]
"""Kind and code of a record's outcome."""

_PLACES: dict[Side, str] = {"bc": "Business Central", "crm": "Dynamics 365 Sales"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """A pair as it was met, before it was planned."""

    pair: Pair
    origin: Side
    entry: CouplingIndexEntry | None
    gone: Side | None

    @classmethod
    def of(cls, pair: Pair) -> Met:
        return cls(pair=pair, origin=pair.origin, entry=pair.entry, gone=pair.gone)


def judge(work: Work, met: Met, known: Known | None, now: datetime) -> Drift | None:
    """The drift of a pair, None where it is in step or no business of the mapping."""
    pair = met.pair
    fields = _differences(work, pair)
    kind = _kind(met, fields)
    if kind is None:
        return None
    exists_only_in_crm = pair.origin == "crm" and met.entry is None and pair.bc is None
    bc_id = "" if exists_only_in_crm else _old_bc_id(met)
    crm_id = _crm_id(met)
    return Drift(
        mapping=work.mapping.name,
        kind=kind,
        side="bc" if bc_id else "crm",
        record_id=bc_id or crm_id,
        bc_id=bc_id,
        crm_id=crm_id,
        name=pair.name or str((pair.crm or {}).get(work.mapping.crm.title) or ""),
        fields=fields,
        message=_message(met, kind),
        plan=_plan(met, kind, fields),
        explained_by=_explained_by(pair, fields, known),
        run_id=work.run_id,
        found_at=now,
    )


def _old_bc_id(met: Met) -> str:
    return met.entry.bc_id if met.entry else met.pair.bc_id


def _crm_id(met: Met) -> str:
    """The CRM record's id, blank where there is none yet."""
    if met.entry:
        return met.entry.crm_id
    return met.pair.crm_id if met.pair.crm is not None else ""


def _differences(work: Work, pair: Pair) -> tuple[FieldDifference, ...]:
    if pair.bc is None or pair.crm is None:
        return ()
    if pair.states:
        return differences(pair.states, pair.plan)
    # It was not planned to its end: this is what would flow if nothing held it back.
    try:
        states = field_states(work.mapping, pair.bc, pair.crm, pair.base, work.context.resolver)
    except RecordError:
        return ()
    return differences(states, plan_pair(states, work.mapping.update_conflict))


def _kind(met: Met, fields: tuple[FieldDifference, ...]) -> DriftKind | None:
    pair = met.pair
    if met.gone:
        return DriftKind.ORPHAN
    if pair.out_of_scope:
        return DriftKind.OUT_OF_FILTER
    if met.entry is None:
        return _kind_of_uncoupled(pair)
    if fields or (pair.problem and not pair.states):
        return DriftKind.FIELDS_DIFFER
    return None


def _kind_of_uncoupled(pair: Pair) -> DriftKind | None:
    if pair.exists_on_both_sides:
        return DriftKind.UNCOUPLED
    if not pair.problem and not pair.actions:
        return None  # the mapping creates no partner for it
    if pair.problem and pair.problem.code == RESTORE_UNFINISHED:
        return None  # it is told as a duplicate, see ``reconcile_twins``
    return DriftKind.MISSING_IN_CRM if pair.origin == "bc" else DriftKind.MISSING_IN_BC


def _explained_by(pair: Pair, fields: tuple[FieldDifference, ...], known: Known | None) -> str:
    if known is not None:
        kind, code = known
        is_so = pair.problem is not None and pair.problem.code == code
        # Such a record is left alone, whatever else were to be said of a new one.
        is_so = is_so or code in TO_STAY_UNCOUPLED
        if kind is OutcomeKind.FAILED or (is_so and not _does_something(pair)):
            return code
    if fields and all(each.flow is Flow.AGREED for each in fields) and not _does_something(pair):
        return AGREED_SO
    return ""


def _does_something(pair: Pair) -> bool:
    return any(action is not Action.UNCHANGED for action in pair.actions.values())


def _message(met: Met, kind: DriftKind) -> str:
    if kind is DriftKind.ORPHAN:
        both = met.pair.bc is None and met.pair.crm is None
        where = "both systems" if both else _PLACES[met.gone or "bc"]
        return f"The record was deleted in {where}, the coupling is still there."
    if kind is DriftKind.OUT_OF_FILTER:
        return met.pair.out_of_scope
    return met.pair.problem.message if met.pair.problem else ""


def _plan(met: Met, kind: DriftKind, fields: tuple[FieldDifference, ...]) -> str:
    """What a pass would do, as a sentence."""
    pair = met.pair
    if pair.problem and not _does_something(pair) and kind is not DriftKind.FIELDS_DIFFER:
        return f"A pass writes nothing and reports {pair.problem.code}. {pair.problem.hint}".strip()
    match kind:
        case DriftKind.ORPHAN:
            return _plan_of_orphan(pair)
        case DriftKind.MISSING_IN_CRM:
            return "A pass creates the record in Dynamics 365 Sales and couples the two."
        case DriftKind.MISSING_IN_BC:
            return "A pass creates the record in Business Central and couples the two."
        case DriftKind.UNCOUPLED:
            return " ".join(["A pass couples the two records.", *_plan_of_fields(fields)])
        case _:
            return " ".join(_plan_of_fields(fields)) or "A pass looks at the record once more."


def _plan_of_orphan(pair: Pair) -> str:
    if pair.deletes:
        return f"A pass deletes the remaining record in {_PLACES[pair.deletes]}."
    if pair.uncouple:
        return "A pass removes the coupling; a remaining record stays as it is."
    return "A pass creates the deleted record anew and couples the two."


def _plan_of_fields(fields: tuple[FieldDifference, ...]) -> list[str]:
    words = {
        Flow.TO_CRM: "A pass carries {} to Dynamics 365 Sales.",
        Flow.FROM_CRM: "A pass carries {} to Business Central.",
        Flow.CONFLICT: "Both sides changed {}: a pass holds that until a person decides.",
        Flow.WAITS: "What {} refers to is not coupled: a pass waits for that.",
        Flow.AGREED: "Neither side changed {} since both were taken for equal: a pass leaves that.",
    }
    return [
        text.format(", ".join(each.bc_field for each in fields if each.flow is flow))
        for flow, text in words.items()
        if any(each.flow is flow for each in fields)
    ]
