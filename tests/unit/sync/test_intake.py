"""Which pair each record belongs to, and which need no further look."""

from __future__ import annotations

from typing import Any

import pytest

from sync.catalog import DEFAULT_CATALOG
from sync.crm_index import CrmIndex, build_index
from sync.intake import expect_partner, take_bc_page, take_crm_records
from sync.jobs import RunKind
from sync.mapping import TableMapping
from sync.outcomes import OutcomeKind
from sync.pair import Action, Pair
from sync.work import Work
from tests.support.table_jobs import SyncWorld, bc_customer, bc_price, crm_account

GROUP_PRICE = "Customer_x0020_Price_x0020_Group"


@pytest.fixture
def world() -> SyncWorld:
    return SyncWorld()


def opened(world: SyncWorld, mapping: TableMapping | str = "CUSTOMER") -> tuple[Work, CrmIndex]:
    """A slice that begins now, outside of any run."""
    found = DEFAULT_CATALOG.named(mapping) if isinstance(mapping, str) else mapping
    run = world.jobs.latest_run(RunKind.FULL_SYNC) or world.start(found.name)
    work = world.work(found, run)
    return work, build_index(work)


def take(world: SyncWorld, *records: dict[str, Any], mapping: str = "CUSTOMER") -> list[Pair]:
    return take_bc_page(*opened(world, mapping), records)


def test_an_unknown_record_is_to_be_created_under_the_id_that_follows_from_its_own(world):
    customer = bc_customer("10000")
    (pair,) = take(world, customer)
    assert (pair.bc_id, pair.crm, pair.settled) == (customer["id"], None, False)
    assert pair.crm_id == world.ids().of("CUSTOMER", "bc", customer["id"])
    assert (pair.key, pair.name) == ("10000", "10000 Customer 10000")


def test_a_record_that_fits_one_of_crm_comes_with_its_partner(world):
    account = world.crm.put("accounts", crm_account(7, accountnumber="10000"))
    (pair,) = take(world, bc_customer("10000"))
    assert (pair.crm_id, pair.matched, pair.first_time) == (account["accountid"], True, True)
    assert pair.crm == account


def test_what_did_not_change_is_neither_read_nor_looked_at_again(world):
    customer = world.bc.put("customers", bc_customer("10000"))
    for _ in range(2):
        world.synchronize("CUSTOMER")
    read: list[str] = []
    fetch_many = world.crm.fetch_many

    def watched(table: str, key: str, ids: list[str], select: Any) -> Any:
        read.extend(ids)
        return fetch_many(table, key, ids, select)

    world.crm.fetch_many = watched
    (pair,) = take(world, dict(customer))
    assert pair.settled
    assert pair.actions == {"crm": Action.UNCHANGED}
    assert read == []


@pytest.mark.parametrize("changed", ["bc", "crm"])
def test_what_changed_on_either_side_comes_with_its_partner_and_base(world, changed):
    customer = world.bc.put("customers", bc_customer("10000"))
    for _ in range(2):
        world.synchronize("CUSTOMER")
    (account,) = world.crm.tables["accounts"].values()
    if changed == "bc":
        customer = world.bc.put("customers", {"id": customer["id"], "city": "York"})
    else:
        world.crm.put("accounts", {"accountid": account["accountid"], "address1_city": "York"})
    (pair,) = take(world, dict(customer))
    assert not pair.settled
    assert pair.crm
    assert pair.base
    assert pair.base.bc["city"] == "London"


def test_records_outside_the_mapping_s_scope_make_no_pair(world):
    world.references.unit_of_item["1000"] = "PCS"
    everyone = bc_price(1, Sales_Type="All_x0020_Customers")
    pairs = take(world, everyone, bc_price(2), mapping="SALESPRC-PRODPRICE")
    assert [pair.bc_id for pair in pairs] == [bc_price(2)["SystemId"]]


def test_a_record_that_a_one_way_table_does_not_create_is_no_problem(world):
    person = {"id": "s", "code": "JO", "displayName": "Jim", "email": "", "phoneNo": ""}
    (pair,) = take(world, person, mapping="SALESPEOPLE")
    assert pair.settled
    assert pair.problem is None


@pytest.mark.parametrize("known_by", ["its customer", "its account"])
def test_what_an_earlier_attempt_made_is_known_by_its_id_among_twins(world, known_by):
    customer = bc_customer("10000", displayName="Branch")
    account = crm_account(7, name="Branch")
    if known_by == "its customer":
        account["accountid"] = world.ids().of("CUSTOMER", "bc", customer["id"])
    else:
        customer["id"] = world.ids().of("CUSTOMER", "crm", account["accountid"])
    twin = bc_customer("20000", displayName="Branch")
    world.crm.put("accounts", account)
    first, second = take(world, twin, customer)
    assert (second.crm_id, second.matched) == (account["accountid"], True)
    assert (first.matched, first.problem) == (False, None)


def test_claims_of_earlier_slices_are_known_again_and_change_nothing(world):
    world.crm.put("accounts", crm_account(7, accountnumber="10000"))
    for number in (8, 9):
        world.crm.put("accounts", crm_account(number, name="Branch"))
    world.crm.put("accounts", crm_account(10))
    work, index = opened(world)
    for record in (bc_customer("10000"), bc_customer("20000", displayName="Branch")):
        expect_partner(work, index, record)
    unclaimed = [each for each in index.uncoupled if each not in index.matches.claimed]
    assert unclaimed == [crm_account(10)["accountid"]]
    assert world.crm.writes == []


def test_a_customer_made_from_an_account_claims_none_so_that_both_are_coupled(world):
    account = world.crm.put("accounts", crm_account(7, name="Branch"))
    made = world.ids().of("CUSTOMER", "crm", account["accountid"])
    work, index = opened(world)
    expect_partner(work, index, bc_customer("90001", id=made, displayName="Branch"))
    assert index.matches.claimed == set()


def test_a_blocked_customer_claims_no_account(world):
    world.crm.put("accounts", crm_account(7, accountnumber="10000"))
    work, index = opened(world)
    expect_partner(work, index, bc_customer("10000", blocked="All"))
    assert index.matches.claimed == set()


def test_a_crm_record_that_bc_is_not_to_get_is_reported_as_skipped(world):
    product = {"productid": "p", "productnumber": "X", "name": "Only here", "producttypecode": 1}
    world.crm.put("products", product)
    work, index = opened(world, "ITEM-PRODUCT")
    (pair,) = take_crm_records(work, index.uncoupled)
    assert pair.problem
    assert (pair.problem.kind, pair.problem.code) == (OutcomeKind.SKIPPED, "only-in-crm")
    assert pair.problem.hint


def test_a_crm_record_deleted_meanwhile_makes_no_pair(world):
    work, _ = opened(world)
    assert take_crm_records(work, ["gone"]) == []
