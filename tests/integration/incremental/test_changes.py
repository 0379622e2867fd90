"""What users change on either side is on the other after the next pass."""

from __future__ import annotations

from typing import Any

from tests.integration.full_sync.installation import BC, CRM, writes
from tests.integration.incremental.office import MAPPINGS, Office, soon

MOST_REQUESTS = 2
"""For a table and side where nothing changed."""


def test_edits_of_either_side_arrive_on_the_other(office: Office):
    of_bc, of_crm = office.customer(), office.customer()
    office.edit_bc(of_bc.bc_id, city="Ely")
    office.edit_crm(of_crm.crm_id, address1_city="Hull")
    office.pass_over()
    assert office.crm(of_bc.crm_id)["address1_city"] == "Ely"
    assert office.bc(of_crm.bc_id)["city"] == "Hull"


def test_edits_of_different_fields_of_one_record_both_survive(office: Office):
    customer = office.customer()
    office.edit_bc(customer.bc_id, city="Ely")
    office.edit_crm(customer.crm_id, telephone1="+44 1632 960111")
    office.pass_over()
    bc, crm = office.bc(customer.bc_id), office.crm(customer.crm_id)
    assert (bc["city"], crm["address1_city"]) == ("Ely", "Ely")
    assert (bc["phoneNumber"], crm["telephone1"]) == ("+44 1632 960111", "+44 1632 960111")
    assert office.outcome(customer.bc_id) == {}


def test_new_records_of_either_side_are_on_the_other_once_and_coupled(office: Office):
    account_id = office.new_account(name="Mill of CRM", emailaddress1="crm@mill.example")
    customer_id = office.new_bc("customers", displayName="Mill of BC", email="bc@mill.example")
    office.pass_over()
    (account,) = _with(office, CRM, "accounts", emailaddress1="bc@mill.example")
    (customer,) = _with(office, BC, "customers", email="crm@mill.example")
    pairs = {
        (each["bc_id"], each["crm_id"])
        for each in office.client.couplings(office.connection, "CUSTOMER")
    }
    assert (customer_id, account["accountid"]) in pairs
    assert (customer["id"], account_id) in pairs
    assert office.crm(account_id)["accountnumber"] == customer["number"]
    assert office.installation.duplicates() == []


def test_posted_stock_arrives_though_the_item_itself_did_not_change(office: Office):
    item = next(row for row in office.installation.dump(BC, "items") if not row["blocked"])
    office.post_stock(item["number"], 1000)
    office.pass_over()
    (product,) = _with(office, CRM, "products", productnumber=item["number"])
    assert product["quantityonhand"] == item["inventory"] + 1000


def test_a_person_waits_for_the_company_and_follows_it(office: Office):
    competitor = 1
    account_id = office.new_account(name="Competitor", customertypecode=competitor)
    person_id = office.new_person(
        account_id, firstname="Amy", lastname="Miller", emailaddress1="amy@competitor.example"
    )
    office.pass_over()
    waiting = office.outcome(person_id)
    assert waiting["kind"] == "waiting"
    assert waiting["waits_for"] == {"mappings": ["CUSTOMER"], "ref": account_id}
    assert _with(office, BC, "contacts", email="amy@competitor.example") == []
    office.edit_crm(account_id, customertypecode=3)
    office.pass_over()
    soon(lambda: not office.outcome(person_id), "the person following its company")
    (person,) = _with(office, BC, "contacts", email="amy@competitor.example")
    assert person["displayName"] == "Amy Miller"
    assert person["companyName"] == "Competitor"


def test_a_quiet_pass_writes_nothing_and_asks_each_side_twice_at_most_for_a_table(office: Office):
    soon(lambda: is_cheap(requests_of_a_pass(office)), "the end of the overlap window")
    before = office.installation.everything()
    counted = requests_of_a_pass(office)
    assert office.installation.everything() == before
    assert is_cheap(counted), counted
    assert writes(counted)[CRM] == {}
    assert set(writes(counted)[BC]) == {"POST $batch"}  # the looks, in which nothing is written


def requests_of_a_pass(office: Office) -> dict[str, Any]:
    office.installation.world.forget_requests()
    office.pass_over()
    return office.installation.world.requests()


def is_cheap(counted: dict[str, Any]) -> bool:
    most = MOST_REQUESTS * len(MAPPINGS)
    return all(0 < counted[side]["requests"] <= most for side in (BC, CRM))


def test_invalidated_delta_tokens_make_a_comparison_that_says_why(office: Office):
    customer = office.customer()
    office.pass_over()
    office.edit_crm(customer.crm_id, address1_city="York")
    office.invalidate_delta("account")
    office.pass_over()
    assert office.bc(customer.bc_id)["city"] == "York"
    assert "full sync" in office.table("CUSTOMER")["compared_last_because"].lower()


def _with(office: Office, side: str, entity_set: str, **wanted: str) -> list[dict[str, str]]:
    rows = office.installation.dump(side, entity_set)
    return [row for row in rows if wanted.items() <= row.items()]
