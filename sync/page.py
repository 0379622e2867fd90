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

from sync.outcomes import OutcomeKind
from sync.pair import Pair, Problem
from sync.planning import count_only, plan
from sync.work import Work
from sync.writing import adopt_bc, write

_ROUNDS = 5
"""How often a pair is planned anew because somebody else keeps changing its records."""

_MISSING_IN_BC = (
    "The record in Business Central that it is coupled with was deleted.",
    "Remove the coupling to have the record created anew, or restore it in Business Central.",
)


def synchronize(work: Work, pairs: Sequence[Pair]) -> None:
    """Plan and write every pair that is not settled; afterwards each one is.

    Raises ``TransientError`` where a service could not process some of the writes: the whole page
    is to be handled again, which is safe.
    """
    for _ in range(_ROUNDS):
        pending = [pair for pair in pairs if not pair.settled]
        if not pending:
            return
        _reread(work, [pair for pair in pending if pair.reread])
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
                    hint="It is tried again by the next synchronization.",
                )
            )


def _reread(work: Work, pairs: Sequence[Pair]) -> None:
    """Read both records of pairs again before they are planned anew."""
    if not pairs:
        return
    mapping = work.mapping
    crm = work.crm.fetch_many(
        mapping.crm.entity_set,
        mapping.crm.id_column,
        [pair.crm_id for pair in pairs],
        mapping.crm_select(),
    )
    bc = work.bc.fetch_many(work.endpoint, [pair.bc_id for pair in pairs], mapping.bc_select())
    for pair in pairs:
        pair.reread = False
        pair.crm = crm.get(pair.crm_id)
        found = bc.get(pair.bc_id)
        if found is None or pair.crm is None:
            _stop_incomplete(pair, bc_is_missing=found is None)
        else:
            adopt_bc(work, pair, found)


def _stop_incomplete(pair: Pair, *, bc_is_missing: bool) -> None:
    message, hint = _MISSING_IN_BC
    if not bc_is_missing:
        message = message.replace("Business Central", "Dynamics 365 Sales")
        hint = hint.replace("Business Central", "Dynamics 365 Sales")
    pair.stop(
        Problem(
            kind=OutcomeKind.CONFLICT,
            code="partner-deleted",
            message=message,
            partner=pair.bc_id if bc_is_missing else pair.crm_id,
            hint=hint,
        )
    )
