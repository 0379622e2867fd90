"""What is known of one orchestration instance, apart from its history."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """The runtime status of an instance, spelled as in the HTTP API."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUSPENDED = "Suspended"
    COMPLETED = "Completed"
    FAILED = "Failed"
    TERMINATED = "Terminated"

    @property
    def is_final(self) -> bool:
        """Whether the instance will never run again by itself."""
        return self in _FINAL


_FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.TERMINATED})


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentTask:
    """The scheduled work that a sub-orchestration fulfils: which task of which execution."""

    instance_id: str
    execution: int
    task_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """An orchestration instance. `input`, `output` and `custom_status` are JSON text or None."""

    id: str
    name: str
    """The orchestrator function."""
    status: Status
    created: datetime
    updated: datetime
    input: str | None = None
    output: str | None = None
    custom_status: str | None = None
    version: str = ""
    execution: int = 0
    """Raised by one when the instance continues as new and when a finished id is started again;
    answers to work that an earlier execution scheduled are thereby told apart."""
    history_count: int = 0
    """How many events of the current execution's history are committed."""
    parent: ParentTask | None = None
    taken_over: tuple[str, ...] = ()
    """External events that the previous execution consumed in its last turn. Its history is gone,
    so that recovery knows by these message ids not to deliver them again."""


def child_id(parent: Instance, task_id: int) -> str:
    """The id of a sub-orchestration for which the orchestrator names none."""
    return f"{parent.id}:{parent.execution:x}:{task_id:x}"
