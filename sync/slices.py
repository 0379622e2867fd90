"""What a slice of a line does is told by the kind of its run; what all have in common is here.

A worker holds the line and its table, opens the services, and leaves the rest to the slice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sync.drift_store import DriftStore
from sync.job_keeper import JobKeeper
from sync.jobs import Run
from sync.lease_keeper import LeaseKeeper
from sync.reconcile_line import ReconcileSlice
from sync.table_job import TableJobSlice
from sync.table_model import TableState
from sync.work import Work


class Slice(Protocol):
    """A piece of a line's work, as long as one message may take."""

    def run(self) -> bool:
        """Whether the line came to its end (which is stored), or another slice must go on.

        Raises the families of ``errors``; progress up to the last checkpoint is kept.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a slice works with."""

    run: Run
    work: Work
    line: JobKeeper
    """The held line."""
    table: LeaseKeeper[TableState]
    """The held table."""
    now: Callable[[], datetime]
    is_time_up: Callable[[], bool]
    is_cancelled: Callable[[], bool]


type MakeSlice = Callable[[Held], Slice]


def synchronizing(held: Held) -> Slice:
    """Brings the table into step; of a preview, counts what that would do."""
    return TableJobSlice(
        held.work,
        held.line,
        held.table,
        now=held.now,
        is_time_up=held.is_time_up,
        is_cancelled=held.is_cancelled,
    )


def reconciling(drift: DriftStore) -> MakeSlice:
    """Looks for drift, which it keeps in this store."""

    def make(held: Held) -> Slice:
        return ReconcileSlice(
            held.work,
            held.line,
            held.table,
            drift,
            now=held.now,
            is_time_up=held.is_time_up,
            is_cancelled=held.is_cancelled,
        )

    return make
