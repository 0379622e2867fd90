"""The guarantees name tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[2]


def test_every_test_that_a_guarantee_names_exists():
    document = (_REPOSITORY / "docs" / "guarantees.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/.]+?)(?:::(\w+))?`", document)
    assert len(named) > 10
    for path, test in named:
        place = _REPOSITORY / path
        assert place.exists(), path
        if test:
            assert f"def {test}(" in place.read_text(encoding="utf-8"), f"{path}::{test}"
