"""The guarantees and the security document name tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).resolve().parents[2]
_RISKS = [f"API{number}" for number in range(1, 11)]


def read(document: str) -> str:
    return (_REPOSITORY / "docs" / document).read_text(encoding="utf-8")


@pytest.mark.parametrize(("document", "least"), [("guarantees.md", 10), ("security.md", 40)])
def test_every_test_that_a_document_names_exists(document, least):
    named = re.findall(r"`(tests/[\w/.]+?)(?:::(\w+))?`", read(document))
    assert len(named) > least
    for path, test in named:
        place = _REPOSITORY / path
        assert place.exists(), path
        if test:
            assert f"def {test}(" in place.read_text(encoding="utf-8"), f"{path}::{test}"


def test_every_threat_and_every_risk_has_a_control_and_a_test():
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in read("security.md").splitlines()
        if line.startswith(("| **", "| API"))
    ]
    assert len(rows) > 20
    for row in rows:
        assert all(row), row
        assert "`tests/" in row[-1], row[0]
    assert [row[0] for row in rows if row[0].startswith("API")] == _RISKS


def test_the_limits_told_are_those_of_the_settings():
    told = set(re.findall(r"`(TENANT_[A-Z_]+)`", read("security.md")))
    example = (_REPOSITORY / "local.settings.example.json").read_text(encoding="utf-8")
    assert told == set(re.findall(r'"(TENANT_[A-Z_]+)"', example))
