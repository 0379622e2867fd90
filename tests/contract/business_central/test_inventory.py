"""The item ledger, and posting to it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.business_central.client import Client, refusal
from tests.unit.simulators_business_central.world import OTHER_COMPANY, ROOT, row

SIDE_PANEL = "70000"


def post(client: Client, *lines: dict[str, Any], options: str = "") -> list[dict[str, Any]]:
    answer = client.admin("POST", f"post-inventory{options}", list(lines))
    assert answer.status_code == 200, answer.text
    posted: list[dict[str, Any]] = answer.json()["posted"]
    return posted


def line(quantity: float, **more: Any) -> dict[str, Any]:
    return {"itemNumber": SIDE_PANEL, "quantity": quantity} | more


def test_posting_changes_the_inventory_and_neither_time_stamp_nor_etag(client):
    (before,) = client.read("items")
    post(client, line(-3), line(1.5))
    (after,) = client.read("items")
    assert after == before | {"inventory": 3.5}


def test_every_line_becomes_an_entry_numbered_behind_the_last(client):
    client.seed({"itemLedgerEntries": [row("itemLedgerEntries", entryNumber=41)]})
    sale = {"entryType": "Sale", "documentType": "Sales Shipment", "documentNumber": "102001"}
    post(client, line(2), line(-3), line(-1, **sale))
    found = client.read("itemLedgerEntries", "$filter=entryNumber gt 41&$orderby=entryNumber")
    assert [
        (each["entryNumber"], each["itemNumber"], each["entryType"], each["quantity"])
        for each in found
    ] == [
        (42, SIDE_PANEL, "Positive_x0020_Adjmt_x002E_", 2),
        (43, SIDE_PANEL, "Negative_x0020_Adjmt_x002E_", -3),
        (44, SIDE_PANEL, "Sale", -1),
    ]
    assert found[2]["documentType"] == "Sales_x0020_Shipment"
    assert found[0]["lastModifiedDateTime"][:10] == found[0]["postingDate"]


def test_the_newest_entry_and_the_count_are_one_request(client):
    post(client, line(1), line(2), line(3))
    answer = client.get("itemLedgerEntries?$orderby=entryNumber desc&$top=1&$count=true").json()
    assert answer["@odata.count"] == 3
    assert [each["entryNumber"] for each in answer["value"]] == [3]


def test_the_ledger_is_read_only(client):
    (entry,) = post(client, line(1))
    path = f"itemLedgerEntries({entry['id']})"
    assert client.get(path).json()["quantity"] == 1
    assert refusal(client.post("itemLedgerEntries", line(1)))[0] == 405
    assert refusal(client.patch(path, {"quantity": 2}, If_Match="*"))[0] == 405
    assert refusal(client.delete(path))[0] == 405


@pytest.mark.parametrize(
    "body",
    [
        {},
        [{"itemNumber": SIDE_PANEL}],
        [line(0)],
        [line(1, itemNumber="99999")],
        [line(1, locationCode="BLUE")],
        [line(1, entryType="Gift")],
    ],
)
def test_lines_that_cannot_be_posted_are_refused_together_with_the_others(client, body):
    lines = [line(7), *body] if isinstance(body, list) else body
    assert client.admin("POST", "post-inventory", lines).status_code == 400
    assert client.get("itemLedgerEntries/$count").text == "0"
    assert client.read("items")[0]["inventory"] == 5


def test_a_posting_goes_to_the_company_that_is_named(client):
    item = row("items", number=SIDE_PANEL)
    client.seed({"items": [item]}, "?company=My Company")
    post(client, line(4), options="?company=My Company")
    there = client.send("GET", f"{ROOT}/companies({OTHER_COMPANY})/items").json()["value"]
    assert there[0]["inventory"] == 4
    assert client.read("items")[0]["inventory"] == 5
    refused = client.admin("POST", "post-inventory?company=Nobody", [line(1)])
    assert refused.status_code == 400
