from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest

from errors import AuthorizationError, ConcurrencyError, ConfigurationError, TransientError
from services.business_central_subscriptions import (
    DOCUMENTED_RESOURCES,
    BusinessCentralSubscriptions,
)
from services.transport import Transport
from tests.unit.services.scripted_service import (
    DROPPED,
    Answer,
    ScriptedService,
    json_answer,
    refusal,
)

COMPANY = "5a9e2f30-0000-4000-8000-000000000001"
ROOT = "/v2.0/tenant/Production/api/v2.0"
URL = "https://coupler.example/api/hooks/business-central"
STATE = "a s3cret"
ROW = {
    "@odata.etag": 'W/"1"',
    "subscriptionId": "webhook-7",
    "notificationUrl": URL,
    "resource": f"/api/v2.0/companies({COMPANY})/customers",
    "clientState": STATE,
    "expirationDateTime": "2026-03-04T07:52:31Z",
}


@pytest.fixture
def bc_transport(new_transport: Any, service: ScriptedService) -> Transport:
    transport: Transport = new_transport(f"{service.url}/v2.0/tenant/Production")
    transport.service_name = "Business Central"
    return transport


@pytest.fixture
def subscriptions(bc_transport: Transport) -> BusinessCentralSubscriptions:
    return BusinessCentralSubscriptions(bc_transport, COMPANY)


def test_a_subscription_is_made_for_an_entity_set_of_the_company(subscriptions, service):
    service.script = [json_answer(ROW, 201)]
    made = subscriptions.subscribe(URL, subscriptions.resource("customers"), STATE)
    (asked,) = service.asked
    assert (asked.method, asked.path) == ("POST", f"{ROOT}/subscriptions")
    assert asked.json == {"notificationUrl": URL, "resource": ROW["resource"], "clientState": STATE}
    assert (made.id, made.url, made.entity_set) == ("webhook-7", URL, "customers")
    assert made.expires == datetime(2026, 3, 4, 7, 52, 31, tzinfo=UTC)
    assert STATE not in repr(made)


def test_subscribing_is_not_repeated_where_its_answer_was_lost(subscriptions, service):
    service.script = [DROPPED]
    with pytest.raises(TransientError) as raised:
        subscriptions.subscribe(URL, ROW["resource"], STATE)
    assert raised.value.code == "answer-lost"
    assert len(service.asked) == 1


def test_a_failed_handshake_says_that_the_address_must_be_reachable(subscriptions, service):
    service.script = [refusal(400, "BadRequest", "The subscription validation request failed.")]
    with pytest.raises(ConfigurationError, match="validation request failed") as raised:
        subscriptions.subscribe(URL, ROW["resource"], STATE)
    assert raised.value.code == "webhook-handshake-failed"
    assert "reachable from Business Central" in raised.value.hint
    assert STATE not in raised.value.explained()


def test_a_refused_resource_is_named(subscriptions, service):
    service.script = [refusal(400, "BadRequest", "The resource 'contacts' is not supported.")]
    with pytest.raises(ConfigurationError, match="contacts") as raised:
        subscriptions.subscribe(URL, subscriptions.resource("contacts"), STATE)
    assert raised.value.code == "webhook-refused"


def test_all_subscriptions_are_listed(subscriptions, service):
    link = f"{service.url}{ROOT}/subscriptions?$skiptoken=1"
    service.script = [
        json_answer({"value": [ROW], "@odata.nextLink": link}),
        json_answer({"value": [ROW | {"subscriptionId": "webhook-8"}]}),
    ]
    assert [each.id for each in subscriptions.list_subscriptions()] == ["webhook-7", "webhook-8"]


def test_renewing_is_guarded_and_tells_the_new_expiry(subscriptions, service):
    renewed = ROW | {"@odata.etag": 'W/"2"', "expirationDateTime": "2026-03-07T07:52:31Z"}
    service.script = [json_answer({"value": [ROW]}), json_answer(renewed)]
    (known,) = subscriptions.list_subscriptions()
    after = subscriptions.renew(known)
    asked = service.asked[1]
    assert (asked.method, unquote(asked.path)) == ("PATCH", f"{ROOT}/subscriptions('webhook-7')")
    assert asked.headers["If-Match"] == 'W/"1"'
    assert "clientState" not in asked.json
    assert (after.expires.day, after.version) == (7, 'W/"2"')


def test_a_subscription_that_is_gone_is_not_renewed(subscriptions, service):
    service.script = [
        json_answer({"value": [ROW]}),
        refusal(404, "Internal_RecordNotFound", "The Webhook Subscription does not exist."),
    ]
    (known,) = subscriptions.list_subscriptions()
    assert subscriptions.renew(known) is None


def test_a_subscription_changed_meanwhile_is_not_overwritten(subscriptions, service):
    service.script = [
        json_answer({"value": [ROW]}),
        refusal(409, "Request_EntityChanged", "Another user has already changed the record."),
    ]
    (known,) = subscriptions.list_subscriptions()
    with pytest.raises(ConcurrencyError):
        subscriptions.renew(known)


def test_a_handshake_that_fails_on_renewing_is_explained(subscriptions, service):
    service.script = [
        json_answer({"value": [ROW]}),
        refusal(400, "BadRequest", "The subscription validation request failed."),
    ]
    (known,) = subscriptions.list_subscriptions()
    with pytest.raises(ConfigurationError) as raised:
        subscriptions.renew(known)
    assert raised.value.code == "webhook-handshake-failed"


@pytest.mark.parametrize("answer", [Answer(204), refusal(404, "Internal_RecordNotFound", "")])
def test_unsubscribing_may_be_repeated(subscriptions, service, answer):
    service.script = [answer]
    subscriptions.unsubscribe("it's")
    assert unquote(service.asked[0].path) == f"{ROOT}/subscriptions('it''s')"


def test_unsubscribing_without_permission_is_told(subscriptions, service):
    service.script = [refusal(403, "Authorization_RequestDenied", "No.")]
    with pytest.raises(AuthorizationError):
        subscriptions.unsubscribe("webhook-7")


class TestSupportedResources:
    def test_business_central_is_asked(self, subscriptions, service):
        rows = [{"resource": "v2.0/customers"}, {"resource": "v2.0/contacts"}]
        service.script = [json_answer({"value": rows})]
        assert subscriptions.supported_resources() == {"customers", "contacts"}
        assert unquote(service.asked[0].path) == (
            f"/v2.0/tenant/Production/api/microsoft/runtime/beta/companies({COMPANY})"
            "/webhookSupportedResources?$filter=resource eq 'v2.0*'"
        )

    @pytest.mark.parametrize(
        "answer",
        [
            refusal(404, "BadRequest_NotFound", "No HTTP resource was found."),
            refusal(403, "Authorization_RequestDenied", "No."),
            json_answer({"value": []}),
        ],
    )
    def test_the_documented_ones_hold_where_it_does_not_tell(self, subscriptions, service, answer):
        service.script = [answer]
        assert subscriptions.supported_resources() == DOCUMENTED_RESOURCES
        assert "customers" in DOCUMENTED_RESOURCES
        assert "contacts" not in DOCUMENTED_RESOURCES
