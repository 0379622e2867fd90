"""Orchestrations outlive the host: SIGKILL, restart, and on they go."""

from collections.abc import Callable

from tests.host.durable.conftest import DurableHost
from tests.host.processes import eventually

OwnHost = Callable[..., DurableHost]


def kill_and_restart(host: DurableHost) -> None:
    host.process.kill()
    host.process.restart()


def test_a_fan_out_of_150_activities_survives_a_kill_in_its_midst(own_host: OwnHost) -> None:
    host = own_host(SQUARE_SECONDS="0.03")
    instance_id = host.start("fan_out", 150)
    eventually(lambda: len(host.notes()) >= 75)

    kill_and_restart(host)

    assert host.output(instance_id) == sum(n * n for n in range(150))
    assert set(host.notes()) == {f"square {n}" for n in range(150)}
    # Ten ran when the host died, and a few answers were on their way: only those run again.
    assert len(host.notes()) <= 150 + 25


def test_three_instances_waiting_for_events_survive_a_kill(own_host: OwnHost) -> None:
    host = own_host()
    names = ["one", "two", "three"]
    for name in names:
        host.start("waits", None, name)
        host.recorded(name, "TaskCompleted")

    kill_and_restart(host)

    for name in names:
        assert host.status(name)["runtimeStatus"] == "Running"
        host.raise_event(name, "Go", name)
    assert [host.output(name) for name in names] == names
    for name in names:
        assert host.notes().count(f"{name} begins") == 1
        assert host.notes().count(f"{name} goes on") == 1


def test_a_parent_and_its_waiting_child_survive_a_kill(own_host: OwnHost) -> None:
    host = own_host()
    host.start("parent_of_waiting", None, "p")
    eventually(lambda: "p-child begins" in host.notes())
    host.recorded("p-child", "TaskCompleted")

    kill_and_restart(host)
    host.raise_event("p-child", "Go", "yes")

    assert host.output("p") == ["p before", "yes"]
    assert host.notes() == ["p before", "p-child begins", "p-child goes on"]


def test_a_timer_fires_after_a_kill(own_host: OwnHost) -> None:
    host = own_host()
    instance_id = host.start("sleeps", 1.5)
    host.recorded(instance_id, "TimerCreated")

    kill_and_restart(host)

    assert host.output(instance_id) is True


def test_events_accepted_before_a_kill_arrive_after_it_in_their_order(own_host: OwnHost) -> None:
    host = own_host()
    instance_id = host.start("collects", 5)
    host.reached(instance_id, lambda status: status["runtimeStatus"] == "Running")
    host.request("POST", f"instances/{instance_id}/suspend")
    host.reached(instance_id, lambda status: status["runtimeStatus"] == "Suspended")
    for number in range(5):
        host.raise_event(instance_id, "Item", number)

    kill_and_restart(host)

    assert host.status(instance_id)["runtimeStatus"] == "Suspended"
    host.request("POST", f"instances/{instance_id}/resume")
    assert host.output(instance_id) == [0, 1, 2, 3, 4]


def test_finished_instances_are_known_after_a_restart_and_not_run_again(
    own_host: OwnHost,
) -> None:
    host = own_host()
    instance_id = host.start("fan_out", 3)
    before = host.output(instance_id)
    notes = host.notes()

    assert host.process.stop() == 0
    host.process.restart()

    status = host.status(instance_id, showHistory="true", showHistoryOutput="true")
    assert status["output"] == before
    results = [event["Result"] for event in status["historyEvents"] if "Result" in event]
    assert sorted(results) == [0, 1, 4, 5]
    assert host.notes() == notes
    assert host.process.log_text().count("0 unfinished instances") == 2  # once at each start
