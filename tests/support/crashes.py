"""Processes that die in the middle of a synchronization, at a point that a test chooses.

Every side effect (a write to a service, a storage request that writes, a message) is two points:
just before it, and just after it, when it was carried out but nobody learned of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from services.records import Write, WriteResult
from sync.jobs import ActiveRunError, Run, RunKind, TableJob
from tests.fakes.services import FakeTables
from tests.fakes.tables import MemoryAccount, MemoryTableClient
from tests.support.table_jobs import SyncWorld


class ProcessDiedError(BaseException):
    """The process is gone; no handler of errors runs in a dead process."""


class CrashPoints:
    """Counts side effects, and ends the process at one of their points."""

    def __init__(self) -> None:
        self.passed = 0
        self.dies_at: int | None = None

    def around[Result](self, effect: Callable[[], Result]) -> Result:
        self._pass()
        result = effect()
        self._pass()
        return result

    def _pass(self) -> None:
        point = self.passed
        self.passed += 1
        if point == self.dies_at:
            raise ProcessDiedError


class _CrashingClient(MemoryTableClient):
    def __init__(self, name: str, points: CrashPoints) -> None:
        super().__init__(name)
        self._points = points

    def submit_transaction(
        self, operations: Sequence[tuple[Any, ...]], **options: Any
    ) -> list[dict[str, Any]]:
        submit = super().submit_transaction
        return self._points.around(lambda: submit(operations, **options))

    def _write(
        self, verb: str, entity: Mapping[str, Any], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        write = super()._write
        return self._points.around(lambda: write(verb, entity, options))


class _CrashingAccount(MemoryAccount):
    def __init__(self, points: CrashPoints) -> None:
        super().__init__()
        self._points = points

    def client(self, name: str) -> MemoryTableClient:
        if name not in self._clients:
            self._clients[name] = _CrashingClient(name, self._points)
        return self._clients[name]


class CrashingWorld(SyncWorld):
    """A world whose processes die at ``points``, and in which others carry on."""

    def __init__(self) -> None:
        self.points = CrashPoints()
        super().__init__(_CrashingAccount(self.points))
        _crash_at_writes(self.bc, self.points)
        _crash_at_writes(self.crm, self.points)
        enqueue = self.queues.enqueue
        self.queues.enqueue = (  # type: ignore[method-assign]  # this one instance is watched
            lambda *message, **options: self.points.around(lambda: enqueue(*message, **options))
        )

    def synchronize_although_processes_die(self, *mappings: str) -> dict[str, TableJob]:
        """One full synchronization, begun and carried on until it is over; its lines by name."""
        run = self._begin(mappings)
        while not self._ended(run):
            for message in list(self.queues.messages):
                if self._survives(partial(self._deliver, message)):
                    self.queues.messages.remove(message)
        return {job.mapping: job for job in self.jobs.list_jobs(run.run_id)}

    def _begin(self, mappings: Sequence[str]) -> Run:
        while True:
            try:
                return self.full_sync.begin(RunKind.FULL_SYNC, mappings, "test")
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

        self._survives(look)
        return ended

    def _deliver(self, message: dict[str, Any]) -> None:
        self.worker().handle(message["run"], message["mapping"])

    def _survives(self, work: Callable[[], object]) -> bool:
        """Whether the process lived to the end of the work; else its leases run out."""
        try:
            work()
        except ProcessDiedError:
            self.time += timedelta(hours=2)
            return False
        return True


def _crash_at_writes(service: FakeTables, points: CrashPoints) -> None:
    apply = service._apply

    def crashing(write: Write) -> WriteResult:
        return points.around(lambda: apply(write))

    service._apply = crashing  # type: ignore[method-assign]  # this one instance is watched
