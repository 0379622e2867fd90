"""What both web APIs have in common: pages of records to read, writes to apply, their results.

A record is the service's own JSON object, unchanged. A write names its record by an id that the
caller chose, so that repeating it after an answer was lost cannot make a second record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock
from typing import Any

type Record = dict[str, Any]
"""One record as the service's JSON has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a table."""

    records: list[Record]
    next: str | None
    """Opaque cursor of the next page (the service's next link), None on the last one."""
    total: int | None = None
    """Records in the whole table, where the service was asked and told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePage:
    """One page of a change feed."""

    changed: list[Record]
    """Records created or changed, as they are now."""
    deleted: list[str]
    """Ids of records that are gone; also of some that were never seen."""
    next: str | None
    """Opaque cursor of the next page, None on the last one."""
    watermark: str | None
    """On the last page: where the next reading of the feed begins. Opaque."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peek:
    """A look at a table that tells whether anything changed, without reading its records."""

    total: int
    """Records under the filter asked about."""
    whole: int
    """Records in the table; ``total`` where no filter was given."""
    recent: int
    """Records whose stamp is beyond the one asked about."""
    newest: str
    """The newest stamp of those, empty where there is none."""


class WriteKind(StrEnum):
    INSERT = "insert"  # create under the given id; an existing record is left as it is
    UPDATE = "update"  # change an existing record only, guarded by ``version`` where given
    UPSERT = "upsert"  # create or change; for records that only Coupler owns
    DELETE = "delete"  # remove an existing record, guarded by ``version`` where given


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One record to write. ``table`` is the entity set's name, ``values`` the columns to send."""

    kind: WriteKind
    table: str
    id: str
    values: Record
    version: str | None = None
    """The record's ETag when it was read; the write is refused if it has changed since."""


class WriteStatus(StrEnum):
    WRITTEN = "written"
    EXISTS = "exists"  # an insert found a record of that id: adopt it
    STALE = "stale"  # the record changed since ``version``: read and decide again
    MISSING = "missing"  # an update or delete found no record of that id
    REFUSED = "refused"  # the service refused this record's content
    THROTTLED = "throttled"  # not processed and safe to send again
    FAILED = "failed"  # the service failed on it; sending it again is safe


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteResult:
    """What became of one write, in the order of the writes given."""

    write: Write
    status: WriteStatus
    version: str | None = None
    """The record's new ETag, where the service told it."""
    record: Record | None = None
    """The record as written, where the service returned it."""
    code: str = ""
    """The service's error code, empty when written."""
    message: str = ""
    """The service's own words about the refusal, shortened, empty when written."""


@dataclass(slots=True)
class Traffic:
    """Requests sent to one service, and the operations (records read or written) in them.

    Counted as the service counts them: every attempt is a request, a batch is one request and as
    many operations as it has parts. The methods may be called from several threads at once.
    """

    requests: int = 0
    operations: int = 0
    throttled: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)
    """Requests by what they were for: ``{"GET accounts": 3, "POST $batch": 1}``."""
    _lock: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def add_request(self, kind: str) -> None:
        """Count one request sent, whatever becomes of it."""
        with self._lock:
            self.requests += 1
            self.by_kind[kind] = self.by_kind.get(kind, 0) + 1

    def add_operations(self, count: int) -> None:
        """Count records read or written."""
        with self._lock:
            self.operations += count

    def add_throttled(self) -> None:
        """Count one answer that asked to slow down."""
        with self._lock:
            self.throttled += 1
