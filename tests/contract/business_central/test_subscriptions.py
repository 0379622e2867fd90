"""``subscriptions`` of the API: handshake, renewal, limits, expiry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tests.contract.business_central.client import Client, not_simulated, refusal
from tests.contract.business_central.receiver import Receiver, receiving
from tests.unit.simulators_business_central.world import COMPANY, OTHER_COMPANY, ROOT

PATH = f"{ROOT}/subscriptions"
CUSTOMERS = f"/api/v2.0/companies({COMPANY})/customers"
ZERO = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def subscribe(
    client: Client, receiver: Receiver, resource: str = CUSTOMERS, **more: Any
) -> requests.Response:
    body = {"notificationUrl": receiver.address, "resource": resource, "clientState": "secret"}
    return client.send("POST", PATH, body | more)


def created(client: Client, receiver: Receiver, resource: str = CUSTOMERS) -> dict[str, Any]:
    answer = subscribe(client, receiver, resource)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def one(subscription: dict[str, Any]) -> str:
    return f"{PATH}('{subscription['subscriptionId']}')"


def listed(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.send("GET", PATH).json()["value"]
    return found


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_subscription_is_made_after_the_subscriber_returned_the_token(client, receiver):
    made = created(client, receiver)
    assert len(receiver.handshakes) == 1
    assert made.keys() == {
        "@odata.context",
        "@odata.etag",
        "subscriptionId",
        "notificationUrl",
        "resource",
        "timestamp",
        "userId",
        "lastModifiedDateTime",
        "clientState",
        "expirationDateTime",
        "systemCreatedAt",
        "systemCreatedBy",
        "systemModifiedAt",
        "systemModifiedBy",
    }
    assert (made["notificationUrl"], made["resource"]) == (receiver.address, CUSTOMERS)
    assert made["clientState"] == "secret"
    assert made["userId"] == made["systemCreatedBy"] != ZERO
    lifetime = moment(made["expirationDateTime"]) - datetime.now(UTC)
    assert timedelta(days=3, minutes=-1) < lifetime <= timedelta(days=3)


def test_subscriptions_are_listed_filtered_and_read_singly(client, receiver):
    first = created(client, receiver)
    second = created(client, receiver, CUSTOMERS.replace("customers", "items"))
    assert [each["resource"] for each in listed(client)] == [
        first["resource"],
        second["resource"],
    ]
    found = client.send("GET", f"{PATH}?$filter=resource eq '{CUSTOMERS}'").json()["value"]
    assert [each["subscriptionId"] for each in found] == [first["subscriptionId"]]
    assert client.send("GET", one(second)).json()["@odata.etag"] == second["@odata.etag"]
    unquoted = f"{PATH}({second['subscriptionId']})"
    assert client.send("GET", unquoted).status_code == 200
    assert len(client.admin("GET", "dump/subscriptions").json()) == 2


@pytest.mark.parametrize(
    "proof", [(200, "other"), (200, ""), (202, None), (404, ""), (500, None)], ids=str
)
def test_without_the_token_there_is_no_subscription(client, receiver, proof):
    status, text = proof
    receiver.proof = lambda token: (status, token if text is None else text)
    assert refusal(subscribe(client, receiver)) == (400, "BadRequest")
    assert len(receiver.handshakes) == 1
    assert listed(client) == []


def test_a_subscriber_that_cannot_be_reached_gets_no_subscription(client):
    body = {"notificationUrl": "http://127.0.0.1:9/", "resource": CUSTOMERS}
    assert refusal(client.send("POST", PATH, body)) == (400, "BadRequest")


@pytest.mark.parametrize(
    "address", ["http://hooks.invalid/bc", "ftp://127.0.0.1/", "hooks", "", None]
)
def test_notifications_go_to_https_or_to_this_machine_alone(client, address):
    body = {"notificationUrl": address, "resource": CUSTOMERS}
    assert refusal(client.send("POST", PATH, body)) == (400, "BadRequest")


@pytest.mark.parametrize(
    "name",
    ["contacts", "salespeoplePurchasers", "itemVariants", "opportunities", "itemLedgerEntries"],
)
def test_sets_without_webhooks_are_refused(client, receiver, name):
    answer = subscribe(client, receiver, CUSTOMERS.replace("customers", name))
    assert refusal(answer) == (400, "BadRequest")
    assert receiver.handshakes == []


@pytest.mark.parametrize(
    "resource", ["customers", f"/api/v2.0/companies({ZERO})/customers", f"{CUSTOMERS}({ZERO})", ""]
)
def test_a_resource_is_a_set_of_an_existing_company(client, receiver, resource):
    assert refusal(subscribe(client, receiver, resource)) == (400, "BadRequest")


@pytest.mark.parametrize(
    "resource", [CUSTOMERS[1:], f"https://api.businesscentral.dynamics.com/v2.0/x/y{CUSTOMERS}"]
)
def test_a_resource_may_be_addressed_otherwise(client, receiver, resource):
    assert created(client, receiver, resource)["resource"] == resource


def test_a_set_that_is_not_simulated_is_not_watched(client, receiver):
    assert not_simulated(subscribe(client, receiver, CUSTOMERS.replace("customers", "vendors")))


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"clientState": "x" * 2049}, "Application_StringExceededLength"),
        ({"secret": "x"}, "BadRequest"),
        ({"userId": ZERO.replace("0", "1")}, "BadRequest_InvalidOperation"),
        ({"clientState": 1}, "BadRequest"),
    ],
)
def test_bodies_are_checked(client, receiver, more, code):
    assert refusal(subscribe(client, receiver, **more)) == (400, code)
    assert subscribe(client, receiver, clientState="x" * 2048).status_code == 201


def test_there_is_a_largest_number_of_subscriptions(client, receiver):
    client.admin("PUT", "limits", {"subscriptions": 2})
    created(client, receiver)
    created(client, receiver)
    assert refusal(subscribe(client, receiver)) == (400, "BadRequest")
    assert len(listed(client)) == 2


def shift(client: Client, days: float) -> None:
    assert client.admin("PUT", "clock", {"skew_seconds": days * 86400}).status_code == 200


@pytest.fixture
def clock(client: Client) -> Iterator[None]:
    """Puts the clock right again."""
    yield
    shift(client, 0)


@pytest.mark.usefixtures("clock")
def test_a_renewal_shakes_hands_and_gives_three_more_days(client, receiver):
    made = created(client, receiver)
    shift(client, 2)
    renewed = client.send("PATCH", one(made), {}, If_Match=made["@odata.etag"])
    assert renewed.status_code == 200
    assert len(receiver.handshakes) == 2
    after = renewed.json()
    assert after["@odata.etag"] != made["@odata.etag"]
    assert after["lastModifiedDateTime"] > made["lastModifiedDateTime"]
    more = moment(after["expirationDateTime"]) - moment(made["expirationDateTime"])
    assert timedelta(days=2, minutes=-1) < more < timedelta(days=2, minutes=1)
    shift(client, 4)
    assert len(listed(client)) == 1


def test_a_renewal_may_change_secret_and_address(client, receiver):
    made = created(client, receiver)
    body = {
        "notificationUrl": receiver.address + "&x=1",
        "resource": made["resource"],
        "clientState": "other",
    }
    assert client.send("PATCH", one(made), body, If_Match="*").status_code == 200
    (after,) = listed(client)
    assert (after["clientState"], after["notificationUrl"]) == ("other", body["notificationUrl"])
    assert after["systemCreatedAt"] == made["systemCreatedAt"]


def test_a_renewal_needs_the_present_etag_and_the_handshake(client, receiver):
    made = created(client, receiver)
    assert refusal(client.send("PATCH", one(made), {})) == (400, "BadRequest_InvalidToken")
    assert client.send("PATCH", one(made), {}, If_Match="*").status_code == 200
    stale = client.send("PATCH", one(made), {}, If_Match=made["@odata.etag"])
    assert refusal(stale) == (409, "Request_EntityChanged")
    assert len(receiver.handshakes) == 2  # at the start and for the one that was renewed
    receiver.proof = lambda _: (200, "no")
    before = listed(client)
    assert refusal(client.send("PATCH", one(made), {}, If_Match="*")) == (400, "BadRequest")
    assert listed(client) == before


@pytest.mark.usefixtures("clock")
def test_an_expired_subscription_is_gone(client, receiver):
    made = created(client, receiver)
    shift(client, 3.001)
    assert listed(client) == []
    assert refusal(client.send("GET", one(made))) == (404, "Internal_RecordNotFound")
    assert refusal(client.send("PATCH", one(made), {}, If_Match="*"))[0] == 404


def test_a_deleted_subscription_is_gone(client, receiver):
    made = created(client, receiver)
    client.send("PATCH", one(made), {}, If_Match="*")
    stale = client.send("DELETE", one(made), If_Match=made["@odata.etag"])
    assert refusal(stale) == (409, "Request_EntityChanged")
    assert client.send("DELETE", one(made)).status_code == 204
    assert listed(client) == []
    assert refusal(client.send("DELETE", one(made)))[0] == 404


def test_subscriptions_belong_to_the_environment_and_end_with_it(client, receiver):
    created(client, receiver, f"/api/v2.0/companies({OTHER_COMPANY})/items")
    client.admin("POST", "reset")
    assert listed(client) == []


def test_other_methods_and_batches_are_refused(client, receiver):
    made = created(client, receiver)
    assert refusal(client.send("PUT", one(made), {}))[0] == 405
    assert refusal(client.send("DELETE", PATH))[0] == 405
    answer = client.batch([{"method": "GET", "url": "subscriptions"}]).json()["responses"][0]
    assert answer["status"] == 501
