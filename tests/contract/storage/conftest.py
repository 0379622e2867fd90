"""Every test of this folder runs twice: on the tables in memory, and on Azurite."""

from __future__ import annotations

import re
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from identity.model import TenantId
from local.azurite import ensure_installed
from settings import Settings, from_environment
from storage.accounts import StorageAccount
from storage.tables import TenantTable
from tests.fakes.tables import MemoryAccount

_REPOSITORY = Path(__file__).resolve().parents[3]
_START_SECONDS = 30.0
_ACCOUNT = "devstoreaccount1"
_ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

type OpenTable = Callable[..., TenantTable]


@pytest.fixture(scope="session")
def azurite_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings that name an Azurite of this test session, in memory, on free ports."""
    output = tmp_path_factory.mktemp("azurite") / "output.txt"
    command = [
        *ensure_installed(_REPOSITORY / ".local" / "azurite"),
        *("--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"),
        *("--blobHost", "127.0.0.1", "--queueHost", "127.0.0.1", "--tableHost", "127.0.0.1"),
        *("--blobPort", "0", "--queuePort", "0", "--tablePort", "0"),
    ]
    with output.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT)
    try:
        ports = _listening_ports(output, process)
        yield from_environment(
            {
                "AzureWebJobsStorage": f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};"
                f"AccountKey={_ACCOUNT_KEY};"
                f"QueueEndpoint=http://127.0.0.1:{ports['Queue']}/{_ACCOUNT};"
                f"TableEndpoint=http://127.0.0.1:{ports['Table']}/{_ACCOUNT};",
                "KEY_VAULT_URL": "https://vault.invalid",
                "API_AUDIENCE": "api://coupler",
            }
        )
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def azurite_account(azurite_settings: Settings) -> StorageAccount:
    return StorageAccount(azurite_settings)


@pytest.fixture(params=["memory", "azurite"])
def account(request: pytest.FixtureRequest) -> MemoryAccount | StorageAccount:
    if request.param == "memory":
        return MemoryAccount()
    azurite: StorageAccount = request.getfixturevalue("azurite_account")
    return azurite


@pytest.fixture
def tenant() -> TenantId:
    """A tenant of this test's own, so that tests share tables and never rows."""
    return TenantId(str(uuid.uuid4()))


@pytest.fixture
def open_table(account: MemoryAccount | StorageAccount, tenant: TenantId) -> OpenTable:
    """Opens a table for the test's tenant, or for another one."""

    def open_for(name: str = "rows", other: TenantId | None = None) -> TenantTable:
        return account.table(name, other or tenant)

    return open_for


@pytest.fixture
def table(open_table: OpenTable) -> TenantTable:
    return open_table()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def _listening_ports(output: Path, process: subprocess.Popen[bytes]) -> dict[str, str]:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        text = output.read_text()
        ports = dict(
            re.findall(r"Azurite (\w+) service is successfully listening at \S+:(\d+)", text)
        )
        if {"Queue", "Table"} <= ports.keys():
            return ports
        time.sleep(0.05)
    raise RuntimeError(f"Azurite did not start: {output.read_text()[-500:]}")
