"""One slice of a coupling run's line: what people want about many pairs of one table.

The line holds the table like everybody who works on one, so no pass is at the records meanwhile. A
strict list is checked wholly before anything is done. After each page what became of its rows is
told to the list, then the checkpoint is stored; a crash in between has the page done once more:

    this worker                               the next one
    couples the pairs of a page
    dies before it tells of them
                                              reads the page again: all are coupled already
                                              decides and hints once more, tells, goes on
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from sync.bulk.model import Action, Told, ToldState, Want, WantList
from sync.bulk.page import WantedPage
from sync.hints import HintStore
from sync.jobs import Counters, JobState
from sync.journal.journal import ChangeEntry
from sync.requests import PassRequests
from sync.slices import Held
from sync.table_job import raise_if_cancelled

PAGE_SIZE = 500
"""Rows of one page: what a crash has done twice."""

_CHECK = "check"
_CARRY_OUT = "carry-out"


class CouplingSlice:
    """Works on a held line until its end or until its time is up."""

    def __init__(
        self,
        held: Held,
        wants: WantList,
        *,
        hints: HintStore,
        requests: PassRequests,
        entry: ChangeEntry,
        wake_waiting: Callable[[str], None],
    ) -> None:
        self._held = held
        self._line = held.line
        self._wants = wants
        self._mapping = held.work.mapping.name
        self._requests = requests
        self._entry = entry
        self._wake_waiting = wake_waiting
        self._hints = hints

    def run(self) -> bool:
        """Whether the line came to its end (which is stored), or another slice must go on.

        Raises the families of ``errors``; progress up to the last page is kept.
        """
        if self._line.job.started_at is None:
            self._line.checkpoint(
                state=JobState.IN_PROCESS,
                started_at=self._held.now(),
                phase=_CHECK if self._wants.strict else _CARRY_OUT,
                cursor="",
                records_expected=self._wants.count(),
                message="",
                hint="",
            )
        page = WantedPage(
            self._held.work,
            self._held.table,
            hints=self._hints,
            entry=self._entry,
            began=self._line.job.started_at or self._held.now(),
            now=self._held.now,
        )
        if self._line.job.phase == _CHECK and not self._check(page):
            return False
        return self._line.job.state.is_over or self._carry_out(page)

    def _check(self, page: WantedPage) -> bool:
        """Check all rows; where one is refused, or no more is wanted, the line is over by that."""
        if not self._through(page.check):
            return False
        counted = self._line.job.to_crm
        if counted.failed:
            self._line.finish(
                state=JobState.ERROR,
                message=f"{counted.failed} of {self._line.job.records_handled} rows cannot be "
                "carried out; nothing was done.",
                hint="The report tells which and why: mend them or leave them out, then send the "
                "list again.",
            )
        elif self._wants.check_only:
            self._line.finish(
                state=JobState.FINISHED, message="Nothing stands in the way; nothing was done."
            )
        else:
            self._line.checkpoint(phase=_CARRY_OUT, cursor="", records_handled=0, to_crm=Counters())
        return True

    def _carry_out(self, page: WantedPage) -> bool:
        def do(wants: Sequence[Want]) -> list[Told]:
            # Before anything is stored: a pass follows what a crash leaves behind, too.
            self._requests.want(self._mapping)
            return page.carry_out(wants)

        if not self._through(do):
            return False
        counted = self._line.job.to_crm
        self._wake_waiting(self._mapping)
        self._line.finish(
            state=JobState.FINISHED_WITH_ERRORS if counted.failed else JobState.FINISHED,
            records_expected=self._line.job.records_handled,
            message=_summary(counted),
        )
        return True

    def _through(self, handle: Callable[[Sequence[Want]], list[Told]]) -> bool:
        """Handle all rows beyond the cursor; False where time was up before the end."""
        while wants := self._wants.page(self._line.job.cursor, PAGE_SIZE):
            raise_if_cancelled(self._held.is_cancelled)
            told = handle(wants)
            self._wants.tell(told)
            self._line.checkpoint(
                failures=0,
                cursor=wants[-1].place,
                records_handled=self._line.job.records_handled + len(wants),
                to_crm=self._line.job.to_crm + _counted(wants, told),
            )
            if self._held.is_time_up():
                return False
        return True


def _counted(wants: Sequence[Want], told: Sequence[Told]) -> Counters:
    actions = {each.place: each.action for each in wants}
    states = Counter(each.state for each in told)
    uncoupled = sum(
        each.state is ToldState.ASKED and actions[each.place] is Action.UNCOUPLE for each in told
    )
    return Counters(
        coupled=states[ToldState.COUPLED],
        unchanged=states[ToldState.ALREADY],
        uncoupled=uncoupled,
        waiting=states[ToldState.ASKED] - uncoupled,
        failed=states[ToldState.REFUSED],
    )


def _summary(counted: Counters) -> str:
    parts = {
        "coupled": counted.coupled,
        "as wanted before": counted.unchanged,
        "to be taken apart by the next pass": counted.uncoupled,
        "to get partners by the next pass": counted.waiting,
        "refused": counted.failed,
    }
    told = [f"{number} {words}" for words, number in parts.items() if number]
    return f"Rows: {', '.join(told)}." if told else "There was nothing to do."
