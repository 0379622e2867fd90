"""Orchestrations on the running host, from the app's point of view."""

import pytest

from tests.host.durable.conftest import DurableHost


def test_start_answers_202_with_management_urls(host: DurableHost) -> None:
    answer = host.request("POST", "orchestrators/echo", {"n": 1})

    assert answer.status_code == 202
    links = answer.json()
    assert set(links) == {
        "id",
        "statusQueryGetUri",
        "sendEventPostUri",
        "terminatePostUri",
        "rewindPostUri",
        "purgeHistoryDeleteUri",
        "restartPostUri",
        "suspendPostUri",
        "resumePostUri",
    }
    assert answer.headers["Location"] == links["statusQueryGetUri"]
    assert host.output(links["id"]) == {"n": 1}


def test_the_sdk_client_starts_an_orchestration_and_reads_its_status(host: DurableHost) -> None:
    answer = host.request("POST", "/api/start/echo", {"n": 1}, id="by-sdk")

    assert answer.status_code == 202
    assert answer.json()["id"] == "by-sdk"
    assert host.output("by-sdk") == {"n": 1}
    status = host.request("GET", "/api/status/by-sdk").json()
    assert status["runtimeStatus"] == "Completed"
    assert status["output"] == {"n": 1}


def test_the_sdk_client_is_told_that_an_orchestrator_does_not_exist(host: DurableHost) -> None:
    answer = host.request("POST", "/api/start/nobody", {})

    assert answer.status_code == 500
    assert "The function 'nobody' doesn't exist" in host.process.log_text()


def test_the_sdk_client_reads_no_status_of_an_unknown_instance(host: DurableHost) -> None:
    assert host.request("GET", "/api/status/unheard-of").json() is None


def test_an_activity_gets_a_client_that_starts_orchestrations(host: DurableHost) -> None:
    other = host.output(host.start("delegates"))

    assert host.output(other) == "from an activity"


def test_fan_out_gathers_all_results(host: DurableHost) -> None:
    assert host.output(host.start("fan_out", 20)) == sum(n * n for n in range(20))


def test_a_failing_activity_is_retried_until_it_succeeds(host: DurableHost) -> None:
    assert host.output(host.start("retries", "three-attempts")) == "attempt 3"
    assert host.notes().count("flaky three-attempts") == 3


def test_an_activity_failure_reaches_the_orchestrator_worded_as_in_azure(
    host: DurableHost,
) -> None:
    assert host.output(host.start("catches")) == "Activity function 'boom' failed: ValueError: bang"


def test_a_raising_orchestrator_fails_with_its_reason(host: DurableHost) -> None:
    status = host.finished(host.start("fails"))

    assert status["runtimeStatus"] == "Failed"
    assert status["output"] == "Orchestrator function 'fails' failed: no luck"


def test_calling_an_activity_that_does_not_exist_fails_with_a_clear_text(
    host: DurableHost,
) -> None:
    status = host.finished(host.start("misses"))

    assert status["runtimeStatus"] == "Failed"
    assert "The function 'nowhere' doesn't exist" in status["output"]


def test_sub_orchestrations_answer_and_fail_to_their_parent(host: DurableHost) -> None:
    instance_id = host.start("parent")

    assert host.output(instance_id) == {
        "squares": [0, 1, 4],
        "named": 81,
        "error": "Orchestrator function 'fails' failed: no luck",
    }
    assert host.status(f"{instance_id}-named")["output"] == 81


def test_a_timer_is_never_early(host: DurableHost) -> None:
    assert host.output(host.start("sleeps", 0.2)) is True


def test_an_event_raised_by_the_sdk_client_arrives_as_json_text(host: DurableHost) -> None:
    instance_id = host.start("waits")
    host.request("POST", f"/api/raise/{instance_id}/Go", {"by": "me"})

    assert host.output(instance_id) == '{"by": "me"}'


def test_an_event_raised_over_http_arrives_decoded(host: DurableHost) -> None:
    instance_id = host.start("waits")
    host.raise_event(instance_id, "Go", {"by": "me"})

    assert host.output(instance_id) == {"by": "me"}


def test_events_are_kept_until_they_are_awaited(host: DurableHost) -> None:
    instance_id = host.start("late")
    host.raise_event(instance_id, "Second", 2)
    host.raise_event(instance_id, "First", 1)
    host.raise_event(instance_id, "Open")

    assert host.output(instance_id) == [1, 2]


def test_events_of_one_name_arrive_in_the_order_in_which_they_were_raised(
    host: DurableHost,
) -> None:
    instance_id = host.start("collects", 12)
    host.reached(instance_id, lambda status: status["runtimeStatus"] == "Running")
    for number in range(12):
        host.raise_event(instance_id, "Item", number)

    assert host.output(instance_id) == list(range(12))


def test_an_event_wins_the_race_again_after_a_timer_has_won(host: DurableHost) -> None:
    instance_id = host.start("race", 1.0)
    host.recorded(instance_id, "TimerCreated")
    host.raise_event(instance_id, "Go")
    host.recorded(instance_id, "TimerCreated", times=3)
    host.raise_event(instance_id, "Go")

    assert host.output(instance_id) == ["event", "timer", "event"]


def test_continue_as_new_begins_again_with_a_new_input_and_an_empty_history(
    host: DurableHost,
) -> None:
    instance_id = host.start("countdown", 3)

    assert host.output(instance_id) == "done"
    status = host.status(instance_id, showHistory="true")
    assert status["input"] == "0"
    assert [e["EventType"] for e in status["historyEvents"]].count("TaskCompleted") == 1
    assert [n for n in host.notes() if n.startswith(instance_id)] == [
        f"{instance_id} {left}" for left in (3, 2, 1, 0)
    ]


def test_continue_as_new_hands_over_events_that_were_not_consumed(host: DurableHost) -> None:
    instance_id = host.start("hands_over", "first")
    host.raise_event(instance_id, "Item", "early")
    host.raise_event(instance_id, "Open")

    assert host.output(instance_id) == "early"


def test_work_left_behind_by_continue_as_new_does_not_answer_the_next_execution(
    host: DurableHost,
) -> None:
    assert host.output(host.start("leaves_work_behind", "first")) == 1.2


def test_the_custom_status_shows_while_the_orchestration_runs(host: DurableHost) -> None:
    instance_id = host.start("reports")
    host.reached(instance_id, lambda status: status["customStatus"] == {"step": 1})
    host.raise_event(instance_id, "Go")

    assert host.finished(instance_id)["customStatus"] == {"step": 2}


def test_a_durable_http_call_fails_with_a_clear_text(host: DurableHost) -> None:
    status = host.finished(host.start("uses_http"))

    assert status["runtimeStatus"] == "Failed"
    assert "does not implement the action CALL_HTTP" in status["output"]


@pytest.mark.parametrize("characters", [32_000, 150_000])
def test_large_results_are_stored(host: DurableHost, characters: int) -> None:
    assert host.output(host.start("makes_much", ["result", characters])) == characters


@pytest.mark.parametrize("kind", ["result", "output"])
def test_what_the_tables_cannot_hold_fails_the_orchestration_clearly(
    host: DurableHost, kind: str
) -> None:
    status = host.finished(host.start("makes_much", [kind, 200_000]))

    assert status["runtimeStatus"] == "Failed"
    assert "characters as JSON; the local host stores up to 160000" in status["output"]
