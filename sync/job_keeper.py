"""Holding a table job's lease while its slice works, and writing its progress.

The lease is extended by a thread of its own, so that a page may take longer than the lease lasts.
A worker that lost its lease learns it at its next checkpoint and stops without a trace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self

from errors import CouplerError
from sync.jobs import JobStore, LeaseLostError, TableJob


class JobKeeper:
    """A held table job; a context manager that extends the lease until it is left."""

    def __init__(
        self, store: JobStore, job: TableJob, *, now: Callable[[], datetime], lease_seconds: float
    ) -> None:
        """``job`` is as ``JobStore.acquire_lease`` returned it."""
        self._store = store
        self._job = job
        self._now = now
        self._seconds = lease_seconds
        self._lock = Lock()
        self._stop = Event()
        self._lost: LeaseLostError | None = None
        self._thread = Thread(target=self._extend, name="lease-keeper", daemon=True)

    @property
    def job(self) -> TableJob:
        """The job as stored last."""
        return self._job

    def checkpoint(self, **changes: Any) -> None:
        """Store progress; raises ``LeaseLostError``."""
        with self._lock:
            if self._lost:
                raise self._lost
            changed = replace(self._job, **changes)
            self._job = self._store.checkpoint(changed, now=self._now(), seconds=self._seconds)

    def postpone(self, seconds: float, **changes: Any) -> None:
        """Store progress and hold the lease so long, that nobody tries before; it is not extended
        any more. Raises ``LeaseLostError``."""
        self._stop.set()
        with self._lock:
            if self._lost:
                raise self._lost
            changed = replace(self._job, **changes)
            self._job = self._store.checkpoint(changed, now=self._now(), seconds=seconds)

    def release(self) -> None:
        """Give the lease back for the next slice; raises ``LeaseLostError``."""
        with self._lock:
            self._job = self._store.release(self._job)

    def finish(self, **changes: Any) -> None:
        """Store the job's end; raises ``LeaseLostError``."""
        with self._lock:
            self._job = self._store.finish(replace(self._job, **changes), now=self._now())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _extend(self) -> None:
        while not self._stop.wait(self._seconds / 3):
            with self._lock:
                if self._stop.is_set() or not self._job.lease.owner:
                    return
                try:
                    self._job = self._store.checkpoint(
                        self._job, now=self._now(), seconds=self._seconds
                    )
                except LeaseLostError as lost:
                    self._lost = lost
                    return
                except CouplerError:
                    # The storage is briefly away: the next attempt, or the next checkpoint, tells.
                    continue
