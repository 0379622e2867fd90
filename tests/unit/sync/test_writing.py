"""What comes of writes: records that exist, changed or vanished meanwhile, refusals, throttling.

Each test here guards a promise that a careless change could break: take the If-Match away, or the
ids that Coupler chooses, or the base that a refused write keeps, and one of them fails.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from couplings.model import CouplingState
from errors import TransientError
from services.records import Write, WriteKind, WriteStatus
from sync.jobs import JobState, TableJob
from sync.outcomes import OutcomeKind
from tests.support.table_jobs import (
    SyncWorld,
    bc_contact,
    bc_customer,
    bc_item,
    crm_account,
    crm_contact,
)


@pytest.fixture
def world() -> SyncWorld:
    return SyncWorld()


@pytest.fixture
def coupled(world: SyncWorld) -> SyncWorld:
    """Customer 10000 in step with its account."""
    world.bc.put("customers", bc_customer("10000"))
    synchronize(world)
    synchronize(world)
    world.bc.writes.clear()
    world.crm.writes.clear()
    return world


def synchronize(world: SyncWorld, mapping: str = "CUSTOMER") -> TableJob:
    return world.synchronize(mapping)[mapping]


def only(world_side: Any, table: str) -> dict[str, Any]:
    (row,) = world_side.tables[table].values()
    found: dict[str, Any] = row
    return found


def edit_bc(world: SyncWorld, **fields: Any) -> None:
    world.bc.put("customers", {"id": bc_customer("10000")["id"]} | fields)


def edit_crm(world: SyncWorld, **columns: Any) -> None:
    world.crm.put("accounts", {"accountid": only(world.crm, "accounts")["accountid"]} | columns)


def once(action: Any) -> Any:
    """Do something before the first write only."""
    left = [action]
    return lambda write: left.pop()() if left else None


# records that exist


def test_a_write_whose_answer_was_lost_makes_no_second_record(world):
    world.bc.put("customers", bc_customer("10000"))
    world.crm.put("accounts", crm_account(7))

    def lose_the_answer(write: Write) -> None:
        world.crm.after_write = world.bc.after_write = lambda write: None
        raise TransientError("lost", "The connection was cut.")

    for service in (world.crm, world.bc):
        service.after_write = lose_the_answer
        run = world.start("CUSTOMER")
        world.full_sync.advance(run.run_id, run.generation, by_itself=False)
        (message,) = world.queues.messages
        world.worker().handle(message["run"], message["mapping"])
        world.drain(run)
        assert len(world.crm.tables["accounts"]) == len(world.bc.tables["customers"]) == 2
        for coupling in list(world.couplings.scan("CUSTOMER")):
            if service is world.crm and coupling.bc_key != "10000":
                world.couplings.uncouple("CUSTOMER", coupling.bc_id)
                del world.bc.tables["customers"][coupling.bc_id]
    assert len(list(world.couplings.scan("CUSTOMER"))) == 2
    assert world.outcome_list() == []


def test_a_record_found_under_its_own_id_is_adopted_with_what_users_changed_since(world):
    """Somebody filled in a field between the attempt that died and this one."""
    customer = world.bc.put("customers", bc_customer("10000"))
    synchronize(world)
    world.couplings.uncouple("CUSTOMER", customer["id"])
    edit_crm(world, telephone1="555")
    line = synchronize(world)
    assert only(world.bc, "customers")["phoneNumber"] == "555"
    assert (line.to_crm.inserted, line.state) == (0, JobState.FINISHED)
    assert len(list(world.couplings.scan("CUSTOMER"))) == 1


# records that changed or vanished meanwhile


def test_an_update_of_bc_carries_the_version_that_was_read(coupled):
    edit_crm(coupled, telephone1="555")
    coupled.bc.before_write = once(lambda: edit_bc(coupled, city="York"))
    line = synchronize(coupled)
    customer, account = only(coupled.bc, "customers"), only(coupled.crm, "accounts")
    assert (customer["phoneNumber"], customer["city"]) == ("555", "York")
    assert account["address1_city"] == "York"
    assert line.state is JobState.FINISHED


def test_updates_of_existing_records_always_carry_a_version(coupled):
    edit_crm(coupled, telephone1="555")
    edit_bc(coupled, city="York")
    synchronize(coupled)
    updates = [*coupled.bc.writes, *coupled.crm.writes]
    assert {write.kind for write in updates} == {WriteKind.UPDATE}
    assert len(updates) == 2
    assert all(write.version for write in updates)


def test_a_change_of_the_same_field_meanwhile_becomes_a_conflict_and_is_kept(coupled):
    edit_bc(coupled, phoneNumber="111")
    coupled.crm.before_write = once(lambda: edit_crm(coupled, telephone1="999"))
    synchronize(coupled)
    assert only(coupled.crm, "accounts")["telephone1"] == "999"
    assert only(coupled.bc, "customers")["phoneNumber"] == "111"
    (outcome,) = coupled.outcome_list()
    assert (outcome.kind, outcome.field) == (OutcomeKind.CONFLICT, "phoneNumber")


def test_a_record_that_somebody_keeps_changing_is_left_for_the_next_time(coupled):
    edit_bc(coupled, phoneNumber="111")
    coupled.crm.before_write = lambda write: edit_crm(coupled, fax="again")
    line = synchronize(coupled)
    (outcome,) = coupled.outcome_list()
    assert outcome.code == "keeps-changing"
    assert (line.to_crm.failed, coupled.crm.writes) == (1, [])
    coupled.crm.before_write = lambda write: None
    synchronize(coupled)
    assert only(coupled.crm, "accounts")["telephone1"] == "111"
    assert coupled.outcome_list() == []


@pytest.mark.parametrize("side", ["crm", "bc"])
def test_a_record_deleted_between_reading_and_writing_is_not_created_again(coupled, side):
    if side == "crm":
        edit_bc(coupled, phoneNumber="111")
        service, table = coupled.crm, "accounts"
    else:
        edit_crm(coupled, telephone1="111")
        service, table = coupled.bc, "customers"
    service.before_write = lambda write: service.tables[table].clear()
    synchronize(coupled)
    assert service.tables[table] == {}
    (outcome,) = coupled.outcome_list()
    assert (outcome.kind, outcome.code) == (OutcomeKind.CONFLICT, f"deleted-in-{side}")
    assert ("Business Central" if side == "bc" else "Dynamics 365 Sales") in outcome.message


# refusals


def test_a_refused_change_is_neither_lost_nor_taken_back(coupled):
    edit_bc(coupled, phoneNumber="111")
    coupled.crm.refuse = lambda write: "not today"
    synchronize(coupled)
    (coupling,) = coupled.couplings.scan("CUSTOMER")
    assert coupling.state is CouplingState.FAILED
    coupled.crm.refuse = lambda write: None
    synchronize(coupled)
    assert only(coupled.crm, "accounts")["telephone1"] == "111"
    assert only(coupled.bc, "customers")["phoneNumber"] == "111"
    (coupling,) = coupled.couplings.scan("CUSTOMER")
    assert coupling.state is CouplingState.COUPLED


def test_of_changes_both_ways_a_refused_one_does_not_spoil_the_other(coupled):
    edit_bc(coupled, phoneNumber="111")
    edit_crm(coupled, address1_city="York")
    coupled.bc.refuse = lambda write: "not today"
    synchronize(coupled)
    assert only(coupled.crm, "accounts")["telephone1"] == "111"
    coupled.bc.refuse = lambda write: None
    coupled.crm.writes.clear()
    synchronize(coupled)
    assert only(coupled.bc, "customers")["city"] == "York"
    assert coupled.crm.writes == []


def test_a_refusal_is_told_with_the_service_s_words_and_what_to_do(coupled):
    edit_bc(coupled, phoneNumber="111")
    coupled.crm.refuse = lambda write: "the number is too short"
    synchronize(coupled)
    (outcome,) = coupled.outcome_list()
    assert outcome.kind is OutcomeKind.FAILED
    assert "the number is too short" in outcome.message
    assert outcome.hint


# throttling


def test_a_page_that_was_not_wholly_processed_is_handled_again(world):
    for number in ("10000", "20000"):
        world.bc.put("customers", bc_customer(number))
    world.crm.not_processed = lambda write: (
        WriteStatus.THROTTLED if write.values.get("accountnumber") == "20000" else None
    )
    run = world.start("CUSTOMER")
    world.full_sync.advance(run.run_id, run.generation, by_itself=False)
    world.worker().handle(run.run_id, "CUSTOMER")
    job = world.jobs.get_job(run.run_id, "CUSTOMER")
    assert job
    assert (job.records_handled, list(world.couplings.scan("CUSTOMER"))) == (0, [])
    world.crm.not_processed = lambda write: None
    lines = world.drain(run)
    assert lines["CUSTOMER"].state is JobState.FINISHED
    assert len(world.crm.tables["accounts"]) == 2
    assert len(list(world.couplings.scan("CUSTOMER"))) == 2


def test_a_record_that_a_service_fails_on_holds_up_no_other_and_is_tried_again(world):
    for number in ("10000", "20000"):
        world.bc.put("customers", bc_customer(number))
    world.crm.not_processed = lambda write: (
        WriteStatus.FAILED if write.values.get("accountnumber") == "20000" else None
    )
    synchronize(world)
    assert [each.bc_key for each in world.couplings.scan("CUSTOMER")] == ["10000"]
    (outcome,) = world.outcome_list()
    assert (outcome.kind, outcome.heals_by_itself) == (OutcomeKind.FAILED, True)
    assert world.hints.due("CUSTOMER", world.now(), 10) == []
    world.pass_time(120)
    (hint,) = world.hints.due("CUSTOMER", world.now(), 10)
    assert (hint.side, hint.record_id) == ("bc", bc_customer("20000")["id"])


# companions


@pytest.fixture
def priced(world: SyncWorld) -> SyncWorld:
    """Unit PCS in step, and an item that is not yet."""
    world.bc.put("unitsOfMeasure", {"id": "uom", "code": "PCS", "displayName": "Piece"})
    synchronize(world, "UNIT OF MEASURE")
    group = only(world.crm, "uomschedules")["uomscheduleid"]
    world.references.base_units[group] = "pieces"
    world.bc.put("items", bc_item("1000"))
    world.crm.writes.clear()
    return world


def test_a_product_is_created_then_priced_then_activated(priced):
    synchronize(priced, "ITEM-PRODUCT")
    tables = [(write.kind, write.table) for write in priced.crm.writes]
    assert tables == [
        (WriteKind.INSERT, "products"),
        (WriteKind.UPSERT, "pricelevels"),
        (WriteKind.UPSERT, "productpricelevels"),
        (WriteKind.UPDATE, "products"),
    ]
    assert "statecode" not in priced.crm.writes[0].values
    assert priced.crm.writes[3].values["statecode"] == 0


@pytest.mark.parametrize("refused", ["pricelevels", "productpricelevels"])
def test_a_product_whose_price_is_refused_is_coupled_but_not_activated_until_it_is_priced(
    priced, refused
):
    priced.crm.refuse = lambda write: "no" if write.table == refused else None
    line = synchronize(priced, "ITEM-PRODUCT")
    assert (line.to_crm.failed, line.state) == (1, JobState.FINISHED_WITH_ERRORS)
    assert "statecode" not in only(priced.crm, "products")
    assert [each.state for each in priced.couplings.scan("ITEM-PRODUCT")] == [CouplingState.FAILED]
    priced.crm.refuse = lambda write: None
    synchronize(priced, "ITEM-PRODUCT")
    product = only(priced.crm, "products")
    price_list = only(priced.crm, "pricelevels")
    assert (product["statecode"], product["_pricelevelid_value"]) == (
        0,
        price_list["pricelevelid"],
    )
    assert only(priced.crm, "productpricelevels")["amount"] == 100
    assert priced.outcome_list() == []


def test_a_price_that_did_not_change_is_not_written_again(priced):
    synchronize(priced, "ITEM-PRODUCT")
    synchronize(priced, "ITEM-PRODUCT")
    priced.crm.writes.clear()
    priced.bc.put("items", {"id": bc_item("1000")["id"], "displayName": "New name"})
    synchronize(priced, "ITEM-PRODUCT")
    assert [write.table for write in priced.crm.writes] == ["products"]
    priced.bc.put("items", {"id": bc_item("1000")["id"], "unitPrice": 120})
    synchronize(priced, "ITEM-PRODUCT")
    assert only(priced.crm, "productpricelevels")["amount"] == 120


# parents and claims


def test_a_contact_is_not_created_before_its_customer_is_coupled(world):
    contact = world.bc.put("contacts", bc_contact(1))
    customer = world.bc.put("customers", bc_customer("10000"))
    world.references.customer_of_contact[contact["id"]] = customer["id"]
    world.crm.put("contacts", crm_contact(2, "an account that nobody coupled"))
    line = synchronize(world, "CONTACT")
    assert (line.to_crm.waiting, line.from_crm.waiting) == (1, 1)
    assert (world.bc.writes, world.crm.writes) == ([], [])
    assert {outcome.kind for outcome in world.outcome_list()} == {OutcomeKind.WAITING}
    assert line.state is JobState.FINISHED


@pytest.mark.parametrize("slice_seconds", [0, 60])
def test_accounts_that_a_customer_could_mean_are_never_copied_to_bc(
    world, monkeypatch, slice_seconds
):
    """Also where another slice than the one that met the customer takes them."""
    monkeypatch.setattr("sync.comparison.PAGE_SIZE", 1)
    for number in ("10000", "20000"):
        world.bc.put("customers", bc_customer(number))
    for account in (7, 8):
        world.crm.put("accounts", crm_account(account, name="Customer 10000"))
    world.crm.put("accounts", crm_account(9))
    run = world.start("CUSTOMER")
    world.drain(run, world.worker(slice_seconds=slice_seconds))
    names = sorted(each["displayName"] for each in world.bc.tables["customers"].values())
    assert names == ["Account 9", "Customer 10000", "Customer 20000"]
    (outcome,) = world.outcome_list()
    assert outcome.kind is OutcomeKind.AMBIGUOUS
    assert outcome.hint


def test_a_pair_that_the_storage_refuses_to_couple_is_reported_and_told_apart(coupled):
    """Somebody coupled the account by hand while this pass was running."""
    coupled.bc.put("customers", bc_customer("20000"))
    other = next(coupled.couplings.scan("CUSTOMER"))
    made = coupled.ids().of("CUSTOMER", "bc", bc_customer("20000")["id"])

    def couple_by_hand(write: Write) -> None:
        rival = replace(other, bc_id="by hand", crm_id=made, etag="")
        coupled.couplings.couple_many("CUSTOMER", [rival])

    coupled.crm.after_write = couple_by_hand
    line = synchronize(coupled)
    (outcome,) = coupled.outcome_list()
    assert (outcome.code, line.to_crm.failed) == ("coupled-otherwise", 1)
    assert outcome.hint
