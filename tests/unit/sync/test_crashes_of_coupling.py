"""A process that dies at any point of coupling by hand leaves nothing that spoils the records.

Each scenario is repeated once for every point: just before and just after each storage request
that writes, and each message.
"""

from __future__ import annotations

from functools import partial
from itertools import count

import pytest

from sync.by_hand.pairing import First
from sync.journal.undone import UndoneList
from tests.support.bulk import carry_out
from tests.support.by_hand import coupling_by_hand
from tests.support.crashes import CrashingWorld
from tests.support.journal import journal_of
from tests.support.table_jobs import bc_customer, crm_account

CUSTOMER, OTHER = bc_customer("10000"), bc_customer("20000")
ACCOUNT, RIVAL = crm_account(1), crm_account(2)


def couple(world: CrashingWorld) -> None:
    coupling_by_hand(world).couple("10000", ACCOUNT["accountid"], First.TO_CRM, replaces=True)


def office(*, across: bool) -> CrashingWorld:
    """Two customers and two accounts: uncoupled, or each with the other's."""
    world = CrashingWorld()
    world.points.counts = False
    for customer in (CUSTOMER, OTHER):
        world.bc.put("customers", customer | {"phoneNumber": customer["number"]})
    for number, account in enumerate((ACCOUNT, RIVAL)):
        world.crm.put("accounts", account | {"telephone1": str(number)})
    if across:
        by_hand = coupling_by_hand(world)
        for bc, crm in (("10000", RIVAL), ("20000", ACCOUNT)):
            by_hand.couple(bc, crm["accountid"], First.TO_CRM, replaces=False)
        world.synchronize_although_processes_die("CUSTOMER")
        world.pass_although_processes_die()
    return world


def phones(world: CrashingWorld) -> list[str]:
    tables = world.bc.tables["customers"], world.crm.tables["accounts"]
    return [
        tables[0][CUSTOMER["id"]]["phoneNumber"],
        tables[1][ACCOUNT["accountid"]]["telephone1"],
    ]


def sizes(world: CrashingWorld) -> tuple[int, int]:
    return len(world.bc.tables["customers"]), len(world.crm.tables["accounts"])


def settle(world: CrashingWorld) -> None:
    """Everything that comes by itself, whole comparisons included."""
    world.points.counts = False
    world.pass_although_processes_die()
    world.synchronize_although_processes_die("CUSTOMER")
    world.pass_although_processes_die()


def is_coupled(world: CrashingWorld) -> bool:
    assert list(world.couplings.halves("CUSTOMER")) == []
    pairs = {(each.bc_id, each.crm_id) for each in world.couplings.scan("CUSTOMER")}
    return (CUSTOMER["id"], ACCOUNT["accountid"]) in pairs


@pytest.mark.parametrize("across", [False, True], ids=["uncoupled", "replacing"])
def test_who_asks_again_after_a_crash_gets_what_was_wanted(across):
    for dies_at in count():
        world = office(across=across)
        world.points.begin(dies_at)
        survived = world.survives(partial(couple, world))
        if not survived:
            couple(world)
        settle(world)
        assert is_coupled(world), dies_at
        assert phones(world) == ["10000", "10000"], dies_at
        # Without partners the others get new ones; those whose partner was taken do not.
        assert sizes(world) == ((2, 2) if across else (3, 3)), dies_at
        if survived:
            return


@pytest.mark.parametrize("across", [False, True], ids=["uncoupled", "replacing"])
def test_where_nobody_asks_again_nothing_is_overwritten_that_was_not_chosen(across):
    before = ["10000", "20000" if across else "0"]
    for dies_at in count():
        world = office(across=across)
        world.points.begin(dies_at)
        survived = world.survives(partial(couple, world))
        settle(world)
        assert phones(world) in (before, ["10000", "10000"]), dies_at
        if is_coupled(world):
            assert sizes(world) == ((2, 2) if across else (3, 3)), dies_at
        else:
            assert phones(world) == before, dies_at
            assert sizes(world) == ((2, 2) if across else (4, 4)), dies_at
        if survived:
            return


def pairs(world: CrashingWorld) -> set[tuple[str, str]]:
    return {(each.bc_id, each.crm_id) for each in world.couplings.scan("CUSTOMER")}


def undo_all(world: CrashingWorld, before: int) -> None:
    """Undo every change but for the first so many, the latest first."""
    journal = journal_of(world)
    page = journal.list_page(mapping=None, by=None, limit=100, continuation=None)
    for entry in page.entries[: len(page.entries) - before]:
        change_id = entry.change.change_id
        carry_out(world, UndoneList(journal, world.couplings, "CUSTOMER", change_id))
        world.pass_although_processes_die()


@pytest.mark.parametrize("asks_again", [False, True], ids=["given up", "asked again"])
@pytest.mark.parametrize("across", [False, True], ids=["uncoupled", "replacing"])
def test_undoing_what_a_crash_left_in_the_journal_brings_back_what_was(across, asks_again):
    """Whether the entry's pair came to be coupled or not: nobody who undoes can tell."""
    for dies_at in count():
        world = office(across=across)
        known = pairs(world)
        entered = len(
            journal_of(world).list_page(mapping=None, by=None, limit=100, continuation=None).entries
        )
        world.points.begin(dies_at)
        survived = world.survives(partial(couple, world))
        if asks_again and not survived:
            couple(world)
        world.points.counts = False
        undo_all(world, entered)
        assert pairs(world) == known, dies_at
        assert list(world.couplings.halves("CUSTOMER")) == [], dies_at
        if survived:
            return
