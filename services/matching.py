"""Looking records up by the values of some columns, where each set of values may fit many. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from services import odata

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# A column of ids: a lookup or key of Dataverse, an id of Business Central.
_ID_COLUMN = re.compile(r"_\w+_value|id|\w+id|\w+Id")


def operand(column: str, value: Any) -> odata.Value:
    """The value as a filter compares the column with: text without blanks around it, and an id
    where the column is one of ids."""
    if not isinstance(value, str):
        checked: odata.Value = value
        return checked
    text = value.strip()
    if _ID_COLUMN.fullmatch(column) and _GUID.fullmatch(text):
        return UUID(text)
    return text


def fits(columns: Sequence[str], values: Sequence[Any]) -> str:
    """The condition, in brackets, that the columns have these values."""
    pairs = zip(columns, values, strict=True)
    conditions = [odata.compare(column, "eq", operand(column, value)) for column, value in pairs]
    return f"({odata.all_of(conditions)})"


def comparable(values: Sequence[Any]) -> tuple[Any, ...]:
    """The values such that equal ones are equal: text without regard to letter case and blanks
    around it, numbers by their value."""
    return tuple(_comparable(value) for value in values)


def _comparable(value: Any) -> Any:
    match value:
        case str() | UUID():
            return str(value).strip().casefold()
        case bool():
            return value
        case int() | float() | Decimal():
            return Decimal(str(value))
        case _:
            return value
