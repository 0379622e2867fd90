"""What a table job does with records, on fake services and stores in memory."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from couplings.model import Coupling, CouplingState
from services.records import Record
from sync.jobs import JobState, TableStatus
from sync.outcomes import OutcomeKind
from sync.prices import current_prices
from tests.support.crashes import ProcessDiedError
from tests.support.table_jobs import (
    LOCAL_CURRENCY_ID,
    SyncWorld,
    bc_customer,
    bc_price,
    crm_account,
    crm_contact,
    crm_user,
)


@pytest.fixture
def world() -> SyncWorld:
    return SyncWorld()


def customer_line(world: SyncWorld):
    return world.synchronize("CUSTOMER")["CUSTOMER"]


def only_account(world: SyncWorld):
    (account,) = world.crm.tables["accounts"].values()
    return account


def test_an_uncoupled_customer_becomes_an_account_and_is_coupled(world):
    customer = world.bc.put("customers", bc_customer("10000", creditLimit=-5))
    line = customer_line(world)
    account = only_account(world)
    assert account["name"] == "Customer 10000"
    assert account["accountnumber"] == "10000"
    assert account["customertypecode"] == 3
    assert account["_transactioncurrencyid_value"] == LOCAL_CURRENCY_ID
    assert account["creditlimit"] == 0
    assert line.state is JobState.FINISHED
    assert line.to_crm.inserted == 1
    assert (line.to_crm_status, line.from_crm_status) == (TableStatus.SUCCESS, TableStatus.SUCCESS)
    (coupling,) = world.couplings.scan("CUSTOMER")
    assert (coupling.bc_id, coupling.crm_id) == (customer["id"], account["accountid"])
    assert coupling.bc_key == "10000"
    assert coupling.state is CouplingState.COUPLED


def test_a_second_pass_writes_nothing(world):
    world.bc.put("customers", bc_customer("10000"))
    world.crm.put("accounts", crm_account(7))
    customer_line(world)
    customer_line(world)  # adopts what the services added to what was written
    world.bc.writes.clear()
    world.crm.writes.clear()
    line = customer_line(world)
    assert world.bc.writes == []
    assert world.crm.writes == []
    assert line.to_crm.unchanged == 2


def test_an_account_of_the_same_number_is_coupled_not_created_again(world):
    world.bc.put("customers", bc_customer("10000", phoneNumber="123"))
    world.crm.put("accounts", crm_account(7, accountnumber="10000", name="Customer 10000"))
    line = customer_line(world)
    account = only_account(world)
    assert account["telephone1"] == "123"
    assert line.to_crm.inserted == 0
    assert line.to_crm.modified == 1


def test_a_two_way_field_that_differs_at_first_sight_is_held_and_the_rest_flows(world):
    world.bc.put("customers", bc_customer("10000", city="Leeds", phoneNumber="123"))
    world.crm.put(
        "accounts",
        crm_account(7, accountnumber="10000", name="Customer 10000", address1_city="York"),
    )
    line = customer_line(world)
    account = only_account(world)
    assert (account["address1_city"], account["telephone1"]) == ("York", "123")
    (outcome,) = world.outcome_list()
    assert outcome.kind is OutcomeKind.CONFLICT
    assert "Leeds" in outcome.message
    assert "York" in outcome.message
    assert line.state is JobState.FINISHED_WITH_ERRORS


def test_several_accounts_that_fit_are_reported_and_none_is_touched_or_copied(world):
    world.bc.put("customers", bc_customer("10000"))
    for number in (7, 8):
        world.crm.put("accounts", crm_account(number, name="Customer 10000"))
    line = customer_line(world)
    assert len(world.crm.tables["accounts"]) == 2
    assert len(world.bc.tables["customers"]) == 1
    assert world.crm.writes == []
    (outcome,) = world.outcome_list()
    assert outcome.kind is OutcomeKind.AMBIGUOUS
    assert line.to_crm.conflict == 1


def test_an_account_without_partner_becomes_a_customer_whose_number_comes_back(world):
    world.crm.put("accounts", crm_account(7))
    line = customer_line(world)
    (customer,) = world.bc.tables["customers"].values()
    assert customer["displayName"] == "Account 7"
    assert customer["type"] == "Company"
    assert only_account(world)["accountnumber"] == customer["number"]
    assert line.from_crm.inserted == 1
    (coupling,) = world.couplings.scan("CUSTOMER")
    assert coupling.bc_key == customer["number"]


def test_an_inactive_account_of_the_same_number_is_neither_coupled_nor_duplicated(world):
    world.bc.put("customers", bc_customer("10000"))
    world.crm.put("accounts", crm_account(7, accountnumber="10000", statecode=1))
    customer_line(world)
    assert world.crm.writes == []
    assert world.bc.tables["customers"][bc_customer("10000")["id"]]["blocked"] == "_x0020_"
    (outcome,) = world.outcome_list()
    assert outcome.code == "inactive-in-crm"


def test_deactivating_a_coupled_account_blocks_the_customer(world):
    customer = world.bc.put("customers", bc_customer("10000"))
    customer_line(world)
    account = only_account(world)
    world.crm.put("accounts", {"accountid": account["accountid"], "statecode": 0})
    customer_line(world)
    world.crm.put("accounts", {"accountid": account["accountid"], "statecode": 1})
    customer_line(world)
    assert world.bc.tables["customers"][customer["id"]]["blocked"] == "All"


def test_a_blocked_customer_is_skipped_by_name(world):
    world.bc.put("customers", bc_customer("10000", blocked="All"))
    line = customer_line(world)
    (outcome,) = world.outcome_list()
    assert (outcome.kind, outcome.code) == (OutcomeKind.SKIPPED, "blocked-in-bc")
    assert outcome.record_name == "10000 Customer 10000"
    assert line.state is JobState.FINISHED


def test_a_customer_waits_for_its_salesperson_and_follows_once_that_is_coupled(world):
    world.bc.put("customers", bc_customer("10000", salespersonCode="JO"))
    line = customer_line(world)
    (outcome,) = world.outcome_list()
    assert outcome.kind is OutcomeKind.WAITING
    assert "SALESPEOPLE 'JO'" in outcome.message
    assert line.to_crm.waiting == 1
    world.bc.put(
        "salespeoplePurchasers",
        {"id": "5a1e0000-0000-4000-8000-000000000001", "code": "JO", "displayName": "Jim"}
        | {"email": "jo@contoso.com", "phoneNo": ""},
    )
    world.crm.put("systemusers", crm_user("user-jo", internalemailaddress="JO@contoso.com"))
    lines = world.synchronize("SALESPEOPLE", "CUSTOMER")
    assert lines["CUSTOMER"].to_crm.inserted == 1
    assert only_account(world)["_ownerid_value"] == "user-jo"
    assert world.outcome_list("CUSTOMER") == []


def test_edits_of_different_fields_on_both_sides_both_survive(world):
    customer = world.bc.put("customers", bc_customer("10000"))
    customer_line(world)
    account = only_account(world)
    world.bc.put("customers", {"id": customer["id"], "phoneNumber": "111"})
    world.crm.put("accounts", {"accountid": account["accountid"], "address1_city": "York"})
    customer_line(world)
    assert only_account(world)["telephone1"] == "111"
    assert world.bc.tables["customers"][customer["id"]]["city"] == "York"


def test_a_change_that_comes_between_reading_and_writing_is_not_overwritten(world):
    customer = world.bc.put("customers", bc_customer("10000"))
    customer_line(world)
    account_id = only_account(world)["accountid"]
    world.bc.put("customers", {"id": customer["id"], "phoneNumber": "111"})
    edits = iter([{"accountid": account_id, "address1_city": "York"}])

    def somebody_else_first(write):
        for edit in edits:
            world.crm.put("accounts", edit)

    world.crm.before_write = somebody_else_first
    line = customer_line(world)
    account = only_account(world)
    assert (account["address1_city"], account["telephone1"]) == ("York", "111")
    assert world.bc.tables["customers"][customer["id"]]["city"] == "York"
    assert line.state is JobState.FINISHED


def test_a_refused_record_stops_itself_and_says_why(world):
    for number in ("10000", "20000", "30000"):
        world.bc.put("customers", bc_customer(number))
    world.crm.refuse = lambda write: (
        "the account number is on the black list"
        if write.values.get("accountnumber") == "20000"
        else None
    )
    line = customer_line(world)
    assert len(world.crm.tables["accounts"]) == 2
    assert (line.to_crm.inserted, line.to_crm.failed) == (2, 1)
    assert line.state is JobState.FINISHED_WITH_ERRORS
    assert line.to_crm_status is TableStatus.ERROR
    (outcome,) = world.outcome_list()
    assert outcome.record_name.startswith("20000")
    assert "black list" in outcome.message
    assert outcome.hint


def test_an_outcome_disappears_once_the_record_is_in_step(world):
    world.bc.put("customers", bc_customer("10000"))
    world.crm.refuse = lambda write: "not today"
    customer_line(world)
    assert len(world.outcome_list()) == 1
    world.crm.refuse = lambda write: None
    customer_line(world)
    assert world.outcome_list() == []


def test_a_too_long_value_fails_its_record_with_field_and_value(world):
    world.bc.put("customers", bc_customer("10000", postalCode="X" * 21))
    customer_line(world)
    (outcome,) = world.outcome_list()
    assert (outcome.code, outcome.field, outcome.value) == ("too-long", "postalCode", "X" * 21)


def test_a_coupled_account_that_was_deleted_is_reported_not_recreated(world):
    world.bc.put("customers", bc_customer("10000"))
    customer_line(world)
    world.crm.tables["accounts"].clear()
    customer_line(world)
    assert world.crm.tables["accounts"] == {}
    (outcome,) = world.outcome_list()
    assert outcome.code == "deleted-in-crm"


def test_a_record_that_an_earlier_attempt_created_is_adopted(world):
    """The worker died after the write and before the coupling was stored."""
    world.bc.put("customers", bc_customer("10000"))
    customer_line(world)
    (coupling,) = world.couplings.scan("CUSTOMER")
    world.couplings.uncouple("CUSTOMER", coupling.bc_id)
    world.crm.put("accounts", {"accountid": coupling.crm_id, "accountnumber": None, "name": "X"})
    line = customer_line(world)
    assert len(world.crm.tables["accounts"]) == 1
    assert len(world.bc.tables["customers"]) == 1
    assert only_account(world)["accountnumber"] == "10000"
    assert [each.crm_id for each in world.couplings.scan("CUSTOMER")] == [coupling.crm_id]
    assert line.to_crm.inserted == 0


def test_a_slice_hands_over_and_the_next_goes_on_from_its_cursor(world, monkeypatch):
    monkeypatch.setattr("sync.comparison.PAGE_SIZE", 2)
    for number in range(10000, 10005):
        world.bc.put("customers", bc_customer(str(number)))
    for number in range(3):
        world.crm.put("accounts", crm_account(number + 7))
    run = world.start("CUSTOMER")
    line = world.drain(run, world.worker(slice_seconds=0))["CUSTOMER"]
    assert line.to_crm.inserted == 5
    assert line.from_crm.inserted == 3
    assert len(world.crm.tables["accounts"]) == 8
    assert len(world.bc.tables["customers"]) == 8
    assert line.records_handled == 8


def test_a_preview_counts_and_writes_nothing(world):
    from sync.jobs import RunKind

    world.bc.put("customers", bc_customer("10000", salespersonCode="JO"))
    world.bc.put("customers", bc_customer("20000", blocked="All"))
    world.crm.put("accounts", crm_account(7))
    run = world.start("CUSTOMER", kind=RunKind.PREVIEW)
    line = world.drain(run)["CUSTOMER"]
    assert (line.to_crm.inserted, line.to_crm.skipped, line.from_crm.inserted) == (1, 1, 1)
    assert world.bc.writes == []
    assert world.crm.writes == []
    assert list(world.couplings.scan("CUSTOMER")) == []
    assert world.outcome_list() == []


def test_a_contact_created_in_bc_keeps_its_account_in_crm(world):
    """Whose contact it is cannot be derived yet when it was just created: that clears nothing."""
    customer = world.bc.put("customers", bc_customer("10000"))
    customer_line(world)
    account_id = only_account(world)["accountid"]
    world.references.company_card_of_customer[customer["id"]] = "CO10000"
    world.bc.defaults["contacts"] = {"companyName": "Customer 10000"}
    contact = world.crm.put("contacts", crm_contact(1, account_id))
    line = world.synchronize("CONTACT")["CONTACT"]
    assert line.from_crm.inserted == 1
    (created,) = world.bc.tables["contacts"].values()
    assert (created["displayName"], created["companyNumber"]) == ("Human 1", "CO10000")
    stored = world.crm.tables["contacts"][contact["contactid"]]
    assert stored["_parentcustomerid_value"] == account_id
    assert [write.table for write in world.crm.writes] == ["accounts"]


def test_of_two_customers_that_fit_one_account_neither_gets_it_whoever_comes_first(world):
    for number in ("10000", "20000"):
        world.bc.put("customers", bc_customer(number, displayName="Contoso"))
    world.crm.put("accounts", crm_account(7, name="Contoso"))
    for _ in range(2):
        customer_line(world)
        assert list(world.couplings.scan("CUSTOMER")) == []
        assert {outcome.code for outcome in world.outcome_list()} == {"ambiguous-match"}
        assert {outcome.record_name for outcome in world.outcome_list()} == {
            "10000 Contoso",
            "20000 Contoso",
        }
        assert (world.bc.writes, world.crm.writes) == ([], [])


def test_an_account_that_is_deleted_while_its_customer_is_made_is_not_made_anew_itself(world):
    """The customer gets an account of its own, under the id that follows from the customer."""
    met = world.crm.put("accounts", crm_account(7))["accountid"]

    def delete_account(write):
        if write.table == "customers":
            world.crm.tables["accounts"].pop(met, None)

    world.bc.after_write = delete_account
    customer_line(world)
    (customer,) = world.bc.tables["customers"]
    (account_id,) = world.crm.tables["accounts"]
    assert account_id == world.ids().of("CUSTOMER", "bc", customer)
    assert [each.crm_id for each in world.couplings.scan("CUSTOMER")] == [account_id]


def test_an_outcome_disappears_although_the_pair_was_first_met_from_the_other_side(world):
    """The customer was created from the account, and the account refused its new number."""
    world.crm.put("accounts", crm_account(7))
    world.crm.refuse = lambda write: "not today"
    customer_line(world)
    assert [outcome.side for outcome in world.outcome_list()] == ["crm"]
    customer_line(world)
    assert [outcome.side for outcome in world.outcome_list()] == ["bc"]
    world.crm.refuse = lambda write: None
    customer_line(world)
    assert world.outcome_list() == []


def test_every_record_counts_once_in_its_direction_by_its_weightiest_word(world):
    world.bc.put("customers", bc_customer("10000"))
    world.bc.put("customers", bc_customer("20000", city="Leeds", phoneNumber="123"))
    world.crm.put("accounts", crm_account(7, accountnumber="20000", name="Customer 20000"))
    world.bc.put("customers", bc_customer("30000", blocked="All"))
    world.bc.put("customers", bc_customer("40000", salespersonCode="JO"))
    world.bc.put("customers", bc_customer("50000", postalCode="X" * 21))
    for _ in range(2):
        line = customer_line(world)
        counted = asdict(line.to_crm)
        assert sum(counted.values()) == line.records_handled == 5
        assert {name: number for name, number in counted.items() if number} == {
            ("unchanged" if counted["unchanged"] else "inserted"): 1,
            "conflict": 1,
            "skipped": 1,
            "waiting": 1,
            "failed": 1,
        }


def test_a_newer_price_takes_over_the_price_list_item_of_the_older(world):
    world.references.unit_of_item = {"1000": "PCS"}
    world.references.base_units = {"group": "base unit"}
    for mapping, crm_id, key in (
        ("UNIT OF MEASURE", "group", "PCS"),
        ("CUSTPRCGRP-PRICE", "list", "RETAIL"),
        ("ITEM-PRODUCT", "product", "1000"),
    ):
        couple(world, mapping, crm_id, key)
    old = world.bc.put("SalesPrices", bc_price(1, Unit_Price=90))
    priced(world, old)
    world.synchronize("SALESPRC-PRODPRICE")
    new = world.bc.put("SalesPrices", bc_price(2, Unit_Price=80, Starting_Date="2026-06-26"))
    priced(world, old, new)
    line = world.synchronize("SALESPRC-PRODPRICE")["SALESPRC-PRODPRICE"]
    (item,) = world.crm.tables["productpricelevels"].values()
    assert item["amount"] == 80
    (coupling,) = world.couplings.scan("SALESPRC-PRODPRICE")
    assert (coupling.bc_id, coupling.crm_id) == (new["SystemId"], item["productpricelevelid"])
    assert (line.to_crm.inserted, line.to_crm.modified, line.to_crm.skipped) == (0, 1, 1)
    world.crm.writes.clear()
    world.synchronize("SALESPRC-PRODPRICE")
    assert world.crm.writes == []


def priced(world: SyncWorld, *prices: Record) -> None:
    """The references as a slice that begins now would read them."""
    unit_of_item = world.references.unit_of_item
    world.references.prices = current_prices(prices, unit_of_item, world.references.today)


def couple(world: SyncWorld, mapping: str, crm_id: str, key: str) -> None:
    coupling = Coupling(
        mapping=mapping,
        bc_id=f"bc of {key}",
        crm_id=crm_id,
        bc_key=key,
        name=key,
        base=None,
        bc_version=None,
        crm_version=None,
        state=CouplingState.COUPLED,
        coupled_at=world.now(),
        synchronized_at=None,
    )
    assert world.couplings.couple_many(mapping, [coupling]) == []


def test_the_outcome_of_a_record_that_is_gone_disappears(world):
    customer = world.bc.put("customers", bc_customer("10000", blocked="All"))
    customer_line(world)
    assert len(world.outcome_list()) == 1
    del world.bc.tables["customers"][customer["id"]]
    customer_line(world)
    assert world.outcome_list() == []


def test_a_line_keeps_the_warning_that_records_it_depends_on_failed(world):
    world.bc.put("customers", bc_customer("10000"))
    world.crm.put("systemusers", crm_user("u"))
    lines = world.synchronize("SALESPEOPLE", "CUSTOMER")
    assert lines["SALESPEOPLE"].state is JobState.FINISHED_WITH_ERRORS
    assert "SALESPEOPLE" in lines["CUSTOMER"].warning
    assert lines["CUSTOMER"].message == ""


def test_a_line_that_died_before_its_end_was_stored_is_compared_anew(world, monkeypatch):
    """Its watermarks are stored already; new ones would be beyond what changed since."""
    world.bc.put("customers", bc_customer("10000"))
    run = world.start("CUSTOMER")
    world.full_sync.advance(run.run_id, run.generation, by_itself=False)

    def dies(*_, **__):
        raise ProcessDiedError

    with monkeypatch.context() as patched:
        patched.setattr(world.jobs, "finish", dies)
        with pytest.raises(ProcessDiedError):
            world.worker().handle(run.run_id, "CUSTOMER")
    world.crm.put("accounts", crm_account(7))
    world.pass_time(2 * 3600)
    line = world.drain(run)["CUSTOMER"]
    assert len(world.bc.tables["customers"]) == 2
    assert (line.to_crm.unchanged, line.from_crm.inserted, line.records_handled) == (1, 1, 2)


def test_a_record_that_is_deleted_while_the_line_that_made_it_goes_on_is_missed(world):
    """It is gone before the records are counted, so that no pass could tell by their number."""
    world.crm.put("accounts", crm_account(7))

    def delete_before_counting(call: str, table: str) -> None:
        if call == "peek":
            for made in list(world.bc.tables[table]):
                world.bc.delete(table, made)

    world.bc.before_call = delete_before_counting
    customer_line(world)
    assert [outcome.code for outcome in world.outcome_list()] == ["deleted-in-bc"]
