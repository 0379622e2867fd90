"""When the demo goes on from where the last one ended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from local.sample_data.generator import generate
from local.simulated_world import fingerprint

DATA = generate(1)


@pytest.fixture(autouse=True)
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An application of one package, with tests, and an environment beside it."""
    for module in ("sync/rows.py", "tests/test_rows.py", "local/demo.py", ".venv/lib.py"):
        path = tmp_path / module
        path.parent.mkdir()
        path.write_text("before = 1\n")
    monkeypatch.setattr("local.simulated_world._APPLICATION", tmp_path)
    return tmp_path


def test_the_same_data_and_application_are_known_again():
    assert fingerprint(DATA) == fingerprint(generate(1))


def test_other_data_are_another_world():
    assert fingerprint(DATA) != fingerprint(replace(DATA, company="Another"))


@pytest.mark.parametrize(
    ("module", "is_another"),
    [
        ("sync/rows.py", True),
        ("tests/test_rows.py", False),
        ("local/demo.py", False),
        (".venv/lib.py", False),
    ],
)
def test_a_change_of_what_is_deployed_makes_another_world(application, module, is_another):
    before = fingerprint(DATA)
    (application / module).write_text("after = 2\n")
    assert (fingerprint(DATA) != before) is is_another
