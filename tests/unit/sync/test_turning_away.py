"""Messages whose tenant has no slot free: they come again, once each, and none is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from errors import AuthorizationError
from sync.jobs import JobState, Run, TableJob
from sync.tenant_slots import WAITS, Slot
from tests.support.crashes import CrashingWorld
from tests.support.table_jobs import SyncWorld, bc_customer

TABLE = "CUSTOMER"


class Full:
    """A world whose one slot another worker has."""

    most_slots = 1
    lease_seconds: float = 60


class FullWorld(Full, SyncWorld):
    pass


class FullCrashingWorld(Full, CrashingWorld):
    pass


@pytest.fixture
def world() -> FullWorld:
    made = FullWorld()
    made.queues.pass_time = lambda seconds: None  # a delay is looked at, not waited for
    made.bc.put("customers", bc_customer("10000"))
    return made


@pytest.fixture
def run(world: FullWorld) -> Run:
    """A run whose one line is ready."""
    run = world.start(TABLE)
    world.full_sync.advance(run.run_id, run.generation, by_itself=False)
    world.queues.messages.clear()
    return run


def taken(world: SyncWorld) -> Slot:
    slot = world.slots().take("f" * 32)
    assert slot
    return slot


def line(world: SyncWorld, run: Run) -> TableJob:
    job = world.jobs.get_job(run.run_id, TABLE)
    assert job
    return job


def sent(world: SyncWorld) -> list[dict[str, Any]]:
    messages = [dict(each) for each in world.queues.messages]
    world.queues.messages.clear()
    return messages


# lines of runs


def test_a_line_whose_tenant_has_no_slot_free_is_not_begun_and_says_why(world, run):
    taken(world)
    assert world.worker().handle(run.run_id, TABLE) is None
    job = line(world, run)
    assert (job.state, job.message, job.started_at) == (JobState.READY, WAITS, None)
    assert world.bc.writes == world.crm.writes == []


def test_its_message_comes_again_later_each_time(world, run):
    delays: list[float] = []
    world.queues.pass_time = delays.append
    taken(world)
    for times in range(3):
        world.worker().handle(run.run_id, TABLE, turned_away=times)
        (message,) = sent(world)
        assert (message["run"], message["mapping"]) == (run.run_id, TABLE)
        assert message["turned_away"] == times + 1
        world.pass_time(delays[-1])
    assert delays == [3, 5, 9]


def test_it_is_worked_to_its_end_once_the_slot_is_free(world, run):
    slot = taken(world)
    world.worker().handle(run.run_id, TABLE)
    world.slots().release(slot)
    world.pass_time(3)
    assert world.worker().handle(run.run_id, TABLE, turned_away=1)
    assert (line(world, run).state, line(world, run).message) == (JobState.FINISHED, "")
    assert world.slots().take("e" * 32), "the slot was given back"


def test_while_it_waits_its_run_sends_no_further_message(world, run):
    taken(world)
    world.worker().handle(run.run_id, TABLE)
    sent(world)
    world.full_sync.advance(run.run_id, run.generation, by_itself=True)
    assert sent(world) == []


def test_a_message_that_came_twice_waits_once(world, run):
    taken(world)
    world.worker().handle(run.run_id, TABLE)
    world.worker().handle(run.run_id, TABLE)
    assert len(sent(world)) == 1


def test_the_run_sends_for_a_line_whose_message_was_never_sent_again(world, run):
    taken(world)
    world.queues.enqueue = no_message  # as if it died before
    with pytest.raises(SystemExit):
        world.worker().handle(run.run_id, TABLE)
    del world.queues.enqueue
    world.pass_time(3)
    world.full_sync.advance(run.run_id, run.generation, by_itself=True)
    assert [each["mapping"] for each in sent(world)] == [TABLE]


def no_message(*_: Any, **__: Any) -> None:
    raise SystemExit


def test_a_line_in_process_keeps_what_it_says(world, run):
    worker = world.worker(slice_seconds=0)
    worker.handle(run.run_id, TABLE)
    begun = line(world, run)
    assert begun.started_at
    taken(world)
    worker.handle(run.run_id, TABLE)
    assert line(world, run).message == begun.message


def test_messages_that_find_nothing_to_do_take_no_slot(world, run):
    world.worker().handle("unknown", TABLE)
    world.worker().handle(run.run_id, "CURRENCY")
    assert not world.account.client("slots").transactions


_UNDISTURBED = FullCrashingWorld()
taken(_UNDISTURBED)
_UNDISTURBED.bc.put("customers", bc_customer("10000"))
_UNDISTURBED.synchronize_although_processes_die(TABLE)


@pytest.mark.parametrize("point", range(_UNDISTURBED.points.passed))
def test_a_crash_at_any_point_of_waiting_loses_no_message(point):
    world = FullCrashingWorld()
    taken(world)
    world.bc.put("customers", bc_customer("10000"))
    world.points.begin(point)
    lines = world.synchronize_although_processes_die(TABLE)
    assert [each.state for each in lines.values()] == [JobState.FINISHED]
    assert len(world.crm.tables["accounts"]) == 1
    assert world.queues.messages == []


# passes


@pytest.fixture
def synchronized(world: FullWorld) -> FullWorld:
    """A world whose table is passed over, with a change to carry over."""
    world.synchronize(TABLE)
    world.bc.put("customers", {"id": bc_customer("10000")["id"], "phoneNumber": "123"})
    sent(world)
    return world


def phone(world: SyncWorld) -> str | None:
    (account,) = world.crm.tables["accounts"].values()
    found: str | None = account.get("telephone1")
    return found


@pytest.mark.parametrize("mapping", [TABLE, ""])
@pytest.mark.parametrize("asked", [False, True])
def test_a_pass_comes_again_as_it_was_asked_for(synchronized, mapping, asked):
    slot = taken(synchronized)
    synchronized.pass_worker().handle(mapping, asked=asked)
    assert phone(synchronized) != "123"
    (message,) = sent(synchronized)
    assert (message["mapping"], message["asked"], message["turned_away"]) == (mapping, asked, 1)
    synchronized.slots().release(slot)
    synchronized.pass_worker().handle(mapping, asked=asked, turned_away=1)
    assert phone(synchronized) == "123"


def test_passes_that_were_requested_while_one_waits_are_that_one(synchronized):
    slot = taken(synchronized)
    synchronized.requests.request(TABLE)
    synchronized.pass_worker().handle(sent(synchronized)[0]["mapping"])
    synchronized.requests.request(TABLE)
    assert len(sent(synchronized)) == 1
    synchronized.slots().release(slot)
    synchronized.pass_worker().handle(TABLE)
    assert not synchronized.requests.is_wanted(TABLE)


def test_the_timer_sends_no_second_message_while_one_waits(synchronized):
    period = timedelta(seconds=15)
    taken(synchronized)
    for times in range(20):
        synchronized.pass_worker().handle("", turned_away=times)
        (message,) = sent(synchronized)
        synchronized.pass_time(10)
        assert not synchronized.health.claim_due(period, synchronized.now())
        assert message["turned_away"] == times + 1
        synchronized.slots().checkpoint(
            _slot(synchronized), now=synchronized.now(), seconds=synchronized.lease_seconds
        )


def test_the_timer_sends_again_when_the_waiting_message_is_lost(synchronized):
    taken(synchronized)
    synchronized.pass_worker().handle("")
    sent(synchronized)
    synchronized.pass_time(20)
    assert synchronized.health.claim_due(timedelta(seconds=15), synchronized.now())


def test_a_pass_that_is_held_back_by_back_off_takes_no_slot(synchronized):
    synchronized.health.stop(AuthorizationError("no", "No."), synchronized.now())
    before = synchronized.account.client("slots").transactions
    synchronized.pass_worker().handle("")
    assert synchronized.account.client("slots").transactions == before


def _slot(world: SyncWorld) -> Slot:
    (slot,) = world.slots()._load_all().values()
    return slot
