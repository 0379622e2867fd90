"""The operators' handbook knows every code that a row of a list can be refused with."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
HANDBOOK = (ROOT / "docs" / "operations.md").read_text()

_PLACES = (
    "sync/bulk/judging.py",
    "sync/bulk/page.py",
    "sync/by_hand/coupling.py",
    "sync/matching/accepted.py",
    "sync/transfer/imported.py",
    "sync/transfer/naming.py",
)
_REFUSALS = {"refused", "__init__", "RefusedRequestError"}
"""Calls whose second argument is the code of a refusal."""


def codes() -> Iterator[str]:
    for place in _PLACES:
        for node in ast.walk(ast.parse((ROOT / place).read_text())):
            if isinstance(node, ast.Call):
                for keyword in node.keywords:
                    yield from _texts(keyword.value) if keyword.arg == "code" else ()
                if _name(node.func) in _REFUSALS and len(node.args) > 1:
                    yield from _texts(node.args[1])


def _name(function: ast.expr) -> str:
    return getattr(function, "id", getattr(function, "attr", ""))


def _texts(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str() as text) if text:
            yield text
        case ast.IfExp(body=body, orelse=other):
            yield from _texts(body)
            yield from _texts(other)


CODES = sorted({*codes(), "parent-not-coupled", "creates-none"})


def test_codes_are_found():
    assert {"named-twice", "record-unknown", "not-coupleable", "direction-impossible"} <= {*CODES}


@pytest.mark.parametrize("code", CODES)
def test_every_code_of_a_refused_row_has_its_entry(code):
    section = HANDBOOK.partition("## Rows of a list of couplings")[2]
    assert f"| `{code}`" in section
