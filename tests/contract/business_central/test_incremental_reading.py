"""Reading what changed: filters and orders by time stamp, counts, batches, paging, the clock."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest

from tests.contract.business_central.client import Client
from tests.unit.simulators_business_central.world import (
    CANNON,
    COMPANY,
    COMPANY_NAME,
    MODIFIED,
    SERVICES,
    customer,
    row,
)

API_SETS = [
    ("customers", {"number": "30000"}),
    ("contacts", {"number": "CT9"}),
    ("items", {"number": "80000"}),
    ("itemLedgerEntries", {"entryNumber": 9}),
    ("currencies", {"code": "NOK"}),
    ("unitsOfMeasure", {"code": "SET"}),
    ("salespeoplePurchasers", {"code": "XX"}),
    ("paymentTerms", {"code": "XX"}),
    ("shipmentMethods", {"code": "XX"}),
    ("opportunities", {"number": "OP1"}),
    ("salesOrders", {"number": "1"}),
    ("salesInvoices", {"number": "1"}),
]
SERVICE_SETS = [
    ("CustomerPriceGroups", {"Code": "XX"}),
    ("Resources", {"No": "XX"}),
    ("SalesPrices", {"Item_No": "70000"}),
    ("ItemUnitsOfMeasure", {"Item_No": "70000", "Code": "XX"}),
]
OLDER, NEWER, NEWEST = (f"2026-02-01T00:00:00.{each}Z" for each in ("122", "123", "124"))


def peek(column: str, since: str) -> str:
    options = f"$filter={column} gt {since}&$orderby={column} desc&$top=1&$count=true"
    return quote(options, safe="$=&")


@pytest.mark.parametrize(
    ("entity_set", "values", "column"),
    [(name, values, "lastModifiedDateTime") for name, values in API_SETS]
    + [(name, values, "SystemModifiedAt") for name, values in SERVICE_SETS],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_window_is_counted_and_its_newest_record_read_at_once(client, entity_set, values, column):
    first = row(entity_set, **values, **{column: NEWER})
    client.seed({entity_set: [first]})
    start = f"{SERVICES}/{entity_set}?" if column == "SystemModifiedAt" else f"{entity_set}?"
    get = client.get if column != "SystemModifiedAt" else lambda path: client.send("GET", path)
    older = get(start + peek(column, OLDER)).json()
    assert (older["@odata.count"], [each[column] for each in older["value"]]) == (1, [NEWER])
    same = get(start + peek(column, NEWER)).json()
    assert (same["@odata.count"], same["value"]) == (0, [])


def test_a_peek_at_several_tables_is_one_batch(client):
    client.seed({"customers": [customer("30000", lastModifiedDateTime=NEWER)]})
    parts = [
        {"method": "GET", "url": f"companies({COMPANY})/customers/$count"},
        {
            "method": "GET",
            "url": f"companies({COMPANY})/customers?{peek('lastModifiedDateTime', OLDER)}",
        },
        {
            "method": "GET",
            "url": f"companies({COMPANY})/itemLedgerEntries?$orderby=entryNumber%20desc&$top=1",
        },
    ]
    answers = client.batch(parts).json()["responses"]
    assert answers[0]["body"] == "3"
    assert answers[1]["body"]["@odata.count"] == 1
    assert answers[2]["body"]["value"] == []


def test_page_web_services_are_not_read_in_a_batch_of_the_api(client):
    part = {"method": "GET", "url": f"{SERVICES}/Resources".replace(COMPANY_NAME, "My Company")}
    assert client.batch([part]).status_code == 400


def window(client: Client, since: str, size: int) -> Any:
    """Pages of the customers in stamp order, one at a time."""
    path = (
        f"customers?$filter=lastModifiedDateTime gt {since}&$orderby=lastModifiedDateTime"
        "&$select=number,lastModifiedDateTime"
    )
    answer = client.get(path, Prefer=f"odata.maxpagesize={size}")
    while True:
        assert answer.status_code == 200, answer.text
        body = answer.json()
        yield body["value"]
        link = body.get("@odata.nextLink")
        if link is None:
            return
        answer = client.send("GET", link, Prefer=f"odata.maxpagesize={size}")


def five(client: Client, stamps: list[str]) -> None:
    numbers = [str(number) for number in range(5)]
    records = [
        customer(number, lastModifiedDateTime=stamp)
        for number, stamp in zip(numbers, stamps, strict=True)
    ]
    client.seed({"customers": records})


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_records_of_one_stamp_are_paged_completely(client, size):
    five(client, [NEWER] * 5)
    found = [each["number"] for page in window(client, OLDER, size) for each in page]
    assert found == ["0", "1", "2", "3", "4"]


def test_records_changed_during_paging_come_again_at_the_end_and_none_is_lost(client):
    five(client, [NEWER] * 3 + [NEWEST] * 2)
    pages = window(client, OLDER, 2)
    assert [each["number"] for each in next(pages)] == ["0", "1"]
    for number in ("0", "2", "4"):  # read, next, and later
        path = f"customers({customer(number)['id']})"
        assert client.patch(path, {"city": "Bath"}, If_Match="*").status_code == 200
    rest = [each["number"] for page in pages for each in page]
    assert rest == ["3", "0", "2", "4"]


@pytest.mark.parametrize("change", ["PATCH", "DELETE"])
def test_paging_goes_on_where_the_last_record_of_a_page_stood(client, change):
    five(client, [NEWER] * 5)
    pages = window(client, OLDER, 2)
    last = next(pages)[-1]
    path = f"customers({customer(last['number'])['id']})"
    if change == "DELETE":
        assert client.delete(path).status_code == 204
    else:
        assert client.patch(path, {"city": "Bath"}, If_Match="*").status_code == 200
    rest = [each["number"] for page in pages for each in page]
    assert rest == ["2", "3", "4", *(["1"] if change == "PATCH" else [])]


@pytest.mark.parametrize("token", [CANNON, f"{CANNON},e30", f"{CANNON},WzFd", "x,y"])
def test_a_made_up_token_of_an_order_is_refused(client, token):
    options = f"$orderby=lastModifiedDateTime&aid=FIN&$skiptoken={token}"
    stale = client.get(f"customers?{options}")
    assert (stale.status_code, stale.json()["error"]["code"]) == (400, "SkipTokenIsNoLongerValid")


def changed_at(client: Client) -> datetime:
    answer = client.patch(f"customers({CANNON})", {"city": "Bath"}, If_Match="*")
    return datetime.fromisoformat(answer.json()["lastModifiedDateTime"])


def test_stamps_follow_the_clock_of_the_service_backwards_as_well(client):
    try:
        true = changed_at(client)
        client.admin("PUT", "clock", {"skew_seconds": 3600})
        ahead = changed_at(client)
        client.admin("PUT", "clock", {"step_seconds": -7200})
        behind = changed_at(client)
    finally:
        client.admin("PUT", "clock", {"skew_seconds": 0})
    assert 3590 < (ahead - true).total_seconds() < 3610
    assert -3610 < (behind - true).total_seconds() < -3590
    assert behind.isoformat() > MODIFIED


def test_an_etag_is_new_even_where_the_clock_went_back(client, cannon):
    try:
        client.admin("PUT", "clock", {"skew_seconds": -7200})
        changed_at(client)
        stale = client.patch(
            f"customers({CANNON})", {"city": "York"}, If_Match=cannon["@odata.etag"]
        )
    finally:
        client.admin("PUT", "clock", {"skew_seconds": 0})
    assert stale.status_code == 409
