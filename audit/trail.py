"""The audit trail of one tenant: a row for every call that could have changed something.

The row is stored before the call is carried out and completed before its answer leaves, so that
there is no effect without a row:

    the call                                  the trail
    is authenticated
                                              begun: who wants what
    is carried out
                                              completed: how it ended
    is answered

Where the first write fails, nothing was done yet: the call answers 503 and may be sent again. Where
the process dies, or the second write fails, the effect may be there and its row says so by having
no status: somebody wanted this, and how it ended is not known. The answer is then given as it is;
to take it back would be to deny what was done.

    the call                                  the trail
    is authenticated
                                              begun: who wants what
    is carried out
    dies                                      (no status)

Refused calls are in it, too, from the moment the caller is known. Those beyond the tenant's request
rate are not: they are refused in order to cost nothing.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from audit.model import Entry, Fact
from identity.model import Role, TenantId
from storage.accounts import storage_account
from storage.columns import Columns
from storage.paging import Position, check_limit, continuation_after, resume
from storage.recency import newest_first
from storage.rows import ANY_VERSION, Row, Value
from storage.tables import TenantTable

TABLE = "audit"
PARTITION = ("calls",)
_LONGEST_TEXT = 200
_MOST_FACTS = 20
_MOST_LOOKED_AT = 5000
"""Rows that one page may cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which calls are asked for; empty texts ask for all."""

    connection: str = ""
    action: str = ""
    who: str = ""
    """An object id or a name, in any case."""
    since: datetime | None = None
    """The oldest moment, inclusive."""
    until: datetime | None = None
    """The newest moment, inclusive."""

    def fits(self, row: Row) -> bool:
        """Whether the caller is the one asked for. Azure Tables cannot look for either of two
        columns as a part of a filter, so this is looked at here."""
        named = {str(row.values[column]).casefold() for column in ("subject", "name")}
        return not self.who or self.who.casefold() in named


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    entries: list[Entry]
    continuation: str | None
    """Opaque; None on the last page."""


class AuditTrail:
    """The calls of one tenant; safe for several threads."""

    def __init__(self, table: TenantTable) -> None:
        self._table = table

    def begin(self, entry: Entry) -> str:
        """Store that a call is about to be carried out; returns what ``complete`` knows it by.

        Raises ``TransientError`` where it cannot be stored: then the call must not be carried out.
        """
        reference = f"{newest_first(entry.at)}-{uuid.uuid4().hex}"
        self._table.upsert(Row(partition=PARTITION, key=(reference,), values=_values(entry)))
        return reference

    def complete(
        self, reference: str, *, status: int, code: str, facts: Mapping[str, Fact]
    ) -> None:
        """Store how the call ended; idempotent. Raises ``CouplerError`` where it cannot."""
        values: dict[str, Value] = {"status": status, "code": code, "facts": _json(facts)}
        row = Row(partition=PARTITION, key=(reference,), values=values)
        self._table.merge(row, ANY_VERSION)

    def list_page(self, sought: Sought, *, limit: int, continuation: str | None) -> Page:
        """Calls, newest first; a page may hold fewer than ``limit`` and still have another behind
        it. Raises ``RefusedRequestError`` for a limit outside 1 to 1000 or a continuation that
        another list gave."""
        check_limit(limit)
        rows = self._table.scan(
            PARTITION,
            after=_after(sought, resume(continuation, of=self._table)),
            where=_where(sought),
            page_size=1000 if sought.who else min(limit + 1, 1000),
        )
        if sought.since is not None:
            oldest = newest_first(sought.since)
            rows = takewhile(lambda row: row.key[0].partition("-")[0] <= oldest, rows)
        looked_at: list[Row] = []
        found: list[Row] = []
        for row in rows:
            if len(found) == limit or len(looked_at) == _MOST_LOOKED_AT:
                last = looked_at[-1]
                return _page(found, continuation_after((last.partition, last.key), of=self._table))
            looked_at.append(row)
            found += [row] if sought.fits(row) else []
        return _page(found, None)


def audit_trail(tenant: TenantId) -> AuditTrail:
    """The trail of a tenant in this process's storage."""
    return AuditTrail(storage_account().table(TABLE, tenant))


def _page(rows: list[Row], continuation: str | None) -> Page:
    return Page(entries=[_entry_of(row) for row in rows], continuation=continuation)


def _after(sought: Sought, last: Position | None) -> tuple[str, ...] | None:
    """The key beyond which to read: where a page ended, or just before the newest moment."""
    if last is not None:
        return last[1]
    return (newest_first(sought.until),) if sought.until is not None else None


def _where(sought: Sought) -> dict[str, str]:
    wanted = {"connection": sought.connection, "action": sought.action}
    return {column: text for column, text in wanted.items() if text}


def _values(entry: Entry) -> dict[str, Value]:
    return {
        "at": entry.at,
        "subject": entry.subject,
        "name": entry.name,
        "is_application": entry.is_application,
        "role": entry.role.value if entry.role else "",
        "action": entry.action,
        "connection": _shown(entry.connection),
        "targets": _json(entry.targets),
        "correlation_id": entry.correlation_id,
        "status": entry.status,
        "code": entry.code,
        "facts": _json(entry.facts),
    }


def _json(members: Mapping[str, Fact]) -> str:
    """The members in a size that always fits a column."""
    kept = list(members.items())[:_MOST_FACTS]
    return json.dumps(
        {name: _shown(value) if isinstance(value, str) else value for name, value in kept}
    )


def _shown(text: str) -> str:
    """A text that the caller may have chosen, as far as it is fit to be stored and shown."""
    return "".join(each if each.isprintable() else "?" for each in text[:_LONGEST_TEXT])


def _entry_of(row: Row) -> Entry:
    columns = Columns(row)
    role = columns.text("role")
    return Entry(
        at=columns.time("at"),
        subject=columns.text("subject"),
        name=columns.text("name"),
        is_application=columns.flag("is_application"),
        role=Role(role) if role else None,
        action=columns.text("action"),
        connection=columns.text("connection"),
        targets=json.loads(columns.text("targets")),
        correlation_id=columns.text("correlation_id"),
        status=columns.optional_number("status"),
        code=columns.text("code"),
        facts=json.loads(columns.text("facts")),
    )
