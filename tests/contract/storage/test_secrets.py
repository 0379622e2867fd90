"""The secret reader with Microsoft's own client and credential, against the simulated vault."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial

import pytest
import requests

from errors import AuthorizationError, ConfigurationError
from identity.model import TenantId
from local.certificates import ensure_certificates
from local.simulators.core.server import running
from local.simulators.core.tokens import TokenVerifier
from local.simulators.entra.simulator import EntraSimulator
from local.simulators.key_vault.simulator import KeyVaultSimulator
from settings import Settings, from_environment
from storage.secrets import SecretReader

TENANT = TenantId("11111111-2222-4333-8444-555555555555")
NAME = f"{TENANT}--crm"
CLIENT = {"client_id": "coupler", "secret": "clients-own", "tenant": TENANT}


@pytest.fixture
def settings(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """Settings and environment of this application beside a vault that holds one secret."""
    certificates = ensure_certificates(tmp_path_factory.getbasetemp() / "certificates")
    for name, value in {
        "REQUESTS_CA_BUNDLE": str(certificates.bundle),
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT["client_id"],
        "AZURE_CLIENT_SECRET": CLIENT["secret"],
    }.items():
        monkeypatch.setenv(name, value)
    listening = partial(running, certificate=certificates.certificate, key=certificates.key)
    with listening(EntraSimulator([CLIENT])) as entra:
        verifier = TokenVerifier(entra, ca_file=str(certificates.ca))
        vault = KeyVaultSimulator(authority=entra, tenant=TENANT)
        with listening(vault, verifier=verifier) as url:
            requests.post(
                f"{url}/_sim/seed",
                json={"secrets": [{"name": NAME, "value": "s3cret"}]},
                timeout=10,
            ).raise_for_status()
            yield from_environment(
                {
                    "KEY_VAULT_URL": url,
                    "KEY_VAULT_VERIFY_CHALLENGE": "false",
                    "ENTRA_AUTHORITY": entra,
                    "ENTRA_INSTANCE_DISCOVERY": "false",
                    "API_AUDIENCE": "api://coupler",
                }
            )


def test_a_secret_is_read_with_the_applications_identity_and_logged_nowhere(
    settings: Settings, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)

    assert SecretReader(settings).read(TENANT, NAME).reveal() == "s3cret"

    assert "s3cret" not in caplog.text
    assert "clients-own" not in caplog.text


def test_a_missing_secret_is_named(settings: Settings):
    with pytest.raises(ConfigurationError, match=f"{TENANT}--none"):
        SecretReader(settings).read(TENANT, f"{TENANT}--none")


def test_an_identity_that_the_authority_refuses_is_the_administrators_to_mend(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")

    with pytest.raises(AuthorizationError):
        SecretReader(settings).read(TENANT, NAME)


def test_a_vault_that_refuses_the_request_names_the_settings_to_check(settings: Settings):
    requests.post(
        f"{settings.key_vault_url}/_sim/faults",
        json={"match": {"path": "/secrets/.*"}, "action": "status", "status": 400, "times": 9},
        timeout=10,
    ).raise_for_status()

    with pytest.raises(ConfigurationError) as caught:
        SecretReader(settings).read(TENANT, NAME)

    assert caught.value.code == "vault-refused"
    assert "KEY_VAULT_URL" in caught.value.hint
