"""Notifications of changes: what is told, when it is merged, and how sending is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from local.simulators.core.server import tls_context
from tests.contract.business_central.client import Client
from tests.contract.business_central.receiver import Receiver, receiving
from tests.contract.business_central.test_subscriptions import created, listed
from tests.unit.simulators_business_central.world import (
    BASE,
    CANNON,
    COMPANY,
    OTHER_COMPANY,
    ROOT,
    customer,
    row,
)

SETS = f"api/v2.0/companies({COMPANY})"
LIMITS = {"notification_delay": 0.1, "notification_retry_scale": 0.0001}


@pytest.fixture
def receiver(client: Client) -> Iterator[Receiver]:
    client.admin("PUT", "limits", LIMITS)
    client.admin("DELETE", "deliveries")
    with receiving() as found:
        yield found


@pytest.fixture
def in_one_window(client: Client, receiver: Receiver) -> None:
    """Collects for so long that all changes of a test fall into one window."""
    assert receiver.bodies == []
    client.admin("PUT", "limits", {"notification_delay": 1})


def watch(client: Client, receiver: Receiver, name: str = "customers") -> dict[str, Any]:
    return created(client, receiver, f"/{SETS}/{name}")


def change(client: Client, record_id: str = CANNON, **values: str) -> dict[str, Any]:
    body = values or {"city": "Bath"}
    answer = client.patch(f"customers({record_id})", body, If_Match="*")
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


def told(entries: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["resource"].removeprefix(f"{SETS}/"), each["changeType"]) for each in entries]


def settled(client: Client, receiver: Receiver, number: int) -> None:
    """Make one more change, and wait until it alone was told behind ``number`` others."""
    entries = receiver.entries(number)
    assert len(entries) == number
    bodies = len(receiver.bodies)
    change(client, customer("20000")["id"])
    receiver.wait(lambda: len(receiver.bodies) > bodies)
    assert told(receiver.bodies[-1]["value"]) == [
        (f"customers({customer('20000')['id']})", "updated")
    ]


def test_a_change_is_told_as_its_address_and_time_and_nothing_more(client, receiver):
    made = watch(client, receiver)
    changed = change(client)
    (entry,) = receiver.entries(1)
    assert entry == {
        "subscriptionId": made["subscriptionId"],
        "clientState": "secret",
        "expirationDateTime": made["expirationDateTime"],
        "resource": f"{SETS}/customers({CANNON})",
        "changeType": "updated",
        "lastModifiedDateTime": changed["lastModifiedDateTime"],
    }
    headers = {name.lower() for name in receiver.headers[0]}
    assert {"clientrequestid", "x-ms-correlation-id"} <= headers


def test_notifications_come_over_https_to_those_whose_certificate_is_trusted(client, certificates):
    client.admin("PUT", "limits", LIMITS)
    with receiving(tls_context(certificates.certificate, certificates.key)) as receiver:
        watch(client, receiver)
        change(client)
        assert told(receiver.entries(1)) == [(f"customers({CANNON})", "updated")]


@pytest.mark.usefixtures("in_one_window")
def test_changes_of_a_record_are_merged(client, receiver):
    watch(client, receiver)
    change(client, city="Bath")
    last = change(client, city="York")
    new = client.post("customers", {"displayName": "New"}).json()["id"]
    change(client, new)
    gone = client.post("customers", {"displayName": "Gone"}).json()["id"]
    assert client.delete(f"customers({gone})").status_code == 204
    entries = receiver.entries(3)
    assert told(entries) == [
        (f"customers({CANNON})", "updated"),
        (f"customers({new})", "created"),
        (f"customers({gone})", "deleted"),
    ]
    assert entries[0]["lastModifiedDateTime"] == last["lastModifiedDateTime"]
    assert len(receiver.bodies) == 1


def test_parts_of_a_batch_are_told(client, receiver):
    watch(client, receiver)
    parts = [
        {"method": "POST", "url": f"{BASE}/customers", "body": {"displayName": name}}
        for name in ("A", "B")
    ]
    answers = client.batch(parts).json()["responses"]
    assert told(receiver.entries(2)) == [
        (f"customers({each['body']['id']})", "created") for each in answers
    ]


def test_what_was_taken_back_is_not_told(client, receiver):
    watch(client, receiver)
    parts = [
        {"method": "POST", "url": f"{BASE}/customers", "body": {"displayName": name}}
        for name in ("A", "")
    ]
    client.batch(parts, Isolation="snapshot")
    settled(client, receiver, 0)


@pytest.mark.usefixtures("in_one_window")
def test_edits_of_people_are_told_and_seeding_and_posting_are_not(client, receiver):
    watch(client, receiver, "items")
    (item,) = client.read("items")
    client.seed({"items": [row("items", number="80000")]})
    client.admin("POST", "post-inventory", [{"itemNumber": item["number"], "quantity": 1}])
    client.admin("POST", "edit", {"items": [{"id": item["id"], "displayName": "Edited"}]})
    assert told(receiver.entries(1)) == [(f"items({item['id']})", "updated")]


def test_what_follows_from_a_change_elsewhere_is_told(client, receiver):
    watch(client, receiver)
    card = client.read("contacts", "$filter=type eq 'Company'")[0]
    client.patch(f"contacts({card['id']})", {"city": "Bath"}, If_Match="*")
    assert told(receiver.entries(1)) == [(f"customers({CANNON})", "updated")]


def test_deletions_of_documents_are_told(client, receiver):
    watch(client, receiver, "salesOrders")
    order = row("salesOrders", number="1")
    client.seed({"salesOrders": [order]})
    client.admin("POST", "delete", {"salesOrders": [order["id"]]})
    assert told(receiver.entries(1)) == [(f"salesOrders({order['id']})", "deleted")]


def test_only_the_company_and_the_set_that_are_watched_are_told(client, receiver):
    watch(client, receiver)
    client.send(
        "POST", f"{ROOT}/companies({OTHER_COMPANY})/customers", {"displayName": "Elsewhere"}
    )
    client.post("contacts", {"displayName": "Somebody"})
    client.post("currencies", {"code": "NOK"})
    settled(client, receiver, 0)


@pytest.mark.usefixtures("in_one_window")
def test_subscriptions_of_one_address_share_a_body(client, receiver):
    first, second = watch(client, receiver), watch(client, receiver)
    items = watch(client, receiver, "items")
    (item,) = client.read("items")
    change(client)
    client.patch(f"items({item['id']})", {"unitPrice": 2}, If_Match="*")
    assert [each["subscriptionId"] for each in receiver.entries(3)] == [
        each["subscriptionId"] for each in (first, second, items)
    ]
    assert len(receiver.bodies) == 1


def test_a_subscription_is_not_told_of_what_was_before_it(client, receiver):
    first = watch(client, receiver)
    change(client)
    watch(client, receiver)
    assert [each["subscriptionId"] for each in receiver.entries(1)] == [first["subscriptionId"]]


@pytest.mark.usefixtures("in_one_window")
@pytest.mark.parametrize("deleting", [False, True])
def test_too_many_changes_are_told_as_one_collection(client, receiver, deleting):
    client.admin("PUT", "limits", {"notification_records": 2})
    watch(client, receiver)
    first = client.post("customers", {"displayName": "A"}).json()
    others = [client.post("customers", {"displayName": name}).json() for name in "BC"]
    last = others[-1]["lastModifiedDateTime"]
    if deleting:
        client.delete(f"customers({others[0]['id']})")
    (entry,) = receiver.entries(1)
    assert entry["changeType"] == "collection"
    address, _, query = entry["resource"].partition("?")
    assert address == f"{SETS}/customers"
    if deleting:
        assert query == ""
        return
    since = datetime.fromisoformat(first["lastModifiedDateTime"]) - timedelta(milliseconds=50)
    text = since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert query == f"$filter=lastModifiedDateTime%20gt%20{text}"
    assert entry["lastModifiedDateTime"] == last
    assert len(client.get(f"customers?{query}").json()["value"]) == 3


def test_as_many_changes_as_allowed_are_told_singly(client, receiver):
    client.admin("PUT", "limits", {"notification_records": 2})
    watch(client, receiver)
    for name in "AB":
        client.post("customers", {"displayName": name})
    assert [kind for _, kind in told(receiver.entries(2))] == ["created", "created"]


@pytest.mark.parametrize("status", [408, 429, 500, 503, 599])
def test_a_busy_subscriber_is_asked_again(client, receiver, status):
    receiver.statuses = [status, status]
    watch(client, receiver)
    change(client)
    receiver.wait(lambda: len(receiver.bodies) == 3)
    assert receiver.bodies[0] == receiver.bodies[1] == receiver.bodies[2]
    settled(client, receiver, 3)
    assert len(listed(client)) == 1


@pytest.mark.parametrize("status", [301, 400, 401, 404, 410])
def test_any_other_refusal_ends_all_subscriptions_of_the_body_at_once(client, receiver, status):
    receiver.statuses = [status]
    watch(client, receiver)
    watch(client, receiver, "items")
    change(client)
    receiver.entries(1)
    ended(client, watched=["items"])
    assert len(receiver.bodies) == 1


def until(condition: Callable[[], bool]) -> None:
    """Wait for what a subscriber's answer brings about in the simulator."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline


def ended(client: Client, watched: list[str]) -> None:
    """Wait until only these sets are watched."""
    until(lambda: [each["resource"].rpartition("/")[2] for each in listed(client)] == watched)


def test_a_subscriber_that_stays_busy_loses_its_subscription_after_six_tries(client, receiver):
    client.admin("PUT", "limits", {"notification_retry_scale": 0.000001})
    receiver.statuses = [503] * 9
    watch(client, receiver)
    change(client)
    receiver.wait(lambda: len(receiver.bodies) == 6)
    ended(client, watched=[])
    assert len(receiver.bodies) == 6


@pytest.mark.parametrize("end", ["deleted", "expired"])
def test_an_ended_subscription_is_told_nothing(client, receiver, end):
    made = watch(client, receiver)
    other = watch(client, receiver, "items")
    (item,) = client.read("items")
    change(client)
    if end == "deleted":
        client.send("DELETE", f"{ROOT}/subscriptions('{made['subscriptionId']}')")
    else:
        client.admin("PUT", "clock", {"skew_seconds": 2 * 86400})
        path = f"{ROOT}/subscriptions('{other['subscriptionId']}')"
        assert client.send("PATCH", path, {}, If_Match="*").status_code == 200
        client.admin("PUT", "clock", {"skew_seconds": 3 * 86400 + 60})
    try:
        client.patch(f"items({item['id']})", {"unitPrice": 2}, If_Match="*")
        assert told(receiver.entries(1)) == [(f"items({item['id']})", "updated")]
    finally:
        client.admin("PUT", "clock", {"skew_seconds": 0})


def test_deliveries_can_be_dropped_and_doubled(client, receiver):
    watch(client, receiver)
    client.admin("POST", "deliveries", {"action": "drop"})
    client.admin("POST", "deliveries", {"action": "duplicate"})
    change(client)
    until(lambda: client.admin("GET", "deliveries").json()["dropped"] == 1)
    change(client)
    receiver.wait(lambda: len(receiver.bodies) == 2)
    assert receiver.bodies[0] == receiver.bodies[1]
