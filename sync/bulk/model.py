"""What people want about many pairs, and what became of it, as values.

A list of wants may come from a match, from a file, from undoing a change, or mean a whole table.
Where it comes from and where the report goes is the list's own business (``WantList``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from sync.by_hand.pairing import First


class Action(StrEnum):
    """What is to be done."""

    COUPLE = "couple"
    UNCOUPLE = "uncouple"
    CREATE_IN_CRM = "create-in-crm"
    CREATE_IN_BC = "create-in-bc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """One row of a list."""

    place: str
    """Tells the row within its list; the list is in the order of places."""
    action: Action
    bc_id: str = ""
    """Blank for a CRM record that is to have a BC record created."""
    crm_id: str = ""
    """Blank for a BC record that is to have a CRM record created."""
    first: First = First.NONE
    replaces: bool = False
    """Give up other partners."""


class ToldState(StrEnum):
    """What became of a row."""

    FIT = "fit"  # nothing stands in its way; nothing was done yet
    COUPLED = "coupled"
    ALREADY = "already"  # it was as it is wanted before
    ASKED = "asked"  # the next pass does it: taking apart, creating a partner
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of one row, in words."""

    place: str
    state: ToldState
    code: str = ""
    message: str = ""
    hint: str = ""
    replaced: tuple[str, ...] = ()
    """In words: the couplings that this one took the place of."""


class WantList(Protocol):
    """A list of wants about the pairs of one table mapping."""

    @property
    def strict(self) -> bool:
        """All rows are checked before anything is done, and where one is refused nothing is."""

    @property
    def check_only(self) -> bool:
        """Nothing is done at all; only of a strict list."""

    def count(self) -> int | None:
        """How many rows there are, None where that would cost too much to tell."""

    def page(self, after: str, limit: int) -> Sequence[Want]:
        """The next rows beyond a place (from the first one on where it is blank), in order; none
        at the end. A row that was told of may be left out."""

    def tell(self, told: Sequence[Told]) -> None:
        """Keep what became of rows. Idempotent: a later word about a row counts."""
