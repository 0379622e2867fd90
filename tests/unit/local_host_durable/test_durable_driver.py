"""Real orchestrators, run by the SDK over the engine's rules in virtual time."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df
import pytest

from local.host.durable.replay import NonDeterminismError
from tests.support.durable_driver import Driver

START = datetime(2026, 1, 1, tzinfo=UTC)

blueprint = df.Blueprint()


@blueprint.orchestration_trigger(context_name="context")
def approval(context: df.DurableOrchestrationContext):
    """Fan-out, then an event or a day, then a sub-orchestration and a caught failure."""
    squares = yield context.task_all([context.call_activity("square", n) for n in range(4)])
    timer = context.create_timer(context.current_utc_datetime + timedelta(days=1))
    event = context.wait_for_external_event("Approved")
    winner = yield context.task_any([event, timer])
    if winner == event:
        timer.cancel()
    total = yield context.call_sub_orchestrator("doubled", sum(squares))
    try:
        yield context.call_activity("broken")
    except Exception as error:  # noqa: BLE001 - the SDK raises no other
        reason = str(error).strip()
    return {"by": event.result if winner == event else None, "total": total, "reason": reason}


@blueprint.orchestration_trigger(context_name="context")
def doubled(context: df.DurableOrchestrationContext):
    yield context.create_timer(context.current_utc_datetime + timedelta(minutes=1))
    return 2 * context.get_input()


@blueprint.orchestration_trigger(context_name="context")
def countdown(context: df.DurableOrchestrationContext):
    left = context.get_input()
    yield context.call_activity("square", left)
    if left:
        context.continue_as_new(left - 1)


@blueprint.orchestration_trigger(context_name="context")
def stubborn(context: df.DurableOrchestrationContext):
    options = df.RetryOptions(first_retry_interval_in_milliseconds=100, max_number_of_attempts=3)
    return (yield context.call_activity_with_retry("broken", options))


@blueprint.orchestration_trigger(context_name="context")
def polls(context: df.DurableOrchestrationContext):
    """Waits for an event, and looks again every ten minutes should it be lost."""
    looks = 0
    while True:
        looks += 1
        due = context.current_utc_datetime + timedelta(minutes=10)
        timer = context.create_timer(due)
        event = context.wait_for_external_event("Done")
        winner = yield context.task_any([event, timer])
        if winner == event:
            timer.cancel()
            return looks


@blueprint.orchestration_trigger(context_name="context")
def keeps_events(context: df.DurableOrchestrationContext):
    if context.get_input() == 1:
        yield context.wait_for_external_event("Next")
        context.continue_as_new(2)
        return None
    return (yield context.wait_for_external_event("Item"))


@blueprint.orchestration_trigger(context_name="context")
def gambles(context: df.DurableOrchestrationContext):
    yield context.call_activity("square", random.random())
    yield context.call_activity("square", 2)


@blueprint.activity_trigger(input_name="n")
def square(n: int) -> int:
    return n * n


@blueprint.activity_trigger(input_name="nothing")
async def broken(nothing: Any) -> None:
    raise ValueError("always")


def test_an_event_after_five_virtual_hours_wins_against_a_timer_of_a_day() -> None:
    driver = Driver(blueprint)
    driver.start("approval", None, "a")
    driver.raise_event("a", "Approved", {"by": "me"}, delay=timedelta(hours=5))

    driver.run()

    status = driver.status("a")
    assert status.runtime_status == "Completed"
    assert status.output == {
        "by": '{"by": "me"}',
        "total": 28,
        "reason": "Activity function 'broken' failed: ValueError: always",
    }
    assert driver.now == START + timedelta(hours=5, minutes=1)


def test_without_the_event_the_timer_of_a_day_wins() -> None:
    driver = Driver(blueprint)
    driver.start("approval", None, "a")

    driver.run()

    assert driver.status("a").output["by"] is None
    assert driver.now == START + timedelta(days=1, minutes=1)


def test_run_until_stops_in_the_middle() -> None:
    driver = Driver(blueprint)
    driver.start("approval", None, "a")

    driver.run(until=timedelta(hours=23))

    assert driver.status("a").runtime_status == "Running"
    assert driver.now == START + timedelta(hours=23)


def test_activities_are_replaced_by_callables_and_recorded() -> None:
    driver = Driver(blueprint, activities={"square": lambda n: 100 + n})
    driver.start("countdown", 2, "a")

    driver.run()

    assert driver.calls == [("square", 2), ("square", 1), ("square", 0)]
    assert driver.status("a").runtime_status == "Completed"


def test_a_replaced_activity_that_raises_fails_its_task() -> None:
    def refuse(_: Any) -> None:
        raise LookupError("no such row")

    driver = Driver(blueprint, activities={"square": refuse})
    driver.start("countdown", 2, "a")

    driver.run()

    assert driver.status("a").runtime_status == "Failed"
    assert "Activity function 'square' failed: LookupError: no such row" in (
        driver.status("a").output
    )


def test_exhausted_retries_fail_after_the_last_timer() -> None:
    driver = Driver(blueprint)
    driver.start("stubborn", None, "a")

    driver.run()

    assert driver.status("a").runtime_status == "Failed"
    assert len(driver.calls) == 3
    assert driver.now == START + timedelta(milliseconds=300)


def test_an_event_ends_a_loop_of_waits_whose_timers_won_before() -> None:
    driver = Driver(blueprint)
    driver.start("polls", None, "a")
    driver.raise_event("a", "Done", delay=timedelta(minutes=35))

    driver.run()

    assert driver.status("a").output == 4


def test_events_not_consumed_before_continue_as_new_reach_the_next_execution() -> None:
    driver = Driver(blueprint)
    driver.start("keeps_events", 1, "a")
    driver.raise_event("a", "Item", "early", delay=1)
    driver.raise_event("a", "Next", delay=2)

    driver.run()

    assert driver.status("a").output == '"early"'


def test_an_orchestrator_that_decides_otherwise_on_replay_is_detected() -> None:
    driver = Driver(blueprint)
    driver.start("gambles", None, "a")

    with pytest.raises(NonDeterminismError):
        driver.run()


def test_a_terminated_orchestration_does_nothing_more() -> None:
    driver = Driver(blueprint)
    driver.start("polls", None, "a")
    driver.terminate("a", "enough", delay=60)

    driver.run()

    assert driver.status("a").runtime_status == "Terminated"
    assert driver.status("a").output == "enough"
    assert driver.now == START + timedelta(seconds=60)


def test_a_running_id_cannot_be_started_again_and_a_finished_one_can() -> None:
    driver = Driver(blueprint)
    driver.start("countdown", 0, "a")
    with pytest.raises(ValueError, match="running already"):
        driver.start("countdown", 0, "a")
    driver.run()

    driver.start("countdown", 1, "a")
    driver.run()

    assert driver.calls == [("square", 0), ("square", 1), ("square", 0)]
