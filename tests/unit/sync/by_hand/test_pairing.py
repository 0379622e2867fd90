"""Coupling a pair leaves the numbers by which passes notice deletions as they must be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync.by_hand.pairing import First
from sync.table_model import TableState
from tests.support.by_hand import coupling_by_hand, drain_passes
from tests.support.table_jobs import SyncWorld, bc_customer, crm_account

CUSTOMERS = [bc_customer(str(number * 10000)) for number in (1, 2, 3)]
NEW, ACCOUNT = bc_customer("90000"), crm_account(9)


@pytest.fixture
def office() -> SyncWorld:
    """Three customers in step with their accounts; a further account is left alone."""
    world = SyncWorld()
    for customer in CUSTOMERS:
        world.bc.put("customers", customer)
    world.synchronize("CUSTOMER")
    world.requests.send("CUSTOMER")
    drain_passes(world)
    world.crm.put("accounts", ACCOUNT)
    return world


def exchange_a_customer(world: SyncWorld) -> None:
    """One is deleted and another one created; the new one is coupled before a pass meets it."""
    world.bc.delete("customers", CUSTOMERS[0]["id"])
    world.bc.put("customers", NEW)
    by_hand = coupling_by_hand(world)
    by_hand.couple(NEW["id"], ACCOUNT["accountid"], First.TO_CRM, replaces=False)


def test_a_record_deleted_before_the_coupling_is_missed_by_the_next_pass(office):
    exchange_a_customer(office)
    drain_passes(office)
    codes = {each.code for each in office.outcome_list("CUSTOMER")}
    assert "deleted-in-bc" in codes


def test_a_comparison_under_way_does_not_end_with_the_number_it_began_with(office):
    held = office.states.acquire("CUSTOMER", "a pass", office.now(), 60)
    assert held.watermarks.bc.total == 3

    def store(state: TableState) -> None:
        office.states.release(state)

    store(replace(held, pending=held.watermarks, pending_of="a pass"))
    exchange_a_customer(office)
    after = office.states.acquire("CUSTOMER", "a pass", office.now(), 60)
    assert after.pending is not None
    assert after.pending.bc == held.watermarks.bc.uncounted()
    assert after.pending_of == "a pass"
