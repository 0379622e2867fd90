"""One slice of a table job: some pages of one table mapping, then a checkpoint.

A table job has two phases. First Business Central's records are taken page by page and brought into
step with their CRM partners, in both directions; then the CRM records that have no partner. Where a
slice's time is up, its cursor is stored and the next queue message goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import batched

from services.records import Page
from sync.commit import commit_page
from sync.crm_index import CrmIndex, build_index
from sync.intake import claim_partner, take_bc_page, take_crm_records
from sync.job_keeper import JobKeeper
from sync.jobs import Counters, JobState, TableJob, TableStatus
from sync.mapping import Direction
from sync.page import synchronize
from sync.pair import Pair
from sync.prefetch import prefetched
from sync.work import Work

PAGE_SIZE = 2000
"""Records of one page: what a crash costs, and two CreateMultiple requests."""

_FROM_BC = "bc"
_FROM_CRM = "crm"


class RunCancelledError(Exception):
    """The run was asked to end."""


class TableJobSlice:
    """Works on a held table job until its end or until its time is up."""

    def __init__(
        self,
        work: Work,
        keeper: JobKeeper,
        *,
        now: Callable[[], datetime],
        is_time_up: Callable[[], bool],
        is_cancelled: Callable[[], bool],
    ) -> None:
        self._work = work
        self._keeper = keeper
        self._now = now
        self._is_time_up = is_time_up
        self._is_cancelled = is_cancelled

    def run(self) -> bool:
        """Whether the job came to its end (which is stored), or another slice must go on.

        Raises the families of ``errors``; progress up to the last checkpoint is kept.
        """
        self._begin()
        index = build_index(self._work)
        begins_anew = self._keeper.job.phase == _FROM_BC and not self._keeper.job.cursor
        done = self._take_bc(index) and self._take_crm(index, knows_claims=begins_anew)
        if done:
            self._finish()
        return done

    def _begin(self) -> None:
        job, direction = self._keeper.job, self._work.mapping.direction
        if job.started_at is None:
            self._keeper.checkpoint(
                state=JobState.IN_PROCESS,
                started_at=self._now(),
                phase=_FROM_BC,
                cursor="",
                message="",
                hint="",
                to_crm_status=_begun(direction.writes_crm),
                from_crm_status=_begun(direction.writes_bc),
            )

    def _take_bc(self, index: CrmIndex) -> bool:
        if self._keeper.job.phase != _FROM_BC:
            return True
        for page in prefetched(self._bc_pages(cursor=self._keeper.job.cursor)):
            pairs = take_bc_page(self._work, index, page.records)
            self._handle(pairs, page, handled=len(page.records))
            if page.next and self._is_time_up():
                return False
        self._keeper.checkpoint(phase=_FROM_CRM, cursor="")
        return True

    def _bc_pages(self, *, cursor: str) -> Iterator[Page]:
        mapping = self._work.mapping
        return self._work.bc.fetch_pages(
            self._work.endpoint,
            select=mapping.bc_select(),
            filter=mapping.bc.filter or None,
            page_size=PAGE_SIZE,
            cursor=cursor or None,
            count=not cursor,
        )

    def _take_crm(self, index: CrmIndex, *, knows_claims: bool) -> bool:
        if not index.uncoupled:
            return True
        if not knows_claims:
            self._find_claims(index)
        claimed, cursor = index.matches.claimed, self._keeper.job.cursor
        left = [crm_id for crm_id in index.uncoupled if crm_id not in claimed and crm_id > cursor]
        for some in batched(left, PAGE_SIZE, strict=False):
            pairs = take_crm_records(self._work, list(some))
            self._handle(pairs, Page(records=[], next=some[-1]), handled=len(pairs))
            if some[-1] != left[-1] and self._is_time_up():
                return False
        return True

    def _find_claims(self, index: CrmIndex) -> None:
        """Match again what earlier slices matched: their claims must not be copied to BC."""
        for page in self._bc_pages(cursor=""):
            for record in page.records:
                claim_partner(self._work, index, record)

    def _handle(self, pairs: Sequence[Pair], page: Page, *, handled: int) -> None:
        """Bring a page's pairs into step, store what became of them, then the checkpoint."""
        if self._is_cancelled():
            raise RunCancelledError
        synchronize(self._work, pairs)
        counted = commit_page(self._work, pairs, self._now())
        job = self._keeper.job
        self._keeper.checkpoint(
            failures=0,
            cursor=page.next or "",
            records_expected=job.records_expected if page.total is None else page.total,
            records_handled=job.records_handled + handled,
            to_crm=job.to_crm + counted[Direction.TO_CRM],
            from_crm=job.from_crm + counted[Direction.FROM_CRM],
        )

    def _finish(self) -> None:
        """Store the end; outcomes that this pass did not note are of records that are gone."""
        if not self._work.preview and self._keeper.job.started_at:
            mapping = self._work.mapping.name
            self._work.outcomes.clear_older(mapping, self._keeper.job.started_at)
        job, direction = self._keeper.job, self._work.mapping.direction
        self._keeper.finish(
            state=final_state(job),
            to_crm_status=_ended(direction.writes_crm, job.to_crm),
            from_crm_status=_ended(direction.writes_bc, job.from_crm),
            records_expected=job.records_handled,
            message=summary(job),
        )


def final_state(job: TableJob) -> JobState:
    """How a job that handled all of its records ended."""
    total = job.to_crm + job.from_crm
    if total.failed or total.conflict:
        return JobState.FINISHED_WITH_ERRORS
    return JobState.FINISHED


def summary(job: TableJob) -> str:
    """What a person should know of a finished job, empty where all is in step."""
    total = job.to_crm + job.from_crm
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
