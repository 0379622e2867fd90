"""How a row is named: in a URL, in `@odata.bind`, in `@odata.id`.

`accounts(guid)`, `/accounts(accountid=guid)`, `accounts(accountnumber='10000')`, an absolute URL.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.simulators.core.odata import Kind
from local.simulators.dataverse.errors import (
    DataverseError,
    alternate_key_not_found,
    invalid_query,
    record_not_found,
    unknown_segment,
)
from local.simulators.dataverse.schema import TableSchema
from local.simulators.dataverse.store import AlternateKey, Store
from local.simulators.dataverse.values import is_guid

_REFERENCE = re.compile(
    r"(?:https?://[^/]+)?/?(?:api/data/v9\.\d/)?(?P<set>\w+)\((?P<key>.*)\)", re.DOTALL
)
_KEY_PART = re.compile(r"\s*(?P<name>\w+)\s*=\s*(?P<value>'(?:[^']|'')*'|[^,']+)\s*(?:,|$)")
# systemusers and teams name their key as the owner that they both are
_OWNER_KEY = "ownerid"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowReference:
    """One row of a table, by id or by alternate key."""

    table: TableSchema
    row_id: str | None = None
    key: AlternateKey | None = None
    values: Mapping[str, Any] | None = None
    """Of an alternate key: value by property."""

    def resolve(self, store: Store) -> str | None:
        """The id of the row, or None where no row has the alternate key's values."""
        if self.key is None or self.values is None:
            return self.row_id
        values = tuple(self.values[prop] for prop in self.key.properties)
        return store.tables[self.table.name].unique_id(self.key.properties, values)

    def existing(self, store: Store) -> str:
        """The id of the row; refused with 404 where there is none."""
        row_id = self.resolve(store)
        if row_id is None:
            raise alternate_key_not_found(self.table.name)
        if row_id not in store.tables[self.table.name].rows:
            raise record_not_found(self.table.name, row_id)
        return row_id


def parse_reference(store: Store, text: str) -> RowReference:
    """The row that a bind value or an `@odata.id` names."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise invalid_query(f"'{text}' is not the address of a record.")
    table = store.schema.sets.get(match["set"])
    if table is None:
        raise unknown_segment(match["set"])
    return parse_key(store, table, match["key"])


def parse_key(store: Store, table: TableSchema, text: str) -> RowReference:
    """The row that the text between the parentheses of `set(...)` names."""
    if is_guid(text):
        return RowReference(table=table, row_id=text.lower())
    parts = _parse_parts(text)
    if len(parts) == 1 and next(iter(parts)) in (table.key, _primary_alias(table)):
        value = next(iter(parts.values()))
        if not is_guid(value):
            raise invalid_query(f"'{value}' is not a GUID.")
        return RowReference(table=table, row_id=value.lower())
    return _alternate(store, table, parts)


def _primary_alias(table: TableSchema) -> str:
    return _OWNER_KEY if table.name in ("systemuser", "team") else table.key


def _parse_parts(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _KEY_PART.match(text, position)
        if match is None or match["name"] in parts:
            raise invalid_query(f"Bad Request - Error in query syntax: '{text}' is not a key.")
        parts[match["name"]] = match["value"]
        position = match.end()
    if not parts:
        raise invalid_query("Bad Request - Error in query syntax: the key is empty.")
    return parts


def _alternate(store: Store, table: TableSchema, parts: dict[str, str]) -> RowReference:
    named = frozenset(parts)
    for key in store.tables[table.name].alternate_keys:
        if named == frozenset(key.properties):
            values = {prop: _value(table, prop, text) for prop, text in parts.items()}
            return RowReference(table=table, key=key, values=values)
    message = (
        f"The specified key attributes are not a defined key for the {table.name} entity: "
        f"{', '.join(parts)}"
    )
    raise DataverseError(400, "0x80060890", message)


def _value(table: TableSchema, prop: str, text: str) -> Any:
    column = table.properties[prop]
    if text.startswith("'"):
        if column.kind is not Kind.TEXT:
            raise invalid_query(f"The key value {text} of '{prop}' must not be quoted.")
        return text[1:-1].replace("''", "'")
    if column.type == "lookup" and is_guid(text):
        return text.lower()
    if column.type in ("integer", "choice") and text.lstrip("-").isdigit():
        return int(text)
    raise invalid_query(f"The key value {text} does not fit the column '{prop}'.")
