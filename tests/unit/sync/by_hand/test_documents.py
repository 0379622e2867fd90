"""Coupling by hand as the API shows it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sync.by_hand.documents import (
    compared_document,
    coupled_document,
    possible_firsts,
    uncoupling_document,
)
from sync.by_hand.order import CoupledInOrder
from sync.by_hand.pair_requests import Selection
from sync.by_hand.pairing import First
from sync.catalog import DEFAULT_CATALOG
from tests.support.by_hand import coupling_by_hand, coupling_in_order, drain_passes, pair_requests
from tests.support.table_jobs import SyncWorld, bc_customer, crm_account

CUSTOMER = DEFAULT_CATALOG.named("CUSTOMER")
ONE, TWO = bc_customer("10000"), bc_customer("20000")
ACCOUNT, OTHER = crm_account(1), crm_account(2)


@pytest.fixture
def world() -> SyncWorld:
    made = SyncWorld()
    for customer in (ONE, TWO):
        made.bc.put("customers", customer)
    for account in (ACCOUNT, OTHER):
        made.crm.put("accounts", account)
    return made


def couple(world: SyncWorld, bc: str, crm: str, *, replaces: bool = False) -> CoupledInOrder:
    return coupling_in_order(world).couple(
        bc, crm, First.NONE, replaces=replaces, with_parents=False
    )


@pytest.mark.parametrize(
    ("mapping", "before", "after"),
    [
        ("CUSTOMER", ["to_crm", "from_crm", "none"], ["none", "to_crm", "from_crm"]),
        ("ITEM-PRODUCT", ["to_crm", "from_crm", "none"], ["none", "to_crm", "from_crm"]),
        ("RESOURCE-PRODUCT", ["to_crm", "none"], ["none", "to_crm"]),
        ("SALESPEOPLE", ["from_crm", "none"], ["none", "from_crm"]),
    ],
)
def test_only_directions_of_the_table_may_be_chosen_and_the_usual_one_is_first(
    world, mapping, before, after
):
    table = DEFAULT_CATALOG.named(mapping)
    assert firsts(possible_firsts(table, coupling_by_hand(world).compare(*PAIR))) == before
    couple(world, *PAIR)
    assert firsts(possible_firsts(table, coupling_by_hand(world).compare(*PAIR))) == after


PAIR = ("10000", ACCOUNT["accountid"])


def firsts(chosen: Sequence[First]) -> list[str]:
    return [each.value for each in chosen]


def test_a_partner_that_is_gone_is_named_and_marked(world):
    couple(world, "10000", OTHER["accountid"])
    world.crm.delete("accounts", OTHER["accountid"])
    shown = compared_document(CUSTOMER, coupling_in_order(world).compare(*PAIR))
    assert shown["bc"]["coupled_with"] == {
        "bc_id": ONE["id"],
        "crm_id": OTHER["accountid"],
        "name": OTHER["accountid"],
        "gone": True,
    }
    assert (shown["crm"]["coupled_with"], shown["coupled"]) == (None, False)


def test_what_was_replaced_is_told(world):
    couple(world, "10000", OTHER["accountid"])
    couple(world, "20000", ACCOUNT["accountid"])
    done = coupled_document(couple(world, *PAIR, replaces=True))
    assert (done["coupled_before"], done["parents"]) == (False, [])
    replaced = {(each["bc_id"], each["crm_id"]): each for each in done["replaced"]}
    assert set(replaced) == {(ONE["id"], OTHER["accountid"]), (TWO["id"], ACCOUNT["accountid"])}
    assert {each["name"] for each in done["replaced"]} == {"Account 2", "20000 Customer 20000"}
    assert done["coupling"]["crm_id"] == ACCOUNT["accountid"]


def test_a_preview_shows_some_of_many_and_counts_all(world):
    for number in range(40):
        world.bc.put("customers", bc_customer(str(30000 + number)))
    world.synchronize("CUSTOMER")
    drain_passes(world)
    meant = pair_requests(world).preview_uncoupling(Selection(everything=True))
    shown = uncoupling_document(meant)
    assert (shown["pairs"], len(shown["examples"]), shown["dependents"]) == (
        meant.pairs,
        20,
        [],
    )
    assert meant.pairs >= 40
