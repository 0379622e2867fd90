"""Runs and table jobs as values.

A run is one full synchronization of a connection or other long work on its tables (``RunKind``); a
table job is its line for one table mapping.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sync.mapping import Direction
from sync.recommendation import Mode, Recommendation


class RunKind(StrEnum):
    FULL_SYNC = "full-sync"
    PREVIEW = "preview"  # what a full synchronization would do; writes nothing
    RECONCILE = "reconcile"  # where the systems and the couplings differ; writes nothing to them
    MATCH = "match"  # which uncoupled records of both sides fit each other; couples nothing
    COUPLING = "coupling"  # what people want about many pairs (``sync.bulk``)


class RunState(StrEnum):
    IN_PROCESS = "in-process"
    FINISHED = "finished"
    FINISHED_WITH_ERRORS = "finished-with-errors"  # some records or some lines failed
    ERROR = "error"  # the run itself could not go on
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        return self is not RunState.IN_PROCESS


class JobState(StrEnum):
    """The job queue entry status of one line of the review."""

    WAITING = "waiting"  # for the lines it depends on
    READY = "ready"  # enqueued, no worker has begun
    IN_PROCESS = "in-process"
    FINISHED = "finished"
    FINISHED_WITH_ERRORS = "finished-with-errors"  # done; some records failed
    ERROR = "error"  # stopped before its end
    BLOCKED = "blocked"  # a line it depends on stopped before its end
    SKIPPED = "skipped"  # nothing to do, or excluded
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        return self not in (JobState.WAITING, JobState.READY, JobState.IN_PROCESS)


class TableStatus(StrEnum):
    """How one direction of a table job stands."""

    BLANK = ""  # not begun, or not a direction of this mapping
    IN_PROCESS = "in-process"
    SUCCESS = "success"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Records of one direction by what became of them."""

    inserted: int = 0
    modified: int = 0
    unchanged: int = 0
    skipped: int = 0
    waiting: int = 0
    conflict: int = 0
    failed: int = 0
    coupled: int = 0
    deleted: int = 0
    uncoupled: int = 0

    def __add__(self, other: Counters) -> Counters:
        return Counters(
            **{name: getattr(self, name) + getattr(other, name) for name in self.__slots__}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who may write a table job's progress, and until when."""

    owner: str = ""
    """One worker's one invocation, never used again; empty where nobody holds the lease."""
    epoch: int = 0
    """Grows with every taking; the last taker's number is the only one that may write."""
    expires_at: datetime | None = None

    def is_alive(self, now: datetime) -> bool:
        return bool(self.owner) and self.expires_at is not None and now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    run_id: str
    kind: RunKind
    state: RunState
    started_at: datetime
    started_by: str
    mappings: tuple[str, ...]
    """Names of the table jobs' mappings, in the order of the review."""
    finished_at: datetime | None = None
    cancel_requested: bool = False
    generation: int = 0
    """Raised when a line is restarted: the orchestration's instance id is ``run~generation``."""
    message: str = ""
    """Why the run ended in ``error``; empty else."""
    order: str = ""
    """What was ordered besides the mappings, as JSON; empty where that says it all."""
    etag: str = field(default="", compare=False)

    @property
    def instance_id(self) -> str:
        """Id of the orchestration that carries out this generation of the run."""
        return f"{self.run_id}~{self.generation}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableJob:
    run_id: str
    mapping: str
    name: str
    """How people call the line."""
    direction: Direction
    state: JobState
    created_at: datetime
    dependencies: tuple[str, ...] = ()
    """Mappings whose lines must be done first."""
    mode: Mode | None = None
    """Of a full synchronization or its preview: what is done with the table. None until the line
    began, where nobody ordered it."""
    recommendation: Recommendation | None = None
    """Where ``mode`` comes from; None where it was ordered."""
    to_crm_status: TableStatus = TableStatus.BLANK
    from_crm_status: TableStatus = TableStatus.BLANK
    to_crm: Counters = field(default_factory=Counters)
    from_crm: Counters = field(default_factory=Counters)
    records_expected: int | None = None
    """None where the service did not tell."""
    records_handled: int = 0
    phase: str = ""
    """Which part of the work the cursor belongs to."""
    cursor: str = ""
    """Checkpoint within the phase, opaque to all but the worker; empty at its beginning."""
    attempt: int = 1
    """Raised when the line is restarted."""
    failures: int = 0
    """Tries in a row that ended without handling a page."""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    message: str = ""
    hint: str = ""
    warning: str = ""
    """What to know although the line may go on: records of a table it depends on failed."""
    blocked_by: tuple[str, ...] = ()
    waiting_for: tuple[str, ...] = ()
    lease: Lease = field(default_factory=Lease)
    etag: str = field(default="", compare=False)
    """Version of the stored row this was read from; every write needs it."""
