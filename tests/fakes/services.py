"""In-memory services with the contract of ``services``: for tests of what is built on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from services.business_central import Endpoint
from services.records import Page, Record, Write, WriteKind, WriteResult, WriteStatus

type Rows = dict[str, Record]
type Refusal = Callable[[Write], str | None]
"""Says why a write is refused, None where it is not."""


class FakeTables:
    """Tables of records by id, with versions and a log of the writes applied."""

    def __init__(self, id_columns: dict[str, str]) -> None:
        self.id_columns = id_columns
        self.tables: dict[str, Rows] = {name: {} for name in id_columns}
        self.writes: list[Write] = []
        self.refuse: Refusal = lambda write: None
        self.before_write: Callable[[Write], None] = lambda write: None
        self.after_write: Callable[[Write], None] = lambda write: None
        self.not_processed: Callable[[Write], WriteStatus | None] = lambda write: None
        """The status of a write that the service did not get to, None where it did."""
        self.defaults: dict[str, Record] = {}
        """Columns that the service fills in when it creates a record, by table."""
        self._version = 0

    def put(self, table: str, record: Record) -> Record:
        """Store a record as a user of the system would."""
        self._version += 1
        record_id = record[self.id_columns[table]]
        stored = self.tables[table].get(record_id, {}) | record
        stored["@odata.etag"] = f'W/"{self._version}"'
        self.tables[table][record_id] = stored
        return stored

    def pages(self, table: str, page_size: int, cursor: str | None) -> Iterator[Page]:
        ids = sorted(self.tables[table])
        start = int(cursor or 0)
        while True:
            some = ids[start : start + page_size]
            start += page_size
            following = str(start) if start < len(ids) else None
            records = [dict(self.tables[table][each]) for each in some]
            yield Page(records=records, next=following, total=len(ids))
            if following is None:
                return

    def apply(self, writes: Sequence[Write]) -> list[WriteResult]:
        return [self._apply(write) for write in writes]

    def _apply(self, write: Write) -> WriteResult:
        self.before_write(write)
        rows = self.tables[write.table]
        present = rows.get(write.id)
        reason = self.refuse(write)
        if reason:
            return WriteResult(
                write=write, status=WriteStatus.REFUSED, code="refused", message=reason
            )
        status = self.not_processed(write) or _status(write, present)
        if status is not WriteStatus.WRITTEN:
            return WriteResult(write=write, status=status)
        self.writes.append(write)
        created = present is None
        values = self.stored(write, created)
        if created:
            values = self.defaults.get(write.table, {}) | values
        record = self.put(write.table, {self.id_columns[write.table]: write.id} | values)
        self.after_write(write)
        return WriteResult(
            write=write, status=status, version=record["@odata.etag"], record=dict(record)
        )

    def stored(self, write: Write, created: bool) -> Record:
        """The columns that a write sets, as the service keeps them."""
        del created
        return dict(write.values)


def _status(write: Write, present: Record | None) -> WriteStatus:
    if write.kind is WriteKind.INSERT:
        return WriteStatus.EXISTS if present else WriteStatus.WRITTEN
    if write.kind is WriteKind.UPDATE and present is None:
        return WriteStatus.MISSING
    if present and write.version and write.version != present["@odata.etag"]:
        return WriteStatus.STALE
    return WriteStatus.WRITTEN


class FakeBusinessCentral(FakeTables):
    """Stands in for ``services.business_central.BusinessCentral``."""

    def __init__(self, id_columns: dict[str, str]) -> None:
        super().__init__(id_columns)
        self._next_number = 90001

    def fetch_pages(
        self,
        endpoint: Endpoint,
        *,
        page_size: int = 5000,
        cursor: str | None = None,
        **_: Any,
    ) -> Iterator[Page]:
        return self.pages(endpoint.name, page_size, cursor)

    def fetch_many(self, endpoint: Endpoint, ids: Sequence[str], select: Any) -> dict[str, Record]:
        rows = self.tables[endpoint.name]
        return {each: dict(rows[each]) for each in ids if each in rows}

    def stored(self, write: Write, created: bool) -> Record:
        values = dict(write.values)
        if created and "number" not in values:
            values["number"] = str(self._next_number)
            self._next_number += 1
        return values


class FakeDataverse(FakeTables):
    """Stands in for ``services.dataverse.Dataverse``; reads bound lookups back as ids."""

    def fetch_pages(
        self,
        entity_set: str,
        *,
        page_size: int = 5000,
        cursor: str | None = None,
        **_: Any,
    ) -> Iterator[Page]:
        return self.pages(entity_set, page_size, cursor)

    def fetch_many(
        self, entity_set: str, key: str, ids: Sequence[str], select: Any
    ) -> dict[str, Record]:
        rows = self.tables[entity_set]
        return {each: dict(rows[each]) for each in ids if each in rows}

    def fetch(self, entity_set: str, record_id: str, select: Any) -> Record | None:
        row = self.tables[entity_set].get(record_id)
        return dict(row) if row else None

    def stored(self, write: Write, created: bool) -> Record:
        values: Record = {}
        for name, value in write.values.items():
            navigation, bound, _ = name.partition("@odata.bind")
            if not bound:
                values[name] = value
            else:
                column = navigation.removesuffix("_account")
                values[f"_{column}_value"] = value.partition("(")[2][:-1] if value else None
        if "lastname" in values:
            given = values.get("firstname")
            values["fullname"] = " ".join(part for part in (given, values["lastname"]) if part)
        return values
