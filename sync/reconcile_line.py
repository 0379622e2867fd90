"""One slice of a reconcile's line: looking at one table, and storing the drift found.

The line holds the table's lease like everybody who works on a table, so no pass changes meanwhile
what is compared; a person's edit while the table is read may show as drift until the next pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from sync.drift import Drift
from sync.drift_store import DriftStore
from sync.job_keeper import JobKeeper
from sync.jobs import JobState
from sync.lease_keeper import LeaseKeeper
from sync.reconcile import Reconciliation
from sync.table_job import LineProgress, raise_if_cancelled
from sync.table_model import TableState
from sync.work import Work


class ReconcileSlice:
    """Works on a held line until its end or until its time is up."""

    def __init__(
        self,
        work: Work,
        keeper: JobKeeper,
        table: LeaseKeeper[TableState],
        drift: DriftStore,
        *,
        now: Callable[[], datetime],
        is_time_up: Callable[[], bool],
        is_cancelled: Callable[[], bool],
    ) -> None:
        """``keeper`` holds the line, ``table`` the table that it looks at."""
        self._work = replace(work, preview=True)
        self._keeper = keeper
        self._drift = drift
        self._now = now
        self._reconciliation = Reconciliation(
            self._work,
            LineProgress(keeper, table, work.mapping.lineage),
            self._keep,
            now=now,
            is_time_up=is_time_up,
            check_cancelled=partial(raise_if_cancelled, is_cancelled),
        )

    def run(self) -> bool:
        """Whether the line came to its end (which is stored), or another slice must go on.

        Raises the families of ``errors``; what was found up to the last page is kept.
        """
        if self._keeper.job.started_at is None:
            self._keeper.checkpoint(
                state=JobState.IN_PROCESS,
                started_at=self._now(),
                phase="",
                cursor="",
                message="",
                hint="",
            )
        if not self._reconciliation.run():
            return False
        self._drift.forget_others(self._work.mapping.name, self._work.run_id)
        self._keeper.finish(
            state=JobState.FINISHED, records_expected=self._keeper.job.records_handled
        )
        return True

    def _keep(self, drifts: Sequence[Drift]) -> None:
        self._drift.put_many(self._work.mapping.name, drifts)
