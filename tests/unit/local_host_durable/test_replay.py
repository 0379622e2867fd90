"""The framework's bookkeeping that the SDK counts on."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.host.durable.history import (
    Event,
    EventType,
    format_time,
    new_event,
    task_answer,
    timer_fired,
)
from local.host.durable.replay import (
    ActionType,
    NonDeterminismError,
    Replayed,
    UnsupportedActionError,
    replay,
)

START = datetime(2026, 1, 1, tzinfo=UTC)


class Story:
    """A history in the making: each replay appends its decisions, each answer opens a turn."""

    def __init__(self) -> None:
        self.now = START
        self.history: list[Event] = []
        self._open_turn()
        self.history.append(new_event(EventType.EXECUTION_STARTED, self.now, Name="orchestrator"))

    def replay(self, *actions: dict[str, Any]) -> Replayed:
        replayed = replay(actions, self.history)
        self.history += replayed.decisions
        return replayed

    def complete(self, *numbers: int) -> None:
        self._answer(*(task_answer(self._scheduled(n), self.now, result="1") for n in numbers))

    def fail(self, number: int) -> None:
        self._answer(task_answer(self._scheduled(number), self.now, failure="broken"))

    def fire(self, number: int) -> None:
        self._answer(timer_fired(self._scheduled(number), self.now))

    def raise_event(self, *names: str) -> None:
        self._answer(*(new_event(EventType.EVENT_RAISED, self.now, Name=n) for n in names))

    def _answer(self, *answers: Event) -> None:
        self.now += timedelta(seconds=1)
        self._open_turn()
        self.history += answers

    def _open_turn(self) -> None:
        self.history.append(new_event(EventType.ORCHESTRATOR_STARTED, self.now))

    def _scheduled(self, number: int) -> Event:
        return next(event for event in self.history if event["EventId"] == number)


def activity(name: str) -> dict[str, Any]:
    return {"actionType": ActionType.CALL_ACTIVITY, "functionName": name, "input": "1"}


def retried(name: str, attempts: int) -> dict[str, Any]:
    options = {"firstRetryIntervalInMilliseconds": 500, "maxNumberOfAttempts": attempts}
    return {
        "actionType": ActionType.CALL_ACTIVITY_WITH_RETRY,
        "functionName": name,
        "retryOptions": options,
    }


def timer(*, cancelled: bool = False) -> dict[str, Any]:
    fire_at = format_time(START + timedelta(hours=1))
    return {"actionType": ActionType.CREATE_TIMER, "fireAt": fire_at, "isCanceled": cancelled}


def event(name: str) -> dict[str, Any]:
    return {"actionType": ActionType.WAIT_FOR_EXTERNAL_EVENT, "externalEventName": name}


def when_all(*actions: dict[str, Any]) -> dict[str, Any]:
    return {"actionType": ActionType.WHEN_ALL, "compoundActions": list(actions)}


def when_any(*actions: dict[str, Any]) -> dict[str, Any]:
    return {"actionType": ActionType.WHEN_ANY, "compoundActions": list(actions)}


def decided(replayed: Replayed) -> list[tuple[str, int]]:
    return [(EventType(e["EventType"]).name, e["EventId"]) for e in replayed.decisions]


def test_an_action_is_scheduled_once_and_the_next_only_after_its_answer() -> None:
    story = Story()

    assert decided(story.replay(activity("a"))) == [("TASK_SCHEDULED", 0)]
    assert decided(story.replay(activity("a"), activity("b"))) == []
    story.complete(0)
    assert decided(story.replay(activity("a"), activity("b"))) == [("TASK_SCHEDULED", 1)]


def test_the_run_is_finished_when_every_action_has_ended() -> None:
    story = Story()

    assert not story.replay(activity("a")).finished
    story.complete(0)
    assert story.replay(activity("a")).finished
    assert replay([], Story().history).finished


def test_a_failed_action_does_not_keep_the_next_from_being_taken() -> None:
    story = Story()
    story.replay(activity("a"))
    story.fail(0)

    assert decided(story.replay(activity("a"), activity("b"))) == [("TASK_SCHEDULED", 1)]


def test_all_waits_for_every_child_even_after_one_has_failed() -> None:
    story = Story()
    action = when_all(activity("a"), activity("b"))
    story.replay(action)
    story.fail(0)

    assert not story.replay(action).finished
    story.complete(1)
    assert story.replay(action).finished


def test_any_ends_with_its_first_child() -> None:
    story = Story()
    action = when_any(activity("a"), activity("b"))
    assert decided(story.replay(action)) == [("TASK_SCHEDULED", 0), ("TASK_SCHEDULED", 1)]
    story.fail(1)

    assert story.replay(action).finished


def test_all_of_nothing_has_ended_already() -> None:
    assert Story().replay(when_all()).finished


def test_a_retry_waits_for_a_timer_after_each_attempt_also_the_last() -> None:
    story = Story()
    action = retried("a", attempts=2)
    assert decided(story.replay(action)) == [("TASK_SCHEDULED", 0)]
    story.fail(0)
    first_timer = story.replay(action)
    assert decided(first_timer) == [("TIMER_CREATED", 1)]
    assert first_timer.decisions[0]["FireAt"] == "2026-01-01T00:00:01.500000Z"
    story.fire(1)
    assert decided(story.replay(action)) == [("TASK_SCHEDULED", 2)]
    story.fail(2)
    last_timer = story.replay(action)
    assert decided(last_timer) == [("TIMER_CREATED", 3)]
    assert not last_timer.finished
    story.fire(3)
    assert story.replay(action).finished


def test_a_retry_ends_with_the_first_success() -> None:
    story = Story()
    action = retried("a", attempts=5)
    story.replay(action)
    story.fail(0)
    story.replay(action)
    story.fire(1)
    story.replay(action)
    story.complete(2)

    replayed = story.replay(action)
    assert replayed.finished
    assert replayed.decisions == []


def test_an_event_that_came_before_it_is_awaited_is_kept() -> None:
    story = Story()
    story.raise_event("Go")

    assert story.replay(event("Go")).finished


def test_unconsumed_events_are_reported_in_the_order_of_their_arrival() -> None:
    story = Story()
    story.raise_event("A", "B", "A")

    names = [e["Name"] for e in story.replay(event("B")).unconsumed]
    assert names == ["A", "A"]


def test_an_event_goes_to_the_latest_wait_for_its_name() -> None:
    story = Story()
    lost_race = when_any(event("Go"), timer())
    story.replay(lost_race)
    story.fire(0)
    again = when_any(event("Go"), timer())
    story.replay(lost_race, again)
    story.raise_event("Go")

    assert story.replay(lost_race, again).finished


def test_a_cancelled_timer_ends_at_once_and_is_reported() -> None:
    story = Story()
    story.replay(when_any(event("Go"), timer()))
    story.raise_event("Go")

    replayed = story.replay(when_any(event("Go"), timer(cancelled=True)), activity("a"))
    assert replayed.cancelled_timers == {0}
    assert decided(replayed) == [("TASK_SCHEDULED", 1)]


def test_continue_as_new_is_reported_with_its_action() -> None:
    action = {"actionType": ActionType.CONTINUE_AS_NEW, "input": "2"}

    replayed = Story().replay(action)

    assert replayed.continue_as_new == action
    assert replayed.finished


@pytest.mark.parametrize(
    "repeated",
    [
        pytest.param([activity("b")], id="another activity"),
        pytest.param([timer()], id="another kind"),
        pytest.param([event("Go")], id="nothing scheduled"),
    ],
)
def test_a_decision_that_is_not_repeated_is_refused(repeated: list[dict[str, Any]]) -> None:
    story = Story()
    story.replay(activity("a"))
    story.complete(0)

    with pytest.raises(NonDeterminismError, match="scheduled TASK_SCHEDULED a as number 0"):
        story.replay(*repeated)


@pytest.mark.parametrize("kind", [ActionType.CALL_ENTITY, ActionType.CALL_HTTP, 99])
def test_an_action_that_the_host_does_not_have_is_refused_by_name(kind: int) -> None:
    name = kind.name if isinstance(kind, ActionType) else "99"

    with pytest.raises(UnsupportedActionError, match=f"does not implement the action {name}"):
        Story().replay({"actionType": int(kind)})


def test_a_long_run_of_ended_actions_needs_no_deep_recursion() -> None:
    story = Story()
    story.raise_event(*["Go"] * 5000)

    assert story.replay(*[event("Go")] * 5000).finished
