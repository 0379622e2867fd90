"""People sign in: by device code, as MSAL does it, and by their password."""

from __future__ import annotations

from typing import Any

import jwt
import msal  # type: ignore[import-untyped]  # it ships no types
import pytest
import requests

from local.certificates import Certificates
from local.simulators.core.tokens import TokenVerifier
from local.simulators.entra.simulator import EntraSimulator
from tests.contract.entra.registrations import (
    CLIENT,
    DISABLED_PERSON,
    PASSWORD,
    PERSON,
    PUBLIC_CLIENT,
    SECRET,
    TENANT,
)

CRM = "https://127.0.0.1:7092"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def application(entra: str, certificates: Certificates) -> msal.PublicClientApplication:
    return msal.PublicClientApplication(
        PUBLIC_CLIENT,
        authority=f"{entra}/{TENANT}",
        instance_discovery=False,
        verify=str(certificates.ca),
    )


def begun(application: msal.PublicClientApplication) -> dict[str, Any]:
    flow: dict[str, Any] = application.initiate_device_flow([f"{CRM}/user_impersonation"])
    assert flow["interval"] == 5
    assert flow["expires_in"] == 900
    assert flow["user_code"] in flow["message"]
    return flow


def asked(application: msal.PublicClientApplication, flow: dict[str, Any]) -> dict[str, Any]:
    fresh = {name: value for name, value in flow.items() if name != "latest_attempt_at"}
    answer: dict[str, Any] = application.acquire_token_by_device_flow(
        fresh, exit_condition=lambda _flow: True
    )
    return answer


def play(entra: str, **what: Any) -> requests.Response:
    return requests.post(f"{entra}/_sim/sign-in", json=what, timeout=10)


def redeem(entra: str, **form: str) -> requests.Response:
    return requests.post(f"{entra}/{TENANT}/oauth2/v2.0/token", data=form, timeout=10)


def by_password(entra: str, **changed: str) -> requests.Response:
    form = {
        "grant_type": "password",
        "client_id": PUBLIC_CLIENT,
        "username": PERSON,
        "password": PASSWORD,
        "scope": "api://coupler/access_as_user",
    }
    return redeem(entra, **form | changed)


async def test_a_person_signs_in_by_device_code(entra, certificates, application):
    flow = begun(application)
    assert asked(application, flow)["error"] == "authorization_pending"
    assert play(entra, user_code=flow["user_code"], user=PERSON).ok
    answer = asked(application, flow)
    assert answer["id_token_claims"]["preferred_username"] == PERSON
    verifier = TokenVerifier(entra, ca_file=str(certificates.ca))
    claims = await verifier.verify(f"Bearer {answer['access_token']}", [CRM])
    assert claims["scp"] == "user_impersonation"
    assert (claims["tid"], claims["azp"]) == (TENANT, PUBLIC_CLIENT)
    assert claims["preferred_username"] == PERSON
    assert claims["roles"] == ["Synchronization.Look"]
    assert "idtyp" not in claims


def test_a_sign_in_is_redeemed_once(entra, application):
    flow = begun(application)
    play(entra, user=PERSON)
    assert "access_token" in asked(application, flow)
    again = asked(application, flow)
    assert (again["error"], again["error_codes"]) == ("invalid_grant", [54005])


@pytest.mark.parametrize(
    ("what", "error", "code"),
    [
        ({"decline": True}, "authorization_declined", 70017),
        ({"expire": True}, "expired_token", 70020),
        ({"user": DISABLED_PERSON}, "invalid_grant", 50057),
        ({"user": PERSON, "slow_down": 1}, "slow_down", 70016),
    ],
)
def test_a_sign_in_goes_wrong_as_planned(entra, application, what, error, code):
    flow = begun(application)
    play(entra, user_code=flow["user_code"], **what)
    answer = asked(application, flow)
    assert (answer["error"], answer["error_codes"]) == (error, [code])


def test_a_sign_in_goes_on_after_slowing_down(entra, application):
    flow = begun(application)
    play(entra, user=PERSON, slow_down=1)
    assert asked(application, flow)["error"] == "slow_down"
    assert "access_token" in asked(application, flow)


def test_a_device_code_is_of_its_application(entra, application):
    flow = begun(application)
    play(entra, user=PERSON)
    form = {"grant_type": DEVICE_CODE, "device_code": flow["device_code"]}
    other = redeem(entra, client_id=CLIENT, client_secret=SECRET, **form)
    assert (other.status_code, other.json()["error"]) == (400, "bad_verification_code")
    unknown = redeem(entra, client_id=PUBLIC_CLIENT, grant_type=DEVICE_CODE, device_code="x")
    assert unknown.json()["error"] == "bad_verification_code"


def test_an_application_that_allows_no_public_clients_signs_nobody_in(entra, certificates):
    application = msal.PublicClientApplication(
        CLIENT,
        authority=f"{entra}/{TENANT}",
        instance_discovery=False,
        verify=str(certificates.ca),
    )
    flow = begun(application)
    play(entra, user=PERSON)
    answer = asked(application, flow)
    assert (answer["error"], answer["error_codes"]) == ("invalid_client", [7000218])


def test_an_unknown_application_begins_no_sign_in(entra):
    form = {"client_id": "00000000-0000-4000-8000-000000000001", "scope": f"{CRM}/.default"}
    answer = requests.post(f"{entra}/{TENANT}/oauth2/v2.0/devicecode", data=form, timeout=10)
    assert (answer.status_code, answer.json()["error_codes"]) == (400, [700016])


@pytest.mark.parametrize(
    ("scope", "audience", "scp"),
    [
        ("api://coupler/access_as_user", "api://coupler", "access_as_user"),
        ("api://coupler/.default openid offline_access", "api://coupler", "access_as_user"),
        (f"{CRM}/.default", CRM, "user_impersonation"),
    ],
)
def test_a_person_signs_in_by_password(entra, scope, audience, scp):
    answer = by_password(entra, scope=scope)
    assert answer.status_code == 200, answer.text
    claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    assert (claims["aud"], claims["scp"]) == (audience, scp)


@pytest.mark.parametrize(
    ("changed", "error", "code"),
    [
        ({"password": "guessed"}, "invalid_grant", 50126),
        ({"username": "nobody@contoso.example"}, "invalid_grant", 50126),
        ({"username": DISABLED_PERSON}, "invalid_grant", 50057),
        ({"scope": "openid"}, "invalid_scope", 70011),
        ({"scope": "api://a/x api://b/y"}, "invalid_scope", 70011),
        ({"client_id": CLIENT}, "invalid_client", 7000218),
        ({"client_id": CLIENT, "client_secret": "x"}, "invalid_client", 7000215),
    ],
)
def test_what_is_wrong_with_a_persons_sign_in_is_told(entra, changed, error, code):
    answer = by_password(entra, **changed).json()
    assert (answer["error"], answer["error_codes"]) == (error, [code])


@pytest.mark.parametrize(
    "what", [{"user": "nobody@contoso.example"}, {"user_code": "NONE"}, {"fly": True}]
)
def test_what_nobody_can_do_is_refused(entra, application, what):
    begun(application)
    assert play(entra, **what).status_code == 400


def test_people_are_dumped_without_passwords():
    simulator = EntraSimulator(users=[{"tenant": TENANT, "sign_in_name": "A@B", "password": "p"}])
    (row,) = simulator.dump("users")
    assert row["sign_in_name"] == "a@b"
    assert "password" not in row
