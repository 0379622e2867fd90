"""Rows as answers: chosen columns, the ETag, annotations and expanded lookups."""

from collections.abc import Iterable, Mapping
from typing import Any

from local.simulators.core.odata import (
    Expand,
    ODataError,
    parse_expand,
    parse_query_string,
    parse_select,
)
from local.simulators.dataverse.associations import other_table
from local.simulators.dataverse.errors import (
    DataverseError,
    invalid_query,
    not_implemented,
    unknown_query_property,
)
from local.simulators.dataverse.formatting import formatted_value, lookup_target
from local.simulators.dataverse.preferences import Preferences
from local.simulators.dataverse.schema import LOOKUP_TABLE, Column, Row, TableSchema
from local.simulators.dataverse.store import Store

FORMATTED = "OData.Community.Display.V1.FormattedValue"
_LOOKUP_TABLE_NAME = LOOKUP_TABLE[1:]
_NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"


def etag(row: Row) -> str:
    """The row's ETag: its version."""
    return f'W/"{row["versionnumber"]}"'


class Projection:
    """What of a table's rows goes into an answer."""

    def __init__(
        self,
        store: Store,
        table: TableSchema,
        options: Mapping[str, str],
        preferences: Preferences,
    ) -> None:
        self._store = store
        self._table = table
        self._preferences = preferences
        self._properties = _selected(table, options.get("$select"))
        self._expands = [
            _Expansion(store, table, expand, preferences)
            for expand in _parse_expands(options.get("$expand"))
        ]
        names = options["$select"].split(",") if options.get("$select") else []
        self.context: str = ",".join(
            [name.strip() for name in names] + [expansion.context for expansion in self._expands]
        )
        """What stands in parentheses in the context URL; empty for all columns."""

    def rows(self, rows: Iterable[Row]) -> list[dict[str, Any]]:
        """The answers for rows."""
        properties, expands, annotated = self._properties, self._expands, self._annotated_columns()
        result = []
        for row in rows:
            answer: dict[str, Any] = {"@odata.etag": f'W/"{row["versionnumber"]}"'}
            for name in properties:
                answer[name] = row.get(name)
            for column in annotated:
                self._annotate(answer, column, row)
            for expansion in expands:
                answer[expansion.name] = expansion.value(row)
            result.append(answer)
        return result

    def row(self, row: Row) -> dict[str, Any]:
        """The answer for one row."""
        return self.rows((row,))[0]

    def _annotated_columns(self) -> list[Column]:
        if self._preferences.annotations is None:
            return []
        return [self._table.properties[name] for name in self._properties]

    def _annotate(self, answer: dict[str, Any], column: Column, row: Row) -> None:
        name, value = column.row_name, row.get(column.row_name)
        if value is None:
            return
        if self._preferences.annotate(FORMATTED):
            formatted = formatted_value(self._store, self._table, column, row)
            if formatted is not None:
                answer[f"{name}@{FORMATTED}"] = formatted
        if column.type != "lookup" or not column.navigation:
            return
        target = lookup_target(column, row)
        if self._preferences.annotate(_LOOKUP_TABLE_NAME):
            answer[name + LOOKUP_TABLE] = target
        if self._preferences.annotate(_NAVIGATION):
            answer[f"{name}@{_NAVIGATION}"] = column.navigation[target]


def _selected(table: TableSchema, text: str | None) -> tuple[str, ...]:
    if not text or text.strip() == "*":
        return table.property_names
    try:
        names = parse_select(text)
    except ODataError as error:
        raise invalid_query(str(error)) from error
    chosen = []
    for name in names:
        # a lookup may be selected by its column's or navigation property's name
        lookup = table.columns.get(name)
        if name not in table.properties and lookup is not None:
            name = lookup.row_name
        if name not in table.properties or table.properties[name].secret:
            raise unknown_query_property(table.name, name)
        chosen.append(name)
    if table.key not in chosen:
        chosen.append(table.key)
    return tuple(chosen)


def _parse_expands(text: str | None) -> tuple[Expand, ...]:
    try:
        return parse_expand(text) if text else ()
    except ODataError as error:
        raise invalid_query(str(error)) from error


class _Expansion:
    """One expanded lookup, or what a user or team is linked to."""

    def __init__(
        self, store: Store, table: TableSchema, expand: Expand, preferences: Preferences
    ) -> None:
        unsupported = set(expand.options) - {"$select"}
        if unsupported:
            raise not_implemented(f"{', '.join(sorted(unsupported))} inside $expand")
        self.name = expand.path
        self._store = store
        self._column: Column | None
        self._column, target = table.navigations.get(expand.path, (None, ""))
        linked = other_table(expand.path, table.name)
        self._source = table
        if linked is not None:
            target = linked
        elif self._column is None:
            raise unknown_query_property(table.name, expand.path)
        elif not target:
            raise not_implemented(f"expanding '{expand.path}', which leads to several tables")
        self._target = store.schema.tables[target]
        self._projection = Projection(store, self._target, expand.options, preferences)
        self.context = f"{expand.path}({self._projection.context})"

    def value(self, row: Row) -> Any:
        """The expanded row, null, or the list of linked rows."""
        if self._column is None:
            row_id = row[self._source.key]
            ids = self._store.associations.linked(self.name, self._source.name, row_id)
            found = (self._store.row(self._target.name, each) for each in ids)
            return self._projection.rows(each for each in found if each is not None)
        if self._column.polymorphic and lookup_target(self._column, row) != self._target.name:
            return None
        target = self._store.row(self._target.name, row.get(self._column.row_name))
        return self._projection.row(target) if target else None


def query_options(query_string: str) -> dict[str, str]:
    """The options of a request's query string; a repeated one is refused."""
    try:
        return parse_query_string(query_string)
    except ODataError as error:
        raise invalid_query(str(error)) from error


def refuse_unknown_options(options: Mapping[str, str], known: frozenset[str]) -> None:
    """Refuse the options that a request does not take; names are case-sensitive."""
    for name in options:
        if name in known:
            continue
        if name in ("$skip", "$search", "$format"):
            raise invalid_query(f"Query option {name} is not supported.")
        if name in ("$apply", "fetchXml", "savedQuery", "userQuery", "sql", "$compute"):
            raise not_implemented(f"the query option {name}")
        raise DataverseError(
            400, "0x80060888", f"The query parameter {name} is not supported here."
        )
