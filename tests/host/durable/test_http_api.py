"""The Durable HTTP API: what it answers, and what it refuses."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.host.durable.conftest import DurableHost
from tests.host.processes import eventually


def waiting(host: DurableHost, instance_id: str | None = None) -> str:
    """An instance that has begun to wait for the event Go."""
    instance_id = host.start("reports", None, instance_id)
    host.reached(instance_id, lambda status: status["customStatus"] == {"step": 1})
    return instance_id


def test_an_unknown_orchestrator_is_refused_with_400_and_the_reason(host: DurableHost) -> None:
    answer = host.request("POST", "orchestrators/nobody", {})

    assert answer.status_code == 400
    assert answer.json()["ExceptionMessage"] == (
        "The function 'nobody' doesn't exist, is disabled, or is not an orchestrator function."
    )


def test_an_activity_cannot_be_started_as_an_orchestrator(host: DurableHost) -> None:
    assert host.request("POST", "orchestrators/square", 1).status_code == 400


def test_the_id_of_a_running_instance_conflicts(host: DurableHost) -> None:
    instance_id = waiting(host)

    answer = host.request("POST", f"orchestrators/echo/{instance_id}", "1")

    assert answer.status_code == 409
    assert host.status(instance_id)["name"] == "reports"


def test_a_finished_id_can_be_started_again_with_a_history_of_its_own(host: DurableHost) -> None:
    host.start("fan_out", 3, "used-twice")
    assert host.output("used-twice") == 5
    before = len(host.events("used-twice"))

    host.start("echo", "again", "used-twice")

    assert host.output("used-twice") == "again"
    assert len(host.events("used-twice")) < before


@pytest.mark.parametrize("instance_id", ["@entity", "a%23b", "a%5Cb", "a%3Fb", "x" * 101])
def test_an_id_that_azure_does_not_allow_is_refused(host: DurableHost, instance_id: str) -> None:
    answer = host.request("POST", f"orchestrators/echo/{instance_id}", "1")

    assert answer.status_code == 400
    assert "Instance IDs" in answer.json()["Message"]


def test_an_id_with_blanks_quotes_and_foreign_letters_works(host: DurableHost) -> None:
    instance_id = "Bestellung 'Ä' 100%"
    host.start("echo", 1, quote(instance_id))

    assert eventually(lambda: host.status(quote(instance_id))["runtimeStatus"] == "Completed")


def test_a_payload_that_is_not_json_is_refused(host: DurableHost) -> None:
    url = f"{host.process.base_url}/runtime/webhooks/durabletask/orchestrators/echo"

    answer = requests.post(url, data="{", timeout=30)

    assert answer.status_code == 400
    assert answer.json()["Message"] == "Invalid JSON content"


def test_a_payload_too_large_is_refused_with_the_limit(host: DurableHost) -> None:
    answer = host.request("POST", "orchestrators/echo", "x" * 200_000)

    assert answer.status_code == 400
    assert "stores up to 160000" in answer.json()["ExceptionMessage"]


def test_the_status_of_a_running_instance_is_202_with_its_address(host: DurableHost) -> None:
    instance_id = waiting(host)

    answer = host.request("GET", f"instances/{instance_id}")

    assert answer.status_code == 202
    assert answer.headers["Location"].endswith(f"instances/{instance_id}")
    assert answer.headers["Retry-After"] == "5"
    assert answer.json()["historyEvents"] is None


def test_the_status_of_an_unknown_instance_is_404(host: DurableHost) -> None:
    assert host.request("GET", "instances/unheard-of").status_code == 404


def test_the_status_of_a_failed_instance_is_an_error_on_demand(host: DurableHost) -> None:
    instance_id = host.start("fails")
    host.finished(instance_id)

    assert host.request("GET", f"instances/{instance_id}").status_code == 200
    answer = host.request(
        "GET", f"instances/{instance_id}", returnInternalServerErrorOnFailure="true"
    )
    assert answer.status_code == 500


def test_the_input_is_shown_unless_declined(host: DurableHost) -> None:
    instance_id = host.start("echo", {"n": 1})
    host.finished(instance_id)

    assert host.status(instance_id)["input"] == '{"n": 1}'
    assert host.status(instance_id, showInput="false")["input"] is None


def test_the_history_pairs_answers_with_what_they_answer(host: DurableHost) -> None:
    instance_id = host.start("child", 4)
    host.finished(instance_id)

    started, answered, completed = host.status(instance_id, showHistory="true")["historyEvents"]
    assert (started["EventType"], started["FunctionName"]) == ("ExecutionStarted", "child")
    assert (answered["EventType"], answered["FunctionName"]) == ("TaskCompleted", "square")
    assert answered["ScheduledTime"] <= answered["Timestamp"]
    assert (completed["EventType"], completed["OrchestrationStatus"]) == (
        "ExecutionCompleted",
        "Completed",
    )
    assert "Result" not in answered
    assert "Result" not in completed


def test_the_history_shows_results_on_demand(host: DurableHost) -> None:
    instance_id = host.start("child", 4)
    host.finished(instance_id)

    status = host.status(instance_id, showHistory="true", showHistoryOutput="true")
    assert [e["Result"] for e in status["historyEvents"] if "Result" in e] == [16, 16]


def test_raising_an_event_needs_an_unfinished_instance(host: DurableHost) -> None:
    instance_id = host.start("echo", 1)
    host.finished(instance_id)

    assert host.request("POST", f"instances/{instance_id}/raiseEvent/Go", {}).status_code == 410
    assert host.request("POST", "instances/unheard-of/raiseEvent/Go", {}).status_code == 404


def test_an_event_must_be_json(host: DurableHost) -> None:
    instance_id = waiting(host)
    url = f"{host.process.base_url}/runtime/webhooks/durabletask/instances/{instance_id}"

    text = requests.post(f"{url}/raiseEvent/Go", data="{}", timeout=30)
    broken = requests.post(
        f"{url}/raiseEvent/Go",
        data="{",
        headers={"Content-Type": "application/json"},
        timeout=30,
    )

    assert text.status_code == 400
    assert text.json()["Message"] == "Only application/json request content is supported"
    assert broken.json()["Message"] == "Invalid JSON content"


def test_terminating_ends_an_instance_with_the_reason_as_output(host: DurableHost) -> None:
    instance_id = waiting(host)

    answer = host.request("POST", f"instances/{instance_id}/terminate", reason="enough")

    assert answer.status_code == 202
    status = host.finished(instance_id)
    assert (status["runtimeStatus"], status["output"]) == ("Terminated", "enough")
    again = host.request("POST", f"instances/{instance_id}/terminate", reason="enough")
    assert again.status_code == 410


def test_terminating_a_sub_orchestration_fails_its_parent(host: DurableHost) -> None:
    instance_id = host.start("parent_of_waiting")
    host.recorded(instance_id, "SubOrchestrationInstanceCreated")
    child_id = f"{instance_id}-child"
    eventually(lambda: host.request("GET", f"instances/{child_id}").status_code == 202)

    host.request("POST", f"instances/{child_id}/terminate", reason="enough")

    status = host.finished(instance_id)
    assert status["runtimeStatus"] == "Failed"
    assert "enough" in status["output"]


def test_a_suspended_instance_takes_nothing_in_until_it_is_resumed(host: DurableHost) -> None:
    instance_id = waiting(host)
    assert host.request("POST", f"instances/{instance_id}/suspend").status_code == 202
    host.reached(instance_id, lambda status: status["runtimeStatus"] == "Suspended")
    host.raise_event(instance_id, "Go")
    assert host.status(instance_id)["customStatus"] == {"step": 1}

    assert host.request("POST", f"instances/{instance_id}/resume").status_code == 202

    assert host.output(instance_id) == "ok"


def test_an_instance_suspended_before_it_began_runs_when_resumed(host: DurableHost) -> None:
    instance_id = host.start("echo", 1)
    host.request("POST", f"instances/{instance_id}/suspend")
    host.request("POST", f"instances/{instance_id}/resume")

    assert host.output(instance_id) == 1


def test_purging_forgets_a_finished_instance(host: DurableHost) -> None:
    instance_id = host.start("fan_out", 3)
    host.finished(instance_id)

    answer = host.request("DELETE", f"instances/{instance_id}")

    assert answer.json() == {"instancesDeleted": 1}
    assert host.request("GET", f"instances/{instance_id}").status_code == 404
    assert host.request("DELETE", f"instances/{instance_id}").status_code == 404


def test_a_running_instance_cannot_be_purged(host: DurableHost) -> None:
    instance_id = waiting(host)

    answer = host.request("DELETE", f"instances/{instance_id}")

    assert answer.status_code == 412
    assert "has status Running" in answer.json()["Message"]
    assert host.status(instance_id)["runtimeStatus"] == "Running"


@pytest.mark.parametrize("operation", ["rewind", "restart"])
def test_an_operation_that_the_host_does_not_have_is_501_with_a_text(
    host: DurableHost, operation: str
) -> None:
    instance_id = waiting(host)

    answer = host.request("POST", f"instances/{instance_id}/{operation}")

    assert answer.status_code == 501
    assert answer.json()["Message"] == f"The local host does not implement '{operation}'."


def test_entities_are_501_with_a_text(host: DurableHost) -> None:
    answer = host.request("GET", "entities/counter/1")

    assert answer.status_code == 501
    assert "durable entities" in answer.json()["Message"]


def test_waiting_for_completion_at_the_start_is_501_with_a_text(host: DurableHost) -> None:
    answer = host.request("POST", "orchestrators/echo", "1", timeout=5, pollingInterval=1)

    assert answer.status_code == 501
    assert "does not wait for completion" in answer.json()["Message"]


@pytest.mark.parametrize("path", ["", "instances/a/b/c/d", "nothing", "instances/a/explode"])
def test_a_path_that_the_api_does_not_have_is_404(host: DurableHost, path: str) -> None:
    assert host.request("POST", path).status_code == 404


# ------------------------------------------------------------------------- the list


@pytest.fixture(scope="module")
def listed(host: DurableHost) -> DurableHost:
    """Three finished instances, one failed and one waiting, with ids that begin with "list"."""
    for number in range(3):
        host.start("echo", number, f"list-done-{number}")
        host.finished(f"list-done-{number}")
    host.start("fails", None, "list-failed")
    host.finished("list-failed")
    waiting(host, "list-waiting")
    return host


def ids(host: DurableHost, **query: Any) -> list[str]:
    answer = host.request("GET", "instances/", **{"instanceIdPrefix": "list-"} | query)
    assert answer.status_code == 200
    return [status["instanceId"] for status in answer.json()]


def test_the_list_holds_the_instances_with_a_prefix(listed: DurableHost) -> None:
    assert ids(listed) == [
        "list-done-0",
        "list-done-1",
        "list-done-2",
        "list-failed",
        "list-waiting",
    ]
    assert ids(listed, instanceIdPrefix="list-d") == ["list-done-0", "list-done-1", "list-done-2"]


def test_the_list_is_filtered_by_status(listed: DurableHost) -> None:
    assert ids(listed, runtimeStatus="Failed") == ["list-failed"]
    assert ids(listed, runtimeStatus="Running,Failed") == ["list-failed", "list-waiting"]


def test_the_list_is_filtered_by_time_of_creation(listed: DurableHost) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    assert ids(listed, createdTimeFrom=now) == []
    assert len(ids(listed, createdTimeTo=now)) == 5
    assert len(ids(listed, createdTimeFrom="2020-01-01T00:00:00Z", createdTimeTo=now)) == 5


def test_the_list_comes_in_pages(listed: DurableHost) -> None:
    url = f"{listed.process.base_url}/runtime/webhooks/durabletask/instances"
    pages: list[list[str]] = []
    token: str | None = ""
    while token is not None:
        page = requests.get(
            url,
            params={"instanceIdPrefix": "list-", "top": "2"},
            headers={"x-ms-continuation-token": token},
            timeout=30,
        )
        pages.append([status["instanceId"] for status in page.json()])
        token = page.headers.get("x-ms-continuation-token")

    assert [len(page) for page in pages] == [2, 2, 1]
    assert [found for page in pages for found in page] == ids(listed)


def test_a_time_that_is_none_is_refused(listed: DurableHost) -> None:
    answer = listed.request("GET", "instances", createdTimeFrom="yesterday")

    assert answer.status_code == 400


def test_purging_by_filter_takes_only_finished_instances(
    own_host: Callable[..., DurableHost],
) -> None:
    host = own_host()
    for number in range(3):
        host.start("echo", number, f"done-{number}")
        host.finished(f"done-{number}")
    waiting(host, "waiting")
    host.start("fails", None, "failed")
    host.finished("failed")
    since = "2020-01-01T00:00:00Z"

    assert host.request("DELETE", "instances").status_code == 400
    completed = host.request(
        "DELETE", "instances", createdTimeFrom=since, runtimeStatus="Completed"
    )
    others = host.request("DELETE", "instances", createdTimeFrom=since)
    again = host.request("DELETE", "instances", createdTimeFrom=since)

    assert completed.json() == {"instancesDeleted": 3}
    assert others.json() == {"instancesDeleted": 1}
    assert again.status_code == 404
    assert ids(host, instanceIdPrefix="") == ["waiting"]
