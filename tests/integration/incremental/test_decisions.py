"""Records that a person has to decide about: conflicts and deletions."""

from __future__ import annotations

import pytest

from tests.integration.full_sync.installation import BC
from tests.integration.incremental.office import Customer, Office, soon


def contested(office: Office) -> Customer:
    """A customer whose city both sides changed, and a field that only one did."""
    customer = office.customer()
    office.edit_bc(customer.bc_id, city="Ely", state="Fens")
    office.edit_crm(customer.crm_id, address1_city="Hull")
    office.pass_over()
    return customer


@pytest.mark.parametrize(("winner", "city"), [("bc", "Ely"), ("crm", "Hull")])
def test_a_conflict_is_told_with_both_values_and_decided_by_side(office: Office, winner, city):
    customer = contested(office)
    conflict = office.outcome(customer.bc_id)
    assert (conflict["kind"], conflict["code"]) == ("conflict", "update-conflict")
    (field,) = conflict["fields"]
    assert (field["bc_field"], field["crm_column"]) == ("city", "address1_city")
    assert (field["bc_value"], field["crm_value"]) == ("Ely", "Hull")
    assert office.bc(customer.bc_id)["city"] == "Ely"
    assert office.crm(customer.crm_id)["address1_city"] == "Hull"
    assert office.crm(customer.crm_id)["address1_stateorprovince"] == "Fens"
    office.decide(customer.bc_id, "resolve", {"winner": winner})
    soon(
        lambda: (
            office.bc(customer.bc_id)["city"] == city
            and office.crm(customer.crm_id)["address1_city"] == city
        ),
        f"{city} on both sides",
    )
    soon(lambda: office.outcome(customer.bc_id).get("code") != "update-conflict", "the end of it")


def test_a_deleted_record_is_reported_and_restored_on_demand(office: Office):
    customer = office.customer()
    name = office.bc(customer.bc_id)["displayName"]
    office.delete_crm(customer.crm_id)
    office.pass_over()
    deletion = office.outcome(customer.bc_id)
    assert deletion["code"] == "deleted-in-crm"
    assert office.bc(customer.bc_id)["displayName"] == name
    office.decide(customer.bc_id, "restore")

    def restored() -> list[str]:
        rows = office.installation.dump("crm", "accounts")
        return [row["name"] for row in rows if row["accountnumber"] == customer.number]

    assert soon(restored, "the account") == [name]
    soon(lambda: not office.outcome(customer.bc_id), "the end of it")


def test_a_record_deleted_in_business_central_is_reported_though_no_feed_tells_of_it(
    office: Office,
):
    customer = office.customer()
    office.delete_bc(customer.bc_id)
    office.pass_over()
    assert office.outcome(customer.crm_id)["code"] == "deleted-in-bc"
    assert office.crm(customer.crm_id)
    rows = office.installation.dump(BC, "customers")
    assert customer.number not in {row["number"] for row in rows}
