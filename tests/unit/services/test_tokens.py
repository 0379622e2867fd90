from __future__ import annotations

import re

import pytest

from errors import AuthorizationError, TransientError
from services.tokens import Authority, ClientCredentials, ServiceToken
from tests.unit.services.scripted_service import (
    DROPPED,
    Answer,
    Asked,
    ScriptedService,
    json_answer,
)

TENANT = "11111111-1111-1111-1111-111111111111"
SECRET = "s3cret-value"


class Entra:
    """Answers the two requests that a token takes."""

    def __init__(self, service: ScriptedService) -> None:
        self.url = service.url
        self.token_requests: list[Asked] = []
        self.answer: Answer | None = None
        self.refuses = ""
        """A secret that is good no more."""
        self.discovery: Answer | None = None
        service.respond = self.respond

    def respond(self, asked: Asked) -> Answer:
        if asked.path.endswith("/.well-known/openid-configuration"):
            base = f"{self.url}/{TENANT}"
            return self.discovery or json_answer(
                {
                    "issuer": f"{base}/v2.0",
                    "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                    "token_endpoint": f"{base}/oauth2/v2.0/token",
                }
            )
        self.token_requests.append(asked)
        if self.refuses and f"client_secret={self.refuses}" in asked.body.decode():
            return json_answer(
                {"error": "invalid_client", "error_description": "AADSTS7000215"}, 401
            )
        number = len(self.token_requests)
        return self.answer or json_answer(
            {"token_type": "Bearer", "expires_in": 3599, "access_token": f"token-{number}"}
        )


@pytest.fixture
def entra(service: ScriptedService) -> Entra:
    return Entra(service)


@pytest.fixture
def secrets() -> list[str]:
    return [SECRET]


@pytest.fixture
def token(entra: Entra, ca_bundle: str, secrets: list[str]) -> ServiceToken:
    return ServiceToken(
        authority=Authority(address=entra.url, instance_discovery=False, ca_bundle=ca_bundle),
        credentials=lambda: ClientCredentials(tenant=TENANT, client="client-1", secret=secrets[-1]),
        scope="https://contoso.crm.dynamics.com/.default",
    )


def refuse(entra: Entra, description: str) -> None:
    entra.answer = json_answer(
        {"error": "invalid_client", "error_description": description, "trace_id": "t"}, 401
    )


def test_a_token_is_acquired_with_the_client_credentials(token, entra):
    assert token() == "token-1"
    body = entra.token_requests[0].body.decode()
    assert "grant_type=client_credentials" in body
    assert "client_id=client-1" in body
    assert f"client_secret={SECRET}" in body
    assert "scope=https%3A%2F%2Fcontoso.crm.dynamics.com%2F.default" in body


def test_a_token_is_kept_while_it_is_valid(token, entra):
    assert [token(), token()] == ["token-1", "token-1"]
    assert len(entra.token_requests) == 1


def test_a_token_about_to_expire_is_replaced(token, entra):
    entra.answer = json_answer({"token_type": "Bearer", "expires_in": 60, "access_token": "short"})
    token()
    token()
    assert len(entra.token_requests) == 2


def test_forgetting_acquires_a_new_token_with_the_secret_read_again(token, entra, secrets):
    token()
    secrets.append("rotated")
    token.forget()
    assert token() == "token-2"
    assert "client_secret=rotated" in entra.token_requests[1].body.decode()


def test_a_refusal_keeps_the_code_and_says_what_to_check(token, entra):
    refuse(
        entra,
        "AADSTS7000222: The provided client secret keys for app 'client-1' are expired. "
        f"Trace ID: 1 Correlation ID: 2 client_secret={SECRET}",
    )
    with pytest.raises(AuthorizationError) as raised:
        token()
    assert raised.value.code == "token-refused"
    assert "AADSTS7000222" in raised.value.message
    assert "client-1" in raised.value.message
    assert "expired" in raised.value.hint
    assert SECRET not in raised.value.explained()


def test_an_unknown_refusal_still_says_what_to_check(token, entra):
    refuse(entra, "AADSTS99: Something else.")
    with pytest.raises(AuthorizationError, match=r"AADSTS99 Something else\.") as raised:
        token()
    assert "client secret" in raised.value.hint


def test_after_a_refusal_a_mended_secret_is_taken_up(token, entra, secrets):
    refuse(entra, "AADSTS7000215: Invalid client secret provided.")
    with pytest.raises(AuthorizationError):
        token()
    secrets.append("mended")
    entra.answer = None
    assert token() == "token-2"


def test_what_is_at_work_takes_up_rotated_credentials(token, entra, secrets):
    entra.answer = json_answer({"token_type": "Bearer", "expires_in": 60, "access_token": "short"})
    token()
    secrets.append("rotated")
    entra.refuses = SECRET
    assert token() == "short"
    bodies = "&".join(each.body.decode() for each in entra.token_requests)
    assert re.findall(r"client_secret=([\w-]+)", bodies) == [SECRET, SECRET, "rotated"]


def test_credentials_are_asked_for_once_more_and_no_oftener(token, entra):
    entra.answer = json_answer({"token_type": "Bearer", "expires_in": 60, "access_token": "short"})
    token()
    refuse(entra, "AADSTS7000215: Invalid client secret provided.")
    with pytest.raises(AuthorizationError):
        token()
    assert len(entra.token_requests) == 3


def test_an_unknown_tenant_is_an_authorization_error(token, entra):
    entra.discovery = json_answer({"error": "invalid_tenant"}, 400)
    with pytest.raises(AuthorizationError) as raised:
        token()
    assert TENANT in raised.value.message


@pytest.mark.parametrize("answer", [DROPPED, Answer(503, {}, b"busy")])
def test_an_unreachable_entra_is_passing_and_recovers(token, entra, answer):
    entra.discovery = answer
    with pytest.raises(TransientError) as raised:
        token()
    assert raised.value.code == "entra-unreachable"
    entra.discovery = None
    assert token() == "token-1"


def test_a_failing_token_endpoint_is_asked_again_and_then_passing(token, entra):
    entra.answer = Answer(503, {}, b"busy")
    with pytest.raises(TransientError):
        token()
    assert len(entra.token_requests) == 3


def test_redirects_are_not_followed(token, entra, service):
    entra.answer = Answer(307, {"Location": f"{service.url}/elsewhere"})
    with pytest.raises((AuthorizationError, TransientError)):
        token()
    assert len(entra.token_requests) == 1


def test_nothing_shows_the_secret(token):
    token()
    assert SECRET not in repr(token)
