from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.identity import ClientSecretCredential
from azure.keyvault.secrets import SecretClient

from local.certificates import Certificates, ensure_certificates
from local.simulators.core.server import running
from local.simulators.core.tokens import TokenVerifier
from local.simulators.entra.simulator import EntraSimulator
from local.simulators.key_vault.simulator import KeyVaultSimulator

TENANT = "11111111-2222-4333-8444-555555555555"
FOREIGN_TENANT = "22222222-2222-4333-8444-555555555555"
CLIENT = {"client_id": "vault-reader", "secret": "s3cret"}


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return ensure_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(autouse=True)
def trust_local_authority(monkeypatch: pytest.MonkeyPatch, certificates: Certificates) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.bundle))


@pytest.fixture(scope="module")
def entra(certificates: Certificates) -> Iterator[str]:
    clients = [CLIENT | {"tenant": tenant} for tenant in (TENANT, FOREIGN_TENANT)]
    with running(
        EntraSimulator(clients), certificate=certificates.certificate, key=certificates.key
    ) as url:
        yield url


@pytest.fixture
def vault(entra: str, certificates: Certificates) -> Iterator[str]:
    with running(
        KeyVaultSimulator(authority=entra, tenant=TENANT),
        certificate=certificates.certificate,
        key=certificates.key,
        verifier=TokenVerifier(entra, ca_file=str(certificates.ca)),
    ) as url:
        yield url


@pytest.fixture
def client(entra: str, vault: str) -> Iterator[SecretClient]:
    credential = ClientSecretCredential(
        TENANT,
        CLIENT["client_id"],
        CLIENT["secret"],
        authority=entra,
        disable_instance_discovery=True,
    )
    with (
        credential,
        SecretClient(vault, credential, verify_challenge_resource=False, retry_total=0) as found,
    ):
        yield found
