"""OData text: literals, keys and query strings that both web APIs understand.

Pure. Filters are built from the pieces here, so that a value can never become a part of the
expression: strings double their quotes, ids must be GUIDs, column names must be identifiers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import parse_qs, quote, urlsplit
from uuid import UUID

from errors import ConfigurationError

type Value = str | bool | int | float | Decimal | UUID | datetime | date | None

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*")
# What may stand in a query value as it is. Left out on purpose: & # + % ; and the blank.
_QUERY_SAFE = "()',:$/@=*"
_PATH_SAFE = "',()$=-:"


def literal(value: Value) -> str:
    """The value as an OData literal. A ``str`` is always quoted; ids are given as ``UUID``.

    Raises ``ValueError`` for a date-time without a time zone and for numbers that are not finite.
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case datetime():
            return _instant(value)
        case float() | Decimal():
            return _number(value)
        case _:  # int, UUID and date print as their literals
            return str(value)


def _instant(value: datetime) -> str:
    """Milliseconds are as fine as either service stores; Business Central demands the ``Z``."""
    if value.tzinfo is None:
        raise ValueError("a date-time literal needs a time zone")
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(value: float | Decimal) -> str:
    exact = Decimal(str(value))
    if not exact.is_finite():
        raise ValueError(f"{value} is not a number that OData can carry")
    return format(exact, "f")


def guid(text: str) -> str:
    """The text as a GUID literal (lower case, no quotes); ``ConfigurationError`` if it is none."""
    try:
        return str(UUID(text))
    except ValueError:
        raise ConfigurationError(
            "id-malformed",
            f"{text[:60]!r} is not the id of a record or company.",
            hint="Ids have the form 00000000-0000-0000-0000-000000000000.",
        ) from None


def name(text: str) -> str:
    """The text if it can be the name of a table or column, or a navigation path;
    ``ConfigurationError`` otherwise."""
    if not _IDENTIFIER.fullmatch(text):
        raise ConfigurationError(
            "name-malformed",
            f"{text[:60]!r} cannot be the name of a table or column.",
            hint="Check the table mapping: names are letters, digits and underscores.",
        )
    return text


def by_id(table: str, record_id: str) -> str:
    """Path of one record: ``accounts(1f…)``."""
    return f"{name(table)}({guid(record_id)})"


def by_name(table: str, key: str) -> str:
    """Path of one record by a text key: ``Company('CRONUS%20International')``."""
    return f"{name(table)}({quote(literal(key), safe=_PATH_SAFE)})"


def compare(column: str, operator: str, value: Value) -> str:
    """One comparison: ``compare("blocked", "eq", False)``."""
    if operator not in ("eq", "ne", "gt", "ge", "lt", "le"):
        raise ValueError(f"{operator!r} is not a comparison of OData")
    return f"{name(column)} {operator} {literal(value)}"


def all_of(conditions: Iterable[str]) -> str:
    """The conditions joined by ``and``; those that hold an ``or`` must bring their brackets."""
    return " and ".join(condition for condition in conditions if condition)


def any_equal(column: str, values: Iterable[Value]) -> str:
    """``column`` is one of the values, spelled with ``or``.

    Business Central allows ``or`` on one and the same column only, which this is.
    """
    return any_of(compare(column, "eq", value) for value in values)


def any_of(conditions: Iterable[str]) -> str:
    """At least one of the conditions holds, in brackets; Business Central takes it only where all
    are about the same column."""
    return f"({' or '.join(conditions)})"


def is_in(column: str, values: Iterable[str]) -> str:
    """``column`` is one of the values, by Dataverse's query function ``In``.

    The values are a collection literal, that is a JSON array; those of every type are given as
    strings.
    """
    listed = json.dumps(list(values), ensure_ascii=False, separators=(",", ":"))
    return (
        f"Microsoft.Dynamics.CRM.In(PropertyName={literal(name(column))},PropertyValues={listed})"
    )


def query(
    *,
    select: Sequence[str] = (),
    filter: str | None = None,  # noqa: A002  the option's own name reads best at the call
    orderby: str | None = None,
    expand: str | None = None,
    top: int | None = None,
    count: bool = False,
    skiptoken: str = "",
) -> str:
    """The query string, percent-encoded, with its leading ``?``; empty without options."""
    options = {
        "$select": ",".join(select),
        "$filter": filter or "",
        "$orderby": orderby or "",
        "$expand": expand or "",
        "$top": "" if top is None else str(top),
        "$count": "true" if count else "",
        "$skiptoken": skiptoken,
    }
    given = [f"{key}={quote(text, safe=_QUERY_SAFE)}" for key, text in options.items() if text]
    return "?" + "&".join(given) if given else ""


def contains(column: str, text: str) -> str:
    """The condition that a text column has this text in it."""
    return f"contains({name(column)},{literal(text)})"


def starts_with(column: str, text: str) -> str:
    """The condition that a text column begins with this text."""
    return f"startswith({name(column)},{literal(text)})"


def skiptoken_of(link: str | None) -> str | None:
    """What a next link says of its place in the list, None without a link: unlike the link it
    names neither table nor filter, so it may be given away and taken back."""
    if link is None:
        return None
    return next(iter(parse_qs(urlsplit(link).query).get("$skiptoken", [])), None)


def chunks_within[T](
    values: Sequence[T], render: Callable[[Sequence[T]], str], limit: int, most: int
) -> Iterator[Sequence[T]]:
    """Cut the values into runs of at most ``most`` whose rendered URL is at most ``limit`` long.

    Runs are halved until they fit. Raises ``ConfigurationError`` when a single value does not.
    """
    for start in range(0, len(values), most):
        yield from _fitting(values[start : start + most], render, limit)


def _fitting[T](
    values: Sequence[T], render: Callable[[Sequence[T]], str], limit: int
) -> Iterator[Sequence[T]]:
    if len(render(values)) <= limit:
        yield values
        return
    if len(values) == 1:
        raise ConfigurationError(
            "url-too-long",
            f"One value alone makes a URL of more than {limit} characters.",
            hint="Check the table mapping: select fewer columns, or match by a shorter column.",
        )
    middle = len(values) // 2
    yield from _fitting(values[:middle], render, limit)
    yield from _fitting(values[middle:], render, limit)
