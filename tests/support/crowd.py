"""Tenants at the same queues: a noisy one with a backlog, quiet ones with a message each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import Any

from identity.model import TenantId
from sync.jobs import Run, RunKind
from sync.mapping import TableMapping
from sync.work import Work
from tests.fakes.tables import MemoryAccount
from tests.support.table_jobs import MemoryQueues, SyncWorld

TABLE = "CUSTOMER"


class Member(SyncWorld):
    """A connection of one of them; may start as many runs as it likes."""

    lease_seconds = 10**6
    most_starts = 0
    most_runs = 0

    def __init__(
        self,
        account: MemoryAccount,
        tenant: TenantId,
        connection: str,
        queues: MemoryQueues,
        *,
        most_slots: int,
        clock: Callable[[], datetime],
        at_work: Callable[[Member], None],
    ) -> None:
        """``at_work`` is called by a worker that has begun to work on one of its tables."""
        self.most_slots = most_slots
        self.clock = clock
        self.at_work: Callable[[Member], None] = lambda _: None
        super().__init__(account, tenant=tenant, connection=connection, queues=queues)
        self.at_work = at_work

    def now(self) -> datetime:
        return self.clock()

    def open(
        self, mapping: TableMapping, run_id: str = "", *, preview: bool = False, whole: bool = True
    ) -> Work:
        self.at_work(self)
        return super().open(mapping, run_id, preview=preview, whole=whole)

    def begin(self) -> Run:
        """Have a message for each table at once: looking for drift, no table waits for another."""
        run = self.start(kind=RunKind.RECONCILE)
        self.full_sync.advance(run.run_id, run.generation, by_itself=False)
        return run

    def handle(self, message: dict[str, Any]) -> None:
        times = message.get("turned_away", 0)
        if "run" in message:
            self.worker().handle(message["run"], message["mapping"], turned_away=times)
        else:
            worker = self.pass_worker()
            worker.handle(message["mapping"], asked=message["asked"], turned_away=times)


class Attendance:
    """Who is at work, who was, and in which order they began; safe for several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._now: Counter[TenantId] = Counter()
        self.begun: list[TenantId] = []
        self.most: Counter[TenantId] = Counter()
        """Of each tenant, how many were at work at once at most."""

    def enter(self, tenant: TenantId) -> None:
        with self._lock:
            self.begun.append(tenant)
            self._now[tenant] += 1
            self.most[tenant] = max(self.most[tenant], self._now[tenant])

    def at_work(self, tenant: TenantId) -> int:
        with self._lock:
            return self._now[tenant]

    def leave(self, tenant: TenantId) -> None:
        with self._lock:
            self._now[tenant] -= 1
