"""Fixtures for everything that runs on the function host.

`azurite` is a running Azurite (ports, `connection_string`); `start_host(app_dir, **options)` gives
a running host (`base_url`, `process`, `kill()`, `restart()`, `stop()`, `log_text()`).
"""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from local import azurite as local_azurite
from local.ports import Ports
from tests.host.processes import (
    DEADLINE_SECONDS,
    ROOT,
    Azurite,
    HostFactory,
    free_port,
    wait_for_port,
)
from tests.host.sample import Sample


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Azurite on free ports, its data in memory; installed first where it is not yet."""
    command = local_azurite.ensure_installed(ROOT / ".local" / "azurite")
    ports = replace(
        Ports.from_base(),
        azurite_blob=free_port(),
        azurite_queue=free_port(),
        azurite_table=free_port(),
    )
    folder = tmp_path_factory.mktemp("azurite")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command + local_azurite.options(ports, None),
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        for port in (ports.azurite_blob, ports.azurite_queue, ports.azurite_table):
            wait_for_port(port, process, folder / "log")
        yield Azurite(
            blob_port=ports.azurite_blob,
            queue_port=ports.azurite_queue,
            table_port=ports.azurite_table,
        )
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
