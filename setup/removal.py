"""Removing what is stored of a connection, a slice at a time.

The rows go first and the connection last, so that a removal that a crash cut short is still there
to be gone on with; removing what is gone already is no error.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from connections.model import ConnectionState
from connections.store import ConnectionStore, StoredConnection
from errors import CouplerError, RefusedRequestError
from identity.model import TenantId
from storage.queues import Message, Queues
from storage.removal import remove_rows
from storage.rows import TRANSACTION_LIMIT
from storage.tables import TenantTable

log = logging.getLogger(__name__)

QUEUE = "connection-removals"

COUPLINGS = "couplings"
WORK_TABLES = (
    "hints",
    "watermarks",
    "outcomes",
    "drift",
    "imports",
    "couplingchanges",
    "jobs",
    "runs",
    "mappings",
    "webhooks",
    "setup",
    "solutions",
)
"""The tables with rows of a connection apart from its couplings and itself."""

_SLICE_SECONDS = 60
_AT_WORK_SECONDS = 15
"""How long a removal waits before it looks again for work that began before it."""
_WEBHOOK_TRIES = 5
_WEBHOOK_WAIT_SECONDS = 60

type _Keys = tuple[tuple[str, ...], list[tuple[str, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalTask:
    """What a message on the queue of removals says."""

    tenant: TenantId
    connection_id: str
    keep_couplings: bool
    webhook_tries: int = 0
    """How often the services were asked in vain to call no more."""

    @staticmethod
    def of(message: Message) -> RemovalTask:
        return RemovalTask(
            tenant=TenantId(str(message["tenant"])),
            connection_id=str(message["connection"]),
            keep_couplings=bool(message["keep_couplings"]),
            webhook_tries=int(message["webhook_tries"]),
        )

    def message(self) -> Message:
        return {
            "tenant": self.tenant,
            "connection": self.connection_id,
            "keep_couplings": self.keep_couplings,
            "webhook_tries": self.webhook_tries,
        }


class Removal:
    """Removes one connection of a tenant."""

    def __init__(
        self,
        *,
        connections: ConnectionStore,
        table: Callable[[str], TenantTable],
        queues: Queues,
        is_at_work: Callable[[], bool],
        remove_webhooks: Callable[[StoredConnection], None],
    ) -> None:
        """``is_at_work``: whether a worker still holds one of the connection's tables.
        ``remove_webhooks`` may raise the error families of the services."""
        self._connections = connections
        self._table = table
        self._queues = queues
        self._is_at_work = is_at_work
        self._remove_webhooks = remove_webhooks

    def begin(self, task: RemovalTask) -> None:
        """Have a connection removed in the background."""
        self._send(task)

    def go_on(self, task: RemovalTask) -> None:
        """Remove a slice; the rest is sent for. Delivered twice or late it does no harm."""
        try:
            stored = self._connections.load(task.connection_id)
        except RefusedRequestError:
            return  # removed already
        if stored.connection.state is not ConnectionState.DELETING:
            return  # created anew since
        if self._is_at_work():
            self._send(task, after=_AT_WORK_SECONDS)
        elif task.webhook_tries < _WEBHOOK_TRIES and not self._webhooks_removed(stored):
            tried = replace(task, webhook_tries=task.webhook_tries + 1)
            self._send(tried, after=_WEBHOOK_WAIT_SECONDS)
        elif self._rows_removed(task):
            self._connections.remove(stored)
        else:
            self._send(replace(task, webhook_tries=_WEBHOOK_TRIES))

    def _rows_removed(self, task: RemovalTask) -> bool:
        until = time.monotonic() + _SLICE_SECONDS
        return remove_connection_rows(
            self._table,
            task.connection_id,
            keep_couplings=task.keep_couplings,
            is_time_up=lambda: time.monotonic() >= until,
        )

    def _webhooks_removed(self, stored: StoredConnection) -> bool:
        """Whether neither service calls any more. One that cannot be told is given up after some
        tries: its calls find no key and are refused."""
        try:
            self._remove_webhooks(stored)
        except CouplerError as error:
            log.warning("webhooks of %s not removed: %s", stored.connection.connection_id, error)
            return False
        return True

    def _send(self, task: RemovalTask, *, after: int = 0) -> None:
        self._queues.enqueue(QUEUE, task.message(), delay_seconds=after)


def remove_connection_rows(
    table: Callable[[str], TenantTable],
    connection_id: str,
    *,
    keep_couplings: bool,
    is_time_up: Callable[[], bool],
) -> bool:
    """Remove a connection's rows until the time is up; whether none is left.

    Kept couplings are taken up by a connection that is created under the same id again.
    """
    names = WORK_TABLES if keep_couplings else (COUPLINGS, *WORK_TABLES)
    for name in names:
        for partition, keys in _batches(table(name), connection_id):
            remove_rows(table(name), partition, keys)
            if is_time_up():
                return False
    return True


def _batches(table: TenantTable, connection_id: str) -> Iterator[_Keys]:
    """The keys of a connection's rows, each batch of one partition and fit for a transaction."""
    whole = (connection_id,)
    rows = itertools.chain(table.scan(whole, select=()), table.scan_below(whole, select=()))
    for partition, of_partition in itertools.groupby(rows, key=lambda row: row.partition):
        for batch in itertools.batched(of_partition, TRANSACTION_LIMIT, strict=False):
            yield partition, [row.key for row in batch]
