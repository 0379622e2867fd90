"""Carrying out one page of wants about the pairs of a held table.

Everything is keyed by the records, so a page that is carried out twice, as after a crash, does no
more than once: a pair that is coupled is found so, a mark is set again, a hint is stored again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from couplings.model import Coupling
from couplings.store import CouplingRefusal
from sync.bulk.judging import judge, refused, replaced_in_words
from sync.bulk.model import Told, ToldState, Want
from sync.by_hand.pairing import Pairing, Wish
from sync.by_hand.parting import Parting
from sync.by_hand.partner_creation import want_partners
from sync.hints import HintStore
from sync.journal.journal import ChangeEntry
from sync.lease_keeper import LeaseKeeper
from sync.outcome_model import RecordKey
from sync.table_model import TableState
from sync.work import Work

_NEXT_PASS = "The next pass does it."  # noqa: S105 - a pass over a table, no password


class WantedPage:
    """Carries out wants about the pairs of one table mapping."""

    def __init__(
        self,
        work: Work,
        table: LeaseKeeper[TableState],
        *,
        hints: HintStore,
        entry: ChangeEntry,
        began: datetime,
        now: Callable[[], datetime],
    ) -> None:
        """``entry``: the change that this is in the journal. ``began``: what was coupled since then
        was coupled by an earlier try."""
        self._work = work
        self._hints = hints
        self._began = began
        self._now = now
        self._pairing = Pairing(work, table, hints=hints, entry=entry, now=now)
        self._parting = Parting(
            work.mapping.name,
            couplings=work.couplings,
            outcomes=work.outcomes,
            hints=hints,
            entry=entry,
            now=now,
        )

    def check(self, wants: Sequence[Want]) -> list[Told]:
        """What would become of the rows; nothing is done."""
        judged = judge(self._work, wants)
        pairs = [
            Told(
                place=want.place,
                state=ToldState.ALREADY if wish.seen.is_coupled else ToldState.FIT,
                replaced=replaced_in_words(wish.seen),
            )
            for want, wish in judged.couple
        ]
        others = [want for want, _ in (*judged.uncouple, *judged.create)]
        return [
            *judged.told,
            *pairs,
            *(Told(place=each.place, state=ToldState.FIT) for each in others),
        ]

    def carry_out(self, wants: Sequence[Want]) -> list[Told]:
        """Do it; returns what became of each row. Raises ``LeaseLostError``, or as the services
        do."""
        judged = judge(self._work, wants)
        return [
            *judged.told,
            *self._couple(judged.couple),
            *self._take_apart(judged.uncouple),
            *self._create(judged.create),
        ]

    def _couple(self, pairs: Sequence[tuple[Want, Wish]]) -> Iterable[Told]:
        if not pairs:
            return []
        became = self._pairing.couple([wish for _, wish in pairs])
        return [self._told(want, wish, became[wish.seen.bc_id]) for want, wish in pairs]

    def _told(self, want: Want, wish: Wish, became: Coupling | CouplingRefusal) -> Told:
        if isinstance(became, CouplingRefusal):
            return refused(want, "coupled-otherwise", became.message)
        before = wish.seen.is_coupled and became.coupled_at < self._began
        return Told(
            place=want.place,
            state=ToldState.ALREADY if before else ToldState.COUPLED,
            replaced=replaced_in_words(wish.seen),
        )

    def _take_apart(self, pairs: Sequence[tuple[Want, Coupling]]) -> Iterable[Told]:
        self._parting.mark([coupling for _, coupling in pairs])
        return [_asked(want) for want, _ in pairs]

    def _create(self, partnerless: Sequence[tuple[Want, RecordKey]]) -> Iterable[Told]:
        keys = [key for _, key in partnerless]
        want_partners(self._hints, self._work.mapping.name, keys, self._now())
        return [_asked(want) for want, _ in partnerless]


def _asked(want: Want) -> Told:
    return Told(place=want.place, state=ToldState.ASKED, message=_NEXT_PASS)
