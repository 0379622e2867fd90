"""Carrying out one page of wants about the pairs of a held table.

Everything is keyed by the records, so a page that is carried out twice, as after a crash, does no
more than once: a pair that is coupled is found so, a mark is set again, a hint is stored again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from couplings.model import Coupling, Side
from couplings.store import CouplingRefusal
from sync.bulk.judging import judge, replaced_in_words
from sync.bulk.model import Action, Told, ToldState, Want
from sync.by_hand.named_records import PLACES
from sync.by_hand.pairing import Pairing
from sync.by_hand.parting import Parting
from sync.by_hand.partner_creation import want_partners
from sync.hints import HintStore
from sync.lease_keeper import LeaseKeeper
from sync.table_model import TableState
from sync.work import Work

_BY_ITSELF = "The next pass does it."


class WantedPage:
    """Carries out wants about the pairs of one table mapping."""

    def __init__(
        self,
        work: Work,
        table: LeaseKeeper[TableState],
        *,
        hints: HintStore,
        now: Callable[[], datetime],
    ) -> None:
        self._work = work
        self._hints = hints
        self._now = now
        self._pairing = Pairing(work, table, hints=hints, now=now)
        self._parting = Parting(
            work.mapping.name,
            couplings=work.couplings,
            outcomes=work.outcomes,
            hints=hints,
            now=now,
        )

    def check(self, wants: Sequence[Want]) -> list[Told]:
        """What would become of the rows; nothing is done."""
        judged = judge(self._work, _of(Action.COUPLE, wants))
        fit = [
            Told(
                place=want.place,
                state=ToldState.ALREADY if wish.seen.is_coupled else ToldState.FIT,
                replaced=replaced_in_words(wish.seen),
            )
            for want, wish in judged.wishes
        ]
        others = [
            Told(place=each.place, state=ToldState.FIT)
            for each in wants
            if each.action is not Action.COUPLE
        ]
        return [*judged.refused, *fit, *others]

    def carry_out(self, wants: Sequence[Want]) -> list[Told]:
        """Do it; returns what became of each row. Raises ``LeaseLostError``, or as the services
        do."""
        told = self._couple(_of(Action.COUPLE, wants))
        told += self._take_apart(_of(Action.UNCOUPLE, wants))
        told += self._create("crm", _of(Action.CREATE_IN_CRM, wants))
        told += self._create("bc", _of(Action.CREATE_IN_BC, wants))
        return told

    def _couple(self, wants: Sequence[Want]) -> list[Told]:
        if not wants:
            return []
        judged = judge(self._work, wants)
        became = self._pairing.couple([wish for _, wish in judged.wishes])
        told = list(judged.refused)
        for want, wish in judged.wishes:
            result = became[want.bc_id]
            if isinstance(result, CouplingRefusal):
                told.append(_refused(want, "coupled-otherwise", result.message))
            elif result.crm_id != want.crm_id:
                told.append(_refused(want, "named-twice", _named_twice(want, result)))
            else:
                told.append(
                    Told(
                        place=want.place,
                        state=ToldState.ALREADY if wish.seen.is_coupled else ToldState.COUPLED,
                        replaced=replaced_in_words(wish.seen),
                    )
                )
        return told

    def _take_apart(self, wants: Sequence[Want]) -> list[Told]:
        name = self._work.mapping.name
        found = self._work.couplings.find_by_bc(name, [each.bc_id for each in wants])
        marked: list[Coupling] = []
        told: list[Told] = []
        for want in wants:
            coupling = found.get(want.bc_id)
            if coupling is None:
                told.append(Told(place=want.place, state=ToldState.ALREADY))
            elif want.crm_id not in ("", coupling.crm_id):
                message = f"{coupling.name} is coupled with {coupling.crm_id} by now."
                told.append(_refused(want, "coupled-otherwise", message))
            else:
                marked.append(coupling)
                told.append(_asked(want))
        self._parting.mark(marked)
        return told

    def _create(self, side: Side, wants: Sequence[Want]) -> list[Told]:
        """Have records of the other side get partners on this one."""
        mapping = self._work.mapping
        if not (mapping.creates_in_crm if side == "crm" else mapping.creates_in_bc):
            message = f"{mapping.name} creates no records in {PLACES[side]}."
            return [_refused(each, "creates-none", message) for each in wants]
        keys = {each.place: _met(each) for each in wants}
        coupled = self._coupled(keys.values())
        free = [each for each in wants if keys[each.place] not in coupled]
        want_partners(self._hints, mapping.name, [keys[each.place] for each in free], self._now())
        already = [each for each in wants if keys[each.place] in coupled]
        return [
            *(Told(place=each.place, state=ToldState.ALREADY) for each in already),
            *(_asked(each) for each in free),
        ]

    def _coupled(self, keys: Iterable[tuple[Side, str]]) -> set[tuple[Side, str]]:
        name, ids = self._work.mapping.name, list(keys)
        by_bc = self._work.couplings.find_by_bc(name, [each for side, each in ids if side == "bc"])
        by_crm = self._work.couplings.find_by_crm(
            name, [each for side, each in ids if side == "crm"]
        )
        return {*(("bc", each) for each in by_bc), *(("crm", each) for each in by_crm)}


def _of(action: Action, wants: Sequence[Want]) -> list[Want]:
    return [each for each in wants if each.action is action]


def _met(want: Want) -> tuple[Side, str]:
    """The record that is to have a partner."""
    return ("bc", want.bc_id) if want.action is Action.CREATE_IN_CRM else ("crm", want.crm_id)


def _asked(want: Want) -> Told:
    return Told(place=want.place, state=ToldState.ASKED, message=_BY_ITSELF)


def _named_twice(want: Want, coupling: Coupling) -> str:
    return (
        f"{coupling.name} is to be coupled with {want.crm_id} and with {coupling.crm_id}: "
        "the list names it twice."
    )


def _refused(want: Want, code: str, message: str) -> Told:
    return Told(place=want.place, state=ToldState.REFUSED, code=code, message=message)
