"""Values of a request's JSON against the field they are meant for."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from local.simulators.business_central.errors import BcError, bad_request
from local.simulators.business_central.fields import BLANK, Field, Type

_EDM = {
    Type.TEXT: "Edm.String",
    Type.CODE: "Edm.String",
    Type.ENUM: "Edm.String",
    Type.GUID: "Edm.Guid",
    Type.DECIMAL: "Edm.Decimal",
    Type.INTEGER: "Edm.Int32",
    Type.BOOLEAN: "Edm.Boolean",
    Type.DATE: "Edm.Date",
    Type.MOMENT: "Edm.DateTimeOffset",
}
GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def checked(field: Field, value: Any) -> Any:
    """The value as the table stores it; raises ``BcError`` where it does not fit the field."""
    return _CHECKS[field.type](field, value)


def fits(field: Field, value: Any) -> bool:
    """Whether the stored form of this value is the value itself."""
    try:
        return bool(checked(field, value) == value)
    except BcError:
        return False


def moment_text(moment: datetime) -> str:
    """A moment as the service writes it: UTC, in milliseconds."""
    moment = moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _plain_text(field: Field, value: Any) -> str:
    return _limited(field, _text(field, value))


def _code(field: Field, value: Any) -> str:
    return _limited(field, _text(field, value).strip().upper())


def _boolean(field: Field, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _unconvertible(field, value)
    return value


def _text(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise _unconvertible(field, value)
    return value


def _limited(field: Field, value: str) -> str:
    if field.length and len(value) > field.length:
        raise BcError(
            400,
            "Application_StringExceededLength",
            f"The length of the string is {len(value)}, but it must be less than or equal to "
            f"{field.length} characters. Value: {value}",
        )
    return value


def _member(field: Field, value: Any) -> str:
    value = _text(field, value)
    encoded = BLANK if value == " " else value.replace(" ", BLANK)
    if encoded not in field.values:
        raise BcError(
            400,
            "Application_EvaluateException",
            f"The value \"{value}\" can't be evaluated into type Option (property '{field.name}').",
        )
    return encoded


def _number(field: Field, value: Any) -> int | float:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole and not (field.type is Type.DECIMAL and isinstance(value, float)):
        raise _unconvertible(field, value)
    number: int | float = value
    return number


def _date(field: Field, value: Any) -> str:
    try:
        return date.fromisoformat(_text(field, value)).isoformat()
    except ValueError:
        raise _unconvertible(field, value) from None


def _moment(field: Field, value: Any) -> str:
    try:
        datetime.fromisoformat(_text(field, value))
    except ValueError:
        raise _unconvertible(field, value) from None
    return str(value)


def _guid(field: Field, value: Any) -> str:
    if not GUID.fullmatch(_text(field, value)):
        raise _unconvertible(field, value)
    return str(value).lower()


def _unconvertible(field: Field, value: Any) -> BcError:
    return bad_request(
        f"Cannot convert the literal '{value}' to the expected type '{_EDM[field.type]}' "
        f"(property '{field.name}')."
    )


_CHECKS: dict[Type, Callable[[Field, Any], Any]] = {
    Type.TEXT: _plain_text,
    Type.CODE: _code,
    Type.ENUM: _member,
    Type.BOOLEAN: _boolean,
    Type.DECIMAL: _number,
    Type.INTEGER: _number,
    Type.DATE: _date,
    Type.MOMENT: _moment,
    Type.GUID: _guid,
}
