"""Checks the values of a payload against their columns and gives them the form of stored rows."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from local.simulators.dataverse.errors import (
    DataverseError,
    out_of_range,
    too_long,
    unknown_option,
    wrong_type,
)
from local.simulators.dataverse.schema import Column

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FIRST_YEAR = 1753
_LARGEST_INTEGER = 2_147_483_647
_LARGEST_DECIMAL = 100_000_000_000
_LARGEST_MONEY = 922_337_203_685_477


def is_guid(text: str) -> bool:
    """Whether a text is a GUID with dashes and without braces."""
    return _GUID.fullmatch(text) is not None


def stored_value(table: str, column: Column, value: Any) -> Any:
    """A payload's value of a column that is no lookup, as rows hold it.

    Empty text is stored as null. Raises `DataverseError` for what does not fit the column. Money
    is not rounded here: its number of decimals depends on other rows.
    """
    if value is None:
        return None
    return _READERS[column.type](table, column, value)


def rounded(value: float, decimals: int) -> float:
    """A number with at most that many decimals, halves away from zero."""
    text = repr(value)
    _, _, fraction = text.partition(".")
    if len(fraction) <= decimals and "e" not in text:
        return value  # nearly every value: not worth a Decimal
    return float(Decimal(text).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP))


def utc_text(moment: datetime) -> str:
    """A moment in the form of the API: UTC, whole seconds."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _text(table: str, column: Column, value: Any) -> str | None:
    if not isinstance(value, str):
        raise wrong_type(table, column.name, value, "Edm.String")
    if column.length is not None and len(value) > column.length:
        raise too_long(table, column.name, column.length)
    return value or None


def _guid(table: str, column: Column, value: Any) -> str:
    if not isinstance(value, str) or not is_guid(value):
        raise wrong_type(table, column.name, value, "Edm.Guid")
    return value.lower()


def _boolean(table: str, column: Column, value: Any) -> bool:
    if not isinstance(value, bool):
        raise wrong_type(table, column.name, value, "Edm.Boolean")
    return value


def _integer(table: str, column: Column, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_type(table, column.name, value, "Edm.Int32")
    _check_range(table, column, value, _LARGEST_INTEGER)
    return value


def _decimal(table: str, column: Column, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise wrong_type(table, column.name, value, "Edm.Decimal")
    _check_range(table, column, value, _LARGEST_DECIMAL)
    return rounded(value, column.precision) if isinstance(column.precision, int) else value


def _money(table: str, column: Column, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise wrong_type(table, column.name, value, "Edm.Decimal")
    _check_range(table, column, value, _LARGEST_MONEY)
    return value


def _check_range(table: str, column: Column, value: float, largest: float) -> None:
    minimum = -largest if column.minimum is None else column.minimum
    maximum = largest if column.maximum is None else column.maximum
    if not minimum <= value <= maximum:
        raise out_of_range(table, column.name, value)


def _choice(table: str, column: Column, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_type(table, column.name, value, "Edm.Int32")
    if value not in column.options:
        raise unknown_option(table, column.name, value, ",".join(map(str, column.options)))
    return value


def _state(table: str, column: Column, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_type(table, column.name, value, "Edm.Int32")
    return value


def _datetime(table: str, column: Column, value: Any) -> str:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise wrong_type(table, column.name, value, "Edm.DateTimeOffset") from None
    if moment.tzinfo is None:
        raise wrong_type(table, column.name, value, "Edm.DateTimeOffset")
    _check_year(column, moment.year)
    return utc_text(moment)


def _date(table: str, column: Column, value: Any) -> str:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise wrong_type(table, column.name, value, "Edm.Date")
    try:
        _check_year(column, date.fromisoformat(value).year)
    except ValueError:
        raise wrong_type(table, column.name, value, "Edm.Date") from None
    return value


def _check_year(column: Column, year: int) -> None:
    if year < _FIRST_YEAR:
        message = (
            f"The date-time format for {column.name} is invalid, or value is outside the supported "
            "range."
        )
        raise DataverseError(400, "0x80040239", message)


_READERS: dict[str, Callable[[str, Column, Any], Any]] = {
    "text": _text,
    "memo": _text,
    "guid": _guid,
    "boolean": _boolean,
    "integer": _integer,
    "bigint": _integer,
    "decimal": _decimal,
    "double": _decimal,
    "money": _money,
    "choice": _choice,
    "state": _state,
    "status": _state,
    "datetime": _datetime,
    "date": _date,
}
