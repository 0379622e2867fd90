"""A pair of records on its way through a page, and what is to be said about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from couplings.model import BaseSnapshot, CouplingIndexEntry, CouplingState, Side
from errors import RecordError
from services.records import Record
from sync.outcome_model import Decision, FieldDetail, Outcome, OutcomeKind
from sync.plan import FieldState, PairPlan
from sync.projection import Insertion

_UNFINISHED = (CouplingState.FAILED, CouplingState.PARKED)


class Action(StrEnum):
    """What was done to a side; the words are the incumbent's counters."""

    INSERT = "inserted"
    MODIFY = "modified"
    UNCHANGED = "unchanged"
    COUPLE = "coupled"
    DELETE = "deleted"
    UNCOUPLE = "uncoupled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a record is not in step, for the outcome's row."""

    kind: OutcomeKind
    code: str
    message: str
    field: str = ""
    value: str = ""
    partner: str = ""
    hint: str = ""
    bc_value: str = ""
    crm_value: str = ""
    fields: tuple[FieldDetail, ...] = ()
    waits_for: tuple[str, ...] = ()
    waits_for_ref: str = ""
    refused: bool = False
    """A service refused the record's content: refused alike again and again, it is parked."""
    again: bool = False
    """It is tried again by itself, after a while."""
    untried: bool = False
    """The record is parked, and was left alone this time."""

    @classmethod
    def of(cls, error: RecordError, kind: OutcomeKind) -> Problem:
        return cls(
            kind=kind,
            code=error.code,
            message=error.message,
            field=error.field,
            value=error.value,
            hint=error.hint,
        )


@dataclass(slots=True, kw_only=True)
class Pair:
    """Two records that are, or are to become, the same thing. Changes while its page is handled.

    ``bc`` or ``crm`` is None while that record does not exist; its id is known all the same,
    because Coupler chooses it.
    """

    origin: Side
    """The side on which the record was met; its counters are that direction's."""
    bc_id: str
    crm_id: str
    key: str = ""
    name: str = ""
    bc: Record | None = None
    crm: Record | None = None
    entry: CouplingIndexEntry | None = None
    """The coupling as it was when the page began, None for an uncoupled record."""
    matched: bool = False
    """Uncoupled, and its partner was found by a natural key."""
    replaces: str = ""
    """Id of the BC record whose coupling this pair takes over, blank for none."""
    base: BaseSnapshot | None = None
    states: list[FieldState] = field(default_factory=list)
    plan: PairPlan = field(default_factory=PairPlan)
    insertion: Insertion | None = None
    columns: dict[str, Any] = field(default_factory=dict)
    """CRM's mapped columns as they will be once the plan is carried out."""
    actions: dict[Side, Action] = field(default_factory=dict)
    """What was done, by the side that was written or looked at."""
    problem: Problem | None = None
    settled: bool = False
    """Nothing is left to do for it in this page."""
    gone: Side | None = None
    """The side whose record of this coupled pair was deleted."""
    out_of_scope: str = ""
    """Why a record of this coupled pair is no business of the mapping any more; empty: it is."""
    returned: bool = False
    """The BC record was passed over when it was met last, and is one of those counted now."""
    asked: bool = False
    """A person asked for this record: one that is parked is tried again."""
    anew: bool = False
    """A person wants a partner for it, even if its coupling was removed."""
    known: Outcome | None = None
    """What was said of the record before, as far as that matters."""
    apart: dict[Side, str] = field(default_factory=dict)
    """Of records whose coupling was removed: what each side held then, as a digest."""
    kept: list[Outcome] = field(default_factory=list)
    """What is still said of records whose coupling was removed, and which take no part for now."""
    content: str = ""
    """A digest of what both records hold, for telling whether a refused one changed since."""
    deletes: Side | None = None
    """The side whose record is to be deleted because the other side's was."""
    uncouple: bool = False
    """The coupling is to be removed when the page is stored."""
    reread: bool = False
    """Another writer came first: both records are to be read again before the next round."""

    @property
    def first_time(self) -> bool:
        """Companions must be ensured: the pair is new, or failed when it was last handled."""
        return self.entry is None or self.entry.state in _UNFINISHED

    @property
    def decision(self) -> Decision | None:
        """What a person wants done about the pair."""
        return self.known.decision if self.known else None

    @property
    def exists_on_both_sides(self) -> bool:
        return self.bc is not None and self.crm is not None

    def stop(self, problem: Problem) -> None:
        """Nothing more is done for the pair in this page, for the reason given."""
        self.problem = problem
        self.settled = True

    def note(self, problem: Problem) -> None:
        """Something is to be said about the pair, which goes on all the same."""
        self.problem = self.problem or problem

    def did(self, side: Side, action: Action) -> None:
        """Remember the first thing that was done to a side; an insert stays an insert."""
        if self.actions.get(side) is not Action.INSERT:
            self.actions[side] = action
