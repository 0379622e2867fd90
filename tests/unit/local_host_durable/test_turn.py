"""What a turn takes in and what comes of it."""

import json
from datetime import UTC, datetime
from typing import Any

from local.host.durable.history import EXECUTION, Event, EventType, new_event, task_answer
from local.host.durable.instance import Instance, ParentTask, Status
from local.host.durable.protocol import OrchestratorState
from local.host.durable.replay import ActionType
from local.host.durable.turn import (
    close_turn,
    fresh_messages,
    open_turn,
    select_messages,
    stopping_turn,
    within_limit,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVENT = new_event(EventType.EVENT_RAISED, NOW, Name="Go", Input="1")
TERMINATE = new_event(EventType.EXECUTION_TERMINATED, NOW, Input="enough")
SUSPEND = new_event(EventType.EXECUTION_SUSPENDED, NOW)
RESUME = new_event(EventType.EXECUTION_RESUMED, NOW)
CALL = {"actionType": ActionType.CALL_ACTIVITY, "functionName": "work", "input": "1"}


def instance(**changes: Any) -> Instance:
    members = {"id": "i", "name": "orchestrator", "status": Status.RUNNING} | changes
    return Instance(created=NOW, updated=NOW, **members)


def state(*actions: dict[str, Any], **members: Any) -> OrchestratorState:
    return OrchestratorState(actions=list(actions), **{"is_done": False} | members)


def answer(number: int, execution: int = 0) -> Event:
    scheduled = new_event(EventType.TASK_SCHEDULED, NOW, number=number)
    return {**task_answer(scheduled, NOW, result="1"), EXECUTION: execution}


def test_a_termination_is_taken_before_everything_else() -> None:
    assert select_messages(Status.RUNNING, [EVENT, SUSPEND, TERMINATE]) == [TERMINATE]
    assert select_messages(Status.SUSPENDED, [EVENT, TERMINATE]) == [TERMINATE]


def test_a_suspension_has_a_turn_of_its_own_in_the_order_of_the_inbox() -> None:
    assert select_messages(Status.RUNNING, [EVENT, SUSPEND, EVENT]) == [EVENT]
    assert select_messages(Status.RUNNING, [SUSPEND, EVENT]) == [SUSPEND]


def test_a_suspended_instance_takes_only_what_resumes_it() -> None:
    assert select_messages(Status.SUSPENDED, [EVENT]) == []
    assert select_messages(Status.SUSPENDED, [EVENT, SUSPEND, RESUME, EVENT]) == [SUSPEND, RESUME]


def test_an_answer_is_taken_once() -> None:
    assert fresh_messages(instance(), [answer(0)], [answer(0), answer(1), answer(1), EVENT]) == [
        answer(1),
        EVENT,
    ]


def test_an_answer_to_an_earlier_execution_is_void() -> None:
    assert fresh_messages(instance(execution=2), [], [answer(0, execution=1)]) == []


def test_the_first_turn_begins_the_execution() -> None:
    parent = ParentTask(instance_id="p", execution=0, task_id=3)
    first = open_turn(instance(input='"x"', parent=parent), [], [EVENT], NOW)

    kinds = [event["EventType"] for event in first]
    assert kinds == [
        EventType.ORCHESTRATOR_STARTED,
        EventType.EXECUTION_STARTED,
        EventType.EVENT_RAISED,
    ]
    assert first[1]["Input"] == '"x"'
    assert first[1]["ParentInstance"]["OrchestrationInstance"]["InstanceId"] == "p"
    assert open_turn(instance(), first, [EVENT], NOW)[1:] == [EVENT]


def test_new_decisions_are_added_and_a_sub_orchestration_gets_an_id() -> None:
    action = {
        "actionType": ActionType.CALL_SUB_ORCHESTRATOR,
        "functionName": "child",
        "input": "1",
        "instanceId": None,
    }
    history = open_turn(instance(execution=10), [], [], NOW)

    turn = close_turn(instance(execution=10), history, state(action), NOW)

    assert turn.status == Status.RUNNING
    assert turn.events[0]["InstanceId"] == "i:a:0"
    assert turn.events[-1]["EventType"] == EventType.ORCHESTRATOR_COMPLETED


def test_a_returned_orchestrator_completes_with_its_output() -> None:
    history = open_turn(instance(), [], [], NOW)

    turn = close_turn(instance(), history, state(is_done=True, output={"n": 1}), NOW)

    assert (turn.status, turn.output) == (Status.COMPLETED, '{"n": 1}')
    assert turn.events[-1]["OrchestrationStatus"] == "Completed"


def test_an_error_counts_only_when_every_action_has_ended() -> None:
    both = {"actionType": ActionType.WHEN_ALL, "compoundActions": [CALL, CALL]}
    history = open_turn(instance(), [], [], NOW)
    history += close_turn(instance(), history, state(both), NOW).events
    scheduled = new_event(EventType.TASK_SCHEDULED, NOW, number=0)
    failure = {**task_answer(scheduled, NOW, failure="broken"), EXECUTION: 0}
    history += open_turn(instance(), history, [failure], NOW)

    waiting = close_turn(instance(), history, state(both, error="broken"), NOW)
    assert waiting.status == Status.RUNNING

    history += [*waiting.events, *open_turn(instance(), history, [answer(1)], NOW)]
    turn = close_turn(instance(), history, state(both, error="broken"), NOW)
    assert turn.status == Status.FAILED
    assert turn.output == json.dumps("Orchestrator function 'orchestrator' failed: broken")


def test_a_failure_before_any_action_is_not_taken_for_non_determinism() -> None:
    history = open_turn(instance(), [], [], NOW)
    history += close_turn(instance(), history, state(CALL), NOW).events
    history += open_turn(instance(), history, [answer(0)], NOW)

    turn = close_turn(instance(), history, state(error="ImportError: gone"), NOW)

    assert "failed: ImportError: gone" in str(turn.output)


def test_a_custom_status_is_kept_when_none_is_given() -> None:
    history = open_turn(instance(), [], [], NOW)

    assert close_turn(instance(), history, state(), NOW).custom_status is None
    assert close_turn(instance(), history, state(custom_status=1), NOW).custom_status == "1"


def test_terminating_ends_with_the_reason_as_output() -> None:
    turn = stopping_turn(TERMINATE, NOW)

    assert (turn.status, turn.output) == (Status.TERMINATED, '"enough"')


def test_suspending_leaves_the_instance_unfinished() -> None:
    assert stopping_turn(SUSPEND, NOW).status == Status.SUSPENDED


def test_a_turn_with_a_text_too_long_fails_instead() -> None:
    history = open_turn(instance(), [], [], NOW)
    turn = close_turn(instance(), history, state(is_done=True, output="x" * 50), NOW)

    assert within_limit(instance(), turn, NOW, limit=1000) is turn
    limited = within_limit(instance(), turn, NOW, limit=51)
    assert limited.status == Status.FAILED
    assert "the local host stores up to 51" in str(limited.output)
