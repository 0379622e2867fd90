"""Preparing a clone, with scripts in the place of interpreters."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import bootstrap

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")


def stand_in(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone without ``.venv`` on a machine without any Python."""
    monkeypatch.setenv("PATH", str(tmp_path / "commands"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    root = tmp_path / "clone"
    root.mkdir()
    (root / ".python-version").write_text("3.13\n")
    for name in bootstrap.DECLARED:
        (root / name).write_text(f"# {name}\n")
    monkeypatch.setattr(bootstrap, "ROOT", root)
    monkeypatch.setattr(bootstrap, "VENV", root / ".venv")
    monkeypatch.setattr(bootstrap, "STAMP", root / ".venv" / "installed.sha256")
    return root


def make_venv(clone: Path, pip: str = "true") -> Path:
    """A ``.venv`` whose Python notes what it is told; returns the notes' file."""
    calls = clone / "calls"
    stand_in(
        clone / ".venv" / "bin" / "python",
        f'case "$*" in *version_info*) echo 3.13;; *) echo "$@" >> {calls}; {pip};; esac',
    )
    return calls


def test_the_wanted_python_is_found_by_name(clone, tmp_path):
    stand_in(tmp_path / "commands" / "python3", "echo 3.11")
    stand_in(tmp_path / "commands" / "python3.13", "echo 3.13")
    assert bootstrap.find_python("3.13") == str(tmp_path / "commands" / "python3.13")


def test_the_wanted_python_is_found_behind_a_shim_that_does_not_run(clone, tmp_path):
    stand_in(tmp_path / "commands" / "python3.13", "echo version not installed >&2; exit 127")
    stand_in(tmp_path / "pyenv" / "versions" / "3.13.5" / "bin" / "python", "echo 3.13")
    assert "3.13.5" in bootstrap.find_python("3.13")


def test_a_missing_interpreter_is_one_clear_line(clone, capsys):
    assert bootstrap.main() == 1
    message = capsys.readouterr().err
    assert message.startswith("setup: Python 3.13 is needed")
    assert message.count("\n") == 1


def test_what_is_declared_is_installed_under_its_constraints_and_azurite_after_it(clone):
    calls = make_venv(clone)
    assert bootstrap.main() == 0
    first, *rest = calls.read_text().splitlines()
    assert "pip install" in first
    assert "requirements-dev.txt" in first
    assert "constraints.txt" in first
    assert any("ensure_installed" in line for line in rest)


def test_packages_are_not_installed_again_until_the_declarations_change(clone):
    calls = make_venv(clone)
    bootstrap.main()
    bootstrap.main()
    assert calls.read_text().count("pip install") == 1
    (clone / "constraints.txt").write_text("something==2\n")
    bootstrap.main()
    assert calls.read_text().count("pip install") == 2


def test_a_failed_install_ends_with_pips_last_lines_and_is_tried_again(clone, capsys):
    calls = make_venv(clone, pip="echo ERROR: No matching distribution; exit 1")
    assert bootstrap.main() == 1
    message = capsys.readouterr().err
    assert "the declared packages cannot be installed" in message
    assert "No matching distribution" in message
    bootstrap.main()
    assert calls.read_text().count("pip install") == 2
