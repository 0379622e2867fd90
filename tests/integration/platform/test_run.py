"""The launcher as a process: what it prints, and how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from dataclasses import astuple
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships no types
import pytest

from local.platform import PlatformOptions
from local.processes import accepts
from tests.integration.platform.conftest import options

LAUNCHER = """
import pathlib, sys
from local.platform import PlatformOptions
from local.ports import Ports
from local.run import run_until_stopped
base, crm, bc, state = sys.argv[1:]
sys.exit(run_until_stopped(PlatformOptions(
    ports=Ports.from_base(int(base)), crm_url=crm, bc_url=bc, state=pathlib.Path(state),
    settings_file=pathlib.Path(state, "local.settings.json"), in_memory=True)))
"""


def launch(chosen: PlatformOptions) -> subprocess.Popen[str]:
    crm, bc = chosen.crm_url or "", chosen.bc_url or ""
    return subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(chosen.ports.base), crm, bc, str(chosen.state)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def listening(chosen: PlatformOptions) -> list[int]:
    return [port for port in astuple(chosen.ports) if accepts(port)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_platform_says_where_it_is_and_stops_all_of_it_when_told(tmp_path: Path, number):
    chosen = options(tmp_path / "state")
    with launch(chosen) as process:
        assert process.stdout is not None
        shown = []
        for line in process.stdout:
            shown.append(line)
            if "python -m cli" in line:
                break
        assert len(listening(chosen)) == 6
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    text = "".join(shown)
    assert f"http://127.0.0.1:{chosen.ports.host}" in text
    assert f"export COUPLER_URL=http://127.0.0.1:{chosen.ports.host}" in text
    assert (process.returncode, errors) == (0, "")
    assert listening(chosen) == []


def test_a_port_in_use_ends_the_start_with_one_line_and_stops_what_was_started(tmp_path: Path):
    chosen = options(tmp_path / "state")
    with socket.create_server(("127.0.0.1", chosen.ports.key_vault)), launch(chosen) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith(f"Port {chosen.ports.key_vault}, which key_vault needs, is in use.")
    assert errors.count("\n") == 1
    assert listening(chosen) == []


def test_a_part_that_ends_by_itself_ends_the_platform_and_is_named(tmp_path: Path):
    chosen = options(tmp_path / "state")
    with launch(chosen) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if "python -m cli" in line)
        (entra,) = (
            child
            for child in psutil.Process(process.pid).children()
            if "local.simulators.entra" in child.cmdline()
        )
        entra.kill()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "entra ended by itself with status -9" in errors
    assert listening(chosen) == []
