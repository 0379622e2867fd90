"""What a queue message does: take a line's lease, work a slice, hand over or end.

A message is only a hint that a line has work; the line's row says whether that is so. Delivered
twice, late or after the end, it finds the lease held or the line over, and is dropped.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from errors import (
    AuthorizationError,
    ConfigurationError,
    CouplerError,
    RefusedRequestError,
    TransientError,
)
from sync.full_sync import FullSync
from sync.job_keeper import JobKeeper
from sync.jobs import (
    JobOverError,
    JobState,
    JobStore,
    LeaseHeldError,
    LeaseLostError,
    Run,
    RunKind,
    TableJob,
    TableStatus,
)
from sync.lease_keeper import LeaseKeeper
from sync.requests import PassRequests
from sync.slices import Held, MakeSlice, Slice
from sync.table_job import RunCancelledError
from sync.table_state import TableState, TableStateStore
from sync.tenant_slots import WAITS, WAITS_HINT, TenantSlots, delay_seconds
from sync.work import Work

log = logging.getLogger(__name__)

_MOST_FAILURES = 5
_FOR_PEOPLE = (ConfigurationError, AuthorizationError, RefusedRequestError)
"""Failures that trying again does not mend; refused is what names a mapping that is gone."""
_FIRST_DELAY_SECONDS = 2
"""Doubled with every try: half a minute in all, beside the retries within each request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """How long a worker may be silent, and how long one message may work, in seconds."""

    lease_seconds: float
    slice_seconds: float


class TableJobWorker:
    """Carries out the messages of one connection."""

    def __init__(
        self,
        *,
        store: JobStore,
        states: TableStateStore,
        requests: PassRequests,
        slices: Mapping[RunKind, MakeSlice],
        slots: TenantSlots,
        full_sync: FullSync,
        open_work: Callable[[Run, TableJob], Work],
        limits: WorkerLimits,
        now: Callable[[], datetime],
    ) -> None:
        """``open_work`` opens the services and loads what the mapping needs; it may raise.
        ``slices`` tells what is done in a slice of each kind of run."""
        self._store = store
        self._states = states
        self._requests = requests
        self._slices = slices
        self._slots = slots
        self._full_sync = full_sync
        self._open_work = open_work
        self._limits = limits
        self._now = now

    def handle(self, run_id: str, mapping: str, *, turned_away: int = 0) -> Run | None:
        """Work a slice of the line; returns the run if the line came to its end, else None.

        A try that failed for a passing reason is followed by another one, by a message of its own,
        until too many in a row failed. Where the tenant has no slot free the message comes again
        later; ``turned_away`` tells how often it has. Raises only what keeps even that from being
        stored.
        """
        run = self._store.get_run(run_id)
        job = self._store.get_job(run_id, mapping)
        if run is None or job is None or job.state not in (JobState.READY, JobState.IN_PROCESS):
            return None
        owner = uuid4().hex
        with self._slots.one(owner) as is_free:
            if is_free:
                return self._handle(run, job, owner)
        self._turn_away(job, owner, turned_away)
        return None

    def _turn_away(self, job: TableJob, owner: str, times: int) -> None:
        """Have the line's message come again; the line's lease is held until then.

        While a line waits, its run looks after it again and again. Holding the lease keeps those
        looks from sending a further message each time, and drops what was sent twice, so that one
        message waits for each line, however long. The line is never without one:

            this worker                           others
            takes the lease for 8 s
            dies before it sends
                                                  the lease has run out: the run's look finds the
                                                  line forsaken and sends; so does the queue, which
                                                  never saw this message's end
        """
        delay = delay_seconds(times)
        if job.started_at is None:
            job = replace(job, message=WAITS, hint=WAITS_HINT)
        try:
            self._store.acquire_lease(job, owner, self._now(), delay)
        except (LeaseHeldError, JobOverError):
            return  # somebody works on it or waits for it already
        self._full_sync.enqueue(
            job.run_id, job.mapping, delay_seconds=delay + 1, turned_away=times + 1
        )

    def _handle(self, run: Run, job: TableJob, owner: str) -> Run | None:
        held = self._take(job, owner)
        if held is None:
            return None
        run_id, mapping = job.run_id, job.mapping
        job, table = held
        seconds = self._limits.lease_seconds
        with (
            JobKeeper(self._store, job, now=self._now, lease_seconds=seconds) as keeper,
            LeaseKeeper(self._states, table, now=self._now, lease_seconds=seconds) as table_keeper,
        ):
            try:
                over = self._work_or_fail(run, keeper, table_keeper)
                if table_keeper.held.lease.owner:
                    table_keeper.release()
            except LeaseLostError:
                log.info("table job %s of run %s was taken over", mapping, run_id)
                return None
        if self._requests.is_wanted(mapping):
            self._requests.send(mapping)
        return run if over else None

    def _take(self, job: TableJob, owner: str) -> tuple[TableJob, TableState] | None:
        """The line and its table, both held; None where that is not possible now."""
        try:
            seconds = self._limits.lease_seconds
            held = self._store.acquire_lease(job, owner, self._now(), seconds)
        except (LeaseHeldError, JobOverError):
            return None
        try:
            return held, self._states.acquire(job.mapping, owner, self._now(), seconds)
        except LeaseHeldError:
            self._await_table(held)
            return None

    def _await_table(self, held: TableJob) -> None:
        """A pass is at the table: passes are short, and the line begins right after.

        The line's lease is held until its message comes again, for the reason told at
        ``_turn_away``: one message waits, however often its run looks after the line.
        """
        delay = _FIRST_DELAY_SECONDS
        with suppress(LeaseLostError):  # whoever took the line over goes on with it
            self._store.checkpoint(held, now=self._now(), seconds=delay)
            self._full_sync.enqueue(held.run_id, held.mapping, delay_seconds=delay + 1)

    def _work_or_fail(self, run: Run, keeper: JobKeeper, table: LeaseKeeper[TableState]) -> bool:
        """As ``_work``, also where the line ends in error; raises ``LeaseLostError``."""
        try:
            return self._work(run, keeper, table)
        except LeaseLostError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the line tells of it
            return self._failed(run, keeper, error)

    def _work(self, run: Run, keeper: JobKeeper, table: LeaseKeeper[TableState]) -> bool:
        """Whether the line is over; else the next message was sent."""
        if self._is_cancelled(run):
            raise RunCancelledError
        if self._slice(run, keeper, table).run():
            return True
        table.release()
        keeper.release()
        self._full_sync.enqueue(run.run_id, keeper.job.mapping)
        return False

    def _slice(self, run: Run, keeper: JobKeeper, table: LeaseKeeper[TableState]) -> Slice:
        """What is to be done with the table, by the kind of the run."""
        until = time.monotonic() + self._limits.slice_seconds
        make = self._slices[run.kind]
        return make(
            Held(
                run=run,
                work=self._open_work(run, keeper.job),
                line=keeper,
                table=table,
                now=self._now,
                is_time_up=lambda: time.monotonic() >= until,
                is_cancelled=lambda: self._is_cancelled(run),
            )
        )

    def _is_cancelled(self, run: Run) -> bool:
        current = self._store.get_run(run.run_id)
        return current is None or current.cancel_requested

    def _failed(self, run: Run, keeper: JobKeeper, error: Exception) -> bool:
        """Whether the line ended by this; else it is tried again."""
        if isinstance(error, RunCancelledError):
            keeper.finish(
                state=JobState.CANCELLED,
                message="The run was cancelled; what was synchronized until then stays.",
            )
            return True
        failures = keeper.job.failures + 1
        needs_a_person = isinstance(error, _FOR_PEOPLE)
        if not needs_a_person and failures < _MOST_FAILURES:
            self._try_again(run, keeper, error, failures)
            return False
        log.error("table job %s ended in error", keeper.job.mapping, exc_info=error)
        keeper.finish(
            state=JobState.ERROR, failures=failures, **_stopped(keeper.job), **_told(error)
        )
        return True

    def _try_again(self, run: Run, keeper: JobKeeper, error: Exception, failures: int) -> None:
        """Hold the lease until the next try is due, and send its message for then.

        The tries are counted on the line, not by the queue, so that however many messages name
        the line, it is tried so often and not sooner.
        """
        mapping = keeper.job.mapping
        delay = _FIRST_DELAY_SECONDS * 2 ** (failures - 1)
        log.warning("table job %s failed, try %d", mapping, failures, exc_info=error)
        message = f"Try {failures} of {_MOST_FAILURES}: {_told(error)['message']}"
        keeper.postpone(delay, failures=failures, message=message)
        self._full_sync.enqueue(run.run_id, mapping, delay_seconds=delay + 1)


def _stopped(job: TableJob) -> dict[str, Any]:
    """Directions that were under way did not succeed."""
    in_process = TableStatus.IN_PROCESS
    return {
        name: TableStatus.ERROR
        for name in ("to_crm_status", "from_crm_status")
        if getattr(job, name) is in_process
    }


def _told(error: Exception) -> dict[str, str]:
    """An error in words for the line; what nobody foresaw is told without its details."""
    if isinstance(error, TransientError):
        return {"message": error.message, "hint": _after_the_last_try(error.hint)}
    if isinstance(error, CouplerError):
        return {"message": error.message, "hint": error.hint}
    return {
        "message": f"The table job stopped on an unforeseen {type(error).__name__}.",
        "hint": "Restart the line. If it happens again, give the function app's log to support.",
    }


def _after_the_last_try(hint: str) -> str:
    """A passing fault's hint says that it is tried again, and after a semicolon what to do if it
    lasts: by now it lasted, and only a person tries again."""
    _, _, remedy = hint.partition("; ")
    return f"Restart the line; {remedy}" if remedy else "Restart the line."
