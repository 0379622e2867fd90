from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.certificates import Certificates, ensure_certificates
from local.simulators.core.server import running
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


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return ensure_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(autouse=True)
def trust_local_authority(monkeypatch: pytest.MonkeyPatch, certificates: Certificates) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.bundle))


@pytest.fixture(scope="module")
def entra(certificates: Certificates) -> Iterator[str]:
    client = {
        "tenant": TENANT,
        "client_id": CLIENT,
        "secret": SECRET,
        "roles": ["Synchronization.Run"],
        "expires_in": 600,
    }
    public = {"tenant": TENANT, "client_id": PUBLIC_CLIENT, "secret": SECRET, "public": True}
    person = {
        "tenant": TENANT,
        "sign_in_name": PERSON,
        "name": "Ada",
        "password": PASSWORD,
        "roles": ["Synchronization.Look"],
    }
    disabled = person | {"sign_in_name": DISABLED_PERSON, "enabled": False}
    simulator = EntraSimulator([client, public], [person, disabled])
    with running(simulator, certificate=certificates.certificate, key=certificates.key) as url:
        yield url
