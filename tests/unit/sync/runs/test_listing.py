"""Runs of every kind, newest first."""

from __future__ import annotations

import re

import pytest

from errors import RefusedRequestError
from storage.paging import continuation_after
from sync.job_rows import RUNS
from sync.jobs import Run, RunKind, RunState
from sync.runs.listing import RunPage, list_runs
from sync.runs.naming import RUN_ID_PATTERN
from tests.support.table_jobs import CONNECTION, SyncWorld


@pytest.fixture
def world() -> SyncWorld:
    return SyncWorld()


def over(world: SyncWorld, kind: RunKind, state: RunState = RunState.FINISHED) -> Run:
    """A run that ended so; a minute passes."""
    run = world.start("CURRENCY", kind=kind)
    world.pass_time(60)
    return world.jobs.finish_run(run.run_id, run.generation, state, now=world.now())


def listed(world: SyncWorld, **asked) -> RunPage:
    return list_runs(world.account.table(RUNS, world.tenant), CONNECTION, **asked)


def ids(page: RunPage) -> list[str]:
    return [run.run_id for run in page.runs]


def test_runs_of_all_kinds_are_listed_newest_first_with_the_one_in_process(world):
    first = over(world, RunKind.PREVIEW)
    second = over(world, RunKind.FULL_SYNC)
    third = over(world, RunKind.RECONCILE)
    running = world.start("CURRENCY")
    page = listed(world)
    assert ids(page) == [each.run_id for each in (running, third, second, first)]
    assert page.runs[0].state is RunState.IN_PROCESS
    assert page.continuation is None
    assert all(re.fullmatch(RUN_ID_PATTERN, each) for each in ids(page))


def test_runs_are_found_by_kind_and_state(world):
    failed = over(world, RunKind.FULL_SYNC, RunState.FINISHED_WITH_ERRORS)
    finished = over(world, RunKind.FULL_SYNC)
    over(world, RunKind.PREVIEW)
    assert ids(listed(world, kind=RunKind.FULL_SYNC)) == [finished.run_id, failed.run_id]
    with_errors = RunState.FINISHED_WITH_ERRORS
    assert ids(listed(world, kind=RunKind.FULL_SYNC, state=with_errors)) == [failed.run_id]


def test_pages_follow_each_other_without_gap_or_repetition_while_runs_begin(world):
    begun = [over(world, RunKind.FULL_SYNC).run_id for _ in range(5)]
    page = listed(world, limit=2)
    seen = ids(page)
    over(world, RunKind.FULL_SYNC)
    while page.continuation:
        page = listed(world, limit=2, continuation=page.continuation)
        seen += ids(page)
    assert seen == begun[::-1]


def test_another_connections_runs_are_not_listed(world):
    other = SyncWorld(world.account, connection="other")
    other.start("CURRENCY")
    assert ids(listed(world)) == []


@pytest.mark.parametrize(
    "position", [(("other",), ("run", "x")), ((CONNECTION,), ("latest", "full-sync"))]
)
def test_a_continuation_of_another_list_is_refused(world, position):
    table = world.account.table(RUNS, world.tenant)
    with pytest.raises(RefusedRequestError) as refusal:
        listed(world, continuation=continuation_after(position, of=table))
    assert refusal.value.code == "continuation-unknown"
