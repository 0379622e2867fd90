from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

from services.records import Traffic
from services.transport import Limits, Timing, Transport
from tests.unit.services.scripted_service import ScriptedService


@dataclass
class FakeClock:
    """Time that passes only by sleeping."""

    time: float = 1_700_000_000.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    @property
    def timing(self) -> Timing:
        return Timing(now=self.now, sleep=self.sleep, jitter=lambda: 1.0)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_bundle(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="session")
def certificate(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert("127.0.0.1")


@pytest.fixture
def service(certificate: trustme.LeafCert) -> Iterator[ScriptedService]:
    scripted = ScriptedService(certificate)
    yield scripted
    scripted.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def new_transport(
    service: ScriptedService, ca_bundle: str, clock: FakeClock
) -> Iterator[Callable[..., Transport]]:
    """Transports to the scripted service, closed at the end."""
    made: list[Transport] = []

    def new(base_url: str = service.url, **options: Any) -> Transport:
        defaults: dict[str, Any] = {
            "concurrency": 4,
            "traffic": Traffic(),
            "ca_bundle": ca_bundle,
            "timing": clock.timing,
            "limits": Limits(connect_timeout=30, read_timeout=30),
        }
        token = options.pop("token", lambda: "t0ken")
        made.append(Transport("Dataverse", base_url, token, **(defaults | options)))
        return made[-1]

    yield new
    for transport in made:
        transport.close()


@pytest.fixture
def transport(new_transport: Callable[..., Transport]) -> Transport:
    return new_transport()
