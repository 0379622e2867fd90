"""Who is let in."""

from __future__ import annotations

import pytest

from local.simulators.business_central.simulator import BusinessCentralSimulator
from tests.contract.business_central.client import Client, refusal
from tests.contract.business_central.conftest import CLIENT_ID
from tests.unit.simulators_business_central.world import BASE, ROOT, TENANT, request


@pytest.mark.parametrize("which", ["foreign tenant", "foreign audience"])
def test_a_token_of_another_tenant_or_for_another_service_is_rejected(
    service, certificates, tokens, client, which
):
    stranger = Client(service, str(certificates.ca), tokens[which])
    assert refusal(stranger.send("GET", f"{ROOT}/companies")) == (
        401,
        "Authentication_InvalidCredentials",
    )
    stranger.close()


def test_a_request_without_a_token_is_rejected(client):
    answer = client.send("GET", f"{ROOT}/companies", Authorization="")
    assert refusal(answer) == (401, "Authentication_InvalidCredentials")


def test_the_tenant_of_the_path_is_the_tokens_own(client):
    foreign = ROOT.replace(TENANT, "33333333-2222-4333-8444-555555555555")
    assert client.send("GET", f"{foreign}/companies").status_code == 401


def test_only_registered_applications_are_let_in_once_there_are_any(client):
    client.seed({"entraApplications": [{"clientId": "another"}]})
    assert client.get("customers").status_code == 401
    client.seed({"entraApplications": [{"clientId": CLIENT_ID}]})
    assert client.get("customers").status_code == 200


async def test_an_environment_of_another_name_does_not_exist():
    target = BusinessCentralSimulator(environment="sandbox")
    answer = await target.handle(request("GET", f"{BASE}/customers"))
    assert answer.status == 404
    assert isinstance(answer.body, dict)
    assert answer.body["error"]["code"] == "NoEnvironment"
