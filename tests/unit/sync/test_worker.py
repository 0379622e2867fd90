"""What a queue message does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from errors import AuthorizationError, ConfigurationError, TransientError
from sync.jobs import JobState, Run, TableJob, TableStatus
from sync.worker import TableJobWorker
from tests.support.table_jobs import SyncWorld, bc_customer


class OpenedError(AssertionError):
    """The services were opened although there was nothing to work on."""


@pytest.fixture
def world() -> SyncWorld:
    world = SyncWorld()
    world.bc.put("customers", bc_customer("10000"))
    return world


@pytest.fixture
def run(world: SyncWorld) -> Run:
    """A run whose one line is ready."""
    run = world.start("CUSTOMER")
    world.full_sync.advance(run.run_id, run.generation, by_itself=False)
    world.queues.messages.clear()
    return run


def line(world: SyncWorld, run: Run) -> TableJob:
    job = world.jobs.get_job(run.run_id, "CUSTOMER")
    assert job
    return job


def failing(world: SyncWorld, error: BaseException) -> TableJobWorker:
    def open_work(run: Run, job: TableJob) -> Any:
        raise error

    return world.worker(open_work=open_work)


def handle(worker: TableJobWorker, run: Run) -> Run | None:
    return worker.handle(run.run_id, "CUSTOMER")


def handle_until_over(worker: TableJobWorker, run: Run, tries: int = 5) -> None:
    for _ in range(tries - 1):
        assert handle(worker, run) is None
    assert handle(worker, run)


# messages that find nothing to do


@pytest.mark.parametrize(
    "state", [state for state in JobState if state.is_over or state is JobState.WAITING]
)
def test_a_message_for_a_line_that_has_no_work_is_dropped(world, run, state):
    stored = world.jobs.save_job(replace(line(world, run), state=state))
    assert handle(failing(world, OpenedError()), run) is None
    assert line(world, run) == stored


def test_a_message_of_an_unknown_run_or_line_is_dropped(world, run):
    worker = failing(world, OpenedError())
    assert worker.handle("gone", "CUSTOMER") is None
    assert worker.handle(run.run_id, "CONTACT") is None


def test_a_message_that_comes_twice_finds_the_lease_held_and_is_dropped(world, run):
    held = world.jobs.acquire_lease(line(world, run), "other", world.now(), 3600)
    assert handle(failing(world, OpenedError()), run) is None
    assert line(world, run) == held


# working


def test_one_message_waits_for_a_table_that_a_pass_holds(world, run, monkeypatch):
    """However often the message comes and the run looks after its line."""
    waiting: list[float] = []
    monkeypatch.setattr(
        world.queues,
        "enqueue",
        lambda queue, message, *, delay_seconds=0: waiting.append(delay_seconds),
    )
    held = world.states.acquire("CUSTOMER", "a pass", world.now(), 3600)
    for _ in range(5):
        handle(world.worker(), run)
        handle(world.worker(), run)  # a message that came twice
        for _ in range(3):
            world.full_sync.advance(run.run_id, run.generation, by_itself=True)
        [delay] = waiting
        assert delay > 0
        waiting.clear()
        world.pass_time(delay)
    world.states.release(held)
    assert handle(world.worker(), run)
    assert line(world, run).state is JobState.FINISHED


def test_a_line_whose_waiting_message_was_lost_is_looked_after(world, run):
    world.states.acquire("CUSTOMER", "a pass", world.now(), 3600)
    handle(world.worker(), run)
    world.queues.messages.clear()
    world.pass_time(10)
    world.full_sync.advance(run.run_id, run.generation, by_itself=True)
    assert [each["mapping"] for each in world.queues.messages] == ["CUSTOMER"]


def test_a_line_that_came_to_its_end_tells_which_run_to_wake(world, run):
    told = handle(world.worker(), run)
    assert told
    assert told.instance_id == run.instance_id
    assert line(world, run).state is JobState.FINISHED
    assert line(world, run).lease.owner == ""
    assert world.queues.messages == []


def test_a_slice_whose_time_is_up_gives_the_lease_back_and_sends_the_next_message(
    world, run, monkeypatch
):
    monkeypatch.setattr("sync.comparison.PAGE_SIZE", 1)
    world.bc.put("customers", bc_customer("20000"))
    assert handle(world.worker(slice_seconds=0), run) is None
    assert (line(world, run).state, line(world, run).lease.owner) == (JobState.IN_PROCESS, "")
    assert [message["mapping"] for message in world.queues.messages] == ["CUSTOMER"]
    assert handle(world.worker(), run)
    assert line(world, run).to_crm.inserted == 2


def test_the_lease_is_given_back_before_the_next_message_is_sent(world, run, monkeypatch):
    """Otherwise the next worker might find it held and drop the only message."""
    monkeypatch.setattr("sync.comparison.PAGE_SIZE", 1)
    world.bc.put("customers", bc_customer("20000"))
    owners = []
    world.queues.enqueue = lambda *_, **__: owners.append(line(world, run).lease.owner)
    handle(world.worker(slice_seconds=0), run)
    assert owners == [""]


@pytest.mark.parametrize("when", ["before it began", "between two pages"])
def test_a_cancelled_run_stops_its_line_where_it_is(world, run, monkeypatch, when):
    monkeypatch.setattr("sync.comparison.PAGE_SIZE", 1)
    world.bc.put("customers", bc_customer("20000"))
    if when == "before it began":
        world.jobs.request_cancel(run.run_id)
    else:
        world.crm.before_write = lambda write: world.jobs.request_cancel(run.run_id)
    assert handle(world.worker(), run)
    assert line(world, run).state is JobState.CANCELLED
    assert "what was synchronized until then stays" in line(world, run).message
    assert len(world.crm.tables["accounts"]) == (0 if when == "before it began" else 1)


# failing


@pytest.mark.parametrize("family", [ConfigurationError, AuthorizationError])
def test_what_a_person_must_mend_ends_the_line_at_once_with_message_and_hint(world, run, family):
    worker = failing(world, family("x", "The mailbox is full.", hint="Empty it."))
    assert handle(worker, run)
    stopped = line(world, run)
    assert (stopped.state, stopped.message, stopped.hint) == (
        JobState.ERROR,
        "The mailbox is full.",
        "Empty it.",
    )
    assert stopped.lease.owner == ""


@pytest.mark.parametrize("error", [TransientError("x", "The service is away."), KeyError("x")])
def test_what_may_pass_is_tried_again_by_a_message_of_its_own(world, run, error):
    assert handle(failing(world, error), run) is None
    tried = line(world, run)
    assert (tried.state, tried.failures) == (JobState.READY, 1)
    assert tried.message.startswith("Try 1 of 5: The ")
    (message,) = world.queues.messages
    assert message["mapping"] == "CUSTOMER"
    assert handle(world.worker(), run)
    ended = line(world, run)
    assert (ended.state, ended.message, ended.failures) == (JobState.FINISHED, "", 0)


def test_nobody_tries_before_the_next_try_is_due(world, run):
    world.queues.pass_time = lambda seconds: None
    handle(failing(world, TransientError("x", "The service is away.")), run)
    assert handle(world.worker(), run) is None
    assert line(world, run).failures == 1
    world.pass_time(3)
    assert handle(world.worker(), run)


def test_what_does_not_pass_ends_the_line_with_the_next_step(world, run):
    hint = "It is tried again; if it stays so, look at the service's health page."
    worker = failing(world, TransientError("x", "The service is away.", hint=hint))
    handle_until_over(worker, run)
    stopped = line(world, run)
    assert (stopped.state, stopped.message) == (JobState.ERROR, "The service is away.")
    assert stopped.hint == "Restart the line; if it stays so, look at the service's health page."


def test_a_handled_page_forgives_earlier_failures(world, run):
    for _ in range(4):
        handle(failing(world, TransientError("x", "The service is away.")), run)
    assert handle(world.worker(), run)
    assert line(world, run).failures == 0


def test_an_unforeseen_exception_is_named_without_its_details(world, run):
    handle_until_over(failing(world, ValueError("password=hunter2")), run)
    stopped = line(world, run)
    assert "ValueError" in stopped.message
    assert stopped.hint
    assert "hunter2" not in f"{stopped}"


def test_directions_that_were_under_way_did_not_succeed(world, run):
    def not_today(write):
        raise ConfigurationError("x", "No.")

    world.crm.before_write = not_today
    assert handle(world.worker(), run)
    stopped = line(world, run)
    assert (stopped.to_crm_status, stopped.from_crm_status) == (
        TableStatus.ERROR,
        TableStatus.ERROR,
    )


# losing the lease


def take_over(world: SyncWorld, run: Run) -> TableJob:
    """Another worker finds the lease expired."""
    job = line(world, run)
    expired = world.jobs.save_job(replace(job, lease=replace(job.lease, expires_at=world.now())))
    return world.jobs.acquire_lease(expired, "rival", world.now(), 3600)


def test_a_worker_that_lost_its_lease_stops_silently(world, run):
    rivals: list[TableJob] = []
    world.crm.before_write = lambda write: rivals.append(take_over(world, run))
    assert handle(world.worker(), run) is None
    assert line(world, run) == rivals[0]
    assert world.queues.messages == []


@pytest.mark.parametrize("error", [ConfigurationError("x", "No."), TransientError("x", "Away.")])
def test_a_worker_that_fails_after_it_lost_its_lease_leaves_the_line_alone(world, run, error):
    rivals: list[TableJob] = []

    def lose_and_fail(write):
        rivals.append(take_over(world, run))
        raise error

    world.crm.before_write = lose_and_fail
    assert handle(world.worker(), run) is None
    assert line(world, run) == rivals[0]
