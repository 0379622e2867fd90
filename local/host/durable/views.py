"""Instances and histories as the HTTP API shows them."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from local.host.durable.history import Event, EventType, answered_task
from local.host.durable.instance import Instance

_UNSHOWN = frozenset({EventType.ORCHESTRATOR_STARTED, EventType.ORCHESTRATOR_COMPLETED})
_FOLDED = frozenset({EventType.TASK_SCHEDULED, EventType.SUB_ORCHESTRATION_INSTANCE_CREATED})
_SHOWN_MEMBERS = ("Name", "InstanceId", "FireAt", "Reason", "Details", "OrchestrationStatus")


def instance_view(
    instance: Instance, *, show_input: bool, history: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The answer to a status query; `history` as `history_view` makes it."""
    return {
        "name": instance.name,
        "instanceId": instance.id,
        "runtimeStatus": instance.status.value,
        "input": _decoded(instance.input) if show_input else None,
        "customStatus": _decoded(instance.custom_status),
        "output": _decoded(instance.output),
        "createdTime": _seconds(instance.created),
        "lastUpdatedTime": _seconds(instance.updated),
        "historyEvents": history,
    }


def history_view(history: Sequence[Event], *, show_output: bool) -> list[dict[str, Any]]:
    """A history for people: event kinds by name, an answer together with what it answers.

    Inputs are never shown, results only with `show_output`.
    """
    scheduled = {event["EventId"]: event for event in history if event["EventType"] in _FOLDED}
    answered = {answered_task(event) for event in history}
    return [
        _event_view(event, scheduled, show_output=show_output)
        for event in history
        if event["EventType"] not in _UNSHOWN
        and not (event["EventType"] in _FOLDED and event["EventId"] in answered)
    ]


def _event_view(event: Event, scheduled: dict[int, Event], *, show_output: bool) -> dict[str, Any]:
    kind = EventType(event["EventType"])
    name = "".join(word.title() for word in kind.name.split("_"))
    view: dict[str, Any] = {"EventType": name, "Timestamp": event["Timestamp"]}
    view |= {member: event[member] for member in _SHOWN_MEMBERS if member in event}
    if kind == EventType.EXECUTION_STARTED:
        view["FunctionName"] = view.pop("Name")
    if "Result" in event and show_output:
        view["Result"] = _decoded(event["Result"])
    task = answered_task(event)
    if task is not None and task in scheduled:
        view["ScheduledTime"] = scheduled[task]["Timestamp"]
        view["FunctionName"] = scheduled[task]["Name"]
    return view


def _decoded(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _seconds(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
