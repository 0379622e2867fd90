"""The simulator as a client sees it: over HTTPS, with tokens of the Entra ID simulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.certificates import Certificates, ensure_certificates
from local.simulators.business_central.simulator import AUDIENCE, BusinessCentralSimulator
from local.simulators.core.server import running
from local.simulators.core.tokens import TokenVerifier
from local.simulators.entra.simulator import EntraSimulator
from tests.contract.business_central.client import Client
from tests.unit.simulators_business_central.world import TENANT, world

FOREIGN_TENANT = "22222222-2222-4333-8444-555555555555"
CLIENT_ID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
SECRET = "s3cret"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return ensure_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def entra(certificates: Certificates) -> Iterator[str]:
    registered = [
        {"tenant": tenant, "client_id": CLIENT_ID, "secret": SECRET}
        for tenant in (TENANT, FOREIGN_TENANT)
    ]
    with running(
        EntraSimulator(registered), certificate=certificates.certificate, key=certificates.key
    ) as url:
        yield url


def token(entra: str, certificates: Certificates, tenant: str, audience: str) -> str:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(
            f"{entra}/{tenant}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": CLIENT_ID,
                "client_secret": SECRET,
                "scope": f"{audience}/.default",
            },
            verify=str(certificates.ca),
            timeout=10,
        )
    answer.raise_for_status()
    found: str = answer.json()["access_token"]
    return found


@pytest.fixture(scope="session")
def tokens(entra: str, certificates: Certificates) -> dict[str, str]:
    return {
        "good": token(entra, certificates, TENANT, AUDIENCE),
        "foreign tenant": token(entra, certificates, FOREIGN_TENANT, AUDIENCE),
        "foreign audience": token(entra, certificates, TENANT, "https://elsewhere.invalid"),
    }


@pytest.fixture(scope="session")
def service(entra: str, certificates: Certificates) -> Iterator[str]:
    with running(
        BusinessCentralSimulator(ca_file=str(certificates.ca)),
        certificate=certificates.certificate,
        key=certificates.key,
        verifier=TokenVerifier(entra, ca_file=str(certificates.ca)),
    ) as url:
        yield url


@pytest.fixture
def client(service: str, certificates: Certificates, tokens: dict[str, str]) -> Iterator[Client]:
    """A client of the small world, as it is before every test."""
    found = Client(service, str(certificates.ca), tokens["good"])
    found.admin("POST", "reset")
    found.seed(world())
    yield found
    found.close()


@pytest.fixture
def cannon(client: Client) -> dict[str, Any]:
    """The customer that has contacts, as it is read."""
    return client.read("customers", "$filter=number eq '10000'")[0]
