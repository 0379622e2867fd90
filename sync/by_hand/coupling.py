"""Coupling two records because a person says that they are the same.

Everything is read and checked first; then, with the table held (``sync.by_hand.table_hold``), the
pair is coupled (``sync.by_hand.pairing``, which tells what a crash leaves behind).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from couplings.model import Coupling, Side
from couplings.store import CouplingRefusal
from errors import RefusedRequestError
from sync.by_hand.named_records import PLACES
from sync.by_hand.pairing import First, Pairing, Wish
from sync.by_hand.side_by_side import PARENT_NOT_COUPLED, Partner, SideBySide, look
from sync.by_hand.table_hold import TableHold
from sync.hints import HintStore
from sync.journal.journal import ChangeEntry
from sync.mapping import TableMapping
from sync.requests import PassRequests
from sync.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupled:
    """What became of a wish to couple two records."""

    seen: SideBySide
    """Both records as they were."""
    coupling: Coupling
    """Without its base snapshot."""

    @property
    def before(self) -> bool:
        """The two were coupled already."""
        return self.seen.is_coupled

    @property
    def replaced(self) -> tuple[Partner, ...]:
        """The couplings that this one took the place of."""
        return self.seen.others


class NotCoupleableError(RefusedRequestError):
    """Something stands in the way; ``errors`` names all of it."""

    def __init__(self, seen: SideBySide) -> None:
        parents = [each for each in seen.obstacles if each.code == PARENT_NOT_COUPLED]
        first = (parents or list(seen.obstacles))[0]
        super().__init__(
            409,
            PARENT_NOT_COUPLED if parents else "not-coupleable",
            f"{seen.name} and {seen.crm_name} cannot be coupled: {first.message}",
            hint=" ".join(dict.fromkeys(each.hint for each in parents)) if parents else first.hint,
        )
        self.seen = seen
        self.errors = tuple(
            {"member": each.field or each.code, "message": each.message} for each in seen.obstacles
        )


class CoupledOtherwiseError(RefusedRequestError):
    """A record has another partner; ``errors`` names it."""

    def __init__(self, told: Sequence[tuple[str, str]]) -> None:
        """``told``: side and message, as ``partners_in_words`` has them."""
        super().__init__(
            409,
            "coupled-otherwise",
            " ".join(message for _, message in told),
            hint="Uncouple them first, or couple with replace, which gives up the other partner.",
        )
        self.errors = tuple({"member": side, "message": message} for side, message in told)


class ManualCoupling:
    """Couples records of one table mapping of one connection by hand."""

    def __init__(
        self,
        open_work: Callable[[], Work],
        *,
        hold: TableHold,
        hints: HintStore,
        requests: PassRequests,
        entry: ChangeEntry,
        wake_waiting: Callable[[str], None],
        now: Callable[[], datetime],
    ) -> None:
        """``entry``: the change that this is in the journal. ``wake_waiting`` has the records
        looked at that may have waited for those of a mapping. ``open_work`` opens the two services;
        it may raise."""
        self._open_work = open_work
        self._hold = hold
        self._hints = hints
        self._requests = requests
        self._entry = entry
        self._wake_waiting = wake_waiting
        self._now = now

    def compare(self, bc: str, crm: str) -> SideBySide:
        """Both records side by side, nothing written; raises as ``side_by_side.look``."""
        return look(self._open_work(), bc, crm)

    def couple(self, bc: str, crm: str, first: First, *, replaces: bool) -> Coupled:
        """Couple the BC record of that id, number or code with the CRM record of that id.

        Idempotent: a pair that is coupled already takes the choice of a side and is synchronized.
        Of two persons at one record the second one is refused, or replaces what the first one did.

        Raises ``RefusedRequestError``: 404 for records that do not exist; 409 where they may not be
        coupled, have other partners that are not to be replaced, or the table is at work for long;
        422 for a direction that the mapping does not have.
        """
        work = self._open_work()
        check_direction(work.mapping, first)
        seen = _allowed(look(work, bc, crm), replaces=replaces)
        with self._hold(work.mapping.name) as keeper:
            if _partners(work, seen) != [
                each.coupling for each in (seen.of_bc, seen.of_crm) if each
            ]:
                seen = _allowed(look(work, seen.bc_id, seen.crm_id), replaces=replaces)
            pairing = Pairing(work, keeper, hints=self._hints, entry=self._entry, now=self._now)
            coupling = pairing.couple([Wish(seen=seen, first=first)])[seen.bc_id]
            if isinstance(coupling, CouplingRefusal):
                raise CoupledOtherwiseError([("bc", coupling.message)])
            self._requests.want(work.mapping.name)
        self._wake_waiting(work.mapping.name)
        return Coupled(seen=seen, coupling=coupling)


def check_direction(mapping: TableMapping, first: First) -> None:
    """Raises ``RefusedRequestError`` (422) where the table is not synchronized that way."""
    possible = {
        First.TO_CRM: mapping.direction.writes_crm,
        First.FROM_CRM: mapping.direction.writes_bc,
        First.NONE: True,
    }
    if not possible[first]:
        raise RefusedRequestError(
            422,
            "direction-impossible",
            f"{mapping.name} is synchronized in the direction {mapping.direction.value} only.",
            hint=f"Choose {mapping.direction.value} or none.",
        )


def refusal_of(seen: SideBySide, *, replaces: bool) -> RefusedRequestError | None:
    """Why the pair may not be coupled; None where it may, or is coupled already. ``replaces``: its
    other partners may be given up."""
    if seen.obstacles and not seen.is_coupled:
        return NotCoupleableError(seen)
    if seen.others and not replaces:
        return CoupledOtherwiseError(partners_in_words(seen))
    return None


def _allowed(seen: SideBySide, *, replaces: bool) -> SideBySide:
    """The pair, if it may be coupled."""
    if refusal := refusal_of(seen, replaces=replaces):
        raise refusal
    return seen


def partners_in_words(seen: SideBySide) -> list[tuple[str, str]]:
    """Whom the records are coupled with: side and message."""
    told: list[tuple[str, str]] = []
    if seen.of_bc:
        told.append(("bc", f"{seen.name} is coupled with {_shown(seen.of_bc, 'crm')} already."))
    if seen.of_crm:
        told.append(
            ("crm", f"{seen.crm_name} is coupled with {_shown(seen.of_crm, 'bc')} already.")
        )
    return told


def _shown(partner: Partner, side: Side) -> str:
    """A partner by name and id, and whether it is still there."""
    record_id = partner.coupling.crm_id if side == "crm" else partner.coupling.bc_id
    gone = f", which was deleted in {PLACES[side]}," if partner.record is None else ""
    return f"{partner.name} ({record_id}){gone}"


def _partners(work: Work, seen: SideBySide) -> list[Coupling]:
    """The couplings in which the two records stand now."""
    name = work.mapping.name
    of_bc = work.couplings.find_by_bc(name, [seen.bc_id])
    of_crm = work.couplings.find_by_crm(name, [seen.crm_id])
    return [*of_bc.values(), *of_crm.values()]
