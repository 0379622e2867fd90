"""Bringing the pairs of one page into step.

A change that came first is never overwritten:

    Coupler                                   a salesperson in CRM
    reads the account, version 7
                                              saves the account, version 8
    writes with "if still version 7": refused
    reads version 8, plans again, writes
"""

from __future__ import annotations

from collections.abc import Sequence

from couplings.model import CouplingState
from sync.fetching import fetch_bc, fetch_crm
from sync.outcome_model import UNCOUPLED, DecisionKind, Outcome, OutcomeKind
from sync.pair import Pair, Problem
from sync.planning import count_only, is_as_it_was, plan
from sync.work import Work
from sync.writing import adopt_bc, write

_ROUNDS = 5
"""How often a pair is planned anew because somebody else keeps changing its records."""


def synchronize(work: Work, pairs: Sequence[Pair]) -> None:
    """Plan and write every pair that is not settled; afterwards each one is.

    Raises ``TransientError`` where a service could not process some of the writes: the whole page
    is to be handled again, which is safe.
    """
    _recall(work, pairs)
    for _ in range(_ROUNDS):
        pending = [pair for pair in pairs if not pair.settled]
        if not pending:
            return
        _reread(work, [pair for pair in pending if pair.reread])
        new_in_crm = [pair.crm for pair in pending if pair.crm and pair.bc is None]
        work.prepare(crm=new_in_crm)
        for pair in pending:
            if not pair.settled:
                plan(work, pair)
        if work.preview:
            count_only(pending)
        else:
            write(work, [pair for pair in pending if not pair.settled])
    for pair in pairs:
        if not pair.settled:
            pair.stop(
                Problem(
                    kind=OutcomeKind.FAILED,
                    code="keeps-changing",
                    message="Somebody else kept changing the record while it was synchronized.",
                    hint="Nothing: it is tried again by itself.",
                    again=True,
                )
            )


def _reread(work: Work, pairs: Sequence[Pair]) -> None:
    """Read both records of pairs again before they are planned anew."""
    if not pairs:
        return
    crm = fetch_crm(work, [pair.crm_id for pair in pairs])
    bc = fetch_bc(work, [pair.bc_id for pair in pairs])
    work.prepare(bc=list(bc.values()))
    for pair in pairs:
        pair.reread = False
        pair.crm = crm.get(pair.crm_id)
        found = bc.get(pair.bc_id)
        if found is not None:
            adopt_bc(work, pair, found)
        else:
            pair.bc = None
        _note_missing(work, pair)


def _note_missing(work: Work, pair: Pair) -> None:
    """What a pair is whose records were read again and are not both there."""
    if pair.exists_on_both_sides:
        return
    if pair.entry:
        pair.gone = "bc" if pair.bc is None else "crm"
    elif pair.bc is None and pair.crm is None:
        pair.settled = True  # both came and went: there is nothing to tell
    elif pair.crm is None:
        # Deleted just now: the BC record is one without partner, and a new one is made of it.
        pair.crm_id, pair.matched = work.context.ids.of(work.mapping.name, "bc", pair.bc_id), False


def _recall(work: Work, pairs: Sequence[Pair]) -> None:
    """What was said before of records that were not in step, and decided by people since."""
    unsure = {
        key: pair
        for pair in pairs
        if (pair.asked or not pair.settled or _takes_no_part(pair)) and _may_be_known(pair)
        for key in (("bc", pair.bc_id), ("crm", pair.crm_id))
    }
    if unsure:
        for key, outcome in work.outcomes.find(work.mapping.name, unsure).items():
            pair = unsure[key]
            if _takes_no_part(pair):
                _keep_apart(work, pair, outcome)
                continue
            if pair.settled:
                _take_up(pair, outcome)
                continue
            if pair.decision is None:  # what was decided stands at one of the two records
                pair.known = outcome
            if outcome.code == UNCOUPLED:
                pair.apart["bc" if outcome.side == "bc" else "crm"] = outcome.content


def _takes_no_part(pair: Pair) -> bool:
    """An uncoupled record that a rule leaves out before anything is planned."""
    return pair.settled and pair.entry is None and (pair.problem is not None or bool(pair.kept))


def _keep_apart(work: Work, pair: Pair, outcome: Outcome) -> None:
    """Remember that a person took the record apart, while it takes no part for another reason.

    Were it told of that reason, it would be coupled again as soon as that is gone:

        item I and its unit are taken apart
        I cannot be coupled: its product's unit group is not coupled
                                              the unit is coupled again
        I stays as it is: nobody wanted it coupled
    """
    if outcome.code != UNCOUPLED or pair.anew:
        return
    pair.apart["bc" if outcome.side == "bc" else "crm"] = outcome.content
    if is_as_it_was(work, pair):
        pair.kept.append(outcome)
        pair.problem = None


def _take_up(pair: Pair, outcome: Outcome) -> None:
    """Have a pair taken apart although one of its records takes no part any more."""
    decision = outcome.decision
    if pair.entry and decision and decision.kind is DecisionKind.UNCOUPLE:
        # Its other record was not read.
        pair.known, pair.problem, pair.settled, pair.reread = outcome, None, False, True


def _may_be_known(pair: Pair) -> bool:
    if pair.asked or pair.gone or pair.entry is None:
        return True
    return pair.entry.state is not CouplingState.COUPLED
