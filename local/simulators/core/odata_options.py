"""The OData query options beside `$filter`: the query string, `$select`, `$orderby`, `$top`,
`$expand`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from local.simulators.core.odata_filter import Kind, ODataError, datetime_key
from local.simulators.core.odata_predicate import PropertyOf, Row


class OptionSyntaxError(ODataError):
    """A query option that cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One part of `$orderby`."""

    path: str
    descending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Expand:
    """One part of `$expand`: the navigation property and the options in its parentheses."""

    path: str
    options: Mapping[str, str]


def parse_query_string(text: str) -> dict[str, str]:
    """The options of a query string, percent signs and `+` decoded.

    Raises `OptionSyntaxError` where an option stands twice.
    """
    options: dict[str, str] = {}
    for part in text.split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        name = unquote_plus(name)
        if name in options:
            raise OptionSyntaxError(f"Query option '{name}' was specified more than once.")
        options[name] = unquote_plus(value)
    return options


def parse_select(text: str) -> tuple[str, ...]:
    """The property names of `$select`, in their order, each once."""
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise OptionSyntaxError(f"The $select clause '{text}' has an empty part.")
    return tuple(dict.fromkeys(names))


def parse_orderby(text: str) -> tuple[Order, ...]:
    """The parts of `$orderby`."""
    return tuple(_order(part) for part in text.split(","))


def _order(part: str) -> Order:
    match part.split():
        case [path] | [path, "asc"]:
            return Order(path=path, descending=False)
        case [path, "desc"]:
            return Order(path=path, descending=True)
        case _:
            raise OptionSyntaxError(f"'{part.strip()}' is not understood in $orderby.")


def parse_whole_number(name: str, text: str) -> int:
    """The value of an option that is a number of rows, 0 or more (`$top`, `$skip`)."""
    if not (text.isascii() and text.isdigit()):
        raise OptionSyntaxError(
            f"Invalid value '{text}' for {name} query option found. "
            f"The {name} query option requires a non-negative integer value."
        )
    return int(text)


def parse_expand(text: str) -> tuple[Expand, ...]:
    """The parts of `$expand`; options of a part are separated by `;` (or, as some clients do
    with a single one, not at all)."""
    return tuple(_expand(part) for part in _split(text, ","))


def _expand(part: str) -> Expand:
    path, opened, rest = part.strip().partition("(")
    if not path or (opened and not rest.endswith(")")):
        raise OptionSyntaxError(f"'{part.strip()}' is not understood in $expand.")
    options: dict[str, str] = {}
    for option in _split(rest[:-1], ";") if opened else ():
        name, equals, value = option.strip().partition("=")
        if not equals or name in options:
            raise OptionSyntaxError(f"'{option.strip()}' is not understood in $expand.")
        options[name] = value
    return Expand(path=path, options=options)


def _split(text: str, separator: str) -> Iterator[str]:
    """Parts of a text between separators that stand outside parentheses and quotes."""
    start, depth, quoted = 0, 0, False
    for position, sign in enumerate(text):
        if sign == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif sign in "()":
            depth += 1 if sign == "(" else -1
        elif sign == separator and depth == 0:
            yield text[start:position]
            start = position + 1
    if depth or quoted:
        raise OptionSyntaxError(f"'{text}' has an unbalanced parenthesis or quotation mark.")
    yield text[start:]


def sort_rows[R: Row](
    rows: Iterable[R], orders: Iterable[Order], property_of: PropertyOf, *, fold_case: bool
) -> list[R]:
    """The rows in the given order; empty values come first when ascending. A stable sort: rows
    that are equal keep their order."""
    ordered = list(rows)
    for order in reversed(list(orders)):
        prop = property_of(order.path)

        def key(row: Row, prop: Any = prop) -> tuple[bool, Any]:
            value = prop.read(row)
            if value is None:
                return (False, 0)
            if prop.kind is Kind.DATETIME:
                return (True, datetime_key(value))
            return (True, value.casefold() if fold_case and prop.kind is Kind.TEXT else value)

        ordered.sort(key=key, reverse=order.descending)
    return ordered
