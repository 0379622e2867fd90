"""Processes that die in the middle of a synchronization, at a point that a test chooses.

Every side effect (a write to a service, a storage request that writes, a message) is two points:
just before it, and just after it, when it was carried out but nobody learned of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from azure.data.tables import TableEntity

from services.records import Write, WriteResult
from sync.jobs import ActiveRunError, Run, TableJob
from tests.fakes.services import FakeTables
from tests.fakes.tables import MemoryAccount, StorageCall
from tests.support.table_jobs import SyncWorld

_MOST_ROUNDS = 30


class ProcessDiedError(BaseException):
    """The process is gone; no handler of errors runs in a dead process."""


class CrashPoints:
    """Counts side effects, and ends the process at one of their points."""

    def __init__(self) -> None:
        self.passed = 0
        self.dies_at: int | None = None
        self.counts = True

    def begin(self, dies_at: int | None) -> None:
        """Count from here on, and die at that point."""
        self.passed = 0
        self.dies_at = dies_at
        self.counts = True

    def around[Result](self, effect: Callable[[], Result]) -> Result:
        self.reach()
        result = effect()
        self.reach()
        return result

    def reach(self) -> None:
        """The next point; raises ``ProcessDiedError`` where it is the chosen one."""
        if not self.counts:
            return
        point = self.passed
        self.passed += 1
        if point == self.dies_at:
            raise ProcessDiedError


@dataclass(frozen=True, slots=True)
class Saved:
    """A world's contents at one moment."""

    time: datetime
    services: list[dict[str, Any]]
    storage: dict[str, dict[str, dict[str, TableEntity]]]


class CrashingWorld(SyncWorld):
    """A world whose processes die at ``points``, and in which others carry on."""

    def __init__(self) -> None:
        self.points = CrashPoints()
        super().__init__(MemoryAccount(self._watch))
        _crash_at_writes(self.bc, self.points)
        _crash_at_writes(self.crm, self.points)
        enqueue = self.queues.enqueue
        self.queues.enqueue = (  # type: ignore[method-assign]  # this one instance is watched
            lambda *message, **options: self.points.around(lambda: enqueue(*message, **options))
        )

    def _watch(self, moment: str, call: StorageCall) -> bool:
        if call.writes:
            self.points.reach()
        return False

    # Being taken back to an earlier moment

    def save(self) -> Saved:
        """How everything is now. Rows of tables are never changed in place."""
        return Saved(
            time=self.time,
            services=[_contents_of(service) for service in (self.bc, self.crm)],
            storage={
                name: {key: dict(rows) for key, rows in client.partitions.items()}
                for name, client in self.account.clients.items()
            },
        )

    def restore(self, saved: Saved) -> None:
        """Have everything as it was, without the messages on their way."""
        self.time = saved.time
        self.queues.messages.clear()
        for service, contents in zip((self.bc, self.crm), saved.services, strict=True):
            vars(service).update(deepcopy(contents))
        for name, client in self.account.clients.items():
            client.load({key: dict(rows) for key, rows in saved.storage.get(name, {}).items()})

    # Full synchronization

    def synchronize_although_processes_die(self, *mappings: str) -> dict[str, TableJob]:
        """One full synchronization, begun and carried on until it is over; its lines by name."""
        run = self._begin(mappings)
        while not self._ended(run):
            self._deliver_messages()
        return {job.mapping: job for job in self.jobs.list_jobs(run.run_id)}

    def _begin(self, mappings: Sequence[str]) -> Run:
        while True:
            try:
                return self.start(*mappings)
            except ProcessDiedError:
                continue
            except ActiveRunError as error:
                run = self.jobs.get_run(error.run_id)
                if run:
                    return run

    def _ended(self, run: Run) -> bool:
        ended = False

        def look() -> None:
            nonlocal ended
            progress = self.full_sync.advance(run.run_id, run.generation, by_itself=True)
            ended = progress.end is not None

        self.survives(look)
        return ended

    # Passes

    def pass_although_processes_die(self, *, slice_seconds: float = 60) -> None:
        """Pass over all tables, as the timer has it, until two passes in a row wrote nothing.

        No process dies from the second of those on: nothing is left to be spoiled.
        """
        quiet = 0
        for _ in range(_MOST_ROUNDS):
            self.points.counts = quiet == 0
            before = len(self.bc.writes) + len(self.crm.writes)
            self.pass_time(20 * 60)
            self.survives(lambda: self.requests.send(""))
            self._deliver_messages(slice_seconds=slice_seconds)
            quiet = quiet + 1 if before == len(self.bc.writes) + len(self.crm.writes) else 0
            if quiet == 2:
                return
        raise AssertionError("there is always something more to write")

    # Both

    def _deliver_messages(self, *, slice_seconds: float = 60) -> None:
        """Hand out every message there is; one whose worker dies is handed out again, once."""
        for _ in range(200):
            if not self.queues.messages:
                return
            message = self.queues.messages[0]
            if self.survives(partial(self._handle, message, slice_seconds)) or (
                self.survives(partial(self._handle, message, slice_seconds))
            ):
                self.queues.messages.remove(message)
        raise AssertionError("messages never end")

    def _handle(self, message: dict[str, Any], slice_seconds: float) -> None:
        if "run" in message:
            self.worker().handle(message["run"], message["mapping"])
        else:
            worker = self.pass_worker(slice_seconds=slice_seconds)
            worker.handle(message["mapping"], asked=message["asked"])

    def survives(self, work: Callable[[], object]) -> bool:
        """Whether the process lived to the end of the work; else its leases run out."""
        try:
            work()
        except ProcessDiedError:
            self.time += timedelta(hours=2)
            return False
        return True


def _contents_of(service: FakeTables) -> dict[str, Any]:
    return {name: deepcopy(value) for name, value in vars(service).items() if not callable(value)}


def _crash_at_writes(service: FakeTables, points: CrashPoints) -> None:
    apply = service._apply

    def crashing(write: Write) -> WriteResult:
        return points.around(lambda: apply(write))

    service._apply = crashing  # type: ignore[method-assign]  # this one instance is watched
