"""The Entra ID simulator as Microsoft's own token libraries see it."""

from __future__ import annotations

import time
from typing import Any

import jwt
import msal  # type: ignore[import-untyped]  # it ships no types
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential

from local.certificates import Certificates
from tests.contract.entra.registrations import CLIENT, SECRET, TENANT

SCOPE = "https://127.0.0.1:7092/.default"


def application(
    entra: str, certificates: Certificates, **changed: str
) -> msal.ConfidentialClientApplication:
    return msal.ConfidentialClientApplication(
        changed.get("client", CLIENT),
        client_credential=changed.get("secret", SECRET),
        authority=f"{entra}/{changed.get('tenant', TENANT)}",
        instance_discovery=False,
        verify=str(certificates.ca),
    )


def verified(entra: str, token: str, audience: str) -> dict[str, Any]:
    configuration = requests.get(
        f"{entra}/{TENANT}/v2.0/.well-known/openid-configuration", timeout=10
    ).json()
    keys = requests.get(configuration["jwks_uri"], timeout=10).json()["keys"]
    key_id = jwt.get_unverified_header(token)["kid"]
    key = jwt.PyJWK(next(key for key in keys if key["kid"] == key_id), algorithm="RS256")
    return jwt.decode(
        token, key, algorithms=["RS256"], audience=audience, issuer=configuration["issuer"]
    )


def test_msal_gets_a_token_that_the_published_keys_verify(entra, certificates):
    answer = application(entra, certificates).acquire_token_for_client([SCOPE])
    claims = verified(entra, answer["access_token"], "https://127.0.0.1:7092")
    assert claims["tid"] == TENANT
    assert claims["azp"] == claims["appid"] == CLIENT
    assert claims["roles"] == ["Synchronization.Run"]
    assert claims["iss"] == f"{entra}/{TENANT}/v2.0"
    assert claims["oid"]


def test_a_token_lives_as_long_as_the_client_is_configured_to(entra, certificates):
    answer = application(entra, certificates).acquire_token_for_client([SCOPE])
    claims = verified(entra, answer["access_token"], "https://127.0.0.1:7092")
    assert answer["expires_in"] == 600
    assert claims["exp"] - claims["iat"] == 600
    assert abs(claims["iat"] - time.time()) < 60


def test_azure_identity_gets_a_token(entra):
    credential = ClientSecretCredential(
        TENANT, CLIENT, SECRET, authority=entra, disable_instance_discovery=True
    )
    with credential:
        token = credential.get_token("https://vault.azure.net/.default")
    assert verified(entra, token.token, "https://vault.azure.net")["tid"] == TENANT


def test_azure_identity_raises_on_a_wrong_secret(entra):
    credential = ClientSecretCredential(
        TENANT, CLIENT, "wrong", authority=entra, disable_instance_discovery=True
    )
    with credential, pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        credential.get_token(SCOPE)


@pytest.mark.parametrize(
    ("changed", "error", "code"),
    [
        ({"secret": "wrong"}, "invalid_client", 7000215),
        ({"client": "00000000-0000-4000-8000-000000000001"}, "unauthorized_client", 700016),
    ],
)
def test_msal_is_told_what_is_wrong_with_the_client(entra, certificates, changed, error, code):
    answer = application(entra, certificates, **changed).acquire_token_for_client([SCOPE])
    assert answer["error"] == error
    assert answer["error_codes"] == [code]
    assert answer["error_description"].startswith(f"AADSTS{code}: ")


def test_msal_refuses_an_unknown_tenant(entra, certificates):
    with pytest.raises(ValueError, match="double check your tenant name"):
        application(
            entra, certificates, tenant="99999999-2222-4333-8444-555555555555"
        ).acquire_token_for_client([SCOPE])


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "implicit"}, 400, "unsupported_grant_type"),
        (
            {"grant_type": "client_credentials", "client_id": CLIENT, "scope": SCOPE},
            401,
            "invalid_client",
        ),
        (
            {
                "grant_type": "client_credentials",
                "client_id": CLIENT,
                "client_secret": SECRET,
                "scope": "User.Read",
            },
            400,
            "invalid_scope",
        ),
    ],
)
def test_a_malformed_token_request_is_refused(entra, form, status, error):
    answer = requests.post(f"{entra}/{TENANT}/oauth2/v2.0/token", data=form, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_instance_discovery_names_the_simulator_as_its_own_cloud(entra):
    answer = requests.get(
        f"{entra}/common/discovery/instance",
        params={"api-version": "1.1", "authorization_endpoint": f"{entra}/{TENANT}/oauth2/v2.0/a"},
        timeout=10,
    ).json()
    assert answer["tenant_discovery_endpoint"] == (
        f"{entra}/{TENANT}/v2.0/.well-known/openid-configuration"
    )
    assert answer["metadata"][0]["aliases"] == [entra.removeprefix("https://")]


def test_what_is_not_imitated_says_so(entra):
    answer = requests.get(f"{entra}/{TENANT}/oauth2/v2.0/authorize", timeout=10)
    assert answer.status_code == 501
    assert "does not implement" in answer.json()["error"]["message"]


def test_a_seeded_client_gets_tokens_and_its_secret_is_not_shown(entra, certificates):
    row = {"tenant": TENANT, "client_id": "seeded", "secret": "s3cret"}
    requests.post(f"{entra}/_sim/seed", json={"clients": [row]}, timeout=10).raise_for_status()
    seeded = application(entra, certificates, client="seeded", secret="s3cret")
    assert "access_token" in seeded.acquire_token_for_client([SCOPE])
    assert "s3cret" not in requests.get(f"{entra}/_sim/dump/clients", timeout=10).text


def test_each_of_several_secrets_is_good_until_it_is_removed(entra, certificates):
    def has_token(secret: str) -> bool:
        asking = application(entra, certificates, client="rotated", secret=secret)
        return "access_token" in asking.acquire_token_for_client([SCOPE])

    for secrets, good in ((["old", "new"], {"old", "new"}), (["new"], {"new"})):
        row = {"tenant": TENANT, "client_id": "rotated", "secrets": secrets}
        requests.post(f"{entra}/_sim/seed", json={"clients": [row]}, timeout=10).raise_for_status()
        assert {each for each in ("old", "new", "other") if has_token(each)} == good


@pytest.mark.parametrize(
    "members", [{}, {"secrets": []}, {"secrets": [1]}, {"secret": "a", "secrets": ["b"]}]
)
def test_a_seeded_client_without_clear_secrets_is_refused(entra, members):
    rows = {"clients": [{"tenant": TENANT, "client_id": "seeded"} | members]}
    answer = requests.post(f"{entra}/_sim/seed", json=rows, timeout=10)
    assert answer.status_code == 400
    assert "secret" in answer.json()["error"]
