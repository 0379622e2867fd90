"""Reads what a test asks of a simulator: JSON objects whose members have to be right."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any


class DescriptionError(ValueError):
    """Something was described wrongly; the message names the member."""


def described(description: Any, known: Collection[str], what: str) -> Mapping[str, Any]:
    """A description that is an object of known members; raises ``DescriptionError``."""
    if not isinstance(description, dict) or not description.keys() <= set(known):
        raise DescriptionError(f"{what} is an object with members of {sorted(known)}")
    return description


def pattern(expression: Any, name: str) -> str:
    """A regular expression; raises ``DescriptionError`` where it is none."""
    try:
        re.compile(str(expression))
    except re.error as error:
        raise DescriptionError(f"{name} is no regular expression: {error}") from error
    return str(expression)


def number(
    description: Mapping[str, Any], name: str, default: float, *, whole: bool = False
) -> Any:
    """The member of that name, a number (a whole one); raises ``DescriptionError``."""
    value = description.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise DescriptionError(f"{name} is a number")
    return value
