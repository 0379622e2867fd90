"""Edits that people make in the client: no API rights, but the tables' own checks."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.business_central.client import Client
from tests.unit.simulators_business_central.world import CANNON, SERVICES, identity, row

RETAIL = identity("customerPriceGroups", "RETAIL")
RETAIL_PATH = f"{SERVICES}/CustomerPriceGroups('RETAIL')"


def person(client: Client, command: str, data: Any) -> dict[str, Any]:
    answer = client.admin("POST", command, data)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


def test_a_person_edits_what_the_api_only_reads(client):
    before = client.send("GET", RETAIL_PATH).json()
    changed = {"SystemId": RETAIL, "Description": "All shops"}
    assert person(client, "edit", {"CustomerPriceGroups": [changed]}) == {
        "edited": {"CustomerPriceGroups": 1}
    }
    after = client.send("GET", RETAIL_PATH).json()
    assert after["Description"] == "All shops"
    assert after["SystemModifiedAt"] > before["SystemModifiedAt"]
    assert after["@odata.etag"] != before["@odata.etag"]


def test_sets_may_be_named_like_their_files(client):
    person(client, "edit", {"customerPriceGroups": [{"SystemId": RETAIL, "Description": "X"}]})
    assert client.send("GET", RETAIL_PATH).json()["Description"] == "X"


def test_what_follows_from_an_edit_follows(client, cannon):
    person(client, "edit", {"customers": [{"id": CANNON, "displayName": "Cannon Inc."}]})
    contacts = client.read("contacts", "$orderby=number")
    assert [each["companyName"] for each in contacts] == ["Cannon Inc."] * 2
    stamps = {each["lastModifiedDateTime"] for each in contacts}
    assert min(stamps) > cannon["lastModifiedDateTime"]


def test_a_person_adds_records(client):
    price = {
        "Item_No": "70000",
        "Sales_Type": "All Customers",
        "Unit_Price": 12.5,
    }
    person(client, "insert", {"SalesPrices": [price], "Resources": [{"No": "JIM", "Name": "Jim"}]})
    (found,) = client.send("GET", f"{SERVICES}/SalesPrices").json()["value"]
    assert found["Unit_Price"] == 12.5
    assert found["SystemModifiedAt"] > "2026-06"
    (resource,) = client.send("GET", f"{SERVICES}/Resources").json()["value"]
    assert (resource["No"], resource["Type"]) == ("JIM", "Person")


def test_a_person_deletes_records(client):
    units = client.send("GET", f"{SERVICES}/ItemUnitsOfMeasure").json()["value"]
    deleted = {"ItemUnitsOfMeasure": [units[0]["SystemId"]], "CustomerPriceGroups": [RETAIL]}
    person(client, "delete", deleted)
    assert client.send("GET", f"{SERVICES}/ItemUnitsOfMeasure/$count").text == "0"
    assert client.send("GET", RETAIL_PATH).status_code == 404


def test_lines_go_with_their_document(client):
    order = row("salesOrders", number="101", customerId=CANNON)
    line = row("salesOrderLines", documentId=order["id"], sequence=10000)
    client.seed({"salesOrders": [order | {"salesOrderLines": [line]}]})
    person(client, "delete", {"salesOrders": [order["id"]]})
    assert client.admin("GET", "dump/salesOrderLines").json() == []


@pytest.mark.parametrize(
    ("command", "body", "named"),
    [
        ("edit", {"vendors": []}, "vendors"),
        ("edit", {"customers": {}}, "list"),
        ("edit", [], "object"),
        ("edit", {"customers": [{"id": RETAIL}]}, RETAIL),
        ("edit", {"customers": ["x"]}, "None"),
        ("edit", {"customers": [{"id": CANNON, "city": "x" * 31}]}, "StringExceededLength"),
        ("edit", {"customers": [{"id": CANNON, "salespersonCode": "ZZ"}]}, "Salesperson"),
        ("edit", {"customers": [{"id": CANNON, "balanceDue": 1}]}, "read-only"),
        ("edit", {"customers": [{"id": CANNON, "number": "1"}]}, "renaming"),
        ("edit", {"CustomerPriceGroups": [{"SystemId": RETAIL, "Fax": ""}]}, "Fax"),
        ("insert", {"CustomerPriceGroups": [{"Description": "no code"}]}, "Code must have"),
        ("insert", {"CustomerPriceGroups": [{"Code": "RETAIL"}]}, "already exists"),
        ("delete", {"customers": [RETAIL]}, RETAIL),
        ("delete", {"customers": [{}]}, "{}"),
    ],
)
def test_what_the_table_refuses_is_refused_and_nothing_is_done(client, command, body, named):
    before = client.admin("GET", "dump/customers").json()
    if isinstance(body, dict) and command == "edit":
        body = {"CustomerPriceGroups": [{"SystemId": RETAIL, "Description": "X"}]} | body
    answer = client.admin("POST", command, body)
    assert answer.status_code == 400
    assert named in answer.json()["error"]
    assert client.admin("GET", "dump/customers").json() == before
    assert client.send("GET", RETAIL_PATH).json()["Description"] == "Shops"


def test_records_that_are_still_needed_stay(client):
    client.seed({"salesOrders": [row("salesOrders", number="101", customerId=CANNON)]})
    answer = client.admin("POST", "delete", {"customers": [CANNON]})
    assert "outstanding Sales Order" in answer.json()["error"]
    assert client.get("customers/$count").text == "2"
