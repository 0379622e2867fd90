"""The journal of coupling changes, and undoing what is in it."""

from __future__ import annotations

import pytest

from errors import RefusedRequestError
from sync.bulk import line
from sync.bulk.model import ToldState
from sync.by_hand.pair_requests import Selection
from sync.by_hand.pairing import First
from sync.journal.model import BY_HAND, ChangeAction, Entry, UndoState
from sync.journal.undone import UndoneList
from tests.support.bulk import ListInMemory, carry_out
from tests.support.by_hand import coupling_by_hand, pair_requests
from tests.support.journal import journal_of
from tests.support.table_jobs import SyncWorld
from tests.unit.sync.bulk.office import (
    bc,
    couple,
    couple_by_hand,
    crm,
    fill,
    follow,
    pairs,
)

CUSTOMER = "CUSTOMER"


@pytest.fixture
def office() -> SyncWorld:
    world = SyncWorld()
    fill(world, 4)
    return world


def changes(world: SyncWorld) -> list[Entry]:
    """The latest first."""
    page = journal_of(world).list_page(mapping=None, by=None, limit=100, continuation=None)
    return page.entries


def undo(world: SyncWorld, entry: Entry) -> dict[str, tuple[UndoState, str]]:
    """What became of each pair: state and code."""
    journal, change_id = journal_of(world), entry.change.change_id
    carry_out(world, UndoneList(journal, world.couplings, CUSTOMER, change_id))
    follow(world)
    told = journal.list_pairs(change_id, CUSTOMER, limit=100, continuation=None).pairs
    return {each.pair.bc_id: (each.undone.state, each.undone.code) for each in told if each.undone}


def recouple(world: SyncWorld, number: int, crm_number: int) -> None:
    by_hand = coupling_by_hand(world)
    by_hand.couple(bc(number), crm(crm_number), First.NONE, replaces=True)


def test_what_is_coupled_by_hand_is_entered_and_undone(office):
    couple_by_hand(office, 1, 1)
    [entry] = changes(office)
    assert (entry.change.origin, entry.example.action) == (BY_HAND, ChangeAction.COUPLED)
    assert undo(office, entry) == {bc(1): (UndoState.ASKED, "")}
    assert pairs(office) == {}


def test_what_is_coupled_already_is_no_change(office):
    couple_by_hand(office, 1, 1)
    couple_by_hand(office, 1, 1)
    assert len(changes(office)) == 1


def test_a_replacement_names_both_former_pairs_and_undoing_brings_them_back(office):
    couple_by_hand(office, 1, 1)
    couple_by_hand(office, 2, 2)
    recouple(office, 1, 2)
    latest = changes(office)[0]
    assert latest.example.action is ChangeAction.REPLACED
    former = {(each.bc_id, each.crm_id) for each in latest.example.replaced}
    assert former == {(bc(1), crm(1)), (bc(2), crm(2))}
    assert undo(office, latest) == {bc(1): (UndoState.UNDONE, "")}
    assert pairs(office) == {bc(1): crm(1), bc(2): crm(2)}


def test_undoing_a_replacement_gives_up_nothing_that_somebody_coupled_since(office):
    couple_by_hand(office, 1, 1)
    recouple(office, 1, 2)
    replacement = changes(office)[0]
    couple_by_hand(office, 3, 1)
    assert undo(office, replacement) == {bc(1): (UndoState.REFUSED, "coupled-otherwise")}
    assert pairs(office) == {bc(1): crm(2), bc(3): crm(1)}


def test_undoing_a_coupling_leaves_another_partner_that_the_record_got_since(office):
    couple_by_hand(office, 1, 1)
    [coupling] = changes(office)
    recouple(office, 1, 2)
    assert undo(office, coupling) == {bc(1): (UndoState.REFUSED, "coupled-otherwise")}
    assert pairs(office) == {bc(1): crm(2)}


def test_what_was_taken_apart_is_coupled_again(office):
    couple_by_hand(office, 1, 1)
    pair_requests(office).uncouple(Selection(bc=[bc(1)]))
    follow(office)
    assert pairs(office) == {}
    latest = changes(office)[0]
    assert latest.example.action is ChangeAction.UNCOUPLED
    assert undo(office, latest) == {bc(1): (UndoState.UNDONE, "")}
    assert pairs(office) == {bc(1): crm(1)}


def test_a_pair_whose_record_is_gone_is_told_and_the_others_are_undone(office):
    couple_by_hand(office, 1, 1)
    couple_by_hand(office, 2, 2)
    pair_requests(office).uncouple(Selection(bc=[bc(1), bc(2)]))
    follow(office)
    office.crm.tables["accounts"].pop(crm(1))
    latest = changes(office)[0]
    assert undo(office, latest) == {
        bc(1): (UndoState.REFUSED, "record-unknown"),
        bc(2): (UndoState.UNDONE, ""),
    }


def test_undoing_twice_finds_all_as_it_was_and_changes_nothing(office):
    couple_by_hand(office, 1, 1)
    [entry] = changes(office)
    undo(office, entry)
    assert pairs(office) == {}
    assert undo(office, entry) == {bc(1): (UndoState.ALREADY, "")}
    assert len(changes(office)) == 2


def test_an_undoing_is_a_change_that_can_be_undone(office):
    couple_by_hand(office, 1, 1)
    pair_requests(office).uncouple(Selection(bc=[bc(1)]))
    follow(office)
    undo(office, changes(office)[0])
    undo(office, changes(office)[0])
    assert pairs(office) == {}


def test_a_run_about_many_pairs_is_one_change_and_undone_as_one(office, monkeypatch):
    monkeypatch.setattr(line, "PAGE_SIZE", 2)
    wants = ListInMemory([couple(str(n), n, n) for n in (1, 2, 3, 4)])
    carry_out(office, wants)
    assert set(wants.states.values()) == {ToldState.COUPLED}
    [entry] = changes(office)
    assert journal_of(office).count(entry.change.change_id, CUSTOMER) == 4
    assert set(undo(office, entry).values()) == {(UndoState.ASKED, "")}
    assert pairs(office) == {}


def test_a_change_that_nobody_made_is_unknown(office):
    with pytest.raises(RefusedRequestError) as refused:
        journal_of(office).entries("0" * 32)
    assert refused.value.status == 404
