"""The operators' handbook knows every outcome and every state that the application can show."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.mapping import DeletionConflict, UpdateConflict
from sync.outcome_model import SETTLED, OutcomeKind
from sync.table_documents import TableCondition

ROOT = Path(__file__).resolve().parents[3]
HANDBOOK = (ROOT / "docs" / "operations.md").read_text()

_REASONS = {"RecordError", "RecordSkippedError", "Problem", "Requirement", "_skipped"}
"""Calls that give an outcome its code: the first argument, or the one named ``code``."""


def codes() -> Iterator[str]:
    for path in sorted((ROOT / "sync").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _name(node.func) in _REASONS:
                named = [each.value for each in node.keywords if each.arg == "code"]
                for given in named or node.args[:1]:
                    yield from _texts(given)


def _name(function: ast.expr) -> str:
    return getattr(function, "id", getattr(function, "attr", ""))


def _texts(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str() as text):
            yield text
        case ast.JoinedStr(values=[ast.Constant(value=str() as beginning), *_]):
            yield beginning
        case ast.IfExp(body=body, orelse=other):
            yield from _texts(body)
            yield from _texts(other)


CODES = sorted({*codes(), SETTLED})


def test_codes_are_found():
    assert {"too-long", "blocked-in-bc", "refused-", "update-conflict", "only-in-crm"} <= {*CODES}


@pytest.mark.parametrize("code", CODES)
def test_every_code_of_an_outcome_has_its_entry(code):
    assert f"`{code}" in HANDBOOK


@pytest.mark.parametrize(
    "word", [*OutcomeKind, *TableCondition, *UpdateConflict, *DeletionConflict]
)
def test_every_kind_state_and_policy_has_its_entry(word):
    assert f"`{word.value}`" in HANDBOOK
