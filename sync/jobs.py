"""Runs and table jobs in storage: one active run per connection, one worker per table job.

Nothing here locks; every promise rests on a conditional write of the storage.

**One active run.** A pointer row exists exactly while a run is in process. It is inserted with the
run and deleted with its end, each in one transaction. Two starts at once:

    start A                                   start B
    insert run A and pointer: done
                                              insert run B and pointer: refused, pointer exists
                                              removes its job rows, answers "A is running"

**One worker per table job.** A worker takes the job's lease and writes progress only with the ETag
of its own last write, so that whoever took the lease later has made every earlier ETag stale. Two
workers take an expired lease at once:

    worker A                                  worker B
    reads the job: epoch 3, expired           reads the job: epoch 3, expired
    writes epoch 4 (A) if unchanged: done
                                              writes epoch 4 (B) if unchanged: refused
                                              reads again: alive, A holds it: LeaseHeldError

A worker pauses beyond its lease and wakes up after another took over:

    worker A (epoch 4)                        worker B
    writes a page to the services
    pauses
                                              lease expired: takes it, epoch 5
                                              reads the checkpoint, does that page again (keyed
                                              writes: no duplicate), checkpoints
    checkpoints with its old ETag: refused,
    LeaseLostError, stops without a trace

Times are given by the caller, aware UTC; none is read here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import batched

from errors import ConcurrencyError, RefusedRequestError, TransientError
from storage.rows import (
    TRANSACTION_LIMIT,
    Operation,
    OperationKind,
    Row,
    RowChangedError,
    TransactionRefusedError,
)
from storage.tables import TenantTable
from sync.job_model import (
    Counters,
    JobState,
    Lease,
    Run,
    RunKind,
    RunState,
    TableJob,
    TableStatus,
)
from sync.job_rows import RUN, job_of, job_values, run_of, run_values

__all__ = [
    "ActiveRunError",
    "Counters",
    "JobOverError",
    "JobState",
    "JobStore",
    "Lease",
    "LeaseHeldError",
    "LeaseLostError",
    "Run",
    "RunKind",
    "RunState",
    "TableJob",
    "TableStatus",
    "unknown_run",
]

_LATEST = "latest"
_CURRENT = ("current",)
_TRIES = 5
"""How often a write is tried where others write the same row between reading and writing."""


class ActiveRunError(RefusedRequestError):
    """Another run of the connection is in process."""

    def __init__(self, run_id: str) -> None:
        super().__init__(
            409,
            "run-active",
            f"The run {run_id} is at work on this connection.",
            hint="Wait for its end, or cancel it.",
        )
        self.run_id = run_id
        """The run that is in process."""


def unknown_run(run_id: str) -> RefusedRequestError:
    """The answer to a run that is not there: never begun, another connection's, or purged."""
    return RefusedRequestError(404, "run-unknown", f"There is no run {run_id}.")


class LeaseHeldError(ConcurrencyError):
    """Another worker holds the job's lease and is alive."""


class LeaseLostError(ConcurrencyError):
    """The job was taken over or changed by somebody else: the worker must stop without writing."""


class JobOverError(ConcurrencyError):
    """The job has ended; there is nothing to work on."""


class JobStore:
    """Runs and table jobs of one connection; safe for several threads."""

    def __init__(self, *, runs: TenantTable, jobs: TenantTable, connection_id: str) -> None:
        self._runs = runs
        self._jobs = jobs
        self._partition = (connection_id,)

    def begin_run(self, run: Run, jobs: Sequence[TableJob]) -> Run:
        """Store a new run in process with its lines and return it; raises ``ActiveRunError``.

        Beginning the same run again (same id) is no error and changes nothing.
        """
        known = self.get_run(run.run_id)
        if known:
            return known
        active = self._active_id()
        if active is None:
            self._write_jobs(OperationKind.UPSERT, jobs)
            active = self._begin(run)
        if active == run.run_id:
            return self._known_run(run.run_id)
        self._write_jobs(OperationKind.DELETE, [j for j in jobs if self._is_stored(j)])
        raise ActiveRunError(active)

    def reopen_run(self, run: Run) -> Run:
        """Put a run in process again under its next generation, for lines that are restarted.

        Whether it has ended or not; a wish to cancel it is forgotten. Raises ``ActiveRunError``
        where another run is in process, ``RowChangedError`` where the run changed since it was
        read.
        """
        reopened = replace(
            run,
            state=RunState.IN_PROCESS,
            finished_at=None,
            cancel_requested=False,
            generation=run.generation + 1,
            message="",
        )
        if not run.state.is_over:
            return self._save_run(reopened)
        try:
            self._runs.transact(
                self._partition,
                [self._pointing(OperationKind.INSERT, _CURRENT, run), self._replacing(reopened)],
            )
        except TransactionRefusedError as error:
            active = self._active_id()
            if active and active != run.run_id:
                raise ActiveRunError(active) from error
            raise RowChangedError("row-changed", "The run was changed by somebody else.") from error
        return self._known_run(run.run_id)

    def finish_run(
        self, run_id: str, generation: int, state: RunState, *, now: datetime, message: str = ""
    ) -> Run:
        """End this generation of the run and return the run as stored.

        A run that has ended, or is in a later generation, stays as it is.
        """
        if not state.is_over:
            raise ValueError(f"{state} does not end a run")
        for _ in range(_TRIES):
            run = self._known_run(run_id)
            if run.state.is_over or run.generation != generation:
                return run
            ended = replace(run, state=state, finished_at=now, message=message)
            removal = Operation(kind=OperationKind.DELETE, key=_CURRENT)
            try:
                self._runs.transact(self._partition, [self._replacing(ended), removal])
            except TransactionRefusedError:
                continue
            return self._known_run(run_id)
        raise _contended("run", run_id)

    def request_cancel(self, run_id: str) -> Run | None:
        """Ask a run to end soon and return it; None for an unknown one. One that has ended stays
        as it is."""
        for _ in range(_TRIES):
            run = self.get_run(run_id)
            if run is None or run.state.is_over or run.cancel_requested:
                return run
            try:
                return self._save_run(replace(run, cancel_requested=True))
            except RowChangedError:
                continue
        raise _contended("run", run_id)

    def get_run(self, run_id: str) -> Run | None:
        row = self._runs.get(self._partition, (RUN, run_id))
        return run_of(row) if row else None

    def active_run(self) -> Run | None:
        """The run in process, if any."""
        run_id = self._active_id()
        return self.get_run(run_id) if run_id else None

    def latest_run(self, kind: RunKind) -> Run | None:
        """The run of that kind begun last, ended or not."""
        pointer = self._runs.get(self._partition, (_LATEST, kind.value))
        return self.get_run(str(pointer.values["run_id"])) if pointer else None

    def forget_latest(self, kind: RunKind) -> None:
        """As if no run of that kind had been; its rows stay until they are purged."""
        self._runs.delete(self._partition, (_LATEST, kind.value))

    def get_job(self, run_id: str, mapping: str) -> TableJob | None:
        row = self._jobs.get(self._partition, (run_id, mapping))
        return job_of(row) if row else None

    def list_jobs(self, run_id: str) -> list[TableJob]:
        """All lines of a run, by mapping name."""
        return [job_of(row) for row in self._jobs.scan(self._partition, prefix=(run_id,))]

    def save_job(self, job: TableJob) -> TableJob:
        """Store a job that no worker is at; raises ``RowChangedError`` where it changed since it
        was read."""
        return replace(job, etag=self._jobs.replace(self._job_row(job), job.etag).etag)

    def acquire_lease(self, job: TableJob, owner: str, now: datetime, seconds: float) -> TableJob:
        """Take the job for this owner until ``now`` plus ``seconds``; returns it as stored now.

        The returned job may be newer than the given one: its checkpoint counts. Raises
        ``LeaseHeldError`` where another holds it and is alive, ``JobOverError`` where it has
        ended or is gone. Taking it again for the same owner extends it.
        """
        current: TableJob | None = job
        for _ in range(_TRIES):
            if current is None or current.state.is_over:
                raise JobOverError("job-over", f"The table job {job.mapping} has ended.")
            lease = current.lease
            if lease.is_alive(now) and lease.owner != owner:
                raise LeaseHeldError(
                    "lease-held", f"Another worker is at the table job {job.mapping}."
                )
            taken = replace(current, lease=_lease(owner, lease.epoch + 1, now, seconds))
            try:
                return self.save_job(taken)
            except RowChangedError:
                # by somebody else; or by ourselves, where the answer to our write was lost
                current = self.get_job(job.run_id, job.mapping)
        raise _contended("table job", job.mapping)

    def checkpoint(self, job: TableJob, *, now: datetime, seconds: float) -> TableJob:
        """Store progress and extend the lease; raises ``LeaseLostError``.

        A lease that ran out and that nobody took meanwhile is extended all the same.
        """
        return self._write_as_owner(
            replace(job, lease=_lease(job.lease.owner, job.lease.epoch, now, seconds)), job
        )

    def release(self, job: TableJob) -> TableJob:
        """Store progress and give the lease back, for the next slice to take at once; raises
        ``LeaseLostError``."""
        return self._write_as_owner(replace(job, lease=Lease(epoch=job.lease.epoch)), job)

    def finish(self, job: TableJob, *, now: datetime) -> TableJob:
        """Store the job's end, whose state the job given bears, and give the lease back; raises
        ``LeaseLostError``."""
        if not job.state.is_over:
            raise ValueError(f"{job.state} does not end a table job")
        return self._write_as_owner(
            replace(job, finished_at=now, lease=Lease(epoch=job.lease.epoch)), job
        )

    def _write_as_owner(self, intended: TableJob, held: TableJob) -> TableJob:
        if not held.lease.owner:
            raise ValueError(f"nobody holds the lease of the table job {held.mapping}")
        try:
            return self.save_job(intended)
        except RowChangedError as error:
            stored = self.get_job(held.run_id, held.mapping)
            if stored == intended:  # our own write, whose answer was lost
                return stored
            raise LeaseLostError(
                "lease-lost", f"Another worker took the table job {held.mapping} over."
            ) from error

    def _begin(self, run: Run) -> str:
        """Insert run and pointer; returns the id of the run that is in process then."""
        operations = [
            self._pointing(OperationKind.INSERT, _CURRENT, run),
            self._pointing(OperationKind.UPSERT, (_LATEST, run.kind.value), run),
            Operation(kind=OperationKind.INSERT, key=(RUN, run.run_id), values=run_values(run)),
        ]
        for _ in range(_TRIES):
            try:
                self._runs.transact(self._partition, operations)
            except TransactionRefusedError:
                active = self._active_id()
                if active:
                    return active
                continue  # the run that stood in the way has ended since
            return run.run_id
        raise _contended("run", run.run_id)

    def _write_jobs(self, kind: OperationKind, jobs: Sequence[TableJob]) -> None:
        for some in batched(jobs, TRANSACTION_LIMIT, strict=False):
            self._jobs.transact(
                self._partition,
                [
                    Operation(kind=kind, key=(job.run_id, job.mapping), values=job_values(job))
                    for job in some
                ],
            )

    def _is_stored(self, job: TableJob) -> bool:
        return self._jobs.get(self._partition, (job.run_id, job.mapping)) is not None

    def _active_id(self) -> str | None:
        pointer = self._runs.get(self._partition, _CURRENT)
        return str(pointer.values["run_id"]) if pointer else None

    def _known_run(self, run_id: str) -> Run:
        run = self.get_run(run_id)
        if run is None:
            raise unknown_run(run_id)
        return run

    @staticmethod
    def _pointing(kind: OperationKind, key: tuple[str, ...], run: Run) -> Operation:
        return Operation(kind=kind, key=key, values={"run_id": run.run_id})

    @staticmethod
    def _replacing(run: Run) -> Operation:
        return Operation(
            kind=OperationKind.REPLACE,
            key=(RUN, run.run_id),
            values=run_values(run),
            etag=run.etag,
        )

    def _save_run(self, run: Run) -> Run:
        row = Row(partition=self._partition, key=(RUN, run.run_id), values=run_values(run))
        return replace(run, etag=self._runs.replace(row, run.etag).etag)

    def _job_row(self, job: TableJob) -> Row:
        return Row(partition=self._partition, key=(job.run_id, job.mapping), values=job_values(job))


def _lease(owner: str, epoch: int, now: datetime, seconds: float) -> Lease:
    if not owner:
        raise ValueError("a lease needs an owner")
    return Lease(owner=owner, epoch=epoch, expires_at=now + timedelta(seconds=seconds))


def _contended(kind: str, name: str) -> TransientError:
    return TransientError(
        "row-contended", f"Others keep changing the {kind} {name}.", hint="The work is tried again."
    )
