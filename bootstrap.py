"""Prepares a clone: finds Python 3.13, makes ``.venv``, installs what is declared, and Azurite.

Uses the standard library of any Python 3, so that it can say what is missing. Quick where nothing
changed: a stamp in ``.venv`` holds the hash of what was installed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed.sha256"
DECLARED = ("requirements.txt", "requirements-dev.txt", "constraints.txt")
TAIL_LINES = 12


class SetupError(Exception):
    """The clone cannot be prepared; the text says why and what to do."""


def main() -> int:
    """Prepare the clone; 1 with one clear message where that is impossible."""
    try:
        wanted = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
        if version_of(str(venv_python())) != wanted:
            make_venv(find_python(wanted), wanted)
        install_declared()
        install_azurite()
    except SetupError as error:
        sys.stderr.write(f"setup: {error}\n")
        return 1
    return 0


def find_python(wanted: str) -> str:
    """A command that runs that version (``3.13``); raises ``SetupError`` where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    candidates = [f"python{wanted}", "python3", "python"]
    candidates += [str(found) for found in sorted(pyenv.glob(f"{wanted}.*/bin/python"))]
    for candidate in candidates:
        path = shutil.which(candidate)
        if path and version_of(path) == wanted:
            return path
    raise SetupError(
        f"Python {wanted} is needed and was not found. Install it from python.org, your system's "
        f"packages or `pyenv install {wanted}`, then run this again."
    )


def version_of(python: str) -> str | None:
    """The ``major.minor`` that an interpreter says it is, None where it does not run."""
    try:
        done = subprocess.run(  # noqa: S603 - commands of this file alone, no shell
            [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def make_venv(python: str, wanted: str) -> None:
    """Make ``.venv`` anew."""
    say(f"making .venv with Python {wanted} ({python})")
    run([python, "-m", "venv", "--clear", str(VENV)], "the virtual environment cannot be made")


def install_declared() -> None:
    """Install the declared packages where they are not those of the last time."""
    digest = hashlib.sha256()
    for name in DECLARED:
        digest.update((ROOT / name).read_bytes())
    if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == digest.hexdigest():
        return
    say("installing the declared packages")
    files = ["-r", str(ROOT / "requirements-dev.txt"), "-c", str(ROOT / "constraints.txt")]
    run(
        [str(venv_python()), "-m", "pip", "install", "--disable-pip-version-check", *files],
        "the declared packages cannot be installed",
    )
    STAMP.write_text(digest.hexdigest(), encoding="utf-8")


def install_azurite() -> None:
    """Install Azurite, and Node where the machine has none that is new enough."""
    script = (
        "import pathlib, sys\n"
        "from local.azurite import InstallError, ensure_installed\n"
        "try:\n"
        "    ensure_installed(pathlib.Path('.local', 'azurite').resolve())\n"
        "except InstallError as error:\n"
        "    sys.exit(str(error))\n"
    )
    run([str(venv_python()), "-c", script], "Azurite cannot be installed")


def venv_python() -> Path:
    """The interpreter of ``.venv``."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run(command: list[str], failure: str) -> None:
    """Run a command quietly; raises ``SetupError`` with the tail of its output."""
    try:
        done = subprocess.run(  # noqa: S603 - commands of this file alone, no shell
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except OSError as error:
        raise SetupError(f"{failure}: {error}") from error
    if done.returncode != 0:
        tail = "\n".join(f"    {line}" for line in done.stdout.splitlines()[-TAIL_LINES:])
        raise SetupError(f"{failure}. The last lines:\n{tail}")


def say(text: str) -> None:
    """Tell what is going on, for what takes a while."""
    sys.stdout.write(f"setup: {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
