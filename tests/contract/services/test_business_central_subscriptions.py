from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

import pytest
import requests

from errors import ConcurrencyError, ConfigurationError
from services.business_central_subscriptions import (
    DOCUMENTED_RESOURCES,
    BusinessCentralSubscriptions,
)
from services.transport import Transport
from tests.contract.business_central.receiver import Receiver, receiving
from tests.contract.services.conftest import TENANT, Admin

COMPANY = {"id": str(uuid5(NAMESPACE_URL, "company")), "name": "CRONUS", "displayName": "C"}
SCOPE = "https://api.businesscentral.dynamics.com/.default"
STATE = "a s3cret"


@pytest.fixture
def admin(business_central: str, session: requests.Session) -> Iterator[Admin]:
    admin = Admin(business_central, session)
    admin.reset()
    admin.seed(companies=[COMPANY])
    yield admin
    admin.reset()


@pytest.fixture
def subscriptions(
    admin: Admin, new_transport: Callable[[str, str, str], Transport]
) -> BusinessCentralSubscriptions:
    base = f"{admin.url}/v2.0/{TENANT}/Production"
    return BusinessCentralSubscriptions(
        new_transport("Business Central", base, SCOPE), COMPANY["id"]
    )


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def test_a_subscription_lives_is_renewed_and_ends(subscriptions, receiver):
    customers = subscriptions.resource("customers")
    made = subscriptions.subscribe(receiver.address, customers, STATE)
    assert len(receiver.handshakes) == 1
    assert (made.url, made.resource, made.entity_set) == (
        receiver.address,
        customers,
        "customers",
    )
    left = made.expires - datetime.now(UTC)
    assert timedelta(days=2, hours=23) < left < timedelta(days=3, hours=1)
    assert subscriptions.list_subscriptions() == [made]

    renewed = subscriptions.renew(made)
    assert len(receiver.handshakes) == 2
    assert renewed.id == made.id
    assert renewed.expires >= made.expires
    assert subscriptions.list_subscriptions() == [renewed]

    subscriptions.unsubscribe(made.id)
    assert subscriptions.list_subscriptions() == []
    subscriptions.unsubscribe(made.id)
    assert subscriptions.renew(renewed) is None


def test_a_subscription_changed_meanwhile_is_not_overwritten(subscriptions, receiver):
    made = subscriptions.subscribe(receiver.address, subscriptions.resource("items"), STATE)
    subscriptions.renew(made)
    with pytest.raises(ConcurrencyError):
        subscriptions.renew(made)


def test_an_address_that_does_not_prove_itself_is_explained(subscriptions, receiver):
    receiver.proof = lambda token: (200, "something else")
    with pytest.raises(ConfigurationError) as raised:
        subscriptions.subscribe(receiver.address, subscriptions.resource("customers"), STATE)
    assert raised.value.code == "webhook-handshake-failed"
    assert subscriptions.list_subscriptions() == []


def test_renewing_needs_the_proof_as_well(subscriptions, receiver):
    made = subscriptions.subscribe(receiver.address, subscriptions.resource("customers"), STATE)
    receiver.proof = lambda token: (500, "")
    with pytest.raises(ConfigurationError) as raised:
        subscriptions.renew(made)
    assert raised.value.code == "webhook-handshake-failed"


def test_a_resource_without_webhooks_is_refused(subscriptions, receiver):
    with pytest.raises(ConfigurationError, match="contacts") as raised:
        subscriptions.subscribe(receiver.address, subscriptions.resource("contacts"), STATE)
    assert raised.value.code == "webhook-refused"


def test_a_subscription_of_a_company_that_is_unknown_is_refused(subscriptions, receiver):
    resource = subscriptions.resource("customers").replace(COMPANY["id"], TENANT)
    with pytest.raises(ConfigurationError) as raised:
        subscriptions.subscribe(receiver.address, resource, STATE)
    assert raised.value.code == "webhook-refused"


def test_renewing_may_move_the_address(subscriptions, receiver):
    made = subscriptions.subscribe(receiver.address, subscriptions.resource("customers"), STATE)
    with receiving() as other:
        moved = subscriptions.renew(replace(made, url=other.address))
        assert len(other.handshakes) == 1
    assert moved.url == other.address


def test_what_can_be_subscribed_to_is_known(subscriptions):
    supported = subscriptions.supported_resources()
    assert {"customers", "items", "salesOrders"} <= supported
    assert supported <= DOCUMENTED_RESOURCES
