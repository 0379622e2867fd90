"""Rows as the storage SDK's entities, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from azure.data.tables import EdmType, EntityProperty, TableEntity

from errors import RecordError
from storage.keys import parts_of, row_key
from storage.rows import Row, Value

_RESERVED = frozenset({"PartitionKey", "RowKey", "Timestamp"})
_TEXT_LIMIT = 32 * 1024
"""UTF-16 code units in one text column (64 KiB)."""


def entity_of(partition: str, row: Row, *, merge: bool) -> dict[str, Any]:
    """The row as the SDK sends it, under this partition key.

    Raises ``ValueError`` for a reserved column, a naive time, or a None in a merge (which would
    leave the old value standing); ``RecordError`` for a text longer than a column holds.
    """
    entity: dict[str, Any] = {"PartitionKey": partition, "RowKey": row_key(*row.key)}
    for column, value in row.values.items():
        if column in _RESERVED:
            raise ValueError(f"the column name {column} is reserved")
        if value is None:
            if merge:
                raise ValueError(f"a merge cannot remove the column {column}")
            continue
        entity[column] = _stored(column, value)
    return entity


def row_of(entity: TableEntity) -> Row:
    """The row as it was given; the tenant is dropped from its partition."""
    return Row(
        partition=parts_of(entity["PartitionKey"])[1:],
        key=parts_of(entity["RowKey"]),
        values={
            column: _loaded(value) for column, value in entity.items() if column not in _RESERVED
        },
        etag=entity.metadata["etag"] or "",
    )


def _stored(column: str, value: Value) -> Any:
    if isinstance(value, str):
        # A character is one code unit or two: most texts are short enough by their length alone.
        if len(value) * 2 > _TEXT_LIMIT and len(value.encode("utf-16-le")) // 2 > _TEXT_LIMIT:
            raise RecordError(
                "value-too-long",
                f"The text for {column} is longer than a column of a table row can hold.",
                field=column,
                value=value[:100],
            )
        return str(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"the time in column {column} has no time zone")
        return value.astimezone(UTC)
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**31) <= value < 2**31:
        return (value, EdmType.INT64)
    return value


def _loaded(value: Any) -> Value:
    if isinstance(value, str):
        return value
    if isinstance(value, EntityProperty):
        return int(value.value)
    if isinstance(value, datetime):
        # the SDK's own subclass carries the service's text along; a plain value compares cleanly
        return datetime.combine(value.date(), value.time(), tzinfo=UTC)
    loaded: Value = value
    return loaded
