"""The records of one environment in memory: tables with indexes, undone as a whole on failure."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from local.simulators.business_central.fields import EntitySet, Row
from local.simulators.business_central.schema import COMPANY_SETS
from local.simulators.core.odata_filter import datetime_key

type Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Write:
    """What a record was before a write."""

    table: Table
    record_id: str
    row: Row | None
    """None where there was none."""
    version: int


class Journal:
    """Hands out version numbers, and takes writes back where an operation fails half-way."""

    def __init__(self, first_version: int = 0) -> None:
        """``first_version``: greater than all versions that clients may know of earlier runs."""
        self._version = first_version
        self._undo: list[Write] | None = None
        self.on_commit: Callable[[list[Write]], None] = lambda _: None
        """Told what every transaction wrote, after it is done."""

    def next_version(self) -> int:
        """A number greater than every one before: a version of a record, never used twice."""
        self._version += 1
        return self._version

    def note(self, table: Table, record_id: str, row: Row | None, version: int) -> None:
        """Remember what a record was before a write."""
        if self._undo is not None:
            self._undo.append(Write(table, record_id, row, version))

    @contextmanager
    def transaction(self, *, silent: bool = False) -> Iterator[None]:
        """All writes inside happen, or none; transactions nest.

        Nobody is told of an outermost transaction that is ``silent``.
        """
        outer, self._undo = self._undo, []
        try:
            yield
        except BaseException:
            writes, self._undo = self._undo, None
            for write in reversed(writes):
                write.table.restore(write.record_id, write.row, write.version)
            self._undo = outer
            raise
        writes, self._undo = self._undo, outer
        if outer is not None:
            outer.extend(writes)
        elif not silent:
            self.on_commit(writes)


class Table:
    """The records of one entity set. Rows are never changed in place: a write puts a new one."""

    def __init__(self, schema: EntitySet, journal: Journal, company_id: str = "") -> None:
        self.schema = schema
        self.company_id = company_id
        self._journal = journal
        self._rows: dict[str, Row] = {}
        self._versions: dict[str, int] = {}
        self._id_by_key: dict[Key, str] = {}
        self._order: list[tuple[Key, str]] = []
        self._indexes: dict[str, dict[Any, dict[str, None]]] = {name: {} for name in schema.indexed}
        self._stamps: list[tuple[str, str]] | None = None
        """Time stamp and id of every record in order; None until somebody asks by time stamp."""

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, record_id: str) -> Row | None:
        """The record of that id."""
        return self._rows.get(record_id)

    def version(self, record_id: str) -> int:
        """The version number of an existing record."""
        return self._versions[record_id]

    def by_key(self, *key: Any) -> Row | None:
        """The record of that primary key."""
        record_id = self._id_by_key.get(key)
        return None if record_id is None else self._rows[record_id]

    def find(self, field: str, value: Any) -> list[Row]:
        """The records with that value in an indexed field."""
        return [self._rows[record_id] for record_id in self._indexes[field].get(value, ())]

    def rows(self) -> Iterator[Row]:
        """All records, ordered by primary key."""
        return (self._rows[record_id] for _, record_id in self._order)

    def rows_after(self, record_id: str) -> Iterator[Row]:
        """The records behind the given existing one, ordered by primary key."""
        order = self._order
        entry = (self.schema.key_of(self._rows[record_id]), record_id)
        start = bisect_left(order, entry) + 1
        return (self._rows[order[at][1]] for at in range(start, len(order)))

    def rows_from(self, first: Any) -> list[Row]:
        """The records whose (first) key field is not less than ``first``, by primary key."""
        start = bisect_left(self._order, ((first,),))
        return [self._rows[record_id] for _, record_id in self._order[start:]]

    def stamped_from(self, stamp: str) -> list[Row]:
        """The records last modified at that moment (a ``datetime_key``) or later, by time."""
        if self._stamps is None:
            self._stamps = sorted(map(self._stamp, self._rows.values()))
        start = bisect_left(self._stamps, (stamp, ""))
        return [self._rows[record_id] for _, record_id in self._stamps[start:]]

    def last(self) -> Row | None:
        """The record of the greatest primary key."""
        return self._rows[self._order[-1][1]] if self._order else None

    def put(self, row: Row, *, new_version: bool = True) -> None:
        """Insert the record or take the place of the one with its id.

        ``new_version=False`` keeps the version of an existing record: for flow fields.
        """
        record_id = row[self.schema.id_field]
        self._journal.note(
            self, record_id, self._rows.get(record_id), self._versions.get(record_id, 0)
        )
        keep = not new_version and record_id in self._versions
        version = self._versions[record_id] if keep else self._journal.next_version()
        self._set(record_id, row, version)

    def delete(self, record_id: str) -> None:
        """Remove an existing record."""
        self._journal.note(self, record_id, self._rows[record_id], self._versions[record_id])
        self._remove(record_id)

    def restore(self, record_id: str, row: Row | None, version: int) -> None:
        """Make a record what it was, without a trace."""
        if row is not None:
            self._set(record_id, row, version)
        elif record_id in self._rows:
            self._remove(record_id)

    def _set(self, record_id: str, row: Row, version: int) -> None:
        old = self._rows.get(record_id)
        key = self.schema.key_of(row)
        if old is not None and self.schema.key_of(old) == key:
            self._unindex(record_id, old)
        else:
            if old is not None:
                self._remove(record_id)
            self._id_by_key[key] = record_id
            insort(self._order, (key, record_id))
        self._rows[record_id] = row
        self._versions[record_id] = version
        for name, index in self._indexes.items():
            index.setdefault(row[name], {})[record_id] = None
        if self._stamps is not None:
            insort(self._stamps, self._stamp(row))

    def _remove(self, record_id: str) -> None:
        row = self._rows.pop(record_id)
        del self._versions[record_id]
        key = self.schema.key_of(row)
        del self._id_by_key[key]
        del self._order[bisect_left(self._order, (key, record_id))]
        self._unindex(record_id, row)

    def _unindex(self, record_id: str, row: Row) -> None:
        for name, index in self._indexes.items():
            bucket = index[row[name]]
            del bucket[record_id]
            if not bucket:
                del index[row[name]]
        if self._stamps is not None:
            del self._stamps[bisect_left(self._stamps, self._stamp(row))]

    def _stamp(self, row: Row) -> tuple[str, str]:
        return datetime_key(row[self.schema.modified_field]), row[self.schema.id_field]


class Company:
    """One company and its tables."""

    def __init__(self, row: Row, journal: Journal) -> None:
        self.row = row
        self.id: str = row["id"]
        self.name: str = row["name"]
        self.tables = {
            name: Table(schema, journal, self.id) for name, schema in COMPANY_SETS.items()
        }
        self.cards = Table(CONTACT_CARDS, journal)
        self.waiting_links: list[tuple[str, str]] = []
        """Seeded links of contact and customer whose records are still to come."""
        self.local_currency = ""
        """Code of the local currency; empty while nothing seeded tells it."""

    def __getitem__(self, entity_set: str) -> Table:
        return self.tables[entity_set]


CONTACT_CARDS = EntitySet(
    name="contactBusinessRelations",
    entity="contactBusinessRelation",
    table="Contact Business Relation",
    fields=(),
    key=(("contactNumber", "Contact No."),),
    modified_field="",
)
"""Which contact card stands for which customer: ``id`` is the customer's."""


class Environment:
    """All companies of one environment; the first one seeded is the default of seeding."""

    def __init__(self, first_version: int = 0) -> None:
        self.journal = Journal(first_version)
        self.companies: dict[str, Company] = {}

    def add_company(self, row: Row) -> Company:
        """Add an empty company of a new id."""
        company = Company(row, self.journal)
        self.companies[company.id] = company
        return company

    def company(self, name_or_id: str) -> Company | None:
        """The company of that id or name, without regard to case."""
        wanted = name_or_id.lower()
        found = self.companies.get(wanted)
        if found is not None:
            return found
        return next((each for each in self.companies.values() if each.name.lower() == wanted), None)

    def first_company(self) -> Company | None:
        """The company seeded first."""
        return next(iter(self.companies.values()), None)
