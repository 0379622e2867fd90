"""Query options of one request, and the page of records that they ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from local.simulators.business_central.conditions import (
    compiled,
    least,
    parse_condition,
    properties,
    require_property,
)
from local.simulators.business_central.errors import BcError, NotSimulatedError, bad_request
from local.simulators.business_central.fields import EntitySet, Row, Type
from local.simulators.business_central.skip_tokens import marker_row, skip_token
from local.simulators.business_central.store import Table
from local.simulators.core.odata import (
    Condition,
    Expand,
    ODataError,
    Order,
    parse_expand,
    parse_orderby,
    parse_query_string,
    parse_select,
    parse_whole_number,
    required_values,
    sort_rows,
)

LARGEST_PAGE = 20_000
_KNOWN = frozenset(
    {
        "$filter",
        "$select",
        "$orderby",
        "$top",
        "$skip",
        "$count",
        "$expand",
        "$skiptoken",
        "$schemaversion",
    }
)
_SCHEMA_VERSIONS = ("1.0", "2.0", "2.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The options of one read."""

    condition: Condition | None = None
    select: tuple[str, ...] | None = None
    orders: tuple[Order, ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    expand: tuple[Expand, ...] = ()
    token: str | None = None
    """The place of the last record of the page before: its id where no order is asked for, else
    what ``skip_tokens`` writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of an answer."""

    rows: list[Row]
    token: str | None
    """The skip token of the next page; None on the last one."""
    rest: int | None
    """What is left of ``$top`` for the next pages; None where it was not limited."""
    total: int | None
    """How many records match, where the request asked for it."""


def parse_query(schema: EntitySet, query_string: str) -> Query:
    """The query options for one entity set; raises ``BcError`` or ``NotSimulatedError``."""
    try:
        options = parse_query_string(query_string)
        _require_known(options)
        orders = parse_orderby(options["$orderby"]) if "$orderby" in options else ()
        query = Query(
            condition=_condition(schema, options),
            select=parse_select(options["$select"]) if "$select" in options else None,
            orders=orders,
            top=parse_whole_number("$top", options["$top"]) if "$top" in options else None,
            skip=parse_whole_number("$skip", options.get("$skip", "0")),
            count=_flag(options.get("$count", "false")),
            expand=parse_expand(options["$expand"]) if "$expand" in options else (),
            token=options.get("$skiptoken"),
        )
    except ODataError as error:
        raise bad_request(str(error)) from error
    for name in (*(query.select or ()), *(order.path for order in orders)):
        require_property(schema, name)
    return query


def page_size(prefer: str | None) -> int:
    """The page size that a ``Prefer`` header asks for; raises ``BcError`` where it is too large."""
    for preference in (prefer or "").split(","):
        name, _, value = preference.strip().partition("=")
        if name.strip().lower() in ("odata.maxpagesize", "maxpagesize"):
            size = int(value) if value.strip().isdigit() else 0
            if size < 1:
                raise bad_request(f"The page size '{value}' must be a positive number.")
            if size > LARGEST_PAGE:
                raise BcError(
                    413,
                    "Unknown",
                    f"The page size {size} exceeds the maximum of {LARGEST_PAGE} records.",
                )
            return size
    return LARGEST_PAGE


def read_page(source: Table | list[Row], schema: EntitySet, query: Query, size: int) -> Page:
    """The page that follows ``query.token``.

    Pages follow the order of the request, else the primary key. In an order that was asked for, a
    page begins behind the place where the last record of the one before stood *then*: a record
    that moves backwards between two pages is seen twice, and one that moves forwards over that
    place is missed. Without one, a page begins behind that record; where it is deleted, the
    paging ends with an error.
    """
    matches = None if query.condition is None else compiled(schema, query.condition)
    candidates = _candidates(source, schema, query.condition)
    total = sum(1 for _ in filter(matches, _all(candidates))) if query.count else None
    rows: Iterator[Row]
    if isinstance(candidates, Table) and not query.orders:
        rows = filter(matches, _behind(candidates, query.token))
    else:
        pool = list(filter(matches, _all(candidates)))
        marker = _marker(source, schema, query)
        if marker is not None:
            # behind the record itself, should it be there, because sorting is stable
            pool = sorted([*pool, marker], key=schema.key_of)
        ordered = sort_rows(pool, query.orders, properties(schema), fold_case=False)
        rows = iter(_after(ordered, marker))
    return _cut(rows, schema, query, size, total)


def _cut(
    rows: Iterator[Row], schema: EntitySet, query: Query, size: int, total: int | None
) -> Page:
    wanted = size if query.top is None else min(size, query.top)
    skip = 0 if query.token else query.skip
    found = list(islice(rows, skip, skip + wanted + 1))
    page = found[:wanted]
    rest = None if query.top is None else query.top - len(page)
    more = len(found) > wanted and page and rest != 0
    token = skip_token(schema, query.orders, page[-1]) if more else None
    return Page(rows=page, token=token, rest=rest, total=total)


def count_rows(source: Table | list[Row], schema: EntitySet, query: Query) -> int:
    """How many records match the filter."""
    if query.condition is None:
        return len(source)
    matches = compiled(schema, query.condition)
    return sum(map(matches, _all(_candidates(source, schema, query.condition))))


def _condition(schema: EntitySet, options: dict[str, str]) -> Condition | None:
    version = options.get("$schemaversion", "1.0")
    if version not in _SCHEMA_VERSIONS:
        raise bad_request(f"The schema version '{version}' is not supported.")
    text = options.get("$filter", "").strip()
    return parse_condition(schema, text, in_operator=version == "2.1") if text else None


def _require_known(options: dict[str, str]) -> None:
    for name in options:
        if name.startswith("$") and name not in _KNOWN:
            raise NotSimulatedError(f"the query option '{name}'")


def _flag(value: str) -> bool:
    if value not in ("true", "false"):
        raise bad_request(f"'{value}' is not a valid value for $count.")
    return value == "true"


def _all(source: Table | list[Row]) -> Iterable[Row]:
    return source if isinstance(source, list) else source.rows()


def _candidates(
    source: Table | list[Row], schema: EntitySet, condition: Condition | None
) -> Table | list[Row]:
    """Few records among which all matching ones are, where an index knows them; else all."""
    if condition is None or isinstance(source, list):
        return source
    required = required_values(condition)
    found: list[Row] | None = None
    if schema.id_field in required:
        found = [row for each in required[schema.id_field] if (row := source.get(each))]
    elif len(schema.key) == 1 and schema.key_fields[0] in required:
        values = required[schema.key_fields[0]]
        found = [row for each in values if (row := source.by_key(each))]
    else:
        name = next((each for each in schema.indexed if each in required), None)
        if name is not None:
            found = [row for each in required[name] for row in source.find(name, each)]
        else:
            found = _from_least(source, schema, condition)
    return source if found is None else sorted(found, key=schema.key_of)


def _from_least(table: Table, schema: EntitySet, condition: Condition) -> list[Row] | None:
    """What can match a condition that asks for the newest records, or the last numbers."""
    stamp = least(condition, schema.modified_field)
    if isinstance(stamp, str):
        return table.stamped_from(stamp)
    first = schema.by_name[schema.key_fields[0]]
    if first.type is Type.INTEGER and (number := least(condition, first.name)) is not None:
        return table.rows_from(number)
    return None


def _behind(table: Table, token: str | None) -> Iterator[Row]:
    """The records behind the token in the order of the primary key."""
    if token is None:
        return table.rows()
    if table.get(token) is None:
        raise _stale_token()
    return table.rows_after(token)


def _marker(source: Table | list[Row], schema: EntitySet, query: Query) -> Row | None:
    """A row that stands where the page before ended, even if it no longer matches."""
    if query.token is None:
        return None
    if query.orders:
        marker = marker_row(schema, query.orders, query.token)
    elif isinstance(source, Table):
        marker = source.get(query.token)
    else:
        marker = next((row for row in source if row[schema.id_field] == query.token), None)
    if marker is None:
        raise _stale_token()
    return marker


def _after(rows: list[Row], marker: Row | None) -> list[Row]:
    if marker is None:
        return rows
    places = [position for position, row in enumerate(rows) if row is marker]
    return rows[places[-1] + 1 :]


def _stale_token() -> BcError:
    return BcError(
        400, "SkipTokenIsNoLongerValid", "The skip token is no longer valid. Restart the query."
    )
