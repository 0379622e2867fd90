"""Pages: together they are the whole, in order, whatever their size."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.simulators.business_central.simulator import BusinessCentralSimulator
from tests.unit.simulators_business_central.world import (
    BASE,
    CANNON,
    COMPANY,
    COMPANY_NAME,
    Clock,
    company,
    customer,
    send,
)

CITIES = ["Bath", "Leeds", "York"]


def with_customers(count: int) -> BusinessCentralSimulator:
    found = BusinessCentralSimulator(now=Clock())
    found.seed(
        {
            "companies": [company(COMPANY, COMPANY_NAME)],
            "customers": [
                customer(f"{(number * 7919) % 10007:05d}", city=CITIES[number % 3])
                for number in range(count)
            ],
        },
        {},
    )
    return found


async def pages(
    target: BusinessCentralSimulator, options: str, size: int | None
) -> list[list[dict[str, Any]]]:
    headers = {} if size is None else {"Prefer": f"odata.maxpagesize={size}"}
    found, path = [], f"{BASE}/customers?{options}"
    while True:
        answer = await send(target, "GET", path, headers=headers)
        assert answer.status == 200, answer.body
        assert isinstance(answer.body, dict)
        found.append(answer.body["value"])
        link = answer.body.get("@odata.nextLink")
        if link is None:
            return found
        path = link.removeprefix("https://127.0.0.1:7093")


@given(
    count=st.integers(0, 25),
    size=st.integers(1, 30),
    options=st.sampled_from(
        [
            "$select=number",
            "$orderby=city",
            "$orderby=city desc,number desc",
            "$filter=city eq 'Bath'",
            "$filter=city ne 'Bath'&$orderby=lastModifiedDateTime",
            "$skip=2",
            "$top=7",
            "$top=7&$skip=3&$count=true",
        ]
    ),
)
async def test_pages_of_any_size_make_the_whole_in_order(count, size, options):
    target = with_customers(count)
    whole = await pages(target, options, None)
    parts = await pages(target, options, size)
    assert len(whole) == 1
    assert [row for page in parts for row in page] == whole[0]
    assert all(len(page) == size for page in parts[:-1])
    assert len(parts[-1]) <= size
    assert parts[-1] or len(parts) == 1


async def test_the_order_is_the_primary_key_where_none_is_asked_for():
    (page,) = await pages(with_customers(25), "$select=number", None)
    numbers = [row["number"] for row in page]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == 25


async def test_a_next_link_keeps_the_other_options_as_they_were_sent():
    answer = await send(
        with_customers(3),
        "GET",
        f"{BASE}/customers?$select=id,number&$filter=city%20ne%20'York'&$count=true",
        headers={"Prefer": "odata.maxpagesize=1"},
    )
    assert isinstance(answer.body, dict)
    assert answer.body["@odata.count"] == 2
    assert answer.body["@odata.nextLink"] == (
        f"https://127.0.0.1:7093{BASE}/customers?$select=id,number"
        f"&$filter=city%20ne%20'York'&$count=true&aid=FIN"
        f"&$skiptoken={answer.body['value'][0]['id']}"
    )


async def test_a_top_above_the_page_size_leaves_the_rest_to_the_next_link():
    answer = await send(
        with_customers(5),
        "GET",
        f"{BASE}/customers?$top=3",
        headers={"Prefer": "odata.maxpagesize=2"},
    )
    assert isinstance(answer.body, dict)
    assert "$top=1&aid=FIN" in answer.body["@odata.nextLink"]


async def test_a_top_within_the_page_size_has_no_next_link():
    answer = await send(with_customers(5), "GET", f"{BASE}/customers?$top=2")
    assert isinstance(answer.body, dict)
    assert "@odata.nextLink" not in answer.body


async def test_a_page_above_twenty_thousand_is_refused():
    target = with_customers(1)
    headers = {"Prefer": "odata.maxpagesize=20001"}
    assert (await send(target, "GET", f"{BASE}/customers", headers=headers)).status == 413
    headers = {"Prefer": "odata.maxpagesize=20000"}
    assert (await send(target, "GET", f"{BASE}/customers", headers=headers)).status == 200


@pytest.mark.parametrize("options", ["", "$orderby=city&"])
async def test_the_token_of_a_record_that_is_gone_is_refused(options):
    answer = await send(
        with_customers(2), "GET", f"{BASE}/customers?{options}aid=FIN&$skiptoken={CANNON}"
    )
    assert answer.status == 400
    assert isinstance(answer.body, dict)
    assert answer.body["error"]["code"] == "SkipTokenIsNoLongerValid"


async def test_paging_goes_on_behind_a_record_that_no_longer_matches():
    target = with_customers(6)
    options = "$filter=city eq 'Bath'"
    before = [row["number"] for row in (await pages(target, options, None))[0]]
    first = await send(
        target, "GET", f"{BASE}/customers?{options}", headers={"Prefer": "odata.maxpagesize=1"}
    )
    assert isinstance(first.body, dict)
    moved = first.body["value"][0]["id"]
    await send(target, "PATCH", f"{BASE}/customers({moved})", {"city": "York"}, {"If-Match": "*"})
    link = first.body["@odata.nextLink"].removeprefix("https://127.0.0.1:7093")
    second = await send(target, "GET", link)
    assert isinstance(second.body, dict)
    assert [row["number"] for row in second.body["value"]] == before[1:]


@given(
    count=st.integers(1, 12),
    size=st.integers(1, 4),
    touched=st.lists(st.tuples(st.integers(0, 11), st.booleans()), max_size=8),
)
async def test_paging_by_time_loses_no_record_and_repeats_only_changed_ones(count, size, touched):
    target = with_customers(count)
    numbers = [row["number"] for row in target.dump("customers")]
    ids = {row["number"]: row["id"] for row in target.dump("customers")}
    changed, deleted, found = set[str](), set[str](), list[str]()
    path = (
        f"{BASE}/customers?$select=number&$orderby=lastModifiedDateTime"
        "&$filter=lastModifiedDateTime gt 2026-01-01T00:00:00Z"
    )
    pending = list(touched)
    while path:
        headers = {"Prefer": f"odata.maxpagesize={size}"}
        answer = await send(target, "GET", path, headers=headers)
        assert isinstance(answer.body, dict), answer.body
        found += [row["number"] for row in answer.body["value"]]
        path = answer.body.get("@odata.nextLink", "").removeprefix("https://127.0.0.1:7093")
        if not pending or not path:
            continue
        at, delete = pending.pop()
        number = numbers[at % count]
        if number in deleted:
            continue
        address, match = f"{BASE}/customers({ids[number]})", {"If-Match": "*"}
        if delete:
            assert (await send(target, "DELETE", address, None, match)).status == 204
            deleted.add(number)
        else:
            answer = await send(target, "PATCH", address, {"city": "Bath"}, match)
            assert answer.status == 200
            changed.add(number)
    assert set(found) | deleted == set(numbers)
    repeated = {number for number in found if found.count(number) > 1}
    assert repeated <= changed
