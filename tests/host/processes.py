"""Azurite and function hosts as processes of a test."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local.host.configuration import azurite_connection_string

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 30.0


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
    directory: Path = ROOT
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the process; does not wait."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local.host", *self.arguments, "--port", str(self.port)],
                cwd=self.directory,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_ready(self) -> None:
        """Wait until the host answers its status; fails with the log if it ends before."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                pytest.fail(f"the host ended with {self.process.returncode}:\n{self.log_text()}")
            try:
                with urllib.request.urlopen(f"{self.base_url}/admin/host/status", timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.05)
        pytest.fail(f"the host was not ready within {DEADLINE_SECONDS} s:\n{self.log_text()}")

    def kill(self) -> None:
        """SIGKILL: the process gets no chance to tidy up."""
        self.process.kill()
        self.process.wait(DEADLINE_SECONDS)

    def restart(self) -> None:
        """Start again on the same port, after `kill` or `stop`, and wait until it is ready."""
        assert self.process.poll() is not None, "stop or kill the host before a restart"
        self.start()
        self.wait_ready()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_SECONDS)

    def log_text(self) -> str:
        """All that the host has written so far, over all its starts."""
        return self.log.read_text(encoding="utf-8", errors="replace")


def free_port() -> int:
    """A port that nothing listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually[T](probe: Callable[[], T], *, seconds: float = DEADLINE_SECONDS) -> T:
    """What `probe` answers once it is truthy; fails if it is not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := probe()):
        if time.monotonic() > deadline:
            pytest.fail(f"still {answer!r} after {seconds} s")
        time.sleep(0.05)
    return answer


class HostFactory:
    """Starts hosts, and kills at the end those that still run."""

    def __init__(self, azurite: Azurite, logs: Path) -> None:
        self._azurite = azurite
        self._logs = logs
        self._hosts: list[HostProcess] = []

    def __call__(
        self,
        app_dir: Path,
        *,
        env: dict[str, str] | None = None,
        ready: bool = True,
        port: int | None = None,
        directory: Path = ROOT,
        **options: object,
    ) -> HostProcess:
        """Start a host for the app, by default on Azurite and a free port.

        `env` adds environment variables, `ready=False` does not wait, `directory` is the working
        directory; each further option becomes a command line option (`grace_seconds=1`).
        """
        arguments = [str(app_dir)]
        for name, value in options.items():
            arguments += [f"--{name.replace('_', '-')}", str(value)]
        environment = os.environ | {"AzureWebJobsStorage": self._azurite.connection_string}
        host = HostProcess(
            arguments=arguments,
            environment=environment | {"PYTHONUNBUFFERED": "1"} | (env or {}),
            log=self._logs / f"host-{len(self._hosts)}.log",
            port=port or free_port(),
            directory=directory,
        )
        host.start()
        self._hosts.append(host)
        if ready:
            host.wait_ready()
        return host

    def close(self) -> None:
        """Kill what still runs."""
        for host in self._hosts:
            if host.process.poll() is None:
                host.kill()


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the process listens on the port; fails with its log if it does not."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"Azurite does not listen on {port}:\n{log.read_text(errors='replace')}")
