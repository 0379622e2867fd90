"""Runs and table jobs in storage: one active run, one worker, no write after a lease is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from errors import RefusedRequestError
from storage.rows import RowChangedError
from sync.jobs import (
    ActiveRunError,
    Counters,
    JobOverError,
    JobState,
    JobStore,
    LeaseHeldError,
    LeaseLostError,
    Run,
    RunKind,
    RunState,
    TableJob,
    TableStatus,
)
from sync.mapping import Direction
from tests.fakes.hooked import HookedTable

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECONDS = 60


def later(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def run(run_id: str = "r1", **changes) -> Run:
    begun = Run(
        run_id=run_id,
        kind=RunKind.FULL_SYNC,
        state=RunState.IN_PROCESS,
        started_at=AT,
        started_by="somebody",
        mappings=("CUSTOMER", "CONTACT"),
    )
    return replace(begun, **changes)


def job(mapping: str = "CUSTOMER", run_id: str = "r1", **changes) -> TableJob:
    waiting = TableJob(
        run_id=run_id,
        mapping=mapping,
        name=mapping.title(),
        direction=Direction.BOTH,
        state=JobState.READY,
        created_at=AT,
    )
    return replace(waiting, **changes)


@pytest.fixture
def runs(open_table) -> HookedTable:
    return HookedTable(open_table("runs"))


@pytest.fixture
def jobs(open_table) -> HookedTable:
    return HookedTable(open_table("jobs"))


@pytest.fixture
def store(runs, jobs) -> JobStore:
    return JobStore(runs=runs, jobs=jobs, connection_id="connection")


@pytest.fixture
def rival(open_table) -> JobStore:
    """The same store in another process."""
    return JobStore(runs=open_table("runs"), jobs=open_table("jobs"), connection_id="connection")


@pytest.fixture
def ready(store: JobStore) -> TableJob:
    """A job that waits for a worker."""
    store.begin_run(run(), [job()])
    [stored] = store.list_jobs("r1")
    return stored


def test_a_run_and_its_jobs_come_back_as_they_were_given(store: JobStore):
    full = job(
        "CONTACT",
        state=JobState.IN_PROCESS,
        dependencies=("CUSTOMER", "CURRENCY"),
        to_crm_status=TableStatus.SUCCESS,
        from_crm_status=TableStatus.IN_PROCESS,
        to_crm=Counters(inserted=1, modified=2, unchanged=3, skipped=4),
        from_crm=Counters(waiting=5, conflict=6, failed=7, coupled=8),
        records_expected=100,
        records_handled=36,
        phase="from-crm",
        cursor="https://crm/next?page=2",
        attempt=2,
        started_at=AT,
        finished_at=later(1),
        message="m",
        hint="h",
        blocked_by=("CURRENCY",),
        waiting_for=("CUSTOMER",),
    )

    stored = store.begin_run(run(), [job(), full])

    assert stored == run()
    assert store.get_run("r1") == run()
    assert store.list_jobs("r1") == [full, job()]
    assert store.get_job("r1", "CONTACT") == full
    assert store.get_job("r1", "ITEM") is None
    assert store.get_run("r2") is None


def test_counters_add_up():
    total = Counters(inserted=1, failed=2) + Counters(inserted=3, coupled=4)

    assert total == Counters(inserted=4, failed=2, coupled=4)


def test_the_active_run_is_found_until_it_ends(store: JobStore):
    assert store.active_run() is None
    store.begin_run(run(), [])
    assert store.active_run() == run()

    ended = store.finish_run("r1", 0, RunState.FINISHED, now=later(9), message="done")

    assert ended == run(state=RunState.FINISHED, finished_at=later(9), message="done")
    assert store.active_run() is None
    assert store.latest_run(RunKind.FULL_SYNC) == ended
    assert store.latest_run(RunKind.PREVIEW) is None


def test_a_second_run_is_refused_while_one_is_active_and_leaves_nothing(store: JobStore):
    store.begin_run(run(), [job()])

    with pytest.raises(ActiveRunError) as caught:
        store.begin_run(run("r2"), [job(run_id="r2")])

    assert (caught.value.status, caught.value.run_id) == (409, "r1")
    assert store.get_run("r2") is None
    assert store.list_jobs("r2") == []


def test_of_two_starts_at_once_the_second_is_refused_and_leaves_nothing(
    runs, store: JobStore, rival: JobStore
):
    runs.before("transact", lambda: rival.begin_run(run("r2"), [job(run_id="r2")]))

    with pytest.raises(ActiveRunError) as caught:
        store.begin_run(run(), [job()])

    assert caught.value.run_id == "r2"
    assert store.get_run("r1") is None
    assert store.list_jobs("r1") == []
    assert store.list_jobs("r2") == [job(run_id="r2")]


def test_of_many_starts_at_once_exactly_one_succeeds(store: JobStore):
    def begin(number: int) -> str | None:
        try:
            return store.begin_run(run(f"r{number}"), [job(run_id=f"r{number}")]).run_id
        except ActiveRunError:
            return None

    with ThreadPoolExecutor(6) as starters:
        begun = [run_id for run_id in starters.map(begin, range(12)) if run_id]

    active = store.active_run()
    assert active is not None
    assert begun == [active.run_id]
    assert [run_id for run_id in map("r{}".format, range(12)) if store.list_jobs(run_id)] == begun


def test_beginning_the_same_run_again_changes_nothing(runs, store: JobStore):
    runs.lose_answer("transact")
    store.begin_run(run(), [job()])
    [stored] = store.list_jobs("r1")
    worked_on = store.acquire_lease(stored, "w1", AT, SECONDS)

    assert store.begin_run(run(), [job()]) == run()

    assert store.list_jobs("r1") == [worked_on]
    store.finish_run("r1", 0, RunState.ERROR, now=AT)
    assert store.begin_run(run(), [job()]).state is RunState.ERROR
    assert store.active_run() is None


def test_a_run_that_has_ended_stays_as_it_ended(store: JobStore):
    store.begin_run(run(), [])
    store.finish_run("r1", 0, RunState.FINISHED, now=AT)
    store.begin_run(run("r2"), [])

    again = store.finish_run("r1", 0, RunState.ERROR, now=later(5))

    assert again.state is RunState.FINISHED
    assert store.active_run() == run("r2")


def test_a_run_is_ended_although_its_cancellation_came_between(runs, store: JobStore, rival):
    store.begin_run(run(), [])
    runs.before("transact", lambda: rival.request_cancel("r1"))

    ended = store.finish_run("r1", 0, RunState.CANCELLED, now=AT)

    assert (ended.state, ended.cancel_requested) == (RunState.CANCELLED, True)
    assert store.active_run() is None


def test_the_end_of_a_run_whose_answer_was_lost_is_kept(runs, store: JobStore):
    store.begin_run(run(), [])

    runs.lose_answer("transact")
    ended = store.finish_run("r1", 0, RunState.FINISHED, now=AT)

    assert ended.state is RunState.FINISHED
    assert store.active_run() is None


def test_a_state_that_is_no_end_cannot_end_a_run(store: JobStore):
    store.begin_run(run(), [])

    with pytest.raises(ValueError, match="does not end"):
        store.finish_run("r1", 0, RunState.IN_PROCESS, now=AT)


def test_an_unknown_run_is_refused_or_none(store: JobStore):
    assert store.request_cancel("r9") is None
    with pytest.raises(RefusedRequestError) as caught:
        store.finish_run("r9", 0, RunState.FINISHED, now=AT)
    assert caught.value.status == 404


def test_cancelling_is_a_wish_that_an_ended_run_ignores(store: JobStore):
    store.begin_run(run(), [])

    assert store.request_cancel("r1") == run(cancel_requested=True)
    assert store.request_cancel("r1") == run(cancel_requested=True)

    store.finish_run("r1", 0, RunState.CANCELLED, now=AT)
    store.begin_run(run("r2"), [])
    store.finish_run("r2", 0, RunState.FINISHED, now=AT)
    asked = store.request_cancel("r2")
    assert asked is not None
    assert asked.cancel_requested is False


def test_an_ended_run_is_reopened_under_its_next_generation(store: JobStore):
    store.begin_run(run(), [])
    store.request_cancel("r1")
    ended = store.finish_run("r1", 0, RunState.CANCELLED, now=AT, message="m")

    reopened = store.reopen_run(ended)

    assert reopened == run(generation=1)
    assert reopened.instance_id == "r1~1"
    assert store.active_run() == reopened


def test_an_active_run_is_reopened_and_its_old_generation_cannot_end_it(store: JobStore):
    active = store.begin_run(run(), [])

    reopened = store.reopen_run(active)
    unmoved = store.finish_run("r1", 0, RunState.FINISHED, now=AT)

    assert reopened == unmoved == run(generation=1)
    assert store.active_run() == reopened


def test_a_run_is_not_reopened_while_another_is_active(store: JobStore):
    store.begin_run(run(), [])
    ended = store.finish_run("r1", 0, RunState.FINISHED, now=AT)
    store.begin_run(run("r2"), [])

    with pytest.raises(ActiveRunError) as caught:
        store.reopen_run(ended)

    assert caught.value.run_id == "r2"


@pytest.mark.parametrize("over", [True, False])
def test_a_run_reopened_twice_from_one_reading_is_reopened_once(store: JobStore, over: bool):
    read = store.begin_run(run(), [])
    if over:
        read = store.finish_run("r1", 0, RunState.FINISHED, now=AT)
    store.reopen_run(read)

    with pytest.raises(RowChangedError):
        store.reopen_run(read)

    active = store.active_run()
    assert active is not None
    assert active.generation == 1


def test_a_job_changed_since_it_was_read_is_not_saved(store: JobStore, ready: TableJob):
    store.save_job(replace(ready, state=JobState.BLOCKED, blocked_by=("CURRENCY",)))

    with pytest.raises(RowChangedError):
        store.save_job(replace(ready, state=JobState.READY))


def test_a_free_lease_is_taken_under_the_next_epoch(store: JobStore, ready: TableJob):
    held = store.acquire_lease(ready, "w1", AT, SECONDS)

    assert (held.lease.owner, held.lease.epoch) == ("w1", 1)
    assert held.lease.expires_at == later(SECONDS)
    assert store.get_job("r1", "CUSTOMER") == held


def test_a_living_lease_is_refused_to_another(store: JobStore, ready: TableJob):
    held = store.acquire_lease(ready, "w1", AT, SECONDS)

    with pytest.raises(LeaseHeldError):
        store.acquire_lease(held, "w2", later(SECONDS - 1), SECONDS)
    with pytest.raises(LeaseHeldError):
        store.acquire_lease(ready, "w2", later(1), SECONDS)  # read before w1 took it


def test_an_expired_lease_is_taken_over_with_its_checkpoint(store: JobStore, ready: TableJob):
    held = store.acquire_lease(ready, "w1", AT, SECONDS)
    store.checkpoint(replace(held, cursor="page 2"), now=AT, seconds=SECONDS)

    taken = store.acquire_lease(ready, "w2", later(SECONDS), SECONDS)

    assert (taken.lease.owner, taken.lease.epoch, taken.cursor) == ("w2", 2, "page 2")


def test_of_two_workers_at_one_expired_lease_the_second_writer_is_refused(
    jobs, store: JobStore, rival: JobStore, ready: TableJob
):
    store.acquire_lease(ready, "dead", AT, SECONDS)
    expired = store.get_job("r1", "CUSTOMER")
    assert expired is not None
    after = later(SECONDS)
    jobs.before("replace", lambda: rival.acquire_lease(expired, "w2", after, SECONDS))

    with pytest.raises(LeaseHeldError):
        store.acquire_lease(expired, "w1", after, SECONDS)

    held = store.get_job("r1", "CUSTOMER")
    assert held is not None
    assert (held.lease.owner, held.lease.epoch) == ("w2", 2)


def test_of_many_workers_at_once_exactly_one_takes_the_lease(store: JobStore, ready: TableJob):
    def take(number: int) -> str | None:
        try:
            return store.acquire_lease(ready, f"w{number}", AT, SECONDS).lease.owner
        except LeaseHeldError:
            return None

    with ThreadPoolExecutor(6) as workers:
        owners = [owner for owner in workers.map(take, range(12)) if owner]

    held = store.get_job("r1", "CUSTOMER")
    assert held is not None
    assert owners == [held.lease.owner]
    assert held.lease.epoch == 1


def test_a_lease_is_taken_of_a_job_that_others_changed_but_do_not_hold(
    jobs, store: JobStore, rival: JobStore, ready: TableJob
):
    jobs.before("replace", lambda: rival.save_job(replace(ready, message="changed")))

    held = store.acquire_lease(ready, "w1", AT, SECONDS)

    assert (held.lease.owner, held.message) == ("w1", "changed")


def test_a_lease_whose_answer_was_lost_is_held(jobs, store: JobStore, ready: TableJob):
    jobs.lose_answer("replace")
    held = store.acquire_lease(ready, "w1", AT, SECONDS)

    assert held.lease.owner == "w1"
    store.checkpoint(held, now=AT, seconds=SECONDS)


@pytest.mark.parametrize("state", [s for s in JobState if s.is_over])
def test_a_job_that_is_over_has_no_lease_to_take(store: JobStore, ready: TableJob, state: JobState):
    store.save_job(replace(ready, state=state))

    with pytest.raises(JobOverError):
        store.acquire_lease(ready, "w1", AT, SECONDS)


def test_a_worker_that_lost_its_lease_writes_nothing_any_more(store: JobStore, ready: TableJob):
    stale = store.acquire_lease(ready, "w1", AT, SECONDS)
    fresh = store.acquire_lease(stale, "w2", later(SECONDS), SECONDS)
    fresh = store.checkpoint(replace(fresh, cursor="w2"), now=later(61), seconds=SECONDS)

    with pytest.raises(LeaseLostError):
        store.checkpoint(replace(stale, cursor="w1"), now=later(61), seconds=SECONDS)
    with pytest.raises(LeaseLostError):
        store.release(replace(stale, cursor="w1"))
    with pytest.raises(LeaseLostError):
        store.finish(replace(stale, state=JobState.FINISHED), now=later(61))

    assert store.get_job("r1", "CUSTOMER") == fresh


def test_a_stale_worker_is_refused_even_where_the_next_one_has_finished(
    store: JobStore, ready: TableJob
):
    stale = store.acquire_lease(ready, "w1", AT, SECONDS)
    fresh = store.acquire_lease(stale, "w2", later(SECONDS), SECONDS)
    finished = store.finish(replace(fresh, state=JobState.FINISHED), now=later(62))

    with pytest.raises(LeaseLostError):
        store.checkpoint(replace(stale, cursor="w1"), now=later(63), seconds=SECONDS)
    with pytest.raises(JobOverError):
        store.acquire_lease(stale, "w1", later(63), SECONDS)

    assert store.get_job("r1", "CUSTOMER") == finished


def test_a_checkpoint_that_a_takeover_overtakes_is_refused(
    jobs, store: JobStore, rival: JobStore, ready: TableJob
):
    held = store.acquire_lease(ready, "w1", AT, SECONDS)
    jobs.before("replace", lambda: rival.acquire_lease(held, "w2", later(SECONDS), SECONDS))

    with pytest.raises(LeaseLostError):
        store.checkpoint(replace(held, cursor="w1"), now=later(SECONDS), seconds=SECONDS)

    stored = store.get_job("r1", "CUSTOMER")
    assert stored is not None
    assert (stored.lease.owner, stored.cursor) == ("w2", "")


def test_a_checkpoint_that_overtakes_a_takeover_keeps_the_lease(
    jobs, store: JobStore, rival: JobStore, ready: TableJob
):
    held = store.acquire_lease(ready, "w1", AT, SECONDS)
    just_in_time = later(SECONDS)
    jobs.before(
        "replace",
        lambda: rival.checkpoint(replace(held, cursor="w1"), now=just_in_time, seconds=SECONDS),
    )

    with pytest.raises(LeaseHeldError):
        store.acquire_lease(held, "w2", just_in_time, SECONDS)

    stored = store.get_job("r1", "CUSTOMER")
    assert stored is not None
    assert (stored.lease.owner, stored.cursor) == ("w1", "w1")


def test_a_checkpoint_extends_the_lease_and_stores_progress(store: JobStore, ready: TableJob):
    held = store.acquire_lease(ready, "w1", AT, SECONDS)

    kept = store.checkpoint(
        replace(held, records_handled=10, to_crm=Counters(inserted=10)),
        now=later(50),
        seconds=SECONDS,
    )

    assert kept.lease.expires_at == later(110)
    assert kept.lease.epoch == held.lease.epoch
    assert store.get_job("r1", "CUSTOMER") == kept


def test_a_worker_late_with_its_checkpoint_goes_on_where_nobody_took_over(
    store: JobStore, ready: TableJob
):
    held = store.acquire_lease(ready, "w1", AT, SECONDS)

    kept = store.checkpoint(held, now=later(1000), seconds=SECONDS)

    assert kept.lease.is_alive(later(1001))


@pytest.mark.parametrize("call", ["checkpoint", "release", "finish"])
def test_a_write_of_the_owner_whose_answer_was_lost_is_a_success(
    jobs, store: JobStore, ready: TableJob, call: str
):
    held = replace(store.acquire_lease(ready, "w1", AT, SECONDS), cursor="c")
    writes = {
        "checkpoint": lambda: store.checkpoint(held, now=later(5), seconds=SECONDS),
        "release": lambda: store.release(held),
        "finish": lambda: store.finish(replace(held, state=JobState.FINISHED), now=later(5)),
    }

    jobs.lose_answer("replace")
    written = writes[call]()

    stored = store.get_job("r1", "CUSTOMER")
    assert stored == written
    assert stored is not None
    assert written.etag == stored.etag


def test_a_released_job_is_taken_at_once_by_the_next_slice(store: JobStore, ready: TableJob):
    held = store.acquire_lease(ready, "w1", AT, SECONDS)
    released = store.release(replace(held, cursor="page 2"))

    taken = store.acquire_lease(released, "w2", later(1), SECONDS)

    assert (taken.lease.epoch, taken.cursor) == (2, "page 2")
    with pytest.raises(LeaseLostError):
        store.checkpoint(held, now=later(2), seconds=SECONDS)


def test_a_finished_job_holds_its_end_and_no_lease(store: JobStore, ready: TableJob):
    held = store.acquire_lease(ready, "w1", AT, SECONDS)

    finished = store.finish(replace(held, state=JobState.FINISHED_WITH_ERRORS), now=later(3))

    assert finished.finished_at == later(3)
    assert finished.lease.owner == ""
    assert store.get_job("r1", "CUSTOMER") == finished


def test_misuse_of_a_lease_is_a_defect_of_the_caller(store: JobStore, ready: TableJob):
    with pytest.raises(ValueError, match="needs an owner"):
        store.checkpoint(ready, now=AT, seconds=SECONDS)
    with pytest.raises(ValueError, match="nobody holds"):
        store.release(ready)
    with pytest.raises(ValueError, match="needs an owner"):
        store.acquire_lease(ready, "", AT, SECONDS)
    held = store.acquire_lease(ready, "w1", AT, SECONDS)
    with pytest.raises(ValueError, match="does not end"):
        store.finish(held, now=AT)
