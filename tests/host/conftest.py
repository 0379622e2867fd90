"""Azurite for a test session, and hosts as processes of their own.

Fixtures to build on: `azurite` (ports and connection string), `start_host(app_dir, **options)`.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local.host.configuration import azurite_connection_string

_ROOT = Path(__file__).parents[2]
_AZURITE = _ROOT / ".local/azurite/node_modules/azurite/dist/src/azurite.js"
_DEADLINE = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Azurite:
    """A running Azurite with its data in memory."""

    blob_port: int
    queue_port: int
    table_port: int

    @property
    def connection_string(self) -> str:
        return azurite_connection_string(self.blob_port, self.queue_port, self.table_port)


@dataclass(slots=True, kw_only=True)
class HostProcess:
    """``python -m local.host`` on a free port; ready when made by `start_host`."""

    arguments: list[str]
    environment: dict[str, str]
    log: Path
    port: int
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the process; does not wait."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local.host", *self.arguments, "--port", str(self.port)],
                cwd=_ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_ready(self) -> None:
        """Wait until the host answers its status; fails with the log if it ends before."""
        deadline = time.monotonic() + _DEADLINE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                pytest.fail(f"the host ended with {self.process.returncode}:\n{self.log_text()}")
            try:
                with urllib.request.urlopen(f"{self.base_url}/admin/host/status", timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.05)
        pytest.fail(f"the host was not ready within {_DEADLINE} s:\n{self.log_text()}")

    def kill(self) -> None:
        """SIGKILL: the process gets no chance to tidy up."""
        self.process.kill()
        self.process.wait(_DEADLINE)

    def restart(self) -> None:
        """Start again on the same port, after `kill` or `stop`, and wait until it is ready."""
        assert self.process.poll() is not None, "stop or kill the host before a restart"
        self.start()
        self.wait_ready()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_DEADLINE)

    def log_text(self) -> str:
        """All that the host has written so far, over all its starts."""
        return self.log.read_text(encoding="utf-8", errors="replace")


def free_port() -> int:
    """A port that nothing listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
            _wait_for_port(port, process, folder / "log")
        yield ports
    finally:
        process.terminate()
        process.wait(_DEADLINE)


@pytest.fixture
def start_host(tmp_path: Path, azurite: Azurite) -> Iterator[Callable[..., HostProcess]]:
    """A factory: `start_host(app_dir, env={...}, ready=True, queue_visibility_seconds=2, ...)`.

    Each further option becomes a command line option. The hosts are stopped at the test's end.
    """
    hosts: list[HostProcess] = []

    def start(
        app_dir: Path, *, env: dict[str, str] | None = None, ready: bool = True, **options: object
    ) -> HostProcess:
        port = int(str(options.pop("port", None) or free_port()))
        arguments = [str(app_dir)]
        for name, value in options.items():
            arguments += [f"--{name.replace('_', '-')}", str(value)]
        environment = os.environ | {"AzureWebJobsStorage": azurite.connection_string}
        environment |= {"PYTHONUNBUFFERED": "1"} | (env or {})
        host = HostProcess(
            arguments=arguments,
            environment=environment,
            log=tmp_path / f"host-{len(hosts)}.log",
            port=port,
        )
        host.start()
        hosts.append(host)
        if ready:
            host.wait_ready()
        return host

    yield start
    for host in hosts:
        if host.process.poll() is None:
            host.kill()


def _wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _DEADLINE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"Azurite does not listen on {port}:\n{log.read_text(errors='replace')}")
