"""Whether a connection's passes may run, and when the next ones are due.

What stops one table for a reason that an administrator must mend (a wrong secret, a missing
privilege, an address that leads nowhere) would stop every table: it is told once, for the
connection, and looked at again by itself with growing intervals. The first pass that works ends it.

Where a connected service keeps refusing the credentials or privileges, somebody took them away:
after some hours of it, ``is_refused_for`` says that there is no use in trying on, and
``setup.lifecycle`` puts the connection on hold. Only refusals count, in an unbroken row. Passing
faults between them neither count nor break the row; any other reason to stop breaks it, as does a
pass that works.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from errors import AuthorizationError, CouplerError, TransientError
from storage.columns import Columns
from storage.rows import Row, RowChangedError, RowExistsError, Value
from storage.tables import TenantTable

_KEY = ("connection",)
_FIRST_PROBE = timedelta(minutes=1)
_LONGEST_PROBE = timedelta(hours=1)
_MOST_DOUBLINGS = 10
_TRIES = 5
FEWEST_REFUSALS = 8
"""Refusals that make sure that each hour was looked at, not only the first and the last."""
_OUR_OWN = frozenset({"secret-forbidden", "storage-forbidden"})
"""Refusals of what this installation itself keeps: no tenant can mend those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionHealth:
    """How the passes of a connection fare."""

    sent_at: datetime | None = None
    """When the timer sent for passes last; None before the first time."""
    code: str = ""
    """Why the passes stopped; empty while they go on."""
    message: str = ""
    hint: str = ""
    stopped_at: datetime | None = None
    probes: int = 0
    """Passes tried in vain since they stopped, the first one included."""
    probe_at: datetime | None = None
    """When it is seen whether the reason was mended."""
    refused_at: datetime | None = None
    """When a service first refused in this row of refusals; None while none does."""
    refusals: int = 0
    etag: str = field(default="", compare=False)

    @property
    def is_stopped(self) -> bool:
        return bool(self.code)

    def may_try(self, now: datetime) -> bool:
        """Whether a pass may be tried now."""
        return not self.is_stopped or self.probe_at is None or self.probe_at <= now

    def stopped(self, error: CouplerError, now: datetime) -> ConnectionHealth:
        """Stopped, or still so, for this reason."""
        is_refusal = isinstance(error, AuthorizationError) and error.code not in _OUR_OWN
        wait = min(_FIRST_PROBE * 2 ** min(self.probes, _MOST_DOUBLINGS), _LONGEST_PROBE)
        return replace(
            self,
            code=error.code,
            message=error.message,
            hint=error.hint,
            stopped_at=self.stopped_at or now,
            probes=self.probes + 1,
            probe_at=now + wait,
            refused_at=(self.refused_at or now) if is_refusal else None,
            refusals=self.refusals + 1 if is_refusal else 0,
        )

    def is_refused_for(self, period: timedelta, now: datetime) -> bool:
        """Whether a service has refused for so long, whenever it was asked."""
        return (
            self.refused_at is not None
            and self.refusals >= FEWEST_REFUSALS
            and now - self.refused_at >= period
        )

    def resumed(self) -> ConnectionHealth:
        return ConnectionHealth(sent_at=self.sent_at, etag=self.etag)


class HealthStore:
    """The health of one connection."""

    def __init__(self, table: TenantTable, connection_id: str) -> None:
        """``table`` is the one that the table states are in."""
        self._table = table
        self._partition = (connection_id,)

    def load(self) -> ConnectionHealth:
        row = self._table.get(self._partition, _KEY)
        return _health_of(row) if row else ConnectionHealth()

    def save(self, health: ConnectionHealth) -> bool:
        """Store it; False where somebody else wrote first, whose word then counts."""
        row = Row(partition=self._partition, key=_KEY, values=_values(health))
        try:
            if health.etag:
                self._table.replace(row, health.etag)
            else:
                self._table.insert(row)
        except (RowChangedError, RowExistsError):
            return False
        return True

    def stop(self, error: CouplerError, now: datetime) -> None:
        """Passes stop for this reason."""
        self.save(self.load().stopped(error, now))

    def resume(self) -> None:
        """Passes go on; writes only where they were stopped.

        Raises ``TransientError`` where others always write first: the caller relies on it.
        """
        for _ in range(_TRIES):
            health = self.load()
            if not health.is_stopped or self.save(health.resumed()):
                return
        raise TransientError("row-contended", "Others keep changing the health of the connection.")

    def claim_due(self, period: timedelta, now: datetime) -> bool:
        """Whether passes are due, which this call then has claimed: two timers do not both send.

        Where a process dies right after claiming, the passes of one period are left out.
        """
        health = self.load()
        if health.sent_at and health.sent_at + period > now:
            return False
        return self.save(replace(health, sent_at=now)) and health.may_try(now)


def _values(health: ConnectionHealth) -> dict[str, Value]:
    return {
        "sent_at": health.sent_at,
        "code": health.code,
        "message": health.message,
        "hint": health.hint,
        "stopped_at": health.stopped_at,
        "probes": health.probes,
        "probe_at": health.probe_at,
        "refused_at": health.refused_at,
        "refusals": health.refusals,
    }


def _health_of(row: Row) -> ConnectionHealth:
    columns = Columns(row)
    return ConnectionHealth(
        sent_at=columns.optional_time("sent_at"),
        code=columns.text("code"),
        message=columns.text("message"),
        hint=columns.text("hint"),
        stopped_at=columns.optional_time("stopped_at"),
        probes=columns.number("probes"),
        probe_at=columns.optional_time("probe_at"),
        refused_at=columns.optional_time("refused_at"),
        refusals=columns.optional_number("refusals") or 0,
        etag=row.etag,
    )
