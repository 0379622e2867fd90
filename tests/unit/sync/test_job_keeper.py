"""Holding a lease while a slow page is handled."""

from __future__ import annotations

from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from errors import TransientError
from sync.job_keeper import JobKeeper
from sync.jobs import JobState, JobStore, LeaseHeldError, LeaseLostError, TableJob
from tests.support.table_jobs import SyncWorld

_DEADLINE = 10.0
"""Seconds that a test waits for the keeper's thread before it fails."""
_SHORT = 0.03
"""A lease that is extended every hundredth of a second."""


class WatchedStore:
    """The store, telling of every checkpoint, and failing when a test says so."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self.extended = Event()
        self.failed = Event()
        self.failure: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def checkpoint(self, job: TableJob, **more: Any) -> TableJob:
        if self.failure:
            self.failed.set()
            raise self.failure
        try:
            stored = self._store.checkpoint(job, **more)
        except LeaseLostError:
            self.failed.set()
            raise
        self.extended.set()
        return stored


@pytest.fixture
def world() -> SyncWorld:
    return SyncWorld()


@pytest.fixture
def store(world) -> WatchedStore:
    return WatchedStore(world.jobs)


def held(world: SyncWorld, seconds: float) -> TableJob:
    run = world.start("CURRENCY")
    world.full_sync.advance(run.run_id, run.generation, by_itself=False)
    job = world.jobs.get_job(run.run_id, "CURRENCY")
    assert job
    return world.jobs.acquire_lease(job, "worker", world.now(), seconds)


def keeper_of(world: SyncWorld, store: Any, *, seconds: float = _SHORT) -> JobKeeper:
    return JobKeeper(store, held(world, seconds), now=world.now, lease_seconds=seconds)


def stored(world: SyncWorld, keeper: JobKeeper) -> TableJob:
    job = world.jobs.get_job(keeper.job.run_id, keeper.job.mapping)
    assert job
    return job


def taken_over(world: SyncWorld, keeper: JobKeeper) -> TableJob:
    later = replace(stored(world, keeper), lease=replace(stored(world, keeper).lease, owner=""))
    return world.jobs.acquire_lease(world.jobs.save_job(later), "rival", world.now(), 3600)


def test_the_lease_is_extended_while_a_slow_page_is_handled(world, store):
    with keeper_of(world, store) as keeper:
        first = keeper.job.lease.expires_at
        world.time = first
        assert store.extended.wait(_DEADLINE)
        with pytest.raises(LeaseHeldError):
            world.jobs.acquire_lease(stored(world, keeper), "rival", world.now(), 60)


def test_a_page_s_progress_and_the_lease_s_extension_do_not_refuse_each_other(world, store):
    with keeper_of(world, store) as keeper:
        for handled in range(20):
            store.extended.clear()
            assert store.extended.wait(_DEADLINE)
            keeper.checkpoint(records_handled=handled)
        assert stored(world, keeper).records_handled == 19


def test_a_lost_lease_is_seen_at_the_next_checkpoint(world, store):
    with keeper_of(world, store) as keeper:
        rival = taken_over(world, keeper)
        assert store.failed.wait(_DEADLINE)
        with pytest.raises(LeaseLostError):
            keeper.checkpoint(records_handled=1)
        assert stored(world, keeper) == rival


@pytest.mark.parametrize("end", ["checkpoint", "release", "finish"])
def test_nothing_is_written_with_a_lost_lease(world, end):
    with keeper_of(world, world.jobs, seconds=3600) as keeper:
        rival = taken_over(world, keeper)
        changes: dict[str, dict[str, Any]] = {
            "checkpoint": {"records_handled": 1},
            "finish": {"state": JobState.FINISHED},
        }
        with pytest.raises(LeaseLostError):
            getattr(keeper, end)(**changes.get(end, {}))
        assert stored(world, keeper) == rival


def test_a_hiccup_of_the_storage_is_survived(world, store):
    store.failure = TransientError("away", "The storage is away.")
    with keeper_of(world, store) as keeper:
        assert store.failed.wait(_DEADLINE)
        store.failure = None
        assert store.extended.wait(_DEADLINE)
        keeper.checkpoint(records_handled=5)
        assert stored(world, keeper).records_handled == 5


def test_a_released_or_finished_job_is_not_extended_any_more(world, store):
    with keeper_of(world, store) as keeper:
        keeper.finish(state=JobState.FINISHED)
        keeper._thread.join(_DEADLINE)
        assert not keeper._thread.is_alive()
        assert stored(world, keeper).lease.owner == ""


def test_nobody_extends_the_lease_once_the_keeper_is_left(world, store):
    with keeper_of(world, store) as keeper:
        pass
    assert not keeper._thread.is_alive()
    assert stored(world, keeper).lease.owner == "worker"
