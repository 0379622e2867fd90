"""Simulators verify tokens of their requests by the keys that the Entra ID simulator publishes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests

from local.certificates import Certificates
from local.simulators.core.messages import SimRequest, SimResponse
from local.simulators.core.server import running
from local.simulators.core.tokens import TokenError, TokenVerifier
from local.simulators.entra.signing import SigningKey
from tests.contract.entra.registrations import CLIENT, SECRET, TENANT

AUDIENCE = "https://api.example"


class Guarded:
    """Tells who calls; ``/open`` needs no token."""

    name = "guarded"

    async def handle(self, request: SimRequest) -> SimResponse:
        return SimResponse(status=200, body={"tenant": request.claims.get("tid")})

    def audiences(self, request: SimRequest) -> tuple[str, ...]:
        return () if request.path == "/open" else (AUDIENCE,)

    def unauthorized(self, request: SimRequest, reason: str) -> SimResponse:
        return SimResponse(status=401, body={"reason": reason})

    def seed(self, data, options):
        return {}

    def dump(self, entity_set):
        return []

    def reset(self):
        pass


@pytest.fixture
def guarded(entra: str, certificates: Certificates) -> Iterator[str]:
    verifier = TokenVerifier(entra, ca_file=str(certificates.ca))
    with running(
        Guarded(),
        certificate=certificates.certificate,
        key=certificates.key,
        verifier=verifier,
    ) as url:
        yield url


def token(entra: str, audience: str = AUDIENCE) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": CLIENT,
        "client_secret": SECRET,
        "scope": f"{audience}/.default",
    }
    answer = requests.post(f"{entra}/{TENANT}/oauth2/v2.0/token", data=form, timeout=10)
    return str(answer.json()["access_token"])


def get(url: str, bearer: str | None = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    return requests.get(url, headers=headers, timeout=10)


def test_an_issued_token_is_accepted_and_its_claims_reach_the_simulator(entra, guarded):
    answer = get(f"{guarded}/x", token(entra))
    assert (answer.status_code, answer.json()) == (200, {"tenant": TENANT})


def test_a_path_may_be_open(guarded):
    assert get(f"{guarded}/open").json() == {"tenant": None}


@pytest.mark.parametrize("bearer", [None, "not-a-token"])
def test_a_missing_or_broken_token_is_refused(guarded, bearer):
    assert get(f"{guarded}/x", bearer).status_code == 401


def test_a_token_for_another_service_is_refused(entra, guarded):
    answer = get(f"{guarded}/x", token(entra, "https://elsewhere.example"))
    assert answer.status_code == 401
    assert "audience" in answer.json()["reason"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"exp": int(time.time()) - 1}, "expired"),
        ({"iss": "https://login.elsewhere.example/v2.0"}, "somebody else"),
    ],
)
async def test_a_signed_token_with_wrong_claims_is_refused(entra, certificates, changed, reason):
    key = SigningKey()
    verifier = TokenVerifier(entra, keys=[key.public_jwk])
    claims = {
        "aud": AUDIENCE,
        "iss": f"{entra}/{TENANT}/v2.0",
        "tid": TENANT,
        "exp": int(time.time()) + 60,
    }
    good = f"Bearer {key.sign(claims)}"
    assert (await verifier.verify(good, [AUDIENCE]))["tid"] == TENANT
    with pytest.raises(TokenError, match=reason):
        await verifier.verify(f"Bearer {key.sign(claims | changed)}", [AUDIENCE])


def test_a_token_signed_by_an_unpublished_key_is_refused(entra, guarded):
    claims = {
        "aud": AUDIENCE,
        "iss": f"{entra}/{TENANT}/v2.0",
        "tid": TENANT,
        "exp": int(time.time()) + 60,
    }
    answer = get(f"{guarded}/x", SigningKey().sign(claims))
    assert answer.status_code == 401
    assert "unknown key" in answer.json()["reason"]
