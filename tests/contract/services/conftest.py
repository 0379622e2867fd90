"""The product's clients against the simulators, with tokens and TLS as everywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from local.certificates import Certificates, ensure_certificates
from local.simulators.business_central.simulator import BusinessCentralSimulator
from local.simulators.core.server import running
from local.simulators.core.tokens import TokenVerifier
from local.simulators.dataverse.simulator import DataverseSimulator, Settings
from local.simulators.entra.simulator import EntraSimulator
from services.addresses import check_address
from services.records import Traffic
from services.tokens import Authority, ClientCredentials, ServiceToken
from services.transport import Timing, Transport

TENANT = "3f6c9a52-7d0e-4c11-9a3b-5b0c6a1d2e77"
CLIENT = "8f0a1c64-2d3b-4e55-8c66-0123456789ab"
SECRET = "a secret of these tests"
ALLOWED = ("127.0.0.1",)


@dataclass
class Admin:
    """A simulator's ``/_sim/`` API."""

    url: str
    session: requests.Session

    def seed(self, **rows: list[dict[str, Any]]) -> None:
        answer = self.session.post(f"{self.url}/_sim/seed", json=rows)
        assert answer.ok, answer.text

    def fault(self, action: str, *, method: str = "POST", path: str = ".*", **more: Any) -> None:
        plan = {"match": {"method": method, "path": path}, "action": action, "times": 1, **more}
        answer = self.session.post(f"{self.url}/_sim/faults", json=plan)
        assert answer.ok, answer.text

    def command(self, name: str, values: Any) -> None:
        """A command of this simulator alone, such as posting inventory."""
        answer = self.session.post(f"{self.url}/_sim/{name}", json=values)
        assert answer.ok, answer.text

    def dump(self, entity_set: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.session.get(f"{self.url}/_sim/dump/{entity_set}").json()
        return rows

    def counted(self) -> dict[str, Any]:
        counters: dict[str, Any] = self.session.get(f"{self.url}/_sim/requests").json()
        return counters

    def reset(self) -> None:
        self.session.post(f"{self.url}/_sim/reset").raise_for_status()
        self.session.delete(f"{self.url}/_sim/faults").raise_for_status()
        self.session.delete(f"{self.url}/_sim/requests").raise_for_status()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return ensure_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def session(certificates: Certificates) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(certificates.ca)
        yield session


@pytest.fixture(scope="session")
def entra(certificates: Certificates) -> Iterator[str]:
    client = {"tenant": TENANT, "client_id": CLIENT, "secret": SECRET}
    simulator = EntraSimulator([client])
    with running(simulator, certificate=certificates.certificate, key=certificates.key) as url:
        yield url


@pytest.fixture(scope="session")
def verifier(entra: str, certificates: Certificates) -> TokenVerifier:
    return TokenVerifier(entra, ca_file=str(certificates.ca))


@pytest.fixture(scope="session")
def business_central(certificates: Certificates, verifier: TokenVerifier) -> Iterator[str]:
    with running(
        BusinessCentralSimulator(),
        certificate=certificates.certificate,
        key=certificates.key,
        verifier=verifier,
    ) as url:
        yield url


@pytest.fixture(scope="session")
def dataverse_url(certificates: Certificates, verifier: TokenVerifier) -> Iterator[str]:
    with running(
        DataverseSimulator(Settings(clients=(CLIENT,))),
        certificate=certificates.certificate,
        key=certificates.key,
        verifier=verifier,
    ) as url:
        yield url


@dataclass
class Patient:
    """Remembers how long it was asked to wait, and does not wait."""

    slept: list[float]
    skipped: float = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.skipped += seconds

    def now(self) -> float:
        return 1_700_000_000.0 + self.skipped


@pytest.fixture
def patient() -> Patient:
    return Patient([])


@pytest.fixture
def new_transport(
    entra: str, certificates: Certificates, patient: Patient
) -> Iterator[Callable[[str, str, str], Transport]]:
    made: list[Transport] = []

    def new(name: str, base_url: str, scope: str) -> Transport:
        token = ServiceToken(
            authority=Authority(
                address=entra, instance_discovery=False, ca_bundle=str(certificates.bundle)
            ),
            credentials=lambda: ClientCredentials(tenant=TENANT, client=CLIENT, secret=SECRET),
            scope=scope,
        )
        made.append(
            Transport(
                name,
                check_address(base_url, ALLOWED),
                token,
                concurrency=5,
                traffic=Traffic(),
                ca_bundle=str(certificates.bundle),
                forget_token=token.forget,
                timing=Timing(now=patient.now, sleep=patient.sleep, jitter=lambda: 1.0),
            )
        )
        return made[-1]

    yield new
    for transport in made:
        transport.close()
