"""Looking for drift and repairing it, over HTTP and through the host."""

from __future__ import annotations

from typing import Any

import pytest

from local.coupler_client import CouplerApiError
from tests.integration.full_sync.installation import until
from tests.integration.incremental.office import Office, soon


def look(office: Office) -> dict[str, dict[str, Any]]:
    """Compare the customers with their couplings; the drift by the ids of its records."""
    office.client.start_reconcile(office.connection, ["CUSTOMER"])
    until(lambda: report(office)["run"]["state"] == "finished", "the end of the comparison")
    return {
        record_id: drift
        for drift in office.client.drift(office.connection)
        for record_id in (drift["bc_id"], drift["crm_id"])
        if record_id
    }


def report(office: Office) -> dict[str, Any]:
    return office.client.reconcile(office.connection)


def coupled(office: Office) -> set[str]:
    return {each["bc_id"] for each in office.client.couplings(office.connection, "CUSTOMER")}


def test_drift_is_found_repaired_by_the_engine_and_gone_at_the_next_look(office: Office):
    edited, deleted = office.customer(), office.customer()
    office.edit_bc(edited.bc_id, city="Ely")
    office.delete_crm(deleted.crm_id)
    new_id = office.new_bc("customers", displayName="Nobody's", email="nobody@x.example")
    found = look(office)
    mine = [found[each] for each in (edited.bc_id, deleted.bc_id, new_id)]
    assert [each["kind"] for each in mine] == ["fields-differ", "orphan", "missing-in-crm"]
    assert [each["explained_by"] for each in mine] == ["", "", ""]
    assert office.crm(edited.crm_id)["address1_city"] != "Ely"
    (field,) = mine[0]["fields"]
    assert (field["bc_field"], field["bc_value"], field["flow"]) == ("city", "Ely", "to_crm")

    ids = [each["id"] for each in mine]
    begun = office.client.repair(office.connection, {"ids": ids})
    assert begun["actions"] == {"fields-differ": 1, "missing-in-crm": 1, "orphan": 1}
    soon(lambda: office.crm(edited.crm_id)["address1_city"] == "Ely", "the edit in CRM")
    soon(lambda: office.outcome(deleted.bc_id), "the report of the deletion")
    soon(lambda: new_id in coupled(office), "the coupling of the new customer")

    left = look(office)
    assert edited.bc_id not in left
    assert new_id not in left
    assert left[deleted.bc_id]["explained_by"] == "deleted-in-crm"
    assert office.installation.duplicates() == []


def test_the_report_counts_by_table_and_says_what_to_do(office: Office):
    office.edit_crm(office.customer().crm_id, address1_city="Hull")
    look(office)
    (table,) = report(office)["tables"]
    assert table["mapping"] == "CUSTOMER"
    assert table["drift"]["fields-differ"] >= 1
    assert table["last_look"]["state"] == "finished"
    assert table["last_look"]["compared"] > table["last_look"]["in_step"] > 0
    assert any(line.startswith("fields-differ: ") for line in table["plan"])


@pytest.mark.parametrize(
    "selection", [{}, {"all": True, "kinds": ["orphan"]}, {"ids": ["no id"]}, {"kinds": ["none"]}]
)
def test_a_repair_of_nobody_knows_what_is_refused(office: Office, selection):
    with pytest.raises(CouplerApiError, match=r"answered 4(00|22)"):
        office.client.repair(office.connection, selection)
