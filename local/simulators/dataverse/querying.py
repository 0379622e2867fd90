"""Queries of a table: filter, order, paging by cookies, counts."""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from local.simulators.core.odata import (
    Condition,
    ODataError,
    Order,
    Property,
    UnknownPropertyError,
    UnsupportedFilterError,
    compile_filter,
    parse_filter,
    parse_orderby,
    parse_whole_number,
    required_values,
    sort_rows,
)
from local.simulators.dataverse.errors import (
    invalid_query,
    not_implemented,
    unknown_query_property,
)
from local.simulators.dataverse.schema import Row, TableSchema
from local.simulators.dataverse.store import Store

MOST_ROWS = 5000
QUERY_OPTIONS = frozenset(
    {"$select", "$expand", "$filter", "$orderby", "$top", "$count", "$skiptoken"}
)
_COOKIE = re.compile(
    r'<cookie pagenumber="(?P<page>\d+)" pagingcookie="(?P<state>[\w=-]*)" '
    r'istracking="(?P<tracking>True|False)" />'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """Where the next page begins: the number of that page and what the server keeps in it."""

    page: int
    state: dict[str, Any]
    tracking: bool = False

    def text(self) -> str:
        """The value of `$skiptoken`, not yet encoded for a URL."""
        state = base64.urlsafe_b64encode(orjson.dumps(self.state)).decode()
        return (
            f'<cookie pagenumber="{self.page}" pagingcookie="{state}" '
            f'istracking="{self.tracking}" />'
        )


def parse_cookie(text: str) -> Cookie:
    """The cookie of a nextLink; refused where it is none of the server's own."""
    match = _COOKIE.fullmatch(text)
    if match is None:
        raise invalid_query("Malformed XML in the Paging Cookie.")
    try:
        state = orjson.loads(base64.urlsafe_b64decode(match["state"]))
    except ValueError as error:
        raise invalid_query("Malformed XML in the Paging Cookie.") from error
    return Cookie(page=int(match["page"]), state=state, tracking=match["tracking"] == "True")


def next_link(url: str, query_string: str, cookie: Cookie) -> str:
    """The URL of the next page: the same query with another `$skiptoken`."""
    kept = [
        part
        for part in query_string.split("&")
        if part and not part.lower().startswith(("$skiptoken=", "%24skiptoken="))
    ]
    return f"{url}?" + "&".join([*kept, f"$skiptoken={quote(cookie.text(), safe='')}"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a query's rows."""

    rows: list[Row]
    following: Cookie | None
    total: int | None
    """How many rows match in all, counted up to one more than the limit; None: not asked for."""


class TableQuery:
    """One query of one table."""

    def __init__(self, store: Store, table: TableSchema, options: Mapping[str, str]) -> None:
        self._rows = store.tables[table.name]
        self._table = table
        self._properties = PropertyReader(store, table)
        self._condition = _parse_condition(options.get("$filter"))
        self._orders = self._parse_orders(options.get("$orderby"))
        self._top = _parse_top(options.get("$top"))
        self._cookie = parse_cookie(options["$skiptoken"]) if "$skiptoken" in options else None
        self._counts = options.get("$count") == "true"

    def page(self, size: int | None, state: Mapping[str, Any] | None = None) -> Page:
        """The page that the options ask for; `state` is kept in the cookies of further pages."""
        limit = min(size or MOST_ROWS, MOST_ROWS)
        if size is None and self._top is not None:
            limit = min(self._top, MOST_ROWS)
        rows: list[Row] = []
        more = False
        for row in self._from_cookie():
            if len(rows) == limit:
                more = True
                break
            rows.append(row)
        following = None
        if more and (size is not None or self._top is None):
            following = self._cookie_after(rows[-1], state or {})
        return Page(rows=rows, following=following, total=self.count() if self._counts else None)

    @property
    def cookie_state(self) -> Mapping[str, Any]:
        """What the cookie of this request holds."""
        return self._cookie.state if self._cookie else {}

    def count(self) -> int:
        """How many rows match; counting stops above the most that the API tells."""
        if self._condition is None:
            return min(len(self._rows.rows), MOST_ROWS + 1)
        total = 0
        for _ in self._matching(None):
            total += 1
            if total > MOST_ROWS:
                break
        return total

    def _cookie_after(self, row: Row, state: Mapping[str, Any]) -> Cookie:
        page = self._cookie.page if self._cookie else 1
        values = {order.path: row.get(order.path) for order in self._orders}
        last = {"last": row[self._table.key], "values": values}
        return Cookie(page=page + 1, state=last | dict(state), tracking=bool(state))

    def _from_cookie(self) -> Iterator[Row]:
        if not self._orders:
            return self._matching(self._cookie.state["last"] if self._cookie else None)
        return self._ordered_from_cookie()

    def _ordered_from_cookie(self) -> Iterator[Row]:
        """All matching rows are sorted; a stand-in for the last row of the former page tells where
        to go on, even where that row has changed or is gone."""
        orders = (*self._orders, Order(path=self._table.key, descending=False))
        rows = list(self._matching(None))
        if self._cookie is None:
            yield from sort_rows(rows, orders, self._properties.get, fold_case=True)
            return
        last = self._cookie.state["last"]
        stand_in = self._cookie.state["values"] | {self._table.key: last}
        rows.append(stand_in)
        passed = False
        for row in sort_rows(rows, orders, self._properties.get, fold_case=True):
            if passed and row[self._table.key] != last:
                yield row
            passed = passed or row is stand_in

    def _matching(self, after: str | None) -> Iterator[Row]:
        """The rows that match, by id, from behind an id."""
        rows = self._rows.rows
        if self._condition is None:
            return (rows[row_id] for row_id in self._rows.ids_after(after))
        try:
            matches = compile_filter(self._condition, self._properties.get, fold_case=True)
        except UnknownPropertyError as error:
            raise unknown_query_property(self._table.name, error.name) from error
        except ODataError as error:
            raise invalid_query(str(error)) from error
        candidates = self._candidates()
        if candidates is None:
            return (row for row_id in self._rows.ids_after(after) if matches(row := rows[row_id]))
        return (
            row
            for row_id in sorted(candidates)
            if (after is None or row_id > after) and matches(row := rows[row_id])
        )

    def _candidates(self) -> set[str] | None:
        """The ids of the only rows that can match, where an index tells."""
        if self._condition is None:
            return None
        required = required_values(self._condition)
        keys = required.get(self._table.key)
        if keys is not None:
            return {key for key in keys if key in self._rows.rows}
        for prop, values in required.items():
            if prop in self._rows.indexes and None not in values:
                return {
                    row[self._table.key] for value in values for row in self._rows.find(prop, value)
                }
        return None

    def _parse_orders(self, text: str | None) -> tuple[Order, ...]:
        try:
            orders = parse_orderby(text) if text else ()
        except ODataError as error:
            raise invalid_query(str(error)) from error
        for order in orders:
            if "/" in order.path:
                raise not_implemented("$orderby by a column of another table")
            if order.path not in self._table.property_names:
                raise unknown_query_property(self._table.name, order.path)
        return orders


class PropertyReader:
    """How filters read a table's columns, and those of the tables its lookups lead to."""

    def __init__(self, store: Store, table: TableSchema) -> None:
        self._store = store
        self._table = table

    def get(self, path: str) -> Property:
        """The property of a path; raises `UnknownPropertyError`."""
        navigation, slash, name = path.partition("/")
        if slash:
            return self._of_lookup(path, navigation, name)
        column = self._table.properties.get(path)
        if column is None or column.secret:
            raise UnknownPropertyError(path)
        return Property(kind=column.kind, read=lambda row: row.get(path))

    def _of_lookup(self, path: str, navigation: str, name: str) -> Property:
        lookup, target = self._table.navigations.get(navigation, (None, ""))
        if lookup is None or not target:
            raise UnknownPropertyError(path)
        column = self._store.schema.tables[target].properties.get(name)
        if column is None or column.secret:
            raise UnknownPropertyError(path)
        rows, prop = self._store.tables[target].rows, lookup.row_name

        def read(row: Mapping[str, Any]) -> Any:
            found = rows.get(row.get(prop) or "")
            return found.get(name) if found else None

        return Property(kind=column.kind, read=read)


def _parse_condition(text: str | None) -> Condition | None:
    if text is None:
        return None
    try:
        return parse_filter(text, in_function=True)
    except UnsupportedFilterError as error:
        raise not_implemented(f"this filter: {error}") from error
    except ODataError as error:
        raise invalid_query(str(error)) from error


def _parse_top(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        top = parse_whole_number("$top", text)
    except ODataError as error:
        raise invalid_query(str(error)) from error
    if top == 0:
        raise invalid_query("Invalid value '0' for $top query option found.")
    return top
