"""The simulator as a client sees it: over HTTPS, with tokens of the Entra ID simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
import requests

from local.certificates import Certificates, ensure_certificates
from local.simulators.core.server import running
from local.simulators.core.tokens import TokenVerifier
from local.simulators.dataverse.simulator import DataverseSimulator, Settings
from local.simulators.entra.simulator import EntraSimulator
from tests.contract.dataverse.client import Client

TENANT = "11111111-2222-4333-8444-555555555555"
CLIENT_ID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
STRANGER = "bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee"
SECRET = "s3cret"


@dataclass
class Clock:
    """A time of day that only moves when told to."""

    now: datetime = field(default_factory=lambda: datetime(2026, 7, 1, 12, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return ensure_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def entra(certificates: Certificates) -> Iterator[str]:
    registered = [
        {"tenant": TENANT, "client_id": client, "secret": SECRET}
        for client in (CLIENT_ID, STRANGER)
    ]
    with running(
        EntraSimulator(registered), certificate=certificates.certificate, key=certificates.key
    ) as url:
        yield url


@pytest.fixture(scope="session")
def token_for(entra: str, certificates: Certificates) -> Callable[..., str]:
    def get(audience: str, client_id: str = CLIENT_ID) -> str:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(
                f"{entra}/{TENANT}/oauth2/v2.0/token",
                data={
                    "grant_type": "client_credentials",
                    "client_id": client_id,
                    "client_secret": SECRET,
                    "scope": f"{audience}/.default",
                },
                verify=str(certificates.ca),
                timeout=10,
            )
        answer.raise_for_status()
        found: str = answer.json()["access_token"]
        return found

    return get


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def start(
    entra: str, certificates: Certificates, token_for: Callable[..., str], clock: Clock
) -> Iterator[Callable[..., Client]]:
    """Starts an organization with settings of its own and gives a client of it."""
    with ExitStack() as stack:

        def begin(**settings) -> Client:
            everything = {"clients": (CLIENT_ID,), "client_roles": ("System Administrator",)}
            given = Settings(**everything | settings)
            simulator = DataverseSimulator(given, clock=clock)
            url = stack.enter_context(
                running(
                    simulator,
                    certificate=certificates.certificate,
                    key=certificates.key,
                    verifier=TokenVerifier(entra, ca_file=str(certificates.ca)),
                )
            )
            client = Client(url, str(certificates.ca), token_for(url))
            stack.callback(client.close)
            return client

        yield begin


@pytest.fixture
def client(start: Callable[..., Client]) -> Client:
    """A client of a plain new organization."""
    return start()
