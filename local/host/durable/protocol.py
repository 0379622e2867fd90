"""What the SDK is handed for a turn of an orchestrator, and what it hands back.

An orchestrator function takes one JSON text and returns another. If the orchestration fails, the
SDK raises instead, with the same JSON behind a marker in the exception's message.
"""

import json
from dataclasses import dataclass
from typing import Any

from local.host.durable.history import Event, for_sdk
from local.host.durable.instance import Instance
from local.host.durable.replay import Action

FAILURE_MARKER = "\n\n$OutOfProcData$:"
"""What stands between the text and the state in the message of an orchestrator's failure."""


class ProtocolError(Exception):
    """The orchestrator function gave back something that is not the SDK's state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorState:
    """What the SDK hands back: all actions since the orchestration began, and how far it came."""

    actions: list[Action]
    is_done: bool
    output: Any = None
    error: str | None = None
    custom_status: Any = None
    """None leaves the custom status as it is."""


def orchestrator_input(instance: Instance, history: list[Event]) -> str:
    """The text that the orchestrator's trigger parameter takes.

    The schema versions are those of the extension for SDK 1.7. The two durations tell when the SDK
    should cut a long timer into short ones; that schema would do so, this one never does.
    """
    return json.dumps(
        {
            "history": for_sdk(history),
            "input": None if instance.input is None else json.loads(instance.input),
            "instanceId": instance.id,
            "isReplaying": False,
            "parentInstanceId": instance.parent.instance_id if instance.parent else None,
            "upperSchemaVersion": 1,
            "upperSchemaVersionNew": 2,
            "longRunningTimerIntervalDuration": "3.00:00:00",
            "maximumShortTimerDuration": "6.00:00:00",
            "defaultHttpAsyncRequestSleepTimeMillseconds": 30000,
        }
    )


def read_state(text: str) -> OrchestratorState:
    """The state in what the orchestrator function returned. Raises ProtocolError."""
    try:
        state = json.loads(text)
        # One list of lists is the newer schema, which `orchestrator_input` asks for.
        (actions,) = state["actions"]
        return OrchestratorState(
            actions=actions,
            is_done=state["isDone"],
            output=state.get("output"),
            error=state.get("error"),
            custom_status=state.get("customStatus"),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ProtocolError(
            f"what the orchestrator returned is not the state of azure-functions-durable 1.x: "
            f"{error!r}"
        ) from error


def read_failure(message: str) -> OrchestratorState:
    """The state in the message of what the orchestrator function raised.

    A message without a state comes of a failure outside the orchestrator's code; it fails the
    orchestration as it stands. Raises ProtocolError if there is a marker but no state behind it.
    """
    text, marker, state_text = message.partition(FAILURE_MARKER)
    if not marker:
        return OrchestratorState(actions=[], is_done=False, error=message)
    state = read_state(state_text)
    return OrchestratorState(
        actions=state.actions,
        is_done=False,
        error=state.error or text or "the orchestrator gave no reason",
        custom_status=state.custom_status,
    )


def activity_failure(name: str, message: str) -> str:
    """The reason of a failed activity, worded as in Azure; `message` is "<type>: <text>"."""
    return f"Activity function '{name}' failed: {message}"


def orchestrator_failure(name: str, message: str) -> str:
    """The output of a failed orchestration and its reason for a parent, worded as in Azure."""
    return f"Orchestrator function '{name}' failed: {message}"
