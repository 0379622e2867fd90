"""A run of all table jobs of a connection: beginning it, taking it further, steering it.

Everything is idempotent and rests on the stored rows; the orchestration only calls ``advance``
again and again. Times are given by the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from errors import RefusedRequestError, TransientError
from storage.queues import Queues
from storage.rows import RowChangedError
from sync.catalog import CatalogSource
from sync.dependencies import descendants
from sync.jobs import (
    ActiveRunError,
    JobState,
    JobStore,
    Run,
    RunKind,
    RunState,
    TableJob,
    unknown_run,
)
from sync.mapping import TableMapping
from sync.recommendation import Mode, Modes, modes_of
from sync.review import NOTHING_ORDERED, advance, restarted
from sync.run_limits import RunLimits
from sync.runs.naming import new_run_id

QUEUE = "table-jobs"

_WITH_MODES = (RunKind.FULL_SYNC, RunKind.PREVIEW)

_AT_WORK = (JobState.READY, JobState.IN_PROCESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands after it was advanced."""

    end: RunState | None = None
    """How the run ended, None while it goes on."""
    working: tuple[str, ...] = ()
    """Mappings whose lines were handed to workers and have not ended."""


class FullSync:
    """The runs of one connection."""

    def __init__(
        self,
        *,
        tenant: str,
        connection_id: str,
        store: JobStore,
        queues: Queues,
        limits: RunLimits,
        catalog: CatalogSource,
        now: Callable[[], datetime],
    ) -> None:
        self._tenant = tenant
        self._connection_id = connection_id
        self._store = store
        self._queues = queues
        self._limits = limits
        self._catalog = catalog
        self._now = now

    def begin(
        self, kind: RunKind, mappings: Sequence[str], started_by: str, *, order: str = ""
    ) -> Run:
        """Store a new run of these mappings, or of all of them where none is named: then those
        that are disabled have lines that are skipped, for everybody to see. ``order`` is as
        ``Run.order``.

        Raises ``ActiveRunError`` where one is in process, ``TenantBusyError`` where the tenant
        starts too many, ``RefusedRequestError`` for a name that is unknown (404) or disabled (409).
        """
        catalog = self._catalog()
        chosen = {catalog.at_work(name).name for name in mappings} or set(catalog.mappings)
        modes = modes_of(order) if kind in _WITH_MODES else Modes()
        for name in modes.named:
            if catalog.at_work(name).name not in chosen:
                raise RefusedRequestError(
                    422,
                    "mode-without-table",
                    f"A mode is given for {name}, which takes no part in this run.",
                    hint="Name it among the mappings too, or leave its mode out.",
                )
        taking_part = [each for name, each in catalog.mappings.items() if name in chosen]
        run_id = new_run_id(self._now())
        run = Run(
            run_id=run_id,
            kind=kind,
            state=RunState.IN_PROCESS,
            started_at=self._now(),
            started_by=started_by,
            mappings=tuple(mapping.name for mapping in taking_part),
            order=order,
        )
        return self._begin(run, [_line(run, mapping, modes) for mapping in taking_part])

    def _begin(self, run: Run, lines: Sequence[TableJob]) -> Run:
        """Store the run once it has a place among the tenant's."""
        active = self._store.active_run()
        if active:  # told even where there is no place left: the caller may look after it
            raise ActiveRunError(active.run_id)
        self._limits.claim_run(self._connection_id, run)
        try:
            return self._store.begin_run(run, lines)
        except ActiveRunError:
            with suppress(TransientError):  # then the place is free once the claim is old
                self._limits.withdraw(self._connection_id, run)
            raise

    def advance(self, run_id: str, generation: int, *, by_itself: bool) -> Progress:
        """Take the run as far as its lines allow.

        Lines are stored before their messages are sent: a crash in between leaves a ready line
        without a message, which the next look by itself (``by_itself``) sends. That look also
        sends for lines whose worker died; a message too many finds the lease held and is dropped.
        """
        run = self._store.get_run(run_id)
        if run is None or run.generation != generation:
            # Forgotten or restarted: another orchestration took over.
            return Progress(end=RunState.CANCELLED)
        if run.state.is_over:
            return Progress(end=run.state)
        jobs = self._store.list_jobs(run_id)
        steps = advance(run, jobs)
        refused = [job for job in steps.changed if not self._store_line(job)]
        forsaken = self._forsaken(jobs) if by_itself else []
        for name in (*steps.enqueue, *forsaken):
            self.enqueue(run_id, name)
        if steps.end is None or refused:
            at_work = [job.mapping for job in jobs if job.state in _AT_WORK]
            return Progress(working=(*at_work, *steps.enqueue))
        ended = self._store.finish_run(run_id, generation, steps.end, now=self._now())
        return Progress(end=ended.state)

    def _store_line(self, job: TableJob) -> bool:
        """Whether the line is as decided; else it is not over, and no more is its run."""
        try:
            self._store.save_job(job)
        except RowChangedError:
            # Its worker wrote meanwhile, or another call of this advanced it: the next turn sees.
            return False
        return True

    def _forsaken(self, jobs: Sequence[TableJob]) -> list[str]:
        """Lines that nobody works on although they should be worked on."""
        now = self._now()
        return [
            job.mapping for job in jobs if job.state in _AT_WORK and not job.lease.is_alive(now)
        ]

    def enqueue(
        self, run_id: str, mapping: str, *, delay_seconds: int = 0, turned_away: int = 0
    ) -> None:
        """Send the message that lets a worker go on with a line. It carries keys only, and how
        often the tenant had no slot free for it."""
        self._queues.enqueue(
            QUEUE,
            {
                "tenant": self._tenant,
                "connection": self._connection_id,
                "run": run_id,
                "mapping": mapping,
                **({"turned_away": turned_away} if turned_away else {}),
            },
            delay_seconds=delay_seconds,
        )

    def cancel(self) -> Run:
        """Ask the run in process to end; raises ``RefusedRequestError`` (409) where none is.

        Lines that did not begin are cancelled at once.
        """
        active = self._store.active_run()
        if active is None:
            raise RefusedRequestError(
                409, "no-run-active", "No synchronization of this connection is running."
            )
        return self.cancel_run(active.run_id)

    def cancel_run(self, run_id: str) -> Run:
        """As ``cancel``, this run; one that has ended stays as it is. Raises
        ``RefusedRequestError`` (404) for an unknown one."""
        run = self._store.request_cancel(run_id)
        if run is None:
            raise unknown_run(run_id)
        self.advance(run.run_id, run.generation, by_itself=True)
        return self._store.get_run(run.run_id) or run

    def run(self, run_id: str) -> Run | None:
        """The run of that id as it is stored now."""
        return self._store.get_run(run_id)

    def restart(self, name: str) -> Run:
        """Run one line again, and those that it blocked; returns the run's new generation.

        The lines are stored before the run is opened again: after a crash in between, the lines of
        an ended run wait, and restarting them once more is the remedy.

        Raises ``RefusedRequestError`` where there is no such line (404), it has not ended or its
        mapping is disabled (409), ``ActiveRunError`` where another run is in process,
        ``TenantBusyError`` where the tenant starts too many.
        """
        catalog = self._catalog()
        catalog.at_work(name)
        run = self._store.latest_run(RunKind.FULL_SYNC)
        jobs = {job.mapping: job for job in self._store.list_jobs(run.run_id)} if run else {}
        if run is None or name not in jobs:
            raise RefusedRequestError(
                404,
                "line-unknown",
                f"The last full synchronization has no line {name}.",
                hint="Start a full synchronization first.",
            )
        if not jobs[name].state.is_over and not run.state.is_over:
            raise RefusedRequestError(
                409,
                "line-not-over",
                f"The line {name} is {jobs[name].state.value}; only one that ended is restarted.",
                hint="Wait for its end, or cancel the run.",
            )
        active = self._store.active_run()
        if active and active.run_id != run.run_id:
            raise ActiveRunError(active.run_id)
        self._limits.claim_run(self._connection_id, replace(run, generation=run.generation + 1))
        again = {name} | {
            child
            for child in descendants(catalog.dependencies, name)
            if child in jobs and jobs[child].state in (JobState.BLOCKED, JobState.CANCELLED)
        }
        for each in again:
            self._store.save_job(restarted(jobs[each]))
        return self._store.reopen_run(run)

    def reset(self) -> None:
        """Forget the lines of the last run, as if none had been; couplings and outcomes stay.

        Raises ``RefusedRequestError`` (409) while a run is in process.
        """
        if self._store.active_run():
            raise RefusedRequestError(
                409,
                "run-active",
                "The review cannot be reset while a synchronization is running.",
                hint="Wait for its end, or cancel it.",
            )
        self._store.forget_latest(RunKind.FULL_SYNC)

    def lines(self, kind: RunKind) -> tuple[Run | None, list[TableJob]]:
        """The last run of that kind and its lines in the order of the review."""
        run = self._store.latest_run(kind)
        return (None, []) if run is None else (run, self._lines_of(run))

    def run_lines(self, run_id: str) -> tuple[Run, list[TableJob]]:
        """This run and its lines in the order of the review; raises ``RefusedRequestError`` (404)
        for an unknown one."""
        run = self._store.get_run(run_id)
        if run is None:
            raise unknown_run(run_id)
        return run, self._lines_of(run)

    def _lines_of(self, run: Run) -> list[TableJob]:
        jobs = {job.mapping: job for job in self._store.list_jobs(run.run_id)}
        return [jobs[name] for name in run.mappings if name in jobs]


def _line(run: Run, mapping: TableMapping, modes: Modes) -> TableJob:
    # looking at a table needs no other one to be looked at first
    is_look = run.kind is RunKind.RECONCILE
    parents = () if is_look else tuple(p for p in mapping.dependencies if p in run.mappings)
    mode = modes.of(mapping.name)
    why_skipped = "" if mapping.enabled else "The table mapping is disabled."
    if mode is Mode.NO_RECORDS:
        why_skipped = why_skipped or NOTHING_ORDERED
    return TableJob(
        run_id=run.run_id,
        mapping=mapping.name,
        name=mapping.name,
        direction=mapping.direction,
        state=JobState.SKIPPED if why_skipped else JobState.WAITING,
        created_at=run.started_at,
        dependencies=parents,
        mode=mode,
        message=why_skipped,
    )
