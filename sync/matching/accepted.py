"""What an administrator accepted of the matches of a table, as wants (``sync.bulk.model``).

First the exact matches, then what was picked, then the records that are to have partners created.
The two records of an exact match are read again before it is given: a pair that does not fit any
more, or not alone, is refused by name (``sync.matching.recheck``). What a person picked is coupled
all the same, as long as the rules of coupling allow it, which are asked about every pair later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from errors import RefusedRequestError
from sync.bulk.model import Action, Told, ToldState, Want
from sync.by_hand.pairing import First
from sync.matching.model import Fate, MatchKind, MatchRow, Result, RowState
from sync.matching.recheck import id_pair, refusals
from sync.matching.store import MatchStore
from sync.matching.stored import pick_key
from sync.work import Work

SOURCE = "matches"
"""What an order calls a list of wants that comes from matches."""

_DONE = (RowState.COUPLED, RowState.ALREADY, RowState.ASKED)
_EXACT = MatchKind.EXACT.value
_PICKED = "picked"
_UNMATCHED = MatchKind.UNMATCHED.value
_SEPARATOR = "~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What is accepted of the matches of some tables."""

    exact: bool
    picked: bool
    create_in_crm: bool
    """For the unmatched records of Business Central, where the mapping creates any."""
    create_in_bc: bool
    """For those of CRM."""
    first: First
    """Whose values count where both sides differ, in tables that are synchronized both ways."""
    results: Mapping[str, str]
    """By mapping, which result was seen (``ResultId.text``)."""

    def details(self) -> dict[str, Any]:
        """As JSON values, to be stored with the run."""
        return asdict(self) | {"first": self.first.value}

    @classmethod
    def of(cls, order: Mapping[str, Any]) -> Accepted:
        """What ``details`` made, with the order's source."""
        values = {name: value for name, value in order.items() if name != "source"}
        return cls(**(values | {"first": First(order["first"])}))


class AcceptedList:
    """The wants of one table (``sync.bulk.model.WantList``)."""

    strict = False
    check_only = False

    def __init__(self, store: MatchStore, work: Work, accepted: Accepted) -> None:
        """Raises ``RefusedRequestError`` (409) where the table was matched again since."""
        mapping = work.mapping
        found = store.find(mapping.name)
        if found is None or found.id.text != accepted.results.get(mapping.name):
            raise RefusedRequestError(
                409,
                "match-replaced",
                f"{mapping.name} was matched again since its matches were accepted.",
                hint="Look at the new matches, and accept those.",
            )
        self._store = store
        self._work = work
        self._accepted = accepted
        self._result: Result = found
        self._creates_in_crm = accepted.create_in_crm and mapping.creates_in_crm
        self._creates_in_bc = accepted.create_in_bc and mapping.creates_in_bc
        both_ways = mapping.direction.writes_crm and mapping.direction.writes_bc
        self._first = accepted.first if both_ways else First.NONE
        self._refused: dict[str, Fate] = {}

    def count(self) -> int:
        """How many rows there are, those included that were done before."""
        counts = self._result.counts
        parts = (
            (self._accepted.exact, counts.exact),
            (self._creates_in_crm, counts.unmatched_bc),
            (self._creates_in_bc, counts.unmatched_crm),
        )
        picks = sum(1 for _ in self._store.picks(self._result)) if self._accepted.picked else 0
        return picks + sum(number for is_wanted, number in parts if is_wanted)

    def page(self, after: str, limit: int) -> Sequence[Want]:
        """The next rows, without those that were done before. One that is refused because its
        records do not agree any more has blank ids."""
        part, _, place = after.partition(_SEPARATOR)
        for name, wants_of in self._parts():
            if name < part:
                continue
            wants = wants_of(place if name == part else "", limit)
            if wants:
                return wants
        return []

    def tell(self, told: Sequence[Told]) -> None:
        """Keep what became of rows that were given."""
        fates = [
            (_key(each.place), self._refused.get(each.place) or _fate(each))
            for each in told
            if each.state is not ToldState.FIT
        ]
        self._store.tell(self._result, fates)

    def _parts(self) -> Iterator[tuple[str, Callable[[str, int], Sequence[Want]]]]:
        """What is read, in the order of places."""
        if self._accepted.exact:
            yield _EXACT, self._exact
        if self._accepted.picked:
            yield _PICKED, self._picked
        if self._creates_in_crm or self._creates_in_bc:
            yield _UNMATCHED, self._rest

    def _exact(self, place: str, limit: int) -> Sequence[Want]:
        for rows in self._rows(MatchKind.EXACT, place, limit):
            left = [row for row in rows if row.fate.state not in _DONE]
            refused = refusals(self._work, left)
            self._refused |= {
                _place(row): refused[id_pair(row)] for row in left if id_pair(row) in refused
            }
            wants = [self._couple(row, is_refused=id_pair(row) in refused) for row in left]
            if wants:
                return wants
        return []

    def _picked(self, bc_id: str, limit: int) -> Sequence[Want]:
        while picks := self._store.picks_after(self._result, bc_id, limit):
            wants = [
                Want(
                    place=f"{_PICKED}{_SEPARATOR}{pick.bc_id}",
                    action=Action.COUPLE,
                    bc_id=pick.bc_id,
                    crm_id=pick.crm_id,
                    first=self._first,
                )
                for pick in picks
                if pick.fate.state not in _DONE
            ]
            if wants:
                return wants
            bc_id = picks[-1].bc_id
        return []

    def _rest(self, place: str, limit: int) -> Sequence[Want]:
        for rows in self._rows(MatchKind.UNMATCHED, place, limit):
            left = [row for row in rows if row.fate.state not in _DONE and not row.code]
            wants = [want for row in left if (want := self._create(row))]
            if wants:
                return wants
        return []

    def _rows(self, kind: MatchKind, place: str, limit: int) -> Iterator[Sequence[MatchRow]]:
        while rows := self._store.rows_after(self._result, kind, place, limit):
            yield rows
            place = rows[-1].place

    def _couple(self, row: MatchRow, *, is_refused: bool) -> Want:
        return Want(
            place=_place(row),
            action=Action.COUPLE,
            bc_id="" if is_refused else row.bc[0].record_id,
            crm_id="" if is_refused else row.crm[0].record_id,
            first=self._first,
        )

    def _create(self, row: MatchRow) -> Want | None:
        place = _place(row)
        if row.bc and self._creates_in_crm:
            return Want(place=place, action=Action.CREATE_IN_CRM, bc_id=row.bc[0].record_id)
        if row.crm and self._creates_in_bc:
            return Want(place=place, action=Action.CREATE_IN_BC, crm_id=row.crm[0].record_id)
        return None


def _place(row: MatchRow) -> str:
    return f"{row.kind}{_SEPARATOR}{row.place}"


def _key(place: str) -> tuple[str, ...]:
    """The key of the stored row that a place tells."""
    part, _, rest = place.partition(_SEPARATOR)
    return pick_key("bc", rest) if part == _PICKED else (part, rest)


def _fate(told: Told) -> Fate:
    return Fate(
        state=RowState(told.state.value), code=told.code, message=told.message, hint=told.hint
    )
