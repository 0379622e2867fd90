"""A run of table jobs: begun, taken further, steered; whatever is lost on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from errors import RefusedRequestError
from sync.catalog import DEFAULT_CATALOG, MappingCatalog
from sync.jobs import ActiveRunError, JobState, Lease, Run, RunKind, RunState, TableJob
from sync.mappings import MAPPINGS
from tests.support.table_jobs import CONNECTION, TENANT, SyncWorld, bc_customer

CHAIN = ("CURRENCY", "CUSTOMER", "CONTACT")


@pytest.fixture
def world() -> SyncWorld:
    return SyncWorld()


def advance(world: SyncWorld, run: Run, *, by_itself: bool = False):
    return world.full_sync.advance(run.run_id, run.generation, by_itself=by_itself)


def lines(world: SyncWorld, run: Run) -> dict[str, TableJob]:
    return {job.mapping: job for job in world.jobs.list_jobs(run.run_id)}


def states(world: SyncWorld, run: Run) -> dict[str, str]:
    return {name: job.state.value for name, job in lines(world, run).items()}


def put_in_state(world: SyncWorld, run: Run, name: str, state: JobState, **more: Any) -> None:
    world.jobs.save_job(replace(lines(world, run)[name], state=state, **more))


def enqueued(world: SyncWorld) -> list[str]:
    names = [message["mapping"] for message in world.queues.messages]
    world.queues.messages.clear()
    return names


def ended(world: SyncWorld, *mappings: str, **state_of: JobState) -> Run:
    """A run of these mappings that is over; lines not named have finished."""
    run = world.start(*mappings)
    for name in mappings:
        put_in_state(world, run, name, state_of.get(name, JobState.FINISHED))
    assert advance(world, run).end
    stored = world.jobs.get_run(run.run_id)
    assert stored
    return stored


# beginning


def test_a_run_without_names_covers_every_mapping_in_the_order_of_the_review(world):
    run = world.start()
    assert run.mappings == tuple(MAPPINGS)
    assert set(states(world, run).values()) == {"waiting"}


def test_a_run_of_some_mappings_ignores_parents_that_take_no_part(world):
    run = world.start("CONTACT", "CURRENCY", "CONTACT")
    assert run.mappings == ("CURRENCY", "CONTACT")
    advance(world, run)
    assert states(world, run) == {"CURRENCY": "ready", "CONTACT": "ready"}


def test_an_unknown_mapping_is_refused_by_name_and_nothing_begins(world):
    with pytest.raises(RefusedRequestError, match="'VENDOR'") as refusal:
        world.start("CUSTOMER", "VENDOR")
    assert refusal.value.status == 404
    assert "CUSTOMER" in refusal.value.hint
    assert world.jobs.active_run() is None


def test_a_second_start_is_refused_and_leaves_the_first_alone(world):
    run = world.start("CUSTOMER")
    with pytest.raises(ActiveRunError) as refusal:
        world.start("CURRENCY", kind=RunKind.PREVIEW)
    assert refusal.value.run_id == run.run_id
    assert states(world, run) == {"CUSTOMER": "waiting"}


# advancing


def test_a_message_carries_keys_only(world):
    run = world.start("CURRENCY")
    advance(world, run)
    assert world.queues.messages == [
        {"tenant": TENANT, "connection": CONNECTION, "run": run.run_id, "mapping": "CURRENCY"}
    ]


def test_lines_are_stored_as_ready_before_their_messages_are_sent(world):
    run = world.start("CURRENCY")
    seen = []
    world.queues.enqueue = lambda *_, **__: seen.append(states(world, run))
    advance(world, run)
    assert seen == [{"CURRENCY": "ready"}]


def test_a_message_that_was_never_sent_is_sent_by_the_next_look_by_itself(world):
    run = world.start("CURRENCY")
    advance(world, run)
    world.queues.messages.clear()  # the process died before it sent
    advance(world, run)
    assert enqueued(world) == []
    advance(world, run, by_itself=True)
    assert enqueued(world) == ["CURRENCY"]


def test_a_line_is_only_sent_again_when_nobody_works_on_it(world):
    run = world.start("CURRENCY")
    advance(world, run)
    world.queues.messages.clear()
    lease = Lease(owner="w", epoch=1, expires_at=world.time + timedelta(seconds=60))
    put_in_state(world, run, "CURRENCY", JobState.IN_PROCESS, lease=lease)
    assert advance(world, run, by_itself=True).working == ("CURRENCY",)
    assert enqueued(world) == []
    world.time += timedelta(seconds=61)
    advance(world, run, by_itself=True)
    assert enqueued(world) == ["CURRENCY"]


def test_children_follow_once_their_parents_are_over_and_the_run_ends_with_the_last(world):
    run = world.start(*CHAIN)
    for name in CHAIN:
        assert advance(world, run).working == (name,)
        assert enqueued(world) == [name]
        put_in_state(world, run, name, JobState.FINISHED)
    assert advance(world, run).end is RunState.FINISHED
    assert world.jobs.active_run() is None


def test_a_run_that_is_over_stays_as_it_ended(world):
    run = ended(world, "CURRENCY", "CUSTOMER", CUSTOMER=JobState.ERROR)
    assert advance(world, run, by_itself=True).end is RunState.FINISHED_WITH_ERRORS
    assert enqueued(world) == []


def test_an_orchestration_of_an_earlier_generation_ends_without_a_trace(world):
    run = ended(world, "CURRENCY")
    again = world.full_sync.restart("CURRENCY")
    assert advance(world, run, by_itself=True).end is RunState.CANCELLED
    assert states(world, again) == {"CURRENCY": "waiting"}
    assert enqueued(world) == []
    active = world.jobs.active_run()
    assert active
    assert active.generation == again.generation


def test_an_unknown_run_ends_at_once(world):
    assert world.full_sync.advance("gone", 0, by_itself=True).end is RunState.CANCELLED


def test_a_run_does_not_end_while_a_worker_is_at_a_line_that_was_about_to_be_cancelled(world):
    run = world.start("CURRENCY")
    advance(world, run)
    world.jobs.request_cancel(run.run_id)
    list_jobs = world.jobs.list_jobs

    def then_a_worker_comes(run_id):
        listed = list_jobs(run_id)
        world.jobs.acquire_lease(listed[0], "worker", world.now(), 60)
        return listed

    world.jobs.list_jobs = then_a_worker_comes
    assert advance(world, run).end is None
    assert world.jobs.active_run() is not None


# steering


def test_cancelling_ends_what_has_not_begun_and_asks_the_rest_to_stop(world):
    run = world.start(*CHAIN, "SALESPEOPLE")
    advance(world, run)
    put_in_state(world, run, "CURRENCY", JobState.IN_PROCESS)
    assert world.full_sync.cancel().cancel_requested
    advance(world, run)
    assert states(world, run) == {
        "SALESPEOPLE": "cancelled",
        "CURRENCY": "in-process",
        "CUSTOMER": "cancelled",
        "CONTACT": "cancelled",
    }
    put_in_state(world, run, "CURRENCY", JobState.CANCELLED)
    assert advance(world, run).end is RunState.CANCELLED


def test_a_run_whose_orchestration_was_never_started_can_be_cancelled_all_the_same(world):
    world.start("CURRENCY")
    assert world.full_sync.cancel().state is RunState.CANCELLED
    world.start("CURRENCY")


def test_there_is_nothing_to_cancel_where_no_run_is_in_process(world):
    with pytest.raises(RefusedRequestError) as refusal:
        world.full_sync.cancel()
    assert refusal.value.status == 409


def test_restarting_a_line_runs_it_and_those_it_blocked_again(world):
    run = world.start(*CHAIN, "UNIT OF MEASURE", "ITEM-PRODUCT")
    for name in ("UNIT OF MEASURE", "ITEM-PRODUCT"):
        put_in_state(world, run, name, JobState.FINISHED)
    put_in_state(world, run, "CURRENCY", JobState.ERROR)
    assert advance(world, run).end is RunState.FINISHED_WITH_ERRORS
    assert states(world, run)["CONTACT"] == "blocked"
    again = world.full_sync.restart("CURRENCY")
    assert (again.generation, again.state) == (1, RunState.IN_PROCESS)
    assert states(world, again) == {
        "CURRENCY": "waiting",
        "CUSTOMER": "waiting",
        "CONTACT": "waiting",
        "UNIT OF MEASURE": "finished",
        "ITEM-PRODUCT": "finished",
    }
    assert {job.attempt for name, job in lines(world, again).items() if name in CHAIN} == {2}
    advance(world, again)
    assert enqueued(world) == ["CURRENCY"]


def test_restarting_a_line_leaves_children_that_finished(world):
    ended(world, *CHAIN)
    again = world.full_sync.restart("CUSTOMER")
    assert states(world, again) == {
        "CURRENCY": "finished",
        "CUSTOMER": "waiting",
        "CONTACT": "finished",
    }


@pytest.mark.parametrize("name", ["CONTACT", "VENDOR"])
def test_a_line_that_is_not_there_cannot_be_restarted(world, name):
    ended(world, "CURRENCY")
    with pytest.raises(RefusedRequestError) as refusal:
        world.full_sync.restart(name)
    assert refusal.value.status == 404


def test_nothing_can_be_restarted_before_the_first_run(world):
    with pytest.raises(RefusedRequestError) as refusal:
        world.full_sync.restart("CURRENCY")
    assert refusal.value.status == 404


def test_a_line_that_goes_on_cannot_be_restarted(world):
    run = world.start("CURRENCY")
    advance(world, run)
    with pytest.raises(RefusedRequestError, match="is ready") as refusal:
        world.full_sync.restart("CURRENCY")
    assert refusal.value.status == 409


def test_a_restart_that_another_run_prevents_changes_nothing(world):
    run = ended(world, "CURRENCY", CURRENCY=JobState.ERROR)
    preview = world.start("CURRENCY", kind=RunKind.PREVIEW)
    with pytest.raises(ActiveRunError):
        world.full_sync.restart("CURRENCY")
    assert states(world, run) == {"CURRENCY": "error"}
    assert advance(world, preview).working == ("CURRENCY",)


def test_a_restart_that_died_half_way_can_be_repeated(world):
    run = ended(world, *CHAIN, CURRENCY=JobState.ERROR)
    reopen = world.jobs.reopen_run

    def die(run):
        world.jobs.reopen_run = reopen
        raise ConnectionError

    world.jobs.reopen_run = die
    with pytest.raises(ConnectionError):
        world.full_sync.restart("CURRENCY")
    again = world.full_sync.restart("CURRENCY")
    assert again.state is RunState.IN_PROCESS
    assert states(world, run)["CURRENCY"] == "waiting"


def test_a_line_of_a_run_in_process_is_restarted_under_the_next_generation(world):
    run = world.start("CURRENCY", "SALESPEOPLE")
    advance(world, run)
    put_in_state(world, run, "CURRENCY", JobState.ERROR)
    again = world.full_sync.restart("CURRENCY")
    assert again.instance_id != run.instance_id
    assert advance(world, run).end is RunState.CANCELLED
    assert set(advance(world, again).working) == {"CURRENCY", "SALESPEOPLE"}


def test_resetting_blanks_the_review_and_keeps_what_is_known_of_records(world):
    world.drain(world.start("CURRENCY"))
    assert world.full_sync.lines(RunKind.FULL_SYNC)[0]
    world.full_sync.reset()
    assert world.full_sync.lines(RunKind.FULL_SYNC) == (None, [])


def test_the_review_is_not_reset_while_a_run_is_in_process(world):
    run = world.start("CURRENCY")
    with pytest.raises(RefusedRequestError) as refusal:
        world.full_sync.reset()
    assert refusal.value.status == 409
    shown = world.full_sync.lines(RunKind.FULL_SYNC)[0]
    assert shown
    assert shown.run_id == run.run_id


def test_lines_come_in_the_order_of_the_review_not_of_the_alphabet(world):
    world.start()
    assert [job.mapping for job in world.full_sync.lines(RunKind.FULL_SYNC)[1]] == list(MAPPINGS)


def test_a_preview_has_lines_of_its_own(world):
    full = ended(world, "CURRENCY")
    preview = world.start("CUSTOMER", kind=RunKind.PREVIEW)
    shown = {kind: world.full_sync.lines(kind)[0] for kind in RunKind}
    assert {kind: run.run_id for kind, run in shown.items() if run} == {
        RunKind.FULL_SYNC: full.run_id,
        RunKind.PREVIEW: preview.run_id,
    }


def disabled(world: SyncWorld, name: str) -> None:
    mappings = dict(world.catalog.mappings)
    world.catalog = MappingCatalog.of(mappings | {name: replace(mappings[name], enabled=False)})


def test_a_disabled_mapping_is_skipped_for_everybody_to_see(world):
    disabled(world, "CUSTOMER")
    world.bc.put("customers", bc_customer("10000"))
    lines = world.synchronize()
    assert lines["CUSTOMER"].state is JobState.SKIPPED
    assert "disabled" in lines["CUSTOMER"].message
    assert lines["CONTACT"].state is JobState.FINISHED
    assert world.crm.tables["accounts"] == {}
    run = world.full_sync.lines(RunKind.FULL_SYNC)[0]
    assert run
    assert run.state is RunState.FINISHED


def test_a_disabled_mapping_is_neither_started_nor_restarted(world):
    disabled(world, "CUSTOMER")
    world.synchronize()
    for steer in (world.start, world.full_sync.restart):
        with pytest.raises(RefusedRequestError) as refused:
            steer("CUSTOMER")
        assert (refused.value.status, refused.value.code) == (409, "mapping-disabled")
    world.catalog = DEFAULT_CATALOG
    assert world.full_sync.restart("CUSTOMER").generation == 1


# one run of several


def test_a_run_is_cancelled_by_its_id_whatever_its_kind(world):
    run = world.start("CURRENCY", kind=RunKind.RECONCILE)
    cancelled = world.full_sync.cancel_run(run.run_id)
    assert (cancelled.run_id, cancelled.state) == (run.run_id, RunState.CANCELLED)
    assert states(world, run) == {"CURRENCY": "cancelled"}


def test_cancelling_a_run_that_is_over_changes_neither_it_nor_the_one_in_process(world):
    old = ended(world, "CURRENCY")
    running = world.start("CUSTOMER")
    assert world.full_sync.cancel_run(old.run_id) == old
    assert states(world, running) == {"CUSTOMER": "waiting"}


def test_lines_of_a_past_run_stay_beside_those_of_the_last_one(world):
    old = ended(world, "CURRENCY")
    world.start("CUSTOMER")
    run, jobs = world.full_sync.run_lines(old.run_id)
    assert (run, [job.mapping for job in jobs]) == (old, ["CURRENCY"])


@pytest.mark.parametrize("ask", ["cancel_run", "run_lines"])
def test_a_run_that_is_not_there_is_refused(world, ask):
    with pytest.raises(RefusedRequestError) as refusal:
        getattr(world.full_sync, ask)("nothing")
    assert (refusal.value.status, refusal.value.code) == (404, "run-unknown")
