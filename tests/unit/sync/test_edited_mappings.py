"""Synchronizing by mappings that a tenant changed, added or disabled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.records import Record
from sync.catalog import MappingCatalog
from sync.jobs import JobState
from sync.mapping import (
    Constant,
    Direction,
    FieldMapping,
    Lookup,
    LookupBy,
    TableMapping,
)
from sync.mapping_check import check
from sync.mapping_options import MappingOptions, of_company, told, with_options
from sync.mappings import MAPPINGS
from sync.mappings.common import ADDRESS_FIELDS, CURRENCY_LOOKUP, two_way_text
from sync.outcomes import OutcomeKind
from tests.fakes.tables import MemoryAccount
from tests.support.table_jobs import (
    SyncWorld,
    bc_contact,
    bc_customer,
    crm_account,
)
from tests.unit.sync.test_mapping_check import vendor

CUSTOMER = MAPPINGS["CUSTOMER"]
TO_CRM = Direction.TO_CRM
VENDOR = vendor(
    fields=(
        FieldMapping(bc="number", crm="accountnumber", direction=TO_CRM, transformation="text"),
        two_way_text("displayName", "name", 100, 160),
        *ADDRESS_FIELDS,
        FieldMapping(
            bc="currencyCode",
            crm="transactioncurrencyid",
            direction=Direction.BOTH,
            lookup=CURRENCY_LOOKUP,
        ),
    )
)
PRIMARY_CONTACT = FieldMapping(
    bc="primaryContactNo",
    crm="primarycontactid",
    direction=Direction.BOTH,
    clear_on_failure=True,
    lookup=Lookup(
        mappings=("CONTACT",),
        by=LookupBy.KEY,
        navigation="primarycontactid",
        entity_set="contacts",
    ),
)


def catalog(*changed: TableMapping, **options: Any) -> MappingCatalog:
    edited = {mapping.name: mapping for mapping in changed}
    for mapping in changed:
        known = {**MAPPINGS, **edited}
        others = {name: each for name, each in known.items() if name != mapping.name}
        assert check(mapping, others, MAPPINGS.get(mapping.name)) == []
    return MappingCatalog.of(MAPPINGS | edited, MappingOptions(**options))


def with_fields(*fields: FieldMapping, **changes: Any) -> TableMapping:
    return replace(CUSTOMER, fields=(*CUSTOMER.fields, *fields), **changes)


def bc_vendor(number: str, **fields: Any) -> Record:
    vendor_id = f"bc444444-0000-4000-8000-{int(number):012d}"
    return bc_customer(number, id=vendor_id, displayName=f"Vendor {number}") | fields


def pass_all(world: SyncWorld) -> None:
    world.pass_worker().handle("")
    while world.queues.messages:
        world.pass_worker().handle(world.queues.messages.pop(0)["mapping"])


def accounts(world: SyncWorld) -> dict[str, Record]:
    return {row["name"]: row for row in world.crm.tables["accounts"].values()}


def test_an_added_mapping_is_synchronized_like_any_other_beside_one_of_the_same_crm_table():
    """Vendors and customers are both accounts, as the built-in integration has it."""
    world = SyncWorld(catalog=catalog(VENDOR))
    world.bc.put("customers", bc_customer("10000"))
    world.bc.put("vendors", bc_vendor("20000"))
    world.bc.defaults["vendors"] = {"number": "30000", **bc_vendor("30000", displayName="")}
    del world.bc.defaults["vendors"]["id"]
    bought_from = crm_account(7, name="Supplier", customertypecode=11)
    world.crm.put("accounts", bought_from)
    lines = world.synchronize()
    assert {line.state for line in lines.values()} == {JobState.FINISHED}
    found = accounts(world)
    assert {name: row["customertypecode"] for name, row in found.items()} == {
        "Customer 10000": 3,
        "Vendor 20000": 11,
        "Supplier": 11,
    }
    assert found["Vendor 20000"]["accountnumber"] == "20000"
    names = {row["displayName"] for row in world.bc.tables["vendors"].values()}
    assert names == {"Vendor 20000", "Supplier"}
    assert len(world.bc.tables["customers"]) == 1
    # and both ways from then on, by passes
    vendor_id = bc_vendor("20000")["id"]
    world.bc.put("vendors", world.bc.tables["vendors"][vendor_id] | {"city": "Leeds"})
    supplier = accounts(world)["Supplier"]
    world.crm.put("accounts", supplier | {"telephone1": "0123"})
    pass_all(world)
    assert accounts(world)["Vendor 20000"]["address1_city"] == "Leeds"
    (made,) = (r for r in world.bc.tables["vendors"].values() if r["displayName"] == "Supplier")
    assert made["phoneNumber"] == "0123"
    world.bc.writes.clear()
    world.crm.writes.clear()
    pass_all(world)
    assert (world.bc.writes, world.crm.writes) == ([], [])


def test_a_disabled_table_is_left_alone_by_passes_and_goes_on_where_it_was():
    world = SyncWorld()
    world.bc.put("customers", bc_customer("10000"))
    world.synchronize()
    world.catalog = catalog(replace(CUSTOMER, enabled=False))
    world.bc.put("customers", bc_customer("10000", city="Leeds"))
    pass_all(world)
    world.pass_worker().handle("CUSTOMER")
    assert accounts(world)["Customer 10000"]["address1_city"] == "London"
    world.catalog = catalog()
    pass_all(world)
    assert accounts(world)["Customer 10000"]["address1_city"] == "Leeds"
    assert world.states.load("CUSTOMER").compared_because == ""


def test_a_field_that_is_mapped_anew_flows_for_records_that_nobody_changed():
    world = SyncWorld()
    world.bc.put("customers", bc_customer("10000", taxRegistrationNumber="GB 1"))
    world.synchronize("CUSTOMER")
    world.catalog = catalog(
        with_fields(
            FieldMapping(bc="taxRegistrationNumber", crm="sic", direction=TO_CRM),
            FieldMapping(bc="=industry", crm="industry", direction=TO_CRM, constant="Trade"),
        )
    )
    pass_all(world)
    account = accounts(world)["Customer 10000"]
    assert (account["sic"], account["industry"]) == ("GB 1", "Trade")
    assert world.states.load("CUSTOMER").compared_because == "The table mapping was changed."
    world.crm.put("accounts", account | {"industry": "Other"})
    pass_all(world)
    assert accounts(world)["Customer 10000"]["industry"] == "Trade"


def test_a_blank_that_is_to_be_kept_clears_nothing():
    shown = FieldMapping(bc="memo", crm="description", direction=TO_CRM, keep_if_blank=True)
    world = SyncWorld(catalog=catalog(with_fields(shown)))
    world.bc.put("customers", bc_customer("10000", memo=""))
    account = crm_account(7, name="Customer 10000", accountnumber="10000", description="Ours")
    world.crm.put("accounts", account)
    world.synchronize("CUSTOMER")
    assert accounts(world)["Customer 10000"]["description"] == "Ours"
    world.bc.put("customers", bc_customer("10000", memo="Theirs"))
    pass_all(world)
    assert accounts(world)["Customer 10000"]["description"] == "Theirs"


def test_a_table_that_creates_nothing_couples_what_is_there():
    world = SyncWorld(catalog=catalog(replace(CUSTOMER, creates_in_crm=False)))
    world.bc.put("customers", bc_customer("10000"))
    world.bc.put("customers", bc_customer("20000"))
    world.crm.put("accounts", crm_account(7, name="Other name", accountnumber="10000"))
    world.synchronize("CUSTOMER")
    assert len(world.crm.tables["accounts"]) == 1
    assert [each.bc_key for each in world.couplings.scan("CUSTOMER")] == ["10000"]


def test_a_circle_between_two_tables_is_broken_and_closed_again():
    """A customer names its primary contact, and contacts belong to customers: the customer comes
    first without it, and gets it once the contact is coupled (the built-in integration repairs
    primary contacts after contacts were synchronized)."""
    world = SyncWorld(catalog=catalog(with_fields(PRIMARY_CONTACT)))
    customer = bc_customer("10000", primaryContactNo="CT000001")
    world.bc.put("customers", customer)
    contact = bc_contact(1)
    world.bc.put("contacts", contact)
    world.references.customer_of_contact[contact["id"]] = customer["id"]
    lines = world.synchronize()
    assert lines["CUSTOMER"].state is JobState.FINISHED
    pass_all(world)
    (person,) = world.crm.tables["contacts"].values()
    account = accounts(world)["Customer 10000"]
    assert account["_primarycontactid_value"] == person["contactid"]


def test_a_reference_that_cannot_follow_is_cleared_and_told():
    world = SyncWorld(catalog=catalog(with_fields(PRIMARY_CONTACT)))
    world.bc.put("customers", bc_customer("10000", primaryContactNo="CT000001"))
    world.synchronize("CUSTOMER")
    (outcome,) = world.outcome_list("CUSTOMER")
    assert (outcome.kind, outcome.field) == (OutcomeKind.WAITING, "primaryContactNo")
    assert "blank" in outcome.message
    (coupling,) = world.couplings.scan("CUSTOMER")
    assert coupling.base
    assert "primarycontactid" not in coupling.base.crm


@pytest.mark.parametrize("kind", ["full synchronization", "pass"])
def test_a_mapping_that_changes_while_its_table_is_compared_is_compared_anew(kind, monkeypatch):
    """What was handled by the old mapping would lack what the new one says."""
    monkeypatch.setattr("sync.comparison.PAGE_SIZE", 1)
    world = SyncWorld()
    for number in ("10000", "20000", "30000"):
        world.bc.put("customers", bc_customer(number, taxRegistrationNumber=f"GB {number}"))
    changed = catalog(
        with_fields(FieldMapping(bc="taxRegistrationNumber", crm="sic", direction=TO_CRM))
    )
    if kind == "pass":
        world.synchronize("CUSTOMER")
        world.catalog = catalog(with_fields(enabled=True, creates_in_bc=False))
        world.pass_worker(slice_seconds=0).handle("CUSTOMER")
        world.queues.messages.clear()
        world.catalog = changed
        pass_all(world)
    else:
        run = world.start("CUSTOMER")
        world.full_sync.advance(run.run_id, run.generation, by_itself=False)
        message = world.queues.messages.pop(0)
        world.worker(slice_seconds=0).handle(message["run"], message["mapping"])
        assert len(world.crm.tables["accounts"]) == 1
        world.catalog = changed
        world.drain(run)
    assert {row["sic"] for row in world.crm.tables["accounts"].values()} == {
        "GB 10000",
        "GB 20000",
        "GB 30000",
    }


def test_a_line_whose_mapping_was_removed_says_so():
    world = SyncWorld(catalog=catalog(VENDOR))
    run = world.start("VENDOR")
    world.catalog = catalog()
    line = world.drain(run)["VENDOR"]
    assert (line.state, line.failures) == (JobState.ERROR, 1)
    assert "There is no table mapping 'VENDOR'" in line.message


TEAM = "77777777-0000-4000-8000-000000000001"


def test_a_team_owns_what_is_created_and_salespeople_take_no_part():
    world = SyncWorld(catalog=catalog(VENDOR, owning_team=TEAM))
    world.bc.put("customers", bc_customer("10000", salespersonCode="JO"))
    lines = world.synchronize()
    assert "SALESPEOPLE" not in lines
    assert lines["CUSTOMER"].state is JobState.FINISHED
    account = accounts(world)["Customer 10000"]
    assert account["_ownerid_value"] == TEAM
    assert world.outcome_list() == []
    owned = {
        name
        for name, mapping in world.catalog.mappings.items()
        if any(each.name == "ownerid" for each in mapping.constants_in_crm)
    }
    assert owned == {"CUSTOMER", "CONTACT", "VENDOR"}


def test_options_leave_nothing_behind_when_they_are_chosen_otherwise():
    by_team = with_options(MAPPINGS, MappingOptions(owning_team=TEAM))
    assert with_options(MAPPINGS, MappingOptions()) == MAPPINGS
    assert by_team["ITEM-PRODUCT"] == MAPPINGS["ITEM-PRODUCT"]
    assert told(MAPPINGS["SALESPEOPLE"], MappingOptions(owning_team=TEAM))
    assert told(CUSTOMER, MappingOptions()) == []
    assert len(told(CUSTOMER, MappingOptions(owning_team=TEAM, separate_companies=True))) == 2


def test_a_mapping_that_a_team_s_connection_edited_may_have_an_owner_of_its_own_in_vain():
    """Options come on top of what was edited: one owner, whatever the mapping says."""
    edited = with_fields()
    edited = replace(
        edited,
        fields=tuple(each for each in edited.fields if each.crm != "ownerid"),
        constants_in_crm=(
            *edited.constants_in_crm,
            Constant(name="ownerid", value="x", entity_set="systemusers"),
        ),
    )
    found = catalog(edited, owning_team=TEAM).named("CUSTOMER").constants_in_crm
    assert [each.value for each in found if each.name == "ownerid"] == [TEAM]


class Companies:
    """Two BC companies with connections of their own to one CRM organization."""

    def __init__(self) -> None:
        self.east, self.west = (self._connected(name) for name in ("east", "west"))
        self.west.crm = self.east.crm

    def _connected(self, company: str) -> SyncWorld:
        made = {name: of_company(mapping, company) for name, mapping in MAPPINGS.items()}
        return SyncWorld(MemoryAccount(), connection=company, catalog=MappingCatalog.of(made))

    def shown(self) -> dict[str, Any]:
        rows = self.east.crm.tables["accounts"].values()
        return {row["name"]: row.get("coupler_companyid") for row in rows}


def test_companies_in_one_organization_leave_each_other_s_records_alone():
    both = Companies()
    both.east.bc.put("customers", bc_customer("10000", displayName="Eastern"))
    both.west.bc.put("customers", bc_customer("10000", displayName="Western"))
    for world in (both.east, both.west):
        world.bc.defaults["customers"] = {"number": "90000", "blocked": "_x0020_"}
        world.synchronize("CUSTOMER")
    assert both.shown() == {"Eastern": "east", "Western": "west"}
    for world in (both.east, both.west):
        pass_all(world)
        assert len(world.bc.tables["customers"]) == 1


def test_a_record_of_no_company_belongs_to_the_one_that_couples_it_first():
    both = Companies()
    both.east.crm.put("accounts", crm_account(7, name="Old", accountnumber="10000"))
    both.east.bc.put("customers", bc_customer("10000", displayName="Eastern"))
    both.west.bc.put("customers", bc_customer("10000", displayName="Western"))
    both.west.bc.defaults["customers"] = {"number": "90000", "blocked": "_x0020_"}
    both.east.synchronize("CUSTOMER")
    assert list(both.shown().values()) == ["east"]
    both.west.synchronize("CUSTOMER")
    assert sorted(both.shown().values()) == ["east", "west"]
    assert len(both.west.bc.tables["customers"]) == 1


def test_crm_is_asked_for_the_company_s_records_and_those_of_none():
    wanted = of_company(CUSTOMER, "east").crm.filter
    assert wanted == (
        "customertypecode eq 3 and (coupler_companyid eq 'east' or coupler_companyid eq null)"
    )


def test_tables_without_the_company_s_column_stay_as_they_are():
    changed = {n for n, each in MAPPINGS.items() if of_company(each, "east") != each}
    assert changed == {
        "CUSTOMER",
        "CONTACT",
        "ITEM-PRODUCT",
        "RESOURCE-PRODUCT",
        "CUSTPRCGRP-PRICE",
    }
