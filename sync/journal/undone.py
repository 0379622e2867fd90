"""The wants of undoing a change: the pairs of its entry the other way round.

A pair that is not as the change left it belongs to somebody else by now: nothing of it is given up,
and where a record that is needed is coupled otherwise the row is refused, in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from couplings.model import Coupling
from couplings.store import CouplingStore
from sync.bulk.model import Action, Told, ToldState, Want
from sync.journal.journal import CouplingJournal
from sync.journal.model import ChangeAction, FormerPair, JournalPair, Undone, UndoState

_MOST_OF_A_PAIR = 2
"""A coupling takes the place of one on either side."""

_STATES = {
    ToldState.FIT: UndoState.ALREADY,
    ToldState.COUPLED: UndoState.UNDONE,
    ToldState.ALREADY: UndoState.ALREADY,
    ToldState.ASKED: UndoState.ASKED,
    ToldState.REFUSED: UndoState.REFUSED,
}


class UndoneList:
    """What is to be done to undo a change, as far as it is about one table mapping."""

    strict = False
    check_only = False

    def __init__(
        self, journal: CouplingJournal, couplings: CouplingStore, mapping: str, change_id: str
    ) -> None:
        self._journal = journal
        self._couplings = couplings
        self._mapping = mapping
        self._change_id = change_id

    def count(self) -> int | None:
        return self._journal.count(self._change_id, self._mapping)

    def page(self, after: str, limit: int) -> Sequence[Want]:
        # A pair may be two rows, and a page never ends between them.
        pairs = self._journal.pairs_after(
            self._change_id, self._mapping, _bc_id(after), max(1, limit // _MOST_OF_A_PAIR)
        )
        now = self._present(pairs)
        return [want for pair in pairs for want in wants_of(pair, now)]

    def _present(self, pairs: Sequence[JournalPair]) -> list[Coupling]:
        """The couplings in which records of these pairs stand now, or stood before."""
        known = [(each.bc_id, each.crm_id) for each in pairs]
        known += [(each.bc_id, each.crm_id) for pair in pairs for each in pair.replaced]
        of_bc = self._couplings.find_by_bc(self._mapping, {bc_id for bc_id, _ in known})
        of_crm = self._couplings.find_by_crm(self._mapping, {crm_id for _, crm_id in known})
        return [*of_bc.values(), *of_crm.values()]

    def tell(self, told: Sequence[Told]) -> None:
        # Of a pair's two rows the one that was refused is what a person has to know of.
        in_order = sorted(told, key=lambda each: each.state is ToldState.REFUSED)
        undone = [
            Undone(
                bc_id=_bc_id(each.place),
                state=_STATES[each.state],
                code=each.code,
                message=each.message,
                hint=each.hint,
            )
            for each in in_order
        ]
        self._journal.tell_undone(self._change_id, self._mapping, undone)


def wants_of(pair: JournalPair, present: Iterable[Coupling]) -> list[Want]:
    """What undoes the change of a pair. ``present``: couplings, those of its records among them."""
    if pair.action is not ChangeAction.REPLACED:
        was_coupled = pair.action is ChangeAction.COUPLED
        return [
            Want(
                place=_place(pair, 0),
                action=Action.UNCOUPLE if was_coupled else Action.COUPLE,
                bc_id=pair.bc_id,
                crm_id=pair.crm_id,
            )
        ]
    return [
        Want(
            place=_place(pair, number),
            action=Action.COUPLE,
            bc_id=former.bc_id,
            crm_id=former.crm_id,
            replaces=_only_this_is_given_up(pair, former, present),
        )
        for number, former in enumerate(pair.replaced)
    ]


def _only_this_is_given_up(
    pair: JournalPair, former: FormerPair, present: Iterable[Coupling]
) -> bool:
    """Whether the former pair's records have no other partners than those of the change."""
    ids = {(each.bc_id, each.crm_id) for each in present}
    in_the_way = {each for each in ids if (each[0] == former.bc_id) != (each[1] == former.crm_id)}
    return in_the_way <= {(pair.bc_id, pair.crm_id)}


def _place(pair: JournalPair, number: int) -> str:
    return f"{pair.bc_id}.{number}"


def _bc_id(place: str) -> str:
    return place.rpartition(".")[0]
