"""One slice of a match's line: reading one table's two sides, and storing what fits what.

All records have to be known before the first match is: whoever fits a record alone may be one of
two a page later. So a line is one slice, however long it takes; the lease of the line and of the
table is extended meanwhile, cancelling is asked for after every page, and what bounds the table's
size is the time limit of a function (100,000 records on each side take a fraction of it). The rows
of the result before are removed when the line is over and the table given back. A worker that dies,
or loses the line, leaves rows that do not count; the next one begins anew, with rows of its own
(``sync.matching.store``), so no result is ever a mixture of two.

The line holds the table's lease like everybody who works on a table, so that nothing is coupled by
a pass meanwhile; nothing is written to either system.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from itertools import batched

from sync.job_model import Counters, JobState
from sync.jobs import LeaseLostError
from sync.matching.model import Counts, Result, ResultId
from sync.matching.rows import RowMaker
from sync.matching.store import MatchStore
from sync.matching.survey import Survey, propose, unfit_pairs
from sync.slices import Held, MakeSlice, Slice
from sync.table_job import raise_if_cancelled

log = logging.getLogger(__name__)

_ROWS_STORED = 5000
"""Rows that are stored between two looks for whether the run was cancelled."""


class MatchSlice:
    """Matches a held line's table."""

    def __init__(self, held: Held, store: MatchStore) -> None:
        self._held = held
        self._store = store

    def run(self) -> bool:
        """True: the line came to its end, which is stored. Raises the families of ``errors``, and
        ``RunCancelledError``; then the result before, if any, goes on to count."""
        keeper = self._held.line
        started = keeper.job.started_at or self._held.now()
        keeper.checkpoint(
            state=JobState.IN_PROCESS,
            started_at=started,
            records_handled=0,
            records_expected=None,
            message="",
            hint="",
        )
        result = ResultId(run_id=keeper.job.run_id, epoch=keeper.job.lease.epoch)
        counts = self._match(result)
        self._publish(result, counts)
        return True

    def _match(self, result: ResultId) -> Counts:
        """Store the rows of a result."""
        work = self._held.work
        survey = Survey(work, self._page_read)
        matches = survey.read().resolve()
        surveyed = survey.surveyed
        proposals = propose(work.mapping, surveyed, matches.unmatched_bc, matches.unmatched_crm)
        pairs = [(each.bc_id, each.crm_id) for each in matches.exact]
        maker = RowMaker(work.mapping.match, surveyed)
        rows = maker.rows(matches, proposals, unfit_pairs(work, pairs))
        for some in batched(rows, _ROWS_STORED, strict=False):
            self._check_cancelled()
            self._store.put_rows(work.mapping.name, result, some)
        return maker.counts

    def _publish(self, result: ResultId, counts: Counts) -> None:
        keeper, mapping = self._held.line, self._held.work.mapping
        keeper.checkpoint()  # raises where another worker took the line over
        finished = Result(
            mapping=mapping.name,
            id=result,
            lineage=mapping.lineage,
            found_at=self._held.now(),
            counts=counts,
        )
        self._store.publish(finished)
        keeper.finish(
            state=JobState.FINISHED,
            records_expected=keeper.job.records_handled,
            failures=0,
            to_crm=Counters(),
            from_crm=Counters(),
            message=in_words(counts),
        )
        with suppress(LeaseLostError):  # whoever took the table over does not need it given back
            self._held.table.release()
        self._forget_older(finished)

    def _forget_older(self, finished: Result) -> None:
        """Nobody waits for this any more: what is left is removed by the next match."""
        try:
            self._store.forget_older(finished)
        except Exception:
            log.warning("old matches of %s are not all removed", finished.mapping, exc_info=True)

    def _page_read(self, number: int, expected: int | None) -> None:
        # Tries go on being counted: each begins with the first page.
        self._check_cancelled()
        job = self._held.line.job
        self._held.line.checkpoint(
            records_handled=job.records_handled + number,
            records_expected=job.records_expected
            if expected is None
            else job.records_handled + expected,
        )

    def _check_cancelled(self) -> None:
        raise_if_cancelled(self._held.is_cancelled)


def matching(store: MatchStore) -> MakeSlice:
    """Matches tables, and keeps what was found in this store."""

    def make(held: Held) -> Slice:
        return MatchSlice(held, store)

    return make


def in_words(counts: Counts) -> str:
    """What was found, for the line."""
    parts: Iterable[tuple[int, str]] = (
        (counts.exact, "exact"),
        (counts.ambiguous, "ambiguous"),
        (counts.proposed, "proposed"),
        (counts.unmatched_bc, "unmatched in Business Central"),
        (counts.unmatched_crm, "unmatched in Dynamics 365 Sales"),
    )
    told = [f"{number} {words}" for number, words in parts if number]
    return f"Matches: {', '.join(told)}." if told else "No record of the table is uncoupled."
