"""What becomes of a coupled pair one of whose records was deleted. Pure.

The incumbent's words: "restore records" and "remove coupling"; deletions are carried over only
where a mapping says so, and never those of a record that was edited since both sides agreed.
"""

from __future__ import annotations

from enum import StrEnum, auto

from couplings.model import Side
from sync.mapping import DeletionConflict, TableMapping
from sync.outcome_model import DecisionKind


class DeletionStep(StrEnum):
    """What is done about the pair."""

    REPORT = auto()
    RESTORE = auto()
    UNCOUPLE = auto()
    DELETE = auto()


def plan_deletion(
    mapping: TableMapping,
    *,
    gone: Side,
    both_gone: bool,
    as_agreed: bool,
    asked: DecisionKind | None = None,
) -> DeletionStep:
    """What to do where the record of the ``gone`` side was deleted.

    ``as_agreed``: the remaining record holds what it held when both sides last agreed. ``asked``:
    what a person wants done about this pair, which counts more than the mapping's policy.
    """
    if both_gone or asked is DecisionKind.UNCOUPLE:
        return DeletionStep.UNCOUPLE
    can_restore = mapping.creates_in_bc if gone == "bc" else mapping.creates_in_crm
    if asked is DecisionKind.RESTORE:
        return DeletionStep.RESTORE if can_restore else DeletionStep.REPORT
    match mapping.deletion_conflict:
        case DeletionConflict.RESTORE if can_restore:
            return DeletionStep.RESTORE
        case DeletionConflict.UNCOUPLE:
            return DeletionStep.UNCOUPLE
        case DeletionConflict.DELETE if as_agreed and not _is_page(mapping, gone):
            return DeletionStep.DELETE
        case _:
            return DeletionStep.REPORT


def _is_page(mapping: TableMapping, gone: Side) -> bool:
    """Whether the remaining record is on a page of Business Central, which is read only."""
    return gone == "crm" and mapping.bc.page
