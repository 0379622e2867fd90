"""The events that make up an orchestration's history, in the form that the SDK reads them.

An event is a JSON object with ``EventType``, ``EventId`` (its number if it schedules work, else
-1), ``Timestamp`` and members of its own. A *message* is an event that waits in an instance's inbox
and becomes history when a turn takes it in. It carries two members that the SDK never sees:
``MessageId`` and, if it answers scheduled work, ``Execution``.
"""

from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

Event = dict[str, Any]

MESSAGE_ID = "MessageId"
EXECUTION = "Execution"
_HOST_ONLY = frozenset({MESSAGE_ID, EXECUTION})


class EventType(IntEnum):
    """The kinds of events, numbered as in the Durable Task Framework."""

    EXECUTION_STARTED = 0
    EXECUTION_COMPLETED = 1
    EXECUTION_TERMINATED = 3
    TASK_SCHEDULED = 4
    TASK_COMPLETED = 5
    TASK_FAILED = 6
    SUB_ORCHESTRATION_INSTANCE_CREATED = 7
    SUB_ORCHESTRATION_INSTANCE_COMPLETED = 8
    SUB_ORCHESTRATION_INSTANCE_FAILED = 9
    TIMER_CREATED = 10
    TIMER_FIRED = 11
    ORCHESTRATOR_STARTED = 12
    ORCHESTRATOR_COMPLETED = 13
    EVENT_RAISED = 15
    EXECUTION_SUSPENDED = 19
    EXECUTION_RESUMED = 20


SCHEDULING = frozenset(
    {
        EventType.TASK_SCHEDULED,
        EventType.SUB_ORCHESTRATION_INSTANCE_CREATED,
        EventType.TIMER_CREATED,
    }
)
"""The events that schedule work; each is answered once by an event that names its number."""

_ANSWERED_BY = {
    EventType.TASK_COMPLETED: "TaskScheduledId",
    EventType.TASK_FAILED: "TaskScheduledId",
    EventType.SUB_ORCHESTRATION_INSTANCE_COMPLETED: "TaskScheduledId",
    EventType.SUB_ORCHESTRATION_INSTANCE_FAILED: "TaskScheduledId",
    EventType.TIMER_FIRED: "TimerId",
}


def format_time(moment: datetime) -> str:
    """`moment` in UTC with microseconds; such texts sort in the order of time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """The moment that an ISO 8601 text names; without an offset it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def new_event(kind: EventType, now: datetime, *, number: int = -1, **members: Any) -> Event:
    """An event of `kind` that happened at `now`."""
    return {
        "EventType": int(kind),
        "EventId": number,
        "Timestamp": format_time(now),
        **members,
    }


def answered_task(event: Event) -> int | None:
    """The number of the scheduled work that `event` answers; None if it answers none."""
    member = _ANSWERED_BY.get(event["EventType"])
    return None if member is None else int(event[member])


def task_answer(
    scheduled: Event, now: datetime, *, result: str | None = None, failure: str | None = None,
    details: str = "",
) -> Event:  # fmt: skip
    """The answer to a scheduled activity or sub-orchestration.

    `result` is JSON text; `failure`, if given, is the reason for which the work failed.
    """
    is_activity = scheduled["EventType"] == EventType.TASK_SCHEDULED
    task = {"TaskScheduledId": scheduled["EventId"]}
    if failure is None:
        kind = (
            EventType.TASK_COMPLETED
            if is_activity
            else EventType.SUB_ORCHESTRATION_INSTANCE_COMPLETED
        )
        return new_event(kind, now, **task, Result=result)
    kind = EventType.TASK_FAILED if is_activity else EventType.SUB_ORCHESTRATION_INSTANCE_FAILED
    return new_event(kind, now, **task, Reason=failure, Details=details)


def timer_fired(timer: Event, now: datetime) -> Event:
    """The answer to a TimerCreated event."""
    return new_event(EventType.TIMER_FIRED, now, TimerId=timer["EventId"], FireAt=timer["FireAt"])


def unanswered(history: list[Event], messages: list[Event]) -> list[Event]:
    """The scheduling events of `history` that neither it nor `messages` answer, in their order."""
    answered = {answered_task(event) for event in (*history, *messages)}
    return [
        event
        for event in history
        if event["EventType"] in SCHEDULING and event["EventId"] not in answered
    ]


def for_sdk(history: list[Event]) -> list[Event]:
    """`history` as the SDK takes it: what came before the last turn is marked as played."""
    last_start = max(
        index
        for index, event in enumerate(history)
        if event["EventType"] == EventType.ORCHESTRATOR_STARTED
    )
    return [
        {
            **{name: value for name, value in event.items() if name not in _HOST_ONLY},
            "IsPlayed": index < last_start,
        }
        for index, event in enumerate(history)
    ]
