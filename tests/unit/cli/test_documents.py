"""The page about the command line names what there is, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli.main import COMMANDS

PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `coupler ([a-z-]+)(.*)$", PAGE, flags=re.MULTILINE)


def test_every_command_has_its_row():
    assert {name for name, _ in ROWS} == {*COMMANDS, "sign-out"}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_commands_row_names_only_options_that_it_takes(coupler, name):
    options = set(re.findall(r"--[a-z-]+", " ".join(row for of, row in ROWS if of == name)))
    taken = set(re.findall(r"--[a-z-]+", coupler(name, "--help").out))
    assert options <= taken
