"""What is to be coupled before two records may be, and coupling that first.

A record that refers to others can be coupled once those are: a customer after its salesperson, an
item after its unit. Here it is told which ones they are, and for each whether exactly one uncoupled
record of the other system fits it by its mapping's match keys, as a pass would match it. Only such
a pair is suggested, and coupled where the caller wants that; nothing is ever guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from couplings.model import Side
from errors import RefusedRequestError
from services.records import Record
from sync.by_hand.coupling import (
    Coupled,
    CoupledOtherwiseError,
    ManualCoupling,
    NotCoupleableError,
    partners_in_words,
)
from sync.by_hand.named_records import PLACES, find_bc, find_crm
from sync.by_hand.pairing import First
from sync.by_hand.side_by_side import PARENT_NOT_COUPLED, Obstacle, SideBySide, look
from sync.changes import Changes, take_changes
from sync.outcome_model import UNCOUPLED
from sync.planning import content_of
from sync.work import Work

_ROUNDS = 5
"""How often it is looked for parents anew once those that were missing are coupled."""

type _Path = frozenset[tuple[str, str, str]]
"""Table mapping, BC id and CRM id of the pairs for which parents are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Two uncoupled records that fit each other and no other one."""

    mapping: str
    bc_id: str
    bc_key: str
    name: str
    crm_id: str
    crm_name: str
    first: tuple[CoupleFirst, ...]
    """What is to be coupled before them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoupleFirst:
    """A record that is to be coupled before another one that refers to it."""

    mappings: tuple[str, ...]
    """The table mappings in one of which it may be."""
    side: Side
    """Where it is known."""
    ref: str
    """Its number, code or id there."""
    field: str
    """The BC field that refers to it."""
    message: str
    suggestion: Suggestion | None
    why_none: str = ""
    """Why there is no suggestion."""

    @property
    def is_clear(self) -> bool:
        """Whether it is known with whom to couple it, and all that comes before it."""
        return self.suggestion is not None and all(each.is_clear for each in self.suggestion.first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Two records, and what is to be coupled before they may be."""

    seen: SideBySide
    first: tuple[CoupleFirst, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoupledInOrder:
    """What became of a wish to couple two records."""

    pair: Coupled
    parents: tuple[Suggestion, ...]
    """Pairs that were coupled before."""


class ParentsFirstError(RefusedRequestError):
    """Others are to be coupled before the two records; ``errors`` names each."""

    def __init__(self, seen: SideBySide, first: Sequence[CoupleFirst]) -> None:
        every = list(_every(first))
        super().__init__(
            409,
            PARENT_NOT_COUPLED,
            f"{seen.name} and {seen.crm_name} cannot be coupled: {every[0].message}",
            hint=" ".join(dict.fromkeys(map(_advice, every)))
            + (
                " Or couple with with_parents, which does that."
                if all(each.is_clear for each in first)
                else ""
            ),
        )
        others = [each for each in seen.obstacles if each.code != PARENT_NOT_COUPLED]
        self.errors = (
            *({"member": each.field or each.code, "message": each.message} for each in others),
            *map(_fault, every),
        )


class OrderedCoupling:
    """Couples records of one table mapping, and before them those that they refer to."""

    def __init__(
        self,
        mapping: str,
        *,
        open_work: Callable[[str], Work],
        coupling_of: Callable[[str], ManualCoupling],
    ) -> None:
        """``open_work`` opens the services for a table mapping, and may raise; ``coupling_of``
        gives what couples its records."""
        self._mapping = mapping
        self._open_work = open_work
        self._coupling_of = coupling_of

    def compare(self, bc: str, crm: str) -> Compared:
        """Both records side by side, nothing written; raises as ``side_by_side.look``."""
        seen = self._coupling_of(self._mapping).compare(bc, crm)
        return Compared(seen=seen, first=self._before(seen, frozenset()))

    def couple(
        self, bc: str, crm: str, first: First, *, replaces: bool, with_parents: bool
    ) -> CoupledInOrder:
        """Couple two records as ``ManualCoupling.couple`` does, with those before them if wanted.

        Raises as that; ``ParentsFirstError`` where others are to be coupled before. Parents that
        were coupled stay so, whatever becomes of the two.
        """
        parents: dict[str, Suggestion] = {}
        for _ in range(_ROUNDS):
            try:
                pair = self._coupling_of(self._mapping).couple(bc, crm, first, replaces=replaces)
            except NotCoupleableError as refused:
                wanted = self._before(refused.seen, frozenset())
                if not wanted:
                    raise
                if refused.seen.others and not replaces:
                    raise CoupledOtherwiseError(partners_in_words(refused.seen)) from refused
                if not with_parents or not all(each.is_clear for each in wanted):
                    raise ParentsFirstError(refused.seen, wanted) from refused
                parents |= self._couple_all(wanted)
            else:
                return CoupledInOrder(pair=pair, parents=tuple(parents.values()))
        raise RefusedRequestError(
            409,
            PARENT_NOT_COUPLED,
            "What the two records refer to changes while it is coupled.",
            hint="Compare the records again.",
        )

    def _couple_all(self, wanted: Sequence[CoupleFirst]) -> dict[str, Suggestion]:
        """Couple what is suggested, parents before their children, each once."""
        coupled: dict[str, Suggestion] = {}
        for each in wanted:
            pair = each.suggestion
            if pair is None or pair.bc_id in coupled:
                continue
            coupled |= self._couple_all(pair.first)
            by_hand = self._coupling_of(pair.mapping)
            by_hand.couple(pair.bc_id, pair.crm_id, First.NONE, replaces=False)
            coupled[pair.bc_id] = pair
        return coupled

    # What comes first

    def _before(self, seen: SideBySide, path: _Path) -> tuple[CoupleFirst, ...]:
        # Several fields may refer to one record, as an item's do to its unit.
        missing = {
            (each.waits_for, each.ref): each
            for each in reversed(seen.obstacles)
            if each.code == PARENT_NOT_COUPLED
        }
        return tuple(self._parent(seen, each, path) for each in reversed(missing.values()))

    def _parent(self, seen: SideBySide, missing: Obstacle, path: _Path) -> CoupleFirst:
        side = _side_of(seen, missing)
        found, why = self._suggestion(missing, side, path)
        return CoupleFirst(
            mappings=missing.waits_for,
            side=side,
            ref=missing.ref,
            field=missing.field,
            message=missing.message,
            suggestion=found,
            why_none=why,
        )

    def _suggestion(
        self, missing: Obstacle, side: Side, path: _Path
    ) -> tuple[Suggestion | None, str]:
        """The pair to couple first, or why there is none."""
        found, why = list[Suggestion](), list[str]()
        for name in missing.waits_for:
            work = self._open_work(name)
            try:
                pair = _fitting_pair(work, side, missing.ref)
                found.append(self._checked(work, *pair, path))
            except RefusedRequestError as refused:
                why.append(refused.message)
        if len(found) == 1:
            return found[0], ""
        return None, " ".join(why) or f"Records of {' and '.join(missing.waits_for)} fit."

    def _checked(self, work: Work, bc_id: str, crm_id: str, path: _Path) -> Suggestion:
        """The pair with what comes before it; raises ``RefusedRequestError`` where it may not be
        coupled."""
        name = work.mapping.name
        if (name, bc_id, crm_id) in path:
            raise _none(f"{name} {bc_id} is to be coupled before itself.")
        seen = look(work, bc_id, crm_id)
        if _is_to_stay_apart(work, seen):
            raise _none("The record that fits was uncoupled, and has not changed since.")
        others = [each for each in seen.obstacles if each.code != PARENT_NOT_COUPLED]
        if others:
            raise _none(others[0].message)
        return Suggestion(
            mapping=name,
            bc_id=seen.bc_id,
            bc_key=seen.key,
            name=seen.name,
            crm_id=seen.crm_id,
            crm_name=seen.crm_name,
            first=self._before(seen, path | {(name, bc_id, crm_id)}),
        )


def _side_of(seen: SideBySide, missing: Obstacle) -> Side:
    """The system in which the missing record is named so."""
    by_bc = any(
        state.waiting_for and state.mapping.bc == missing.field and str(state.bc) == missing.ref
        for state in seen.states
    )
    return "bc" if by_bc else "crm"


def _fitting_pair(work: Work, side: Side, ref: str) -> tuple[str, str]:
    """Ids of the record and the uncoupled one that alone fits it, as a pass would find it; raises
    ``RefusedRequestError`` where there is none."""
    mapping = work.mapping
    if side == "bc":
        record = find_bc(work, [ref])[ref]
        record_id, name = str(record[mapping.bc.id_field]), mapping.bc.name_of(record)
        changes = Changes(bc={record_id: record})
    else:
        record = find_crm(work, [ref])[ref]
        record_id, name = str(record[mapping.crm.id_column]), _title(work, record)
        changes = Changes(crm={record_id: record})
    for pair in take_changes(work, changes).pairs:
        if record_id != (pair.bc_id if side == "bc" else pair.crm_id):
            continue
        if pair.matched and pair.entry is None:
            # What may still keep the two apart, looking at both tells: part of it hangs on records
            # that are not coupled yet, which a pass takes for a refusal.
            return pair.bc_id, pair.crm_id
        if pair.problem:  # several may fit, or its rule leaves it out
            raise _none(pair.problem.message)
    there = PLACES["crm" if side == "bc" else "bc"]
    raise _none(f"No uncoupled record in {there} fits {name} by the match keys of {mapping.name}.")


def _is_to_stay_apart(work: Work, seen: SideBySide) -> bool:
    """Whether a pass would leave the two alone: taken apart, and as they were then."""
    records = {("bc", seen.bc_id): seen.bc, ("crm", seen.crm_id): seen.crm}
    known = work.outcomes.find(work.mapping.name, records)
    apart = {key: each.content for key, each in known.items() if each.code == UNCOUPLED}
    return bool(apart) and all(
        content_of(work, key[0], records[key]) == content for key, content in apart.items()
    )


def _title(work: Work, record: Record) -> str:
    return str(record.get(work.mapping.crm.title) or "")


def _none(why: str) -> RefusedRequestError:
    return RefusedRequestError(409, "no-suggestion", why)


def _every(first: Sequence[CoupleFirst]) -> Iterator[CoupleFirst]:
    """All that comes first, what comes first of all before the others."""
    for each in first:
        if each.suggestion:
            yield from _every(each.suggestion.first)
        yield each


def _advice(first: CoupleFirst) -> str:
    table, pair = " or ".join(first.mappings), first.suggestion
    if pair is None:
        return f"Couple {table} {first.ref!r} first: {first.why_none}"
    return f"Couple {pair.mapping} {pair.name} with {pair.crm_name} first."


def _fault(first: CoupleFirst) -> dict[str, str]:
    pair = first.suggestion
    told = {"member": first.field, "code": PARENT_NOT_COUPLED}
    told["message"] = f"{first.message} {first.why_none}".strip()
    if pair:
        told |= {"mapping": pair.mapping, "bc_id": pair.bc_id, "crm_id": pair.crm_id}
    return told
