"""Coupled pairs that cannot go on as a pair: one record was deleted, or left the mapping's scope,
or a person wants them apart.

Restoring is an insertion like any other, under an id that follows from the remaining record; only
the coupling has a predecessor. Every order of a crash leaves something that the next pass goes on
from:

    a pass that dies                          the next one
    account A of customer C is gone
    creates account A', made of C
    dies before coupling them
                                              C is coupled with A, which is gone
                                              creates A': exists already, adopts it
                                              removes C~A, couples C~A'
"""

from __future__ import annotations

from couplings.model import digest_of
from sync.deletion import DeletionStep, plan_deletion
from sync.outcome_model import DecisionKind, OutcomeKind
from sync.pair import Action, Pair, Problem
from sync.projection import project_bc, project_crm
from sync.work import Work

LEFT_FILTER = "left-filter"
"""Code of a coupled pair of which a record is no business of the mapping any more."""

_PLACES = {"bc": "Business Central", "crm": "Dynamics 365 Sales"}


def plan_without_partner(work: Work, pair: Pair) -> bool:
    """Whether everything is decided; else the pair is one to be planned as any other."""
    asked = pair.decision.kind if pair.decision else None
    if asked is DecisionKind.UNCOUPLE and pair.entry:
        _uncouple(pair)
        return True
    if pair.out_of_scope:
        pair.stop(_left_filter(pair))
        return True
    if pair.gone is None:
        return False
    step = plan_deletion(
        work.mapping,
        gone=pair.gone,
        both_gone=pair.bc is None and pair.crm is None,
        as_agreed=_is_as_agreed(work, pair),
        asked=asked,
    )
    if step is DeletionStep.REPORT:
        pair.stop(_deleted(work, pair))
    elif step is DeletionStep.UNCOUPLE:
        _uncouple(pair)
    elif step is DeletionStep.DELETE:
        pair.deletes = "crm" if pair.gone == "bc" else "bc"
    else:
        _restore(work, pair)
    return step is not DeletionStep.RESTORE


def _uncouple(pair: Pair) -> None:
    pair.uncouple = True
    pair.did("crm" if pair.gone == "bc" else "bc", Action.UNCOUPLE)
    pair.settled = True


def _restore(work: Work, pair: Pair) -> None:
    """Make it a pair that is still to be completed, and that takes the old coupling's place."""
    ids, mapping = work.context.ids, work.mapping
    pair.replaces, pair.entry, pair.base = pair.bc_id, None, None
    if pair.gone == "crm":
        pair.origin, pair.crm_id = "bc", ids.of(mapping.name, "bc", pair.bc_id)
    else:
        pair.origin, pair.bc_id = "crm", ids.of(mapping.name, "crm", pair.crm_id)
    pair.gone = None


def _is_as_agreed(work: Work, pair: Pair) -> bool:
    """Whether the remaining record holds what it held when both sides agreed last."""
    if pair.base is None:
        return False
    if pair.bc is not None:
        return digest_of(project_bc(work.mapping, pair.bc)) == pair.base.digest("bc")
    if pair.crm is not None:
        return digest_of(project_crm(work.mapping, pair.crm)) == pair.base.digest("crm")
    return False


def _left_filter(pair: Pair) -> Problem:
    return Problem(
        kind=OutcomeKind.SKIPPED,
        code=LEFT_FILTER,
        message=f"The record left the filter of its table mapping. {pair.out_of_scope}",
        partner=pair.crm_id if pair.origin == "bc" else pair.bc_id,
        hint="Nothing: it is synchronized again once it is back. Remove the coupling if it does "
        "not come back.",
    )


def _deleted(work: Work, pair: Pair) -> Problem:
    where = _PLACES["bc" if pair.gone == "bc" else "crm"]
    creates = work.mapping.creates_in_bc if pair.gone == "bc" else work.mapping.creates_in_crm
    restore = "Restore it to have the record created anew, or remove" if creates else "Remove"
    return Problem(
        kind=OutcomeKind.CONFLICT,
        code=f"deleted-in-{pair.gone}",
        message=f"The record in {where} that {pair.name or 'it'} is coupled with was deleted.",
        partner=pair.bc_id if pair.gone == "bc" else pair.crm_id,
        hint=f"{restore} the coupling to leave the remaining record as it is.",
    )
