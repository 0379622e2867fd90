"""Changes of couplings that people made, as values.

A change is one call or one run: it may be about many pairs of several table mappings. What the
machine couples or takes apart by itself is no change of people.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ChangeAction(StrEnum):
    """What was done about a pair."""

    COUPLED = "coupled"
    REPLACED = "replaced"  # coupled in place of other partners
    UNCOUPLED = "uncoupled"


class UndoState(StrEnum):
    """What the last attempt to undo made of a pair."""

    UNDONE = "undone"
    ALREADY = "already"  # it was as before the change
    ASKED = "asked"  # the next pass does it
    REFUSED = "refused"


BY_HAND = "by-hand"
"""Origin of a change that a person made in one call. Those that runs make have the source of the
run's order as their origin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Who changes couplings, when and how."""

    change_id: str
    """Sorts the latest first. That of a run's change is the run's id."""
    at: datetime
    by: str
    """Object id of the caller."""
    origin: str
    undoes: str = ""
    """The change that this one undoes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerPair:
    """A coupling that another one took the place of."""

    bc_id: str
    crm_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPair:
    """A pair and what was done about it."""

    bc_id: str
    crm_id: str
    bc_key: str
    name: str
    action: ChangeAction
    replaced: tuple[FormerPair, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A change as far as it is about one table mapping."""

    change: Change
    mapping: str
    example: JournalPair
    """One of its pairs."""
    undone_by: str = ""
    """The change that undid this one, or began to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What became of undoing a pair."""

    bc_id: str
    """Of the pair in the journal."""
    state: UndoState
    code: str = ""
    message: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnteredPair:
    """A pair of a change, and what became of undoing it."""

    pair: JournalPair
    undone: Undone | None
