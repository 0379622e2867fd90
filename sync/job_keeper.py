"""Holding a table job's lease while its slice works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sync.jobs import JobStore, TableJob
from sync.lease_keeper import LeaseKeeper


class JobKeeper(LeaseKeeper[TableJob]):
    """A held table job."""

    def __init__(
        self, store: JobStore, job: TableJob, *, now: Callable[[], datetime], lease_seconds: float
    ) -> None:
        """``job`` is as ``JobStore.acquire_lease`` returned it."""
        super().__init__(store, job, now=now, lease_seconds=lease_seconds)
        self._jobs = store

    @property
    def job(self) -> TableJob:
        """The job as stored last."""
        return self._held

    def finish(self, **changes: Any) -> None:
        """Store the job's end; raises ``LeaseLostError``."""
        with self._lock:
            self._held = self._jobs.finish(replace(self._held, **changes), now=self._now())
