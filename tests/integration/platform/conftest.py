from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import astuple
from pathlib import Path

import pytest

from local.platform import REPOSITORY, Platform, PlatformOptions
from local.ports import Ports

CRM_ELSEWHERE = "https://org.crm.example"
BC_ELSEWHERE = "https://bc.example/v2.0"


def free_ports() -> Ports:
    """Ports of a base on which nothing listens just now."""
    for base in range(21070, 31070, 50):
        ports = Ports.from_base(base)
        with ExitStack() as held:
            try:
                for port in astuple(ports):
                    held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return ports
    raise AssertionError("no base has all its ports free")


def options(state: Path) -> PlatformOptions:
    """A platform that shares only Azurite's installation with the clone's own."""
    state.mkdir(exist_ok=True)
    installed = REPOSITORY / ".local" / "azurite"
    installed.mkdir(parents=True, exist_ok=True)
    (state / "azurite").symlink_to(installed)
    return PlatformOptions(
        ports=free_ports(),
        crm_url=CRM_ELSEWHERE,
        bc_url=BC_ELSEWHERE,
        state=state,
        settings_file=state / "local.settings.json",
        in_memory=True,
    )


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return []


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> Iterator[Platform]:
    made = Platform(
        options(tmp_path_factory.mktemp("platform")),
        lambda name, line: lines.append(f"{name}: {line}"),
    )
    with made:
        made.start()
        yield made
