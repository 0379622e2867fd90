"""Passes over a table: what changed on either side is brought into step, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from couplings.model import digest_of
from sync.catalog import MappingCatalog
from sync.crm_index import in_scope
from sync.hints import HintReason, RecordHint
from sync.mapping import Compare, MatchField, MatchKey
from sync.mappings.contact import CONTACT
from sync.mappings.customer import CUSTOMER
from sync.outcomes import OutcomeKind
from sync.projection import project_crm
from tests.support.table_jobs import (
    SyncWorld,
    bc_contact,
    bc_customer,
    bc_item,
    crm_account,
    crm_contact,
    crm_user,
)

CUSTOMER_ID = bc_customer("10000")["id"]


@pytest.fixture
def world() -> SyncWorld:
    """One coupled customer, fully synchronized, and no traffic noted."""
    made = SyncWorld()
    made.bc.put("customers", bc_customer("10000"))
    made.bc.defaults["customers"] = without_id(bc_customer("10000"))
    made.synchronize("CUSTOMER")
    return quiet(made)


def without_id(record: dict[str, Any]) -> dict[str, Any]:
    """What Business Central fills in for itself where nothing is given."""
    return {name: value for name, value in record.items() if name not in ("id", "number")}


def quiet(world: SyncWorld) -> SyncWorld:
    world.bc.writes.clear()
    world.crm.writes.clear()
    return world


def passes(world: SyncWorld, mapping: str = "CUSTOMER") -> None:
    """A pass over the table, and those that it sends for."""
    world.pass_worker().handle(mapping)
    for _ in range(20):
        if not world.queues.messages:
            return
        world.pass_worker().handle(world.queues.messages.pop(0)["mapping"])
    raise AssertionError("the passes send for one another without end")


def account(world: SyncWorld):
    (found,) = world.crm.tables["accounts"].values()
    return found


def edit_bc(world: SyncWorld, **fields) -> None:
    world.bc.put("customers", {"id": CUSTOMER_ID} | fields)


def edit_crm(world: SyncWorld, **columns) -> None:
    world.crm.put("accounts", {"accountid": account(world)["accountid"]} | columns)


def test_a_change_in_business_central_arrives_in_crm(world):
    edit_bc(world, phoneNumber="123")
    passes(world)
    assert account(world)["telephone1"] == "123"


def test_a_change_in_crm_arrives_in_business_central(world):
    edit_crm(world, telephone1="123")
    passes(world)
    assert world.bc.tables["customers"][CUSTOMER_ID]["phoneNumber"] == "123"


def test_edits_of_different_fields_on_both_sides_both_survive(world):
    edit_bc(world, phoneNumber="123")
    edit_crm(world, emailaddress1="a@b.example")
    passes(world)
    customer = world.bc.tables["customers"][CUSTOMER_ID]
    assert (customer["phoneNumber"], customer["email"]) == ("123", "a@b.example")
    assert account(world)["telephone1"] == "123"
    assert account(world)["emailaddress1"] == "a@b.example"


@pytest.mark.parametrize("edit", [edit_bc, edit_crm])
def test_the_echo_of_an_own_write_writes_nothing(world, edit):
    edit(world, **({"phoneNumber": "1"} if edit is edit_bc else {"telephone1": "1"}))
    passes(world)
    quiet(world)
    passes(world)
    passes(world)
    assert (world.bc.writes, world.crm.writes) == ([], [])


def test_the_echo_of_a_creation_is_recognized_by_its_digest(world):
    world.crm.put("systemusers", crm_user("user-jo", internalemailaddress="JO@contoso.com"))
    world.synchronize("SALESPEOPLE")
    (salesperson,) = world.bc.tables["salespeoplePurchasers"].values()
    world.bc.put("customers", bc_customer("20000", salespersonCode=salesperson["code"]))
    passes(world)
    created = next(each for each in world.couplings.scan("CUSTOMER") if each.bc_key == "20000")
    columns = project_crm(CUSTOMER, world.crm.tables["accounts"][created.crm_id])
    assert created.base.digest("crm") == digest_of(columns)


def test_a_new_customer_whose_key_no_service_can_be_asked_for_is_coupled_all_the_same(world):
    name = MatchField(bc="displayName", crm="name", compare=Compare.LOOSE)
    loosely = replace(CUSTOMER, match=(MatchKey(fields=(name,)),))
    world.catalog = MappingCatalog.of({**world.catalog.mappings, "CUSTOMER": loosely})
    world.crm.put("accounts", crm_account(7, name="Libros SA"))
    world.bc.put("customers", bc_customer("20000", displayName="LIBROS S.A."))
    passes(world)
    assert len(world.crm.tables["accounts"]) == 2
    pairs = {(each.bc_key, each.crm_id) for each in world.couplings.scan("CUSTOMER")}
    assert ("20000", crm_account(7)["accountid"]) in pairs


def test_a_new_customer_is_created_in_crm(world):
    world.bc.put("customers", bc_customer("20000"))
    passes(world)
    assert {each["accountnumber"] for each in world.crm.tables["accounts"].values()} == {
        "10000",
        "20000",
    }


def test_a_new_account_is_created_in_business_central(world):
    world.crm.put("accounts", crm_account(7, name="New Ltd"))
    passes(world)
    names = {each["displayName"] for each in world.bc.tables["customers"].values()}
    assert "New Ltd" in names


def test_a_new_customer_is_coupled_with_the_account_of_its_number(world):
    world.crm.put("accounts", crm_account(7, accountnumber="20000", customertypecode=None))
    passes(world)
    world.crm.put("accounts", {"accountid": crm_account(7)["accountid"], "customertypecode": 3})
    world.bc.put("customers", bc_customer("20000", displayName="Account 7"))
    passes(world)
    assert len(world.crm.tables["accounts"]) == 2
    assert len(world.bc.tables["customers"]) == 2


def test_a_quiet_pass_asks_each_side_at_most_twice_and_writes_nothing(world):
    passes(world)
    world.pass_time(600)  # until no transaction can commit into the overlap window any more
    passes(world)
    calls = []
    world.bc.before_call = lambda call, table: calls.append(("bc", call))
    world.crm.before_call = lambda call, table: calls.append(("crm", call))
    passes(world)
    assert calls == [("crm", "fetch_changes"), ("bc", "peek")]
    assert (world.bc.writes, world.crm.writes) == ([], [])


def test_an_expired_delta_link_leads_to_a_comparison_that_loses_nothing(world):
    edit_crm(world, telephone1="123")
    world.crm.expire_watermarks("accounts")
    passes(world)
    assert world.bc.tables["customers"][CUSTOMER_ID]["phoneNumber"] == "123"
    assert world.states.load("CUSTOMER").compared_because


def test_a_deleted_customer_is_found_by_counting_and_reported(world):
    world.bc.delete("customers", CUSTOMER_ID)
    passes(world)
    (outcome,) = world.outcome_list("CUSTOMER")
    assert outcome.kind is OutcomeKind.CONFLICT
    assert len(world.crm.tables["accounts"]) == 1


def test_a_deleted_account_is_reported(world):
    world.crm.delete("accounts", account(world)["accountid"])
    passes(world)
    (outcome,) = world.outcome_list("CUSTOMER")
    assert outcome.kind is OutcomeKind.CONFLICT


def test_a_hinted_record_is_looked_at_without_waiting_for_the_feed(world):
    edit_bc(world, phoneNumber="123")
    hint = RecordHint(
        side="bc", record_id=CUSTOMER_ID, reason=HintReason.CHANGED, due_at=world.now()
    )
    world.hints.add_many("CUSTOMER", [hint])
    passes(world)
    assert account(world)["telephone1"] == "123"
    assert world.hints.due("CUSTOMER", world.now(), 10) == []


def test_a_stock_movement_arrives_although_the_item_keeps_its_stamp():
    world = SyncWorld()
    world.bc.put("unitsOfMeasure", {"id": "uom", "code": "PCS", "displayName": "Piece"})
    world.synchronize("UNIT OF MEASURE")
    (group,) = world.crm.tables["uomschedules"]
    world.references.base_units[group] = "pieces"
    item = world.bc.put("items", bc_item("1000"))
    world.synchronize("ITEM-PRODUCT")
    passes(world, "ITEM-PRODUCT")
    world.bc.move_stock(item["id"], -3)
    passes(world, "ITEM-PRODUCT")
    (product,) = world.crm.tables["products"].values()
    assert product["quantityonhand"] == 4


def test_a_contact_that_waits_for_its_account_heals_when_that_is_coupled(world):
    world.bc.defaults["contacts"] = without_id(bc_contact(1))
    world.synchronize("CONTACT")
    new = world.crm.put("accounts", crm_account(7, name="New Ltd", statecode=1))
    world.crm.put("contacts", crm_contact(1, new["accountid"]))
    passes(world, "CONTACT")
    (outcome,) = world.outcome_list("CONTACT")
    assert outcome.kind is OutcomeKind.WAITING
    world.crm.put("accounts", {"accountid": new["accountid"], "statecode": 0})
    customer_id = world.ids().of("CUSTOMER", "crm", new["accountid"])
    contact_id = world.ids().of("CONTACT", "crm", crm_contact(1, "")["contactid"])
    world.references.company_card_of_customer = {customer_id: "CT900"}
    world.references.customer_of_contact = {contact_id: customer_id}
    passes(world)
    assert world.outcome_list("CONTACT") == []
    assert len(world.bc.tables["contacts"]) == 1


def test_a_table_that_was_never_synchronized_is_left_alone():
    world = SyncWorld()
    world.bc.put("contacts", bc_contact(1))
    passes(world, "CONTACT")
    assert world.crm.writes == []


def test_of_a_table_that_was_never_synchronized_what_people_ask_for_is_done_and_nothing_else():
    world = SyncWorld()
    for number in range(10000, 10004):
        world.bc.put("customers", bc_customer(str(number)))
    reasons = (HintReason.RETRY, HintReason.CHANGED, HintReason.PARENT)
    hints = [
        RecordHint(
            side="bc", record_id=bc_customer(str(number))["id"], reason=reason, due_at=world.now()
        )
        for number, reason in enumerate(reasons, 10000)
    ]
    world.hints.add_many("CUSTOMER", hints)
    passes(world, "CUSTOMER")
    assert [each["accountnumber"] for each in world.crm.tables["accounts"].values()] == ["10000"]
    state = world.states.load("CUSTOMER")
    assert (state.is_synchronized, state.succeeded_at, state.lease.owner) == (False, None, "")
    left = world.hints.due("CUSTOMER", world.now(), 10)
    assert [each.reason for each in left] == [HintReason.CHANGED, HintReason.PARENT]
    world.synchronize("CUSTOMER")
    assert len(world.crm.tables["accounts"]) == 4


def test_a_deletion_is_noticed_beside_a_record_that_was_coupled_from_crm(world):
    """The new record is met as the partner of an account, so Business Central's feed tells of none,
    and there are as many customers as before."""
    world.bc.put("customers", bc_customer("20000"))
    passes(world)
    world.bc.delete("customers", CUSTOMER_ID)
    world.bc.put("customers", bc_customer("30000"))
    world.crm.put("accounts", crm_account(3, accountnumber="30000", name="Customer 30000"))
    passes(world)
    assert [each.code for each in world.outcome_list()] == ["deleted-in-bc"]


def test_a_new_pair_that_both_sides_got_at_once_is_coupled_and_not_copied(world):
    """Found by the simulation (seed 1758): the person in Business Central was younger than the
    relations that the pass had loaded, so it seemed to belong to no customer."""
    world.synchronize("CONTACT")
    (coupling,) = world.couplings.scan("CUSTOMER")
    world.crm.put("contacts", crm_contact(2, coupling.crm_id))
    new = world.bc.put("contacts", bc_contact(2, displayName="Human 2"))
    stale, current = world.references, replace(world.references)
    current.customer_of_contact = {new["id"]: CUSTOMER_ID}
    current.company_card_of_customer = {CUSTOMER_ID: "CT900"}
    loaded = iter([stale])
    world.load_references = lambda: next(loaded, current)
    passes(world, "CONTACT")
    assert len(world.bc.tables["contacts"]) == 1
    assert len(world.crm.tables["contacts"]) == 1
    assert len(list(world.couplings.scan("CONTACT"))) == 1


def contacts_world(number: int = 3) -> tuple[SyncWorld, list[str]]:
    """Coupled persons of one customer, and one company card, after a pass that counted them."""
    world = SyncWorld()
    world.bc.put("customers", bc_customer("10000"))
    world.bc.scopes["contacts"] = partial(in_scope, CONTACT.bc.scope)
    world.bc.defaults["contacts"] = without_id(bc_contact(1))
    world.synchronize("CUSTOMER")
    people = [bc_contact(each, displayName=f"Human {each}") for each in range(1, number + 1)]
    for each in people:
        world.bc.put("contacts", each)
    world.bc.put("contacts", bc_contact(90, type="Company"))
    ids = [each["id"] for each in people]
    world.references.customer_of_contact = dict.fromkeys(ids, CUSTOMER_ID)
    world.references.company_card_of_customer = {CUSTOMER_ID: "CT900"}
    world.synchronize("CONTACT")
    assert len(list(world.couplings.scan("CONTACT"))) == number
    passes(world, "CONTACT")
    passes(world, "CONTACT")
    return world, ids


def ids_read(world: SyncWorld) -> int:
    """How often all ids are compared in a pass over contacts."""
    calls: list[str] = []
    world.bc.before_call = lambda call, table: calls.append(call)
    passes(world, "CONTACT")
    world.bc.before_call = lambda call, table: None
    return calls.count("fetch_ids")


def codes(world: SyncWorld) -> list[str]:
    return [each.code for each in world.outcome_list("CONTACT")]


def test_a_changed_record_outside_the_filter_has_no_ids_compared():
    world, _ = contacts_world()
    world.bc.put("contacts", {"id": bc_contact(90)["id"], "displayName": "Renamed"})
    assert ids_read(world) == 0


def test_a_changed_record_outside_the_filter_hides_no_deletion():
    world, ids = contacts_world()
    world.bc.delete("contacts", ids[0])
    world.bc.put("contacts", bc_contact(91, type="Company"))
    assert ids_read(world) == 1
    assert codes(world) == ["deleted-in-bc"]


def test_the_deletion_of_a_record_that_left_the_filter_is_noticed_without_comparing_ids():
    world, ids = contacts_world()
    world.bc.put("contacts", {"id": ids[0], "type": "Company"})
    passes(world, "CONTACT")
    assert codes(world) == ["left-filter"]
    world.bc.delete("contacts", ids[0])
    assert ids_read(world) == 0
    assert codes(world) == ["deleted-in-bc"]


def test_a_record_that_comes_back_under_the_filter_hides_no_deletion():
    world, ids = contacts_world()
    world.bc.put("contacts", {"id": ids[0], "type": "Company"})
    passes(world, "CONTACT")
    world.bc.put("contacts", {"id": ids[0], "type": "Person"})
    world.bc.delete("contacts", ids[1])
    passes(world, "CONTACT")
    assert codes(world) == ["deleted-in-bc"]


def test_a_record_that_leaves_the_filter_and_is_deleted_before_the_next_pass_is_reported():
    world, ids = contacts_world()
    world.bc.put("contacts", {"id": ids[0], "type": "Company"})
    world.bc.delete("contacts", ids[0])
    world.bc.put("contacts", bc_contact(91, type="Company"))
    passes(world, "CONTACT")
    assert codes(world) == ["deleted-in-bc"]


def test_a_parked_record_that_leaves_the_filter_is_told_as_one_that_left():
    """Or its deletion would go unnoticed: those that left are looked at by that."""
    world, ids = contacts_world()
    world.crm.refuse = lambda write: "no" if write.values.get("jobtitle") == "Boss" else None
    world.bc.put("contacts", {"id": ids[0], "jobTitle": "Boss"})
    hint = RecordHint(side="bc", record_id=ids[0], reason=HintReason.CHANGED, due_at=world.now())
    for _ in range(5):
        world.hints.add_many("CONTACT", [hint])
        passes(world, "CONTACT")
        world.pass_time(1)
    assert [each.parked for each in world.outcome_list("CONTACT")] == [True]
    world.bc.put("contacts", {"id": ids[0], "type": "Company"})
    passes(world, "CONTACT")
    assert codes(world) == ["left-filter"]
