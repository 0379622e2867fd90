"""One tenant's backlog leaves room for others: three tenants, a pool of workers, one clock.

Nothing runs at the same time as anything else: while a worker works on a table, the pool's other
workers take messages, until none of them is free or the work's time is up.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Any

import pytest

from identity.model import TenantId
from tests.fakes.tables import MemoryAccount, StorageCall
from tests.support.crowd import TABLE, Attendance, Member
from tests.support.table_jobs import MemoryQueues

NOISY, QUIET, CALM = (TenantId(f"{letter * 8}-1111-4111-8111-111111111111") for letter in "abc")
SLOTS = 4
WORKERS = 6
WORK_SECONDS = 10
"""What a worker takes for a table."""
REQUEST_SECONDS = 0.02
"""What one request to the storage takes."""
REQUESTS_TO_TURN_AWAY = 7
"""At most: two to see that there is work, two for a slot, two to hold the line, one to send."""


class Pool(MemoryQueues):
    """A queue in the order of its messages, and the workers at it."""

    def __init__(self) -> None:
        super().__init__(self.pass_time)
        self.time = datetime(2026, 6, 26, 12, 0, tzinfo=UTC)
        self.attendance = Attendance()
        self.waiting: list[tuple[datetime, int, dict[str, Any]]] = []
        self.delivered = 0
        self.find: Callable[[dict[str, Any]], Member] = lambda _: pytest.fail("nobody is there")
        self._sent = 0
        self._busy = 0

    def pass_time(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def watch(self, moment: str, call: StorageCall) -> bool:
        if moment == "before":
            self.pass_time(REQUEST_SECONDS)
        return False

    def enqueue(self, queue_name: str, message: Any, *, delay_seconds: int = 0) -> None:
        self._sent += 1
        self.pass_time(REQUEST_SECONDS)
        visible_at = self.time + timedelta(seconds=delay_seconds)
        heappush(self.waiting, (visible_at, self._sent, dict(message)))

    def deliver_next(self) -> bool:
        """Hand the next message that is visible to a free worker; False where there is none."""
        if not self.waiting or self.waiting[0][0] > self.time:
            return False
        _, _, message = heappop(self.waiting)
        self.delivered += 1
        self.find(message).handle(message)
        return True

    def at_work(self, member: Member) -> None:
        """A worker has begun; the others go on meanwhile."""
        self.attendance.enter(member.tenant)
        until = self.time + timedelta(seconds=WORK_SECONDS)
        self._busy += 1
        while self._busy < WORKERS and self.time < until and self.deliver_next():
            pass
        self._busy -= 1
        self.time = max(self.time, until)
        self.attendance.leave(member.tenant)

    def work_off(self) -> None:
        for _ in range(100_000):
            if not self.waiting:
                return
            if not self.deliver_next():
                self.time = self.waiting[0][0]
        raise AssertionError("the messages never end")


class Crowd:
    """The three tenants; the quiet ones came last."""

    def __init__(self, most_slots: int, *, connections: int = 40) -> None:
        """``connections``: of the noisy tenant; each has a message for every table."""
        self.pool = Pool()
        self.account = MemoryAccount(self.pool.watch)
        names = [(NOISY, f"connection-{number}") for number in range(connections)]
        self.members = {
            (tenant, connection): Member(
                self.account,
                tenant,
                connection,
                self.pool,
                most_slots=most_slots,
                clock=lambda: self.pool.time,
                at_work=self.pool.at_work,
            )
            for tenant, connection in [*names, (QUIET, "demo"), (CALM, "demo")]
        }
        self.pool.find = lambda message: self.members[message["tenant"], message["connection"]]
        calm, quiet = self.members[CALM, "demo"], self.members[QUIET, "demo"]
        run = calm.start(TABLE)
        calm.full_sync.advance(run.run_id, run.generation, by_itself=False)
        self.pool.work_off()  # from now on its table is passed over
        self.pool.attendance = Attendance()
        self.runs = [(self.members[name], self.members[name].begin()) for name in names]
        self.backlog = len(self.pool.waiting)
        quiet_run = quiet.start(TABLE)
        quiet.full_sync.advance(quiet_run.run_id, quiet_run.generation, by_itself=False)
        calm.requests.send(TABLE)
        self.runs.append((quiet, quiet_run))
        self.pool.time += timedelta(seconds=1)
        self.pool.delivered = 0


def test_the_quiet_ones_begin_while_the_noisy_ones_backlog_waits():
    crowd = Crowd(SLOTS)
    begun_at: dict[TenantId, datetime] = {}
    pool, start = crowd.pool, crowd.pool.time

    def begun(member: Member) -> None:
        begun_at[member.tenant] = pool.time
        assert pool.attendance.at_work(NOISY) == SLOTS, "the others are not done, they made room"

    for tenant in (QUIET, CALM):
        crowd.members[tenant, "demo"].at_work = begun
    while len(begun_at) < 2:
        pool.deliver_next()

    assert crowd.backlog > 300
    bound = crowd.backlog * REQUESTS_TO_TURN_AWAY * REQUEST_SECONDS
    assert all((at - start).total_seconds() <= bound for at in begun_at.values())


def test_without_slots_they_would_wait_for_the_backlog():
    crowd = Crowd(0)
    crowd.pool.work_off()
    begun = crowd.pool.attendance.begun
    assert min(begun.index(QUIET), begun.index(CALM)) > 300


def test_of_the_noisy_ones_messages_none_is_lost_and_never_too_many_are_worked_on():
    crowd = Crowd(SLOTS, connections=12)
    crowd.pool.work_off()
    for member, run in crowd.runs:
        progress = member.full_sync.advance(run.run_id, run.generation, by_itself=False)
        assert progress.end, f"lines of {member.connection} were forgotten"
    assert crowd.pool.attendance.most[NOISY] == SLOTS
    assert crowd.pool.attendance.begun.count(NOISY) == crowd.backlog
    assert crowd.pool.waiting == []
