"""One slice of a table job: the comparison of one table mapping, as a line of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from sync.comparison import Comparison
from sync.holdings import holdings_of
from sync.job_keeper import JobKeeper
from sync.jobs import Counters, JobState, TableJob, TableStatus
from sync.lease_keeper import LeaseKeeper
from sync.mapping import Direction
from sync.recommendation import Mode, recommend
from sync.review import NOTHING_ORDERED
from sync.table_model import TableState, Watermarks
from sync.work import Work


class RunCancelledError(Exception):
    """The run was asked to end."""


def raise_if_cancelled(is_cancelled: Callable[[], bool]) -> None:
    """Raise ``RunCancelledError`` where the run was asked to end."""
    if is_cancelled():
        raise RunCancelledError


class TableJobSlice:
    """Works on a held table job until its end or until its time is up."""

    def __init__(
        self,
        work: Work,
        keeper: JobKeeper,
        table: LeaseKeeper[TableState],
        *,
        now: Callable[[], datetime],
        is_time_up: Callable[[], bool],
        is_cancelled: Callable[[], bool],
    ) -> None:
        """``keeper`` holds the line, ``table`` the table that it works on."""
        self._work = work
        self._keeper = keeper
        self._table = table
        self._now = now
        self._is_time_up = is_time_up
        self._is_cancelled = is_cancelled

    def run(self) -> bool:
        """Whether the job came to its end (which is stored), or another slice must go on.

        Raises the families of ``errors``; progress up to the last checkpoint is kept.
        """
        mode = self._mode()
        if mode is Mode.NO_RECORDS:
            told = self._keeper.job.recommendation
            message = told.reason if told else NOTHING_ORDERED
            self._keeper.finish(state=JobState.SKIPPED, message=message, hint="")
            return True
        self._begin()
        comparison = Comparison(
            replace(self._work, mode=mode),
            LineProgress(self._keeper, self._table, self._work.mapping.lineage),
            now=self._now,
            is_time_up=self._is_time_up,
            check_cancelled=partial(raise_if_cancelled, self._is_cancelled),
        )
        done = comparison.run()
        if done:
            self._finish()
        return done

    def _mode(self) -> Mode:
        """What is done with the table: as ordered, else as recommended when the line began. It is
        stored before anything is done, so that what was done does not change it."""
        ordered = self._keeper.job.mode
        if ordered:
            return ordered
        recommendation = recommend(self._work.mapping, holdings_of(self._work))
        self._keeper.checkpoint(mode=recommendation.mode, recommendation=recommendation)
        return recommendation.mode

    def _begin(self) -> None:
        job, direction = self._keeper.job, self._work.mapping.direction
        if job.started_at is None:
            self._keeper.checkpoint(
                state=JobState.IN_PROCESS,
                started_at=self._now(),
                phase="",
                cursor="",
                message="",
                hint="",
                to_crm_status=_begun(direction.writes_crm),
                from_crm_status=_begun(direction.writes_bc),
            )

    def _finish(self) -> None:
        """Store the end; outcomes that this pass did not note are of records that are gone.

        The watermarks come before the line's end: a crash in between leaves a line that is worked
        once more and finds all in step.
        """
        job, direction = self._keeper.job, self._work.mapping.direction
        if not self._work.preview and job.started_at:
            self._work.outcomes.clear_older(self._work.mapping.name, job.started_at)
            self._table.checkpoint(**compared(self._table.held, self._work, because=""))
        self._keeper.finish(
            state=final_state(job),
            to_crm_status=_ended(direction.writes_crm, job.to_crm),
            from_crm_status=_ended(direction.writes_bc, job.from_crm),
            records_expected=job.records_handled,
            message=summary(job.to_crm + job.from_crm),
        )


class LineProgress:
    """The progress of a comparison on the line of a run; its watermarks are the table's."""

    def __init__(self, keeper: JobKeeper, table: LeaseKeeper[TableState], lineage: str) -> None:
        """``lineage`` is the mapping's: what was begun with another one begins anew."""
        self._keeper = keeper
        self._table = table
        self._lineage = lineage

    @property
    def phase(self) -> str:
        return self._keeper.job.phase

    @property
    def cursor(self) -> str:
        return self._keeper.job.cursor

    @property
    def pending(self) -> Watermarks | None:
        state = self._table.held
        return state.pending if state.pending_of == self._comparison else None

    @property
    def _comparison(self) -> str:
        job = self._keeper.job
        return f"{job.run_id}~{job.attempt}~{self._lineage}"

    def begin(self, watermarks: Watermarks) -> None:
        """These watermarks are younger than what earlier slices compared, so all is compared anew:

            this line                             others
            compares all, stores the watermarks
            dies before it stores its end
                                                  account A is created
            goes on at its end with a new look,
            whose watermarks are beyond A

        A pass that compares the table between two slices takes their watermarks away as well, and
        so does a change of the mapping: the cursor would lead to pages without a column that is
        mapped only now, and what is absent would be taken for blank.
        """
        if self._keeper.job.phase:
            self._keeper.checkpoint(
                phase="", cursor="", records_handled=0, to_crm=Counters(), from_crm=Counters()
            )
        self._table.checkpoint(
            pending=watermarks,
            pending_of=self._comparison,
            watermarks=uncounted(self._table.held.watermarks),
        )

    def count(self, total: int, whole: int) -> None:
        if self.pending:
            self._table.checkpoint(pending=counted(self.pending, total, whole))

    def move(self, phase: str) -> None:
        self._keeper.checkpoint(phase=phase, cursor="")

    def confirm(self, *, couples: bool) -> None:
        self._table.checkpoint(**begun(self._table.held, couples=couples))

    def page_done(
        self,
        cursor: str,
        *,
        expected: int | None,
        handled: int,
        counted: dict[Direction, Counters],
    ) -> None:
        job = self._keeper.job
        self._keeper.checkpoint(
            failures=0,
            cursor=cursor,
            records_expected=job.records_expected if expected is None else expected,
            records_handled=job.records_handled + handled,
            to_crm=job.to_crm + counted[Direction.TO_CRM],
            from_crm=job.from_crm + counted[Direction.FROM_CRM],
        )


def counted(watermarks: Watermarks, total: int, whole: int) -> Watermarks:
    """Watermarks that know how many BC records there were, of those counted and of all."""
    return replace(watermarks, bc=replace(watermarks.bc, total=total, whole=whole))


def uncounted(watermarks: Watermarks) -> Watermarks:
    """Watermarks of a table on which work began that may create records, and may not come to its
    end: then the keys are compared."""
    return replace(watermarks, bc=watermarks.bc.uncounted())


def begun(state: TableState, *, couples: bool) -> dict[str, object]:
    """The changes of a table's state before a page is stored."""
    return {"couplings": state.couplings_begun} if couples else {}


def compared(state: TableState, work: Work, *, because: str) -> dict[str, object]:
    """The changes of a table's state after all of its records were compared."""
    return {
        "watermarks": state.pending or Watermarks(),
        "pending": None,
        "pending_of": "",
        "lineage": work.mapping.lineage,
        "phase": "",
        "cursor": "",
        "compare_because": "",
        "compared_because": because,
        "couplings": state.couplings_ended,
    }


def final_state(job: TableJob) -> JobState:
    """How a job that handled all of its records ended."""
    total = job.to_crm + job.from_crm
    if total.failed or total.conflict:
        return JobState.FINISHED_WITH_ERRORS
    return JobState.FINISHED


def summary(total: Counters) -> str:
    """What a person should know of finished work, empty where all is in step."""
    parts = [
        f"{number} {words}"
        for number, words in (
            (total.failed, "failed"),
            (total.conflict, "need a decision"),
            (total.waiting, "wait for records of other tables"),
            (total.skipped, "skipped"),
        )
        if number
    ]
    return f"Records: {', '.join(parts)}. The outcomes tell which and why." if parts else ""


def _begun(takes_part: bool) -> TableStatus:
    return TableStatus.IN_PROCESS if takes_part else TableStatus.BLANK


def _ended(takes_part: bool, counters: Counters) -> TableStatus:
    if not takes_part:
        return TableStatus.BLANK
    return TableStatus.ERROR if counters.failed or counters.conflict else TableStatus.SUCCESS
