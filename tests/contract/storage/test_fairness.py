"""Three tenants at one real queue: one's backlog leaves room for the others."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event
from typing import Any, cast
from uuid import uuid4

from identity.model import TenantId
from storage.accounts import StorageAccount
from storage.queues import StorageQueues
from tests.fakes.tables import MemoryAccount
from tests.support.crowd import TABLE, Attendance, Member
from tests.support.table_jobs import MemoryQueues

SLOTS = 2
WORKERS = 4
CONNECTIONS = 1
"""Of the noisy tenant; each has a message for every table."""
BEGIN_SECONDS = 30.0
END_SECONDS = 120.0
_INVISIBLE_SECONDS = 300


class OneQueue(MemoryQueues):
    """Everything goes to a queue of this test's own."""

    def __init__(self, account: StorageAccount) -> None:
        super().__init__(lambda _: None)
        self._queues = StorageQueues(account)
        self._name = f"fairness-{uuid4()}"
        self._client = account.queue(self._name)

    def enqueue(self, queue_name: str, message: Any, *, delay_seconds: int = 0) -> None:
        self._queues.enqueue(self._name, message, delay_seconds=delay_seconds)

    def work_one(self, handle: Callable[[dict[str, Any]], None]) -> bool:
        """Have one message handled; False where none is visible. It goes when that is done."""
        for message in self._client.receive_messages(
            max_messages=1, visibility_timeout=_INVISIBLE_SECONDS
        ):
            handle(json.loads(base64.b64decode(message.content)))
            self._client.delete_message(message)
            return True
        return False


def until(condition: Callable[[], bool], what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.05)


@contextmanager
def workers(work: Callable[[], bool]) -> Iterator[None]:
    """Work side by side until the context is left."""
    stop = Event()

    def loop() -> None:
        while not stop.is_set():
            if not work():
                stop.wait(0.05)

    with ThreadPoolExecutor(WORKERS) as pool:
        running = [pool.submit(loop) for _ in range(WORKERS)]
        try:
            yield
        finally:
            stop.set()
    for each in running:
        each.result()


def test_the_quiet_ones_begin_while_the_noisy_one_fills_its_slots_and_nothing_is_lost(
    azurite_account: StorageAccount,
):
    queue, attendance, go_on = OneQueue(azurite_account), Attendance(), Event()
    noisy, quiet, calm = (TenantId(str(uuid4())) for _ in range(3))

    def at_work(member: Member) -> None:
        attendance.enter(member.tenant)
        if member.tenant == noisy:
            go_on.wait(BEGIN_SECONDS * 2)
        attendance.leave(member.tenant)

    names = [(noisy, f"connection-{number}") for number in range(CONNECTIONS)]
    members = {
        (tenant, connection): Member(
            cast(MemoryAccount, azurite_account),
            tenant,
            connection,
            queue,
            most_slots=SLOTS,
            clock=lambda: datetime.now(UTC),
            at_work=at_work,
        )
        for tenant, connection in [*names, (quiet, "demo"), (calm, "demo")]
    }
    runs = [(members[name], members[name].begin()) for name in names]
    for tenant in (quiet, calm):
        member = members[tenant, "demo"]
        run = member.start(TABLE)
        member.full_sync.advance(run.run_id, run.generation, by_itself=False)
        runs.append((member, run))

    def work() -> bool:
        return queue.work_one(lambda message: _member(members, message).handle(message))

    def all_ended() -> bool:
        return all(
            member.full_sync.advance(run.run_id, run.generation, by_itself=False).end
            for member, run in runs
        )

    with workers(work):
        until(lambda: {quiet, calm} <= set(attendance.begun), "the quiet ones' work", BEGIN_SECONDS)
        assert attendance.at_work(noisy) == SLOTS, "the noisy one's is not done, it made room"
        go_on.set()
        until(all_ended, "the end of all runs", END_SECONDS)
    assert attendance.most[noisy] == SLOTS
    lines = [
        line for member, run in runs[:CONNECTIONS] for line in member.jobs.list_jobs(run.run_id)
    ]
    assert attendance.begun.count(noisy) == len(lines) > SLOTS * 3


def _member(members: dict[tuple[TenantId, str], Member], message: dict[str, Any]) -> Member:
    return members[message["tenant"], message["connection"]]
