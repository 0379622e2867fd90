"""One turn of an instance: messages come in, the orchestrator runs, new history comes out.

Pure: the engine on tables and the driver for tests both call `open_turn`, run the orchestrator
over the history that results, and pass what it handed back to `close_turn`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile

from local.host.durable.history import EXECUTION, Event, EventType, answered_task, new_event
from local.host.durable.instance import Instance, Status, child_id
from local.host.durable.protocol import OrchestratorState, orchestrator_failure
from local.host.durable.replay import Replayed, ReplayError, replay

_STOPPING = {
    EventType.EXECUTION_TERMINATED: Status.TERMINATED,
    EventType.EXECUTION_SUSPENDED: Status.SUSPENDED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The outcome of a turn."""

    events: list[Event]
    """What the turn adds to the history after the events that opened it."""
    status: Status
    output: str | None = None
    """JSON text, for a final status."""
    custom_status: str | None = None
    """JSON text; None leaves it as it is."""
    continues: bool = False
    """The instance begins again with `next_input` and an empty history."""
    next_input: str | None = None
    carried_over: list[Event] = field(default_factory=list)
    """External events that the execution did not consume, for the next one."""
    cancelled_timers: frozenset[int] = frozenset()


def is_stopping(message: Event) -> bool:
    """Whether `message` terminates or suspends: it has a turn without the orchestrator."""
    return message["EventType"] in _STOPPING


def select_messages(status: Status, inbox: Sequence[Event]) -> list[Event]:
    """The messages that the next turn takes from `inbox`; none if there is nothing to do.

    Terminate comes first. A suspended instance takes nothing but what resumes it. Otherwise the
    order is that of the inbox, and a suspension has a turn of its own.
    """
    for message in inbox:
        if message["EventType"] == EventType.EXECUTION_TERMINATED:
            return [message]
    if status == Status.SUSPENDED:
        return _until_resumed(inbox)
    selected = list(takewhile(lambda message: not is_stopping(message), inbox))
    return selected or list(inbox[:1])


def _until_resumed(inbox: Sequence[Event]) -> list[Event]:
    selected: list[Event] = []
    for message in inbox:
        if message["EventType"] == EventType.EXECUTION_RESUMED:
            return [*selected, message]
        if is_stopping(message):
            selected.append(message)
    return []


def fresh_messages(
    instance: Instance, history: Sequence[Event], messages: Sequence[Event]
) -> list[Event]:
    """`messages` without the answers to work of an earlier execution and to work answered before.

    Such answers exist: an activity may end after its orchestration continued as new, and runs
    twice if the host was killed between its end and the note of it.
    """
    answered = {answered_task(event) for event in history}
    fresh: list[Event] = []
    for message in messages:
        task = answered_task(message)
        if task is not None:
            if message[EXECUTION] != instance.execution or task in answered:
                continue
            answered.add(task)
        fresh.append(message)
    return fresh


def open_turn(
    instance: Instance, history: Sequence[Event], messages: Sequence[Event], now: datetime
) -> list[Event]:
    """The events that begin a turn taking in `messages`."""
    opening = [new_event(EventType.ORCHESTRATOR_STARTED, now)]
    if not history:
        opening.append(
            new_event(
                EventType.EXECUTION_STARTED,
                now,
                Name=instance.name,
                Input=instance.input,
                Version=instance.version,
                Tags=None,
                ParentInstance=_parent_instance(instance),
                OrchestrationInstance={
                    "InstanceId": instance.id,
                    "ExecutionId": f"{instance.execution:032x}",
                },
            )
        )
    return [*opening, *messages]


def _parent_instance(instance: Instance) -> dict[str, object] | None:
    if instance.parent is None:
        return None
    return {
        "OrchestrationInstance": {"InstanceId": instance.parent.instance_id},
        "TaskScheduleId": instance.parent.task_id,
    }


def stopping_turn(message: Event, now: datetime) -> Turn:
    """The outcome of a turn that took in one message for which `is_stopping` holds."""
    status = _STOPPING[EventType(message["EventType"])]
    if status.is_final:
        return _final_turn(status, json.dumps(message.get("Input")), None, now)
    return Turn(events=[new_event(EventType.ORCHESTRATOR_COMPLETED, now)], status=status)


def close_turn(
    instance: Instance, history: Sequence[Event], state: OrchestratorState, now: datetime
) -> Turn:
    """The outcome of a turn, of the orchestrator's `state` over `history`, its opening included."""
    custom_status = None if state.custom_status is None else json.dumps(state.custom_status)
    if state.error is not None and not state.actions:
        return failed_turn(instance, state.error, now, custom_status)
    try:
        replayed = replay(state.actions, history)
    except ReplayError as error:
        reason = f"{error} (It raised: {state.error})" if state.error else str(error)
        return failed_turn(instance, reason, now, custom_status)
    if replayed.finished and state.error is not None:
        return failed_turn(instance, state.error, now, custom_status)
    if replayed.finished and replayed.continue_as_new is not None:
        return _continued_turn(replayed, custom_status)
    if replayed.finished and state.is_done:
        return _final_turn(Status.COMPLETED, json.dumps(state.output), custom_status, now)
    decisions = [_with_child_id(instance, event) for event in replayed.decisions]
    return Turn(
        events=[*decisions, new_event(EventType.ORCHESTRATOR_COMPLETED, now)],
        status=Status.RUNNING,
        custom_status=custom_status,
        cancelled_timers=replayed.cancelled_timers,
    )


def within_limit(instance: Instance, turn: Turn, now: datetime, limit: int) -> Turn:
    """`turn`, or the failure of the orchestration if it made a text longer than `limit`."""
    texts = [turn.output, turn.custom_status, turn.next_input]
    texts += [json.dumps(event) for event in turn.events]
    longest = max((len(text) for text in texts if text is not None), default=0)
    if longest <= limit:
        return turn
    return failed_turn(
        instance,
        f"an input, output or custom status takes {longest} characters as JSON; the local host "
        f"stores up to {limit}",
        now,
    )


def failed_turn(
    instance: Instance, reason: str, now: datetime, custom_status: str | None = None
) -> Turn:
    """The outcome of a turn in which the orchestration failed for `reason`."""
    output = json.dumps(orchestrator_failure(instance.name, reason))
    return _final_turn(Status.FAILED, output, custom_status, now)


def _final_turn(status: Status, output: str, custom_status: str | None, now: datetime) -> Turn:
    ending = [
        new_event(EventType.ORCHESTRATOR_COMPLETED, now),
        new_event(
            EventType.EXECUTION_COMPLETED, now, OrchestrationStatus=status.value, Result=output
        ),
    ]
    return Turn(events=ending, status=status, output=output, custom_status=custom_status)


def _continued_turn(replayed: Replayed, custom_status: str | None) -> Turn:
    action = replayed.continue_as_new or {}
    return Turn(
        events=[],
        status=Status.RUNNING,
        custom_status=custom_status,
        continues=True,
        # The SDK encodes the input itself, and the extension encodes that text once more.
        next_input=json.dumps(action.get("input")),
        carried_over=replayed.unconsumed,
    )


def _with_child_id(instance: Instance, event: Event) -> Event:
    if event["EventType"] != EventType.SUB_ORCHESTRATION_INSTANCE_CREATED or event["InstanceId"]:
        return event
    return {**event, "InstanceId": child_id(instance, event["EventId"])}
