"""The rows of an organization: keyed access, indexes, versions, deletions, rollback.

Stored rows are never changed in place: an update replaces the row. So the undo log is a list of
former rows, and an answer may hold rows without copying them.
"""

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from local.simulators.dataverse.associations import Associations
from local.simulators.dataverse.errors import duplicate_alternate_key, duplicate_key
from local.simulators.dataverse.events import Event
from local.simulators.dataverse.schema import Row, Schema, TableSchema

_FIRST_VERSION = 1_000_000


def index_key(value: Any) -> Any:
    """A value as indexes hold it: text without regard to case."""
    return value.casefold() if isinstance(value, str) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class AlternateKey:
    """An alternate key that was made on a table; `properties` are names in rows."""

    key_id: str
    name: str
    columns: tuple[str, ...]
    properties: tuple[str, ...]


@dataclass(slots=True)
class TableRows:
    """The rows of one table with everything that finds them."""

    schema: TableSchema
    rows: dict[str, Row] = field(default_factory=dict)
    indexes: dict[str, dict[Any, dict[str, None]]] = field(default_factory=dict)
    unique: dict[tuple[str, ...], dict[tuple[Any, ...], str]] = field(default_factory=dict)
    alternate_keys: list[AlternateKey] = field(default_factory=list)
    deletions: list[tuple[int, str]] = field(default_factory=list)
    _writes: list[tuple[int, str]] = field(default_factory=list)
    """Version and id of every write in their order; a row's last one is that of its version."""
    tracked_from: int = 0
    """Delta tokens of versions before this one are no longer valid."""
    _ordered: list[str] = field(default_factory=list)
    _in_order: bool = True

    def __post_init__(self) -> None:
        columns = self.schema.columns.values()
        self.indexes = {column.row_name: {} for column in columns if column.indexed}
        self.unique = {properties: {} for properties in self.schema.unique}

    def find(self, prop: str, value: Any) -> Iterator[Row]:
        """The rows that have a value in an indexed property; a scan where it has no index."""
        index = self.indexes.get(prop)
        if index is None:
            return (row for row in self.rows.values() if row.get(prop) == value)
        return (self.rows[row_id] for row_id in list(index.get(index_key(value), ())))

    def unique_id(self, properties: tuple[str, ...], values: tuple[Any, ...]) -> str | None:
        """The id of the row that has these values of a unique combination."""
        return self.unique[properties].get(tuple(map(index_key, values)))

    def ids_after(self, row_id: str | None) -> Iterator[str]:
        """All ids in order, from behind `row_id` (which need not exist any more)."""
        if not self._in_order:
            self._ordered.sort()  # nearly sorted: inserts are appended
            self._ordered = list(dict.fromkeys(self._ordered))  # a row came back after deletion
            self._in_order = True
        start = 0 if row_id is None else bisect_right(self._ordered, row_id)
        ordered = self._ordered
        for position in range(start, len(ordered)):
            if ordered[position] in self.rows:
                yield ordered[position]

    def changed(self, *, since: int, until: int) -> list[Row]:
        """The rows of versions above `since` up to `until`, by version. Not inside a
        transaction: what is forgotten here could not be rolled back to."""
        if len(self._writes) > 2 * len(self.rows) + 16:
            self._writes = [entry for entry in self._writes if self._is_last(*entry)]
        start = bisect_right(self._writes, since, key=_version)
        end = bisect_right(self._writes, until, key=_version)
        return [self.rows[entry[1]] for entry in self._writes[start:end] if self._is_last(*entry)]

    def deleted(self, *, since: int, until: int) -> list[tuple[int, str]]:
        """The ids deleted in these versions that did not come back, with the versions."""
        start = bisect_right(self.deletions, since, key=_version)
        end = bisect_right(self.deletions, until, key=_version)
        return [entry for entry in self.deletions[start:end] if entry[1] not in self.rows]

    def _is_last(self, version: int, row_id: str) -> bool:
        row = self.rows.get(row_id)
        return row is not None and row["versionnumber"] == version

    def add_alternate_key(self, key: AlternateKey) -> None:
        """Make a key unique from now on; refused where rows share its values."""
        values: dict[tuple[Any, ...], str] = {}
        for row_id, row in self.rows.items():
            entry = _unique_values(key.properties, row)
            if entry is not None and values.setdefault(entry, row_id) != row_id:
                raise duplicate_alternate_key(key.columns)
        self.unique[key.properties] = values
        self.alternate_keys.append(key)

    def drop_alternate_key(self, key: AlternateKey) -> None:
        """The reverse of `add_alternate_key`."""
        self.alternate_keys.remove(key)
        del self.unique[key.properties]

    def check_unique(self, row: Row, row_id: str) -> None:
        """Refuse a row that shares the values of a unique combination with another row."""
        for properties, values in self.unique.items():
            entry = _unique_values(properties, row)
            if entry is not None and values.get(entry, row_id) != row_id:
                key = next((k for k in self.alternate_keys if k.properties == properties), None)
                raise duplicate_alternate_key(key.columns) if key else duplicate_key()

    def put(self, row_id: str, row: Row) -> Row | None:
        """Store a row and give back the one that it replaces."""
        former = self.rows.get(row_id)
        if former is None:
            self._ordered.append(row_id)
            self._in_order = False
        self.rows[row_id] = row
        if not self._writes or self._writes[-1][0] < row["versionnumber"]:
            self._writes.append((row["versionnumber"], row_id))  # no row that is rolled back to
        self._reindex(row_id, former, row)
        return former

    def drop(self, row_id: str) -> Row:
        """Take a row out and give it back."""
        former = self.rows.pop(row_id)
        self._reindex(row_id, former, None)
        if len(self._ordered) > 2 * len(self.rows) + 16:
            self._ordered = [key for key in self._ordered if key in self.rows]
        return former

    def _reindex(self, row_id: str, former: Row | None, row: Row | None) -> None:
        for prop, index in self.indexes.items():
            before = former.get(prop) if former else None
            after = row.get(prop) if row else None
            if before == after:
                continue
            if before is not None:
                entries = index[index_key(before)]
                del entries[row_id]
                if not entries:
                    del index[index_key(before)]
            if after is not None:
                index.setdefault(index_key(after), {})[row_id] = None
        for properties, values in self.unique.items():
            before_key = _unique_values(properties, former) if former else None
            after_key = _unique_values(properties, row) if row else None
            if before_key is not None and before_key != after_key:
                values.pop(before_key, None)
            if after_key is not None:
                values[after_key] = row_id


def _version(entry: tuple[int, str]) -> int:
    return entry[0]


def _unique_values(properties: tuple[str, ...], row: Row) -> tuple[Any, ...] | None:
    """The values of a unique combination; rows without any of them take no part."""
    if len(properties) == 1:
        value = row.get(properties[0])
        return None if value is None else (index_key(value),)
    values = tuple(index_key(row.get(prop)) for prop in properties)
    return None if None in values else values


@dataclass(frozen=True, slots=True)
class _Undo:
    table: TableRows
    row_id: str
    former: Row | None
    deletion: bool


class Store:
    """All tables of the organization and its one version counter."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.tables = {name: TableRows(table) for name, table in schema.tables.items()}
        self.associations = Associations()
        self.version = _FIRST_VERSION
        self._events: list[Event] = []
        self._log: list[_Undo] = []
        self._depth = 0

    def row(self, table: str, row_id: str | None) -> Row | None:
        """A row by its id."""
        return self.tables[table].rows.get(row_id) if row_id else None

    def next_version(self) -> int:
        """The version that the next write gets; versions increase over the whole organization."""
        self.version += 1
        return self.version

    def insert(self, table: str, row: Row) -> None:
        """Add a row, stamped with its version; refuses a taken id or unique value."""
        rows = self.tables[table]
        row_id = row[rows.schema.key]
        if row_id in rows.rows:
            raise duplicate_key()
        self._write(rows, row_id, row)

    def replace(self, table: str, row: Row) -> None:
        """Put a changed row in the place of the one with its id."""
        rows = self.tables[table]
        self._write(rows, row[rows.schema.key], row)

    def _write(self, rows: TableRows, row_id: str, row: Row) -> None:
        rows.check_unique(row, row_id)
        row["versionnumber"] = self.next_version()
        former = rows.put(row_id, row)
        self._log.append(_Undo(rows, row_id, former, deletion=False))

    def remove(self, table: str, row_id: str) -> Row:
        """Delete a row, remember its deletion for change tracking, and give it back."""
        rows = self.tables[table]
        former = rows.drop(row_id)
        rows.deletions.append((self.next_version(), row_id))
        self._log.append(_Undo(rows, row_id, former, deletion=True))
        return former

    def invalidate_tokens(self, table: str) -> None:
        """Make every delta token of a table that was given until now invalid."""
        self.tables[table].tracked_from = self.next_version()

    def note(self, event: Event) -> None:
        """Remember what a client's write did, unless its transaction is rolled back."""
        self._events.append(event)

    def take_events(self) -> list[Event]:
        """What was noted since the last time."""
        events, self._events = self._events, []
        return events

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside happen or none; may be nested. Versions used up stay used up."""
        mark, noted = len(self._log), len(self._events)
        self._depth += 1
        try:
            yield
        except BaseException:
            self._roll_back(mark)
            del self._events[noted:]
            raise
        finally:
            self._depth -= 1
            if self._depth == 0:
                self._log.clear()

    def _roll_back(self, mark: int) -> None:
        while len(self._log) > mark:
            undo = self._log.pop()
            if undo.deletion:
                undo.table.deletions.pop()
            if undo.former is None:
                undo.table.drop(undo.row_id)
            else:
                undo.table.put(undo.row_id, undo.former)
