"""Fixtures for everything that runs on the function host.

`azurite` is a running Azurite (ports, `connection_string`); `start_host(app_dir, **options)` gives
a running host (`base_url`, `process`, `kill()`, `restart()`, `stop()`, `log_text()`).
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.processes import (
    DEADLINE_SECONDS,
    ROOT,
    Azurite,
    HostFactory,
    free_port,
    wait_for_port,
)
from tests.host.sample import Sample

_AZURITE = ROOT / ".local/azurite/node_modules/azurite/dist/src/azurite.js"


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    if not _AZURITE.exists():
        pytest.skip("Azurite is not installed: npm install --prefix .local/azurite azurite@3.35.0")
    ports = Azurite(blob_port=free_port(), queue_port=free_port(), table_port=free_port())
    command = ["node", str(_AZURITE), "--inMemoryPersistence"]
    command += ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    for service, port in (
        ("blob", ports.blob_port),
        ("queue", ports.queue_port),
        ("table", ports.table_port),
    ):
        command += [f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port)]
    folder = tmp_path_factory.mktemp("azurite")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        for port in (ports.blob_port, ports.queue_port, ports.table_port):
            wait_for_port(port, process, folder / "log")
        yield ports
    finally:
        process.terminate()
        process.wait(DEADLINE_SECONDS)


@pytest.fixture
def start_host(tmp_path: Path, azurite: Azurite) -> Iterator[HostFactory]:
    """Hosts for one test."""
    factory = HostFactory(azurite, tmp_path)
    yield factory
    factory.close()


@pytest.fixture(scope="module")
def start_module_host(
    tmp_path_factory: pytest.TempPathFactory, azurite: Azurite
) -> Iterator[HostFactory]:
    """Hosts that all tests of a module share."""
    factory = HostFactory(azurite, tmp_path_factory.mktemp("hosts"))
    yield factory
    factory.close()


@pytest.fixture
def sample(azurite: Azurite, tmp_path: Path) -> Sample:
    """The sample app with queues and a trace of its own."""
    return Sample(azurite=azurite, trace_file=tmp_path / "trace.jsonl")
