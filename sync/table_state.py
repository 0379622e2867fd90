"""The state of one table mapping between its passes, and the lease of whoever works on it.

One row for each mapping of a connection. Its lease keeps two workers off one table, whatever they
do there: a slice of a full synchronization, a pass, a repair. Taking it over, and every write of a
holder, is conditional on the row's version, so a worker that paused beyond its lease cannot write
any more (the timelines are told in ``sync.jobs``, whose lease works the same way).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from errors import TransientError
from storage.rows import Row, RowChangedError, RowExistsError
from storage.tables import TenantTable
from sync.job_model import Lease
from sync.jobs import LeaseHeldError, LeaseLostError
from sync.table_model import TableState, Watermarks
from sync.table_rows import state_of, state_values

__all__ = ["TableState", "TableStateStore", "Watermarks"]

_TABLE = "table"
_TRIES = 5


class TableStateStore:
    """The table states of one connection; safe for several threads."""

    def __init__(self, table: TenantTable, connection_id: str) -> None:
        self._table = table
        self._partition = (connection_id,)

    def load(self, mapping: str) -> TableState:
        """The state as stored; a new one where there is none yet."""
        row = self._table.get(self._partition, (_TABLE, mapping))
        return state_of(row, mapping) if row else TableState(mapping=mapping)

    def load_all(self) -> dict[str, TableState]:
        """All states by mapping."""
        rows = self._table.scan(self._partition, prefix=(_TABLE,))
        return {row.key[1]: state_of(row, row.key[1]) for row in rows}

    def acquire(self, mapping: str, owner: str, now: datetime, seconds: float) -> TableState:
        """Take the table until ``now`` plus ``seconds``; raises ``LeaseHeldError``.

        Taking it again for the same owner extends it.
        """
        for _ in range(_TRIES):
            state = self.load(mapping)
            if state.lease.is_alive(now) and state.lease.owner != owner:
                raise LeaseHeldError("lease-held", f"Another worker is at the table of {mapping}.")
            lease = Lease(
                owner=owner,
                epoch=state.lease.epoch + 1,
                expires_at=now + timedelta(seconds=seconds),
            )
            try:
                return self._save(replace(state, lease=lease))
            except (RowChangedError, RowExistsError):
                continue  # somebody else was first; or we were, and the answer was lost
        raise TransientError(
            "row-contended", f"Others keep changing the state of {mapping}.", hint="Tried again."
        )

    def checkpoint(self, state: TableState, *, now: datetime, seconds: float) -> TableState:
        """Store the state and extend the lease; raises ``LeaseLostError``."""
        lease = replace(state.lease, expires_at=now + timedelta(seconds=seconds))
        return self._write_as_owner(replace(state, lease=lease))

    def release(self, state: TableState) -> TableState:
        """Store the state and give the lease back; raises ``LeaseLostError``."""
        return self._write_as_owner(replace(state, lease=Lease(epoch=state.lease.epoch)))

    def _write_as_owner(self, state: TableState) -> TableState:
        try:
            return self._save(state)
        except (RowChangedError, RowExistsError) as error:
            stored = self.load(state.mapping)
            if stored == state:  # our own write, whose answer was lost
                return stored
            raise LeaseLostError(
                "lease-lost", f"Another worker took the table of {state.mapping} over."
            ) from error

    def _save(self, state: TableState) -> TableState:
        row = Row(
            partition=self._partition, key=(_TABLE, state.mapping), values=state_values(state)
        )
        stored = self._table.replace(row, state.etag) if state.etag else self._table.insert(row)
        return replace(state, etag=stored.etag)
