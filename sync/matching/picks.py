"""A person picks which of several records, or of two that look alike, are the same.

Only what a match offers can be picked: two records of one ambiguous group, or a proposal. Any
other two are coupled one at a time (``sync.by_hand``), where both are shown side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from couplings.model import Side
from errors import RefusedRequestError
from sync.matching.model import Candidate, Pick, Result, RowState
from sync.matching.store import MatchStore

_DONE = (RowState.COUPLED, RowState.ALREADY)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedPick:
    """Two records that are to be the same; without one of them, the other's pick is taken back."""

    bc_id: str = ""
    crm_id: str = ""


class Picks:
    """The picks of one result."""

    def __init__(
        self, store: MatchStore, result: Result, *, by: str, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._result = result
        self._by = by
        self._now = now

    def pick(self, wanted: Sequence[WantedPick]) -> int:
        """Store picks, and take some back; how many there are of the result then. Idempotent.

        Nothing is stored unless all of them may be; where somebody else picks at the same time,
        those before the refused one are. Raises ``RefusedRequestError``: 409 where the records are
        no candidates for each other, one is picked with another one, or is coupled by now; 422
        where a pick names no record at all.
        """
        for each in wanted:
            if not each.bc_id and not each.crm_id:
                raise RefusedRequestError(
                    422, "pick-unclear", "A pick names a record of either side, or of both."
                )
        taken_back = [each for each in wanted if not each.bc_id or not each.crm_id]
        stored = [pick for each in taken_back if (pick := self._stored(each))]
        for pick in stored:
            _require_open(pick)
        picks = [self._allowed(each) for each in wanted if each.bc_id and each.crm_id]
        _require_apart(picks)
        freed = {(pick.bc_id, pick.crm_id) for pick in stored}
        for pick in picks:
            self._require_free(pick, freed)
        for pick in stored:
            self._store.take_back(self._result, pick)
        for pick in picks:
            held = self._store.pick(self._result, pick)
            if held:
                raise _picked_otherwise(held, pick)
        return sum(1 for _ in self._store.picks(self._result))

    def _stored(self, wanted: WantedPick) -> Pick | None:
        if wanted.bc_id:
            return self._store.find_pick(self._result, "bc", wanted.bc_id)
        return self._store.find_pick(self._result, "crm", wanted.crm_id)

    def _allowed(self, wanted: WantedPick) -> Pick:
        """The pick with the records' names, if a row offers it."""
        found = self._offered(wanted)
        if found is None:
            raise RefusedRequestError(
                409,
                "no-candidate",
                f"{wanted.bc_id} and {wanted.crm_id} are no candidates for each other in the last "
                f"match of {self._result.mapping}.",
                hint="Pick two records of one ambiguous group, or a proposal; couple any others "
                "one at a time.",
            )
        of_bc, of_crm = found
        return Pick(
            bc_id=wanted.bc_id,
            crm_id=wanted.crm_id,
            bc_name=_name(of_bc),
            crm_name=_name(of_crm),
            by=self._by,
            picked_at=self._now(),
        )

    def _offered(self, wanted: WantedPick) -> tuple[Candidate, Candidate] | None:
        """How the two are shown in a row that both are in."""
        of_bc = self._store.memberships(self._result, "bc", wanted.bc_id)
        of_crm = self._store.memberships(self._result, "crm", wanted.crm_id)
        return next(((of_bc[each], of_crm[each]) for each in of_bc if each in of_crm), None)

    def _require_free(self, pick: Pick, freed: set[tuple[str, str]]) -> None:
        sides: tuple[tuple[Side, str], ...] = (("bc", pick.bc_id), ("crm", pick.crm_id))
        for side, record_id in sides:
            held = self._store.find_pick(self._result, side, record_id)
            if held is None or (held.bc_id, held.crm_id) in freed | {(pick.bc_id, pick.crm_id)}:
                continue
            raise _picked_otherwise(held, pick)


def _require_open(pick: Pick) -> None:
    if pick.fate.state in _DONE:
        raise RefusedRequestError(
            409,
            "pick-coupled",
            f"{pick.bc_name} and {pick.crm_name} were picked and are coupled by now.",
            hint="Uncouple them.",
        )


def _require_apart(picks: Sequence[Pick]) -> None:
    """Raise where the same record is in two of the wanted picks."""
    of_record: dict[tuple[Side, str], Pick] = {}
    for pick in picks:
        for key in (("bc", pick.bc_id), ("crm", pick.crm_id)):
            held = of_record.setdefault(key, pick)
            if (held.bc_id, held.crm_id) != (pick.bc_id, pick.crm_id):
                raise _picked_otherwise(held, pick)


def _picked_otherwise(held: Pick, wanted: Pick) -> RefusedRequestError:
    which = wanted.bc_name if held.bc_id == wanted.bc_id else wanted.crm_name
    return RefusedRequestError(
        409,
        "picked-otherwise",
        f"{which} is picked already: {held.bc_name} ({held.bc_id}) with {held.crm_name} "
        f"({held.crm_id}), by {held.by}.",
        hint="Take that pick back first.",
    )


def _name(shown: Candidate) -> str:
    return " ".join(text for text in (shown.number, shown.name) if text) or shown.record_id
