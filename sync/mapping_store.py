"""What a tenant changed about a connection's table mappings: the table ``mappings``.

One partition holds, for each changed or added mapping, its row as it counts now, and a row for
every change there ever was. A head row counts the changes; each change replaces it under its ETag
in one transaction, so two changes never pass each other, also where they are of different mappings:

    person A makes X depend on Y              person B makes Y depend on X
    reads all mappings: no circle             reads all mappings: no circle
    stores X, head 7 → 8
                                              stores Y, head 7 → 8: refused, nothing stored
                                              reads again: a circle, which is told
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from errors import ConcurrencyError
from storage.columns import Columns
from storage.leafing import partition_page
from storage.rows import Operation, OperationKind, Row, TransactionRefusedError, Value
from storage.tables import TenantTable
from sync.mapping import TableMapping
from sync.mapping_documents import mapping_document, mapping_of

TABLE = "mappings"
LONGEST_DOCUMENT = 30_000
"""Characters of a stored document; a column takes 32 768."""
MOST_CHANGES = 40
"""Mappings in one change: each takes two rows of a transaction of 100."""
_HEAD = ("head",)
_CURRENT = "current"
_VERSION = "version"
_NEWEST_FIRST = 10**9


class ChangeKind(StrEnum):
    SAVED = "saved"
    REMOVED = "removed"  # back to what comes with Coupler, or gone where nothing does


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMapping:
    """A mapping that was changed or added."""

    mapping: TableMapping
    version: int
    """Number of the change; grows with every change of any of the connection's mappings."""
    changed_at: datetime
    changed_by: str
    """Who did it, as people know the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingVersion:
    """One change that there was."""

    name: str
    version: int
    kind: ChangeKind
    mapping: TableMapping | None
    """As it counted from then on; None where it was removed."""
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionPage:
    versions: list[MappingVersion]
    continuation: str | None
    """Opaque; None on the last page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMappings:
    """All changed and added mappings of a connection, as they were at one moment."""

    mappings: Mapping[str, StoredMapping] = field(default_factory=dict)
    version: int = 0
    head: str = ""
    """ETag of the head row, empty before the first change."""


class MappingStore:
    """The changed mappings of one connection; safe for several threads."""

    def __init__(self, table: TenantTable, connection_id: str) -> None:
        self._table = table
        self._partition = (connection_id,)

    def load_current(self) -> dict[str, StoredMapping]:
        """The changed and added mappings by name; one scan."""
        rows = self._table.scan(self._partition, prefix=(_CURRENT,))
        return {row.key[1]: _stored(row) for row in rows}

    def load(self) -> StoredMappings:
        """The same with what a change of them needs."""
        # The head first: a change in between makes it stale, and the next save is refused.
        head = self._table.get(self._partition, _HEAD)
        return StoredMappings(
            mappings=self.load_current(),
            version=Columns(head).number("version") if head else 0,
            head=head.etag if head else "",
        )

    def change(
        self,
        loaded: StoredMappings,
        changes: Mapping[str, TableMapping | None],
        *,
        at: datetime,
        by: str,
    ) -> int:
        """Store mappings, or remove them (None), all or none; returns the version.

        Raises ``ConcurrencyError`` where any mapping was changed since ``loaded``.
        """
        version = loaded.version + 1
        stamp: dict[str, Value] = {"version": version, "changed_at": at, "changed_by": by}
        operations = [_head_operation(loaded, version)]
        for name, mapping in changes.items():
            operations += _operations(name, mapping, stamp, is_known=name in loaded.mappings)
        try:
            self._table.transact(self._partition, operations)
        except TransactionRefusedError as error:
            raise ConcurrencyError(
                "mappings-changed",
                "Somebody else changed a table mapping of this connection at the same time.",
                hint="Read the mapping again, then repeat the change if it is still wanted.",
            ) from error
        return version

    def list_versions(
        self, name: str, *, limit: int, continuation: str | None = None
    ) -> VersionPage:
        """The changes of a mapping, newest first. Raises ``RefusedRequestError``: 422 for a limit
        outside 1 to 1000, 400 for a continuation that another list gave."""
        page, following = partition_page(
            self._table,
            self._partition,
            prefix=(_VERSION, name),
            limit=limit,
            continuation=continuation,
        )
        return VersionPage(versions=[_version(row) for row in page], continuation=following)


def document_text(mapping: TableMapping) -> str:
    """The mapping as it is stored."""
    return json.dumps(
        mapping_document(mapping, brief=True), ensure_ascii=False, separators=(",", ":")
    )


def _head_operation(loaded: StoredMappings, version: int) -> Operation:
    values: dict[str, Value] = {"version": version}
    if not loaded.head:
        return Operation(kind=OperationKind.INSERT, key=_HEAD, values=values)
    return Operation(kind=OperationKind.REPLACE, key=_HEAD, values=values, etag=loaded.head)


def _operations(
    name: str, mapping: TableMapping | None, stamp: Mapping[str, Value], *, is_known: bool
) -> Sequence[Operation]:
    kind = ChangeKind.REMOVED if mapping is None else ChangeKind.SAVED
    document = "" if mapping is None else document_text(mapping)
    values = {**stamp, "document": document}
    number = f"{_NEWEST_FIRST - int(str(stamp['version'])):010d}"
    past = Operation(
        kind=OperationKind.INSERT,
        key=(_VERSION, name, number),
        values={**values, "kind": kind.value},
    )
    if mapping is not None:
        now = Operation(kind=OperationKind.UPSERT, key=(_CURRENT, name), values=values)
        return (past, now)
    if is_known:
        return (past, Operation(kind=OperationKind.DELETE, key=(_CURRENT, name)))
    return (past,)


def _stored(row: Row) -> StoredMapping:
    columns = Columns(row)
    return StoredMapping(
        mapping=mapping_of(json.loads(columns.text("document"))),
        version=columns.number("version"),
        changed_at=columns.time("changed_at"),
        changed_by=columns.text("changed_by"),
    )


def _version(row: Row) -> MappingVersion:
    columns = Columns(row)
    document = columns.text("document")
    return MappingVersion(
        name=row.key[1],
        version=columns.number("version"),
        kind=ChangeKind(columns.text("kind")),
        mapping=mapping_of(json.loads(document)) if document else None,
        changed_at=columns.time("changed_at"),
        changed_by=columns.text("changed_by"),
    )
