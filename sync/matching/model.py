"""What a match of a table found, as values: which uncoupled records of both sides fit each other.

Every uncoupled record that is the mapping's business is in exactly one kind of row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from couplings.model import Side


class MatchKind(StrEnum):
    EXACT = "exact"  # one record of each side, which fit each other and nobody else
    AMBIGUOUS = "ambiguous"  # several records fit, and nobody but a person may choose
    PROPOSED = "proposed"  # the names are alike; nobody but a person may say that they are the same
    UNMATCHED = "unmatched"  # nothing on the other side fits


class RowState(StrEnum):
    """What became of a row that was accepted."""

    OPEN = "open"  # nothing was done about it
    COUPLED = "coupled"
    ALREADY = "already"  # it was coupled so before
    ASKED = "asked"  # the next pass creates its partner
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of a row or a pick when it was accepted, in words."""

    state: RowState = RowState.OPEN
    code: str = ""
    message: str = ""
    hint: str = ""


OPEN = Fate()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A record as a row shows it."""

    record_id: str
    number: str
    """Number or code; blank for a CRM record."""
    name: str
    values: tuple[str, ...] = ()
    """What it holds in the fields of the row's criterion, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """Fields that are compared, and how."""

    bc: tuple[str, ...] = ()
    crm: tuple[str, ...] = ()
    compare: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchRow:
    """One exact match, one group of records that fit each other, one proposal or one record."""

    kind: MatchKind
    place: str
    """Tells the row among those of its kind, which are in the order of their places."""
    bc: tuple[Candidate, ...] = ()
    """All of them where the row was made; the first ones, of a large group, where it was read."""
    crm: tuple[Candidate, ...] = ()
    bc_total: int = 0
    crm_total: int = 0
    level: int | None = None
    """Which of the mapping's criteria decided, from 0; None where none did."""
    criterion: Criterion = field(default_factory=Criterion)
    percent: int | None = None
    """How much alike the names are, of a proposal."""
    code: str = ""
    """Why it cannot be accepted as it is; blank where nothing is known that stands in the way."""
    message: str = ""
    hint: str = ""
    fate: Fate = OPEN

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides that have records in it."""
        sides: tuple[tuple[Side, int], ...] = (("bc", self.bc_total), ("crm", self.crm_total))
        return tuple(side for side, total in sides if total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much a match found."""

    exact: int = 0
    ambiguous: int = 0
    """Groups."""
    ambiguous_bc: int = 0
    """Records in those."""
    ambiguous_crm: int = 0
    proposed: int = 0
    """Proposals; one record may be in several."""
    unmatched_bc: int = 0
    unmatched_crm: int = 0
    left_out: int = 0
    """Those of all records that something keeps from being accepted; each tells what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultId:
    """Whose rows they are: of a run, and of one worker that took its line."""

    run_id: str
    epoch: int

    @property
    def text(self) -> str:
        return f"{self.run_id}-{self.epoch}"

    def is_newer_than(self, other: ResultId) -> bool:
        """Run ids of later runs come before those of earlier ones (``sync.runs.naming``)."""
        if self.run_id == other.run_id:
            return self.epoch > other.epoch
        return self.run_id < other.run_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The finished match of a table."""

    mapping: str
    id: ResultId
    lineage: str
    """Of the mapping as it was (``TableMapping.lineage``): its criteria are those of the rows."""
    found_at: datetime
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """A person's word that two records are the same."""

    bc_id: str
    crm_id: str
    bc_name: str
    crm_name: str
    by: str
    picked_at: datetime
    fate: Fate = OPEN
