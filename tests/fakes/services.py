"""In-memory services with the contract of ``services``: for tests of what is built on them.

Beside records they keep what change feeds need: versions and deletions (Dataverse's change
tracking), stamps of a clock of their own (Business Central), item ledger entries. Every call can be
watched, which is where tests make services fail, let users edit, or end the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from errors import WatermarkExpiredError
from services.business_central import Endpoint
from services.records import (
    ChangePage,
    Page,
    Peek,
    Record,
    Write,
    WriteKind,
    WriteResult,
    WriteStatus,
)

type Rows = dict[str, Record]
type Refusal = Callable[[Write], str | None]
"""Says why a write is refused, None where it is not."""
type Watch = Callable[[str, str], None]
"""Told the call and the table; may raise what the service would, or do what others do meanwhile."""


class FakeTables:
    """Tables of records by id, with versions and a log of the writes applied."""

    def __init__(self, id_columns: dict[str, str]) -> None:
        self.id_columns = id_columns
        self.tables: dict[str, Rows] = {name: {} for name in id_columns}
        self.writes: list[Write] = []
        self.refuse: Refusal = lambda write: None
        self.before_write: Callable[[Write], None] = lambda write: None
        self.after_write: Callable[[Write], None] = lambda write: None
        self.before_call: Watch = lambda call, table: None
        self.after_call: Watch = lambda call, table: None
        self.not_processed: Callable[[Write], WriteStatus | None] = lambda write: None
        """The status of a write that the service did not get to, None where it did."""
        self.repeats_on_next_page: Callable[[str], bool] = lambda table: False
        """Whether a page of this table begins with the last record of the page before it."""
        self.defaults: dict[str, Record] = {}
        """Columns that the service fills in when it creates a record, by table."""
        self._version = 0

    def put(self, table: str, record: Record) -> Record:
        """Store a record as a user of the system would."""
        record_id = record[self.id_columns[table]]
        stored = self.tables[table].get(record_id, {}) | record
        self._stamp(table, record_id, stored)
        self.tables[table][record_id] = stored
        return stored

    def delete(self, table: str, record_id: str) -> None:
        """Delete a record as a user of the system would."""
        del self.tables[table][record_id]
        self._version += 1

    def _stamp(self, table: str, record_id: str, record: Record) -> None:
        """Give a record that is being stored its new version."""
        self._version += 1
        record["@odata.etag"] = f'W/"{self._version}"'

    def pages(
        self,
        table: str,
        page_size: int,
        cursor: str | None,
        keep: Callable[[Record], bool] = lambda record: True,
    ) -> Iterator[Page]:
        """The records in the order of their ids; the cursor is the last one's."""
        while True:
            self.before_call("fetch_pages", table)
            rows = self.tables[table]
            matching = sorted(each for each in rows if keep(rows[each]))
            left = [each for each in matching if cursor is None or each > cursor]
            some = left[:page_size]
            following = some[-1] if len(left) > page_size else None
            if cursor in rows and self.repeats_on_next_page(table):
                some = [str(cursor), *some]
            page = Page(
                records=[dict(rows[each]) for each in some], next=following, total=len(matching)
            )
            self.after_call("fetch_pages", table)
            yield page
            if following is None:
                return
            cursor = following

    def matching(
        self, table: str, columns: Sequence[str], values: Sequence[Sequence[object]]
    ) -> list[Record]:
        """The records whose columns have one of these sets of values, capital letters or not."""
        self.before_call("fetch_matching", table)
        wanted = {tuple(str(value).casefold() for value in each) for each in values}
        found = [
            dict(record)
            for record in self.tables[table].values()
            if tuple(str(record.get(column)).casefold() for column in columns) in wanted
        ]
        self.after_call("fetch_matching", table)
        return found

    def many(self, table: str, ids: Sequence[str]) -> dict[str, Record]:
        """The records of these ids, by id."""
        self.before_call("fetch_many", table)
        rows = self.tables[table]
        found = {each: dict(rows[each]) for each in ids if each in rows}
        self.after_call("fetch_many", table)
        return found

    def apply(self, writes: Sequence[Write]) -> list[WriteResult]:
        """Carry the writes out one by one; what a watcher raises ends it in the middle."""
        if not writes:
            return []
        self.before_call("apply", writes[0].table)
        results = [self._apply(write) for write in writes]
        self.after_call("apply", writes[0].table)
        return results

    def _apply(self, write: Write) -> WriteResult:
        self.before_write(write)
        present = self.tables[write.table].get(write.id)
        reason = self.refuse(write)
        if reason:
            return WriteResult(
                write=write, status=WriteStatus.REFUSED, code="refused", message=reason
            )
        status = self.not_processed(write) or _status(write, present)
        if status is not WriteStatus.WRITTEN:
            return WriteResult(write=write, status=status)
        self.writes.append(write)
        record = self._carry_out(write, created=present is None)
        self.after_write(write)
        if record is None:
            return WriteResult(write=write, status=status)
        return WriteResult(
            write=write, status=status, version=record["@odata.etag"], record=dict(record)
        )

    def _carry_out(self, write: Write, *, created: bool) -> Record | None:
        if write.kind is WriteKind.DELETE:
            self.delete(write.table, write.id)
            return None
        values = self.stored(write, created)
        if created:
            values = self.defaults.get(write.table, {}) | values
        return self.put(write.table, {self.id_columns[write.table]: write.id} | values)

    def stored(self, write: Write, created: bool) -> Record:
        """The columns that a write sets, as the service keeps them."""
        del created
        return dict(write.values)


def _status(write: Write, present: Record | None) -> WriteStatus:
    if write.kind is WriteKind.INSERT:
        return WriteStatus.EXISTS if present else WriteStatus.WRITTEN
    if write.kind in (WriteKind.UPDATE, WriteKind.DELETE) and present is None:
        return WriteStatus.MISSING
    if present and write.version and write.version != present["@odata.etag"]:
        return WriteStatus.STALE
    return WriteStatus.WRITTEN


_EPOCH = datetime(2026, 6, 26, tzinfo=UTC)
EARLIEST_STAMP = "0001-01-01T00:00:00.000Z"


class FakeBusinessCentral(FakeTables):
    """Stands in for ``services.business_central.BusinessCentral``."""

    def __init__(self, id_columns: dict[str, str]) -> None:
        super().__init__(id_columns)
        self._next_number = 90001
        self._moment = _EPOCH
        self.clock: Callable[[], datetime] = self._next_moment
        """The service's own time, which may be wrong, and step."""
        self.scopes: dict[str, Callable[[Record], bool]] = {}
        """What a filter of each table keeps; no filter text is read."""
        self.ledger: list[str] = []
        """Item numbers of the stock movements; an entry's number is its place, from 1."""

    def _next_moment(self) -> datetime:
        self._moment += timedelta(milliseconds=10)
        return self._moment

    def _stamp(self, table: str, record_id: str, record: Record) -> None:
        super()._stamp(table, record_id, record)
        moment = self.clock()
        text = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
        record[self._stamp_column(table)] = text

    def _stamp_column(self, table: str) -> str:
        is_page = self.id_columns[table] == "SystemId"
        return "SystemModifiedAt" if is_page else "lastModifiedDateTime"

    def move_stock(self, item_id: str, change: float) -> None:
        """Post a stock movement: the item changes, its version and its stamp do not."""
        item = self.tables["items"][item_id]
        item["inventory"] += change
        self.ledger.append(item["number"])

    def fetch_pages(
        self,
        endpoint: Endpoint,
        *,
        page_size: int = 5000,
        cursor: str | None = None,
        filter: str | None = None,  # noqa: A002  the service's own name
        **_: Any,
    ) -> Iterator[Page]:
        return self.pages(endpoint.name, page_size, cursor, self._filter(endpoint, filter))

    def fetch_many(self, endpoint: Endpoint, ids: Sequence[str], select: Any) -> dict[str, Record]:
        return self.many(endpoint.name, ids)

    def fetch_matching(
        self,
        endpoint: Endpoint,
        fields: Sequence[str],
        values: Sequence[Sequence[object]],
        select: Any,
    ) -> list[Record]:
        return self.matching(endpoint.name, fields, values)

    def fetch_many_by(
        self,
        endpoint: Endpoint,
        field: str,
        values: Sequence[Any],
        select: Any,
        *,
        expand: str | None = None,
    ) -> list[Record]:
        self.before_call("fetch_many_by", endpoint.name)
        rows = self.tables[endpoint.name].values()
        found = [dict(row) for row in rows if row[field] in values]
        self.after_call("fetch_many_by", endpoint.name)
        return found

    def fetch_another(
        self,
        endpoint: Endpoint,
        *,
        where: Mapping[str, Any],
        field: str,
        than: Iterable[Any],
        select: Any,
    ) -> Record | None:
        self.before_call("fetch_another", endpoint.name)
        others = [
            dict(row)
            for row in self.tables[endpoint.name].values()
            if all(row[name] == value for name, value in where.items()) and row[field] not in than
        ]
        self.after_call("fetch_another", endpoint.name)
        return next(iter(others), None)

    def fetch_ids(self, endpoint: Endpoint, filter: str) -> set[str]:  # noqa: A002  as above
        self.before_call("fetch_ids", endpoint.name)
        keep = self._filter(endpoint, filter)
        found = {each for each, row in self.tables[endpoint.name].items() if keep(row)}
        self.after_call("fetch_ids", endpoint.name)
        return found

    def peek(
        self,
        endpoint: Endpoint,
        *,
        filter: str,  # noqa: A002  as above
        since: str,
        stamp: str,
    ) -> Peek:
        self.before_call("peek", endpoint.name)
        keep, rows = self._filter(endpoint, filter), self.tables[endpoint.name].values()
        recent = [row[stamp] for row in rows if row[stamp] > (since or EARLIEST_STAMP)]
        found = Peek(
            total=sum(1 for row in rows if keep(row)),
            whole=len(rows),
            recent=len(recent),
            newest=max(recent, default=""),
        )
        self.after_call("peek", endpoint.name)
        return found

    def fetch_changes(
        self,
        endpoint: Endpoint,
        *,
        select: Any,
        stamp: str,
        since: str,
        page_size: int,
        cursor: str | None = None,
    ) -> Iterator[Page]:
        """In the order of stamps and ids; the cursor is the last one's, as in a skip token."""
        table, id_column = endpoint.name, endpoint.id_field
        after = _place_of(cursor) if cursor else (since or EARLIEST_STAMP, "\U0010ffff")
        while True:
            self.before_call("fetch_changes", table)
            places = sorted((row[stamp], row[id_column]) for row in self.tables[table].values())
            left = [place for place in places if place > after]
            some = left[:page_size]
            following = "|".join(some[-1]) if len(left) > page_size else None
            if after in places and self.repeats_on_next_page(table):
                some = [after, *some]
            page = Page(
                records=[dict(self.tables[table][each]) for _, each in some], next=following
            )
            self.after_call("fetch_changes", table)
            yield page
            if following is None:
                return
            after = _place_of(following)

    def fetch_stock_changes(self, after: int | None) -> tuple[int, list[str]]:
        self.before_call("fetch_stock_changes", "items")
        numbers = [] if after is None else list(dict.fromkeys(self.ledger[after:]))
        last = len(self.ledger)
        self.after_call("fetch_stock_changes", "items")
        return last, numbers

    def _filter(self, endpoint: Endpoint, text: str | None) -> Callable[[Record], bool]:
        if not text:
            return lambda record: True
        return self.scopes.get(endpoint.name, lambda record: True)

    def stored(self, write: Write, created: bool) -> Record:
        values = dict(write.values)
        if created and "number" not in values:
            values["number"] = str(self._next_number)
            self._next_number += 1
        return values


def _place_of(cursor: str) -> tuple[str, str]:
    stamp, _, record_id = cursor.partition("|")
    return stamp, record_id


class FakeDataverse(FakeTables):
    """Stands in for ``services.dataverse.Dataverse``; reads bound lookups back as ids."""

    def __init__(self, id_columns: dict[str, str]) -> None:
        super().__init__(id_columns)
        self.untracked: set[str] = set()
        """Tables without change tracking."""
        self._changed: dict[str, dict[str, int]] = {name: {} for name in id_columns}
        self._deleted: dict[str, dict[str, int]] = {name: {} for name in id_columns}
        self._known_since: dict[str, int] = dict.fromkeys(id_columns, 0)

    def _stamp(self, table: str, record_id: str, record: Record) -> None:
        super()._stamp(table, record_id, record)
        self._changed[table][record_id] = self._version
        self._deleted[table].pop(record_id, None)

    def delete(self, table: str, record_id: str) -> None:
        super().delete(table, record_id)
        self._changed[table].pop(record_id, None)
        self._deleted[table][record_id] = self._version

    def expire_watermarks(self, table: str) -> None:
        """Forget the table's past, as the service does after some days."""
        self._version += 1
        self._known_since[table] = self._version

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
        return self.many(entity_set, ids)

    def fetch_matching(
        self,
        entity_set: str,
        columns: Sequence[str],
        values: Sequence[Sequence[object]],
        select: Any,
    ) -> list[Record]:
        return self.matching(entity_set, columns, values)

    def fetch(self, entity_set: str, record_id: str, select: Any) -> Record | None:
        return self.many(entity_set, [record_id]).get(record_id)

    def fetch_changes(
        self,
        entity_set: str,
        *,
        select: Any,
        watermark: str | None,
        cursor: str | None = None,
        page_size: int,
    ) -> Iterator[ChangePage]:
        """A watermark and a cursor name versions: from where, up to where, and the last one read.

        What changes while it is read is left to the next reading.
        """
        begin = int(watermark or 0)
        end, last = map(int, cursor.split("|")) if cursor else (self._version, 0)
        while True:
            self.before_call("fetch_changes", entity_set)
            self._check_tracked(entity_set, watermark)
            places = self._changes_between(entity_set, begin if watermark else -1, end)
            left = [place for place in places if place[0] > last]
            some = left[:page_size]
            rows = self.tables[entity_set]
            if len(left) > page_size:
                last, following = some[-1][0], f"{end}|{some[-1][0]}"
            else:
                following = None
            page = ChangePage(
                changed=[dict(rows[each]) for _, each in some if each in rows],
                deleted=[each for _, each in some if each not in rows],
                next=following,
                watermark=None if following else str(end),
            )
            self.after_call("fetch_changes", entity_set)
            yield page
            if following is None:
                return

    def _check_tracked(self, entity_set: str, watermark: str | None) -> None:
        if entity_set in self.untracked:
            raise WatermarkExpiredError("untracked", f"{entity_set} is not tracked.")
        if watermark and int(watermark) < self._known_since[entity_set]:
            raise WatermarkExpiredError("expired", f"The changes of {entity_set} are forgotten.")

    def _changes_between(self, entity_set: str, begin: int, end: int) -> list[tuple[int, str]]:
        """Version and id of each change; the first reading tells of no deletions."""
        kinds = (self._changed, self._deleted) if begin >= 0 else (self._changed,)
        return sorted(
            (version, record_id)
            for kind in kinds
            for record_id, version in kind[entity_set].items()
            if begin < version <= end
        )

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
