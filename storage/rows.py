"""Rows of a table as values, operations on them, and the errors that writing them may raise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from errors import ConcurrencyError

type Value = str | int | float | bool | datetime | None
"""What a column may hold. ``None`` is the same as no column; date and time must be aware."""

ANY_VERSION = "*"
"""In place of an ETag: whatever the row's version, but the row must exist."""

TRANSACTION_LIMIT = 100
"""Operations in one transaction, set by Azure Tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a tenant's part of a table."""

    partition: tuple[str, ...]
    """Parts of the partition key after the tenant."""
    key: tuple[str, ...]
    """Parts of the row key."""
    values: Mapping[str, Value] = field(default_factory=dict)
    etag: str = ""
    """Version when read or written; empty on a row that has not been stored."""


class OperationKind(StrEnum):
    INSERT = "insert"  # refused where the row exists
    REPLACE = "replace"  # all columns of an existing row, guarded by the ETag
    MERGE = "merge"  # the given columns of an existing row, guarded by the ETag
    UPSERT = "upsert"  # all columns, whether or not the row exists
    DELETE = "delete"  # refused where the row is missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One step of a transaction."""

    kind: OperationKind
    key: tuple[str, ...]
    values: Mapping[str, Value] = field(default_factory=dict)
    etag: str = ANY_VERSION
    """Of ``replace``, ``merge`` and ``delete`` only."""


class RowExistsError(ConcurrencyError):
    """The row that was to be inserted is already there."""


class RowChangedError(ConcurrencyError):
    """The row changed or disappeared since its ETag was read."""


class TransactionRefusedError(ConcurrencyError):
    """One operation of a transaction was refused, so none of them was carried out."""

    def __init__(self, code: str, message: str, *, index: int, hint: str = "") -> None:
        super().__init__(code, message, hint=hint)
        self.index = index
        """Position of the refused operation."""
