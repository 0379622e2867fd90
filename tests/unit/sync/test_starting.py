"""Starting runs within what a tenant may: refused starts leave nothing behind."""

from __future__ import annotations

import pytest

from errors import TenantBusyError
from sync.jobs import ActiveRunError, JobState, RunKind
from tests.fakes.tables import MemoryAccount, StorageCall
from tests.support.table_jobs import SyncWorld, bc_customer


class Few(SyncWorld):
    """A tenant that may have one run in process."""

    most_runs = 1
    most_starts = 4


def others(world: SyncWorld) -> Few:
    """Another connection of the same tenant."""
    other = Few(world.account, connection="other")
    other.time = world.time
    return other


def test_a_start_beyond_the_limit_leaves_no_run_and_no_line():
    world = Few()
    world.start("CUSTOMER")
    other = others(world)
    with pytest.raises(TenantBusyError):
        other.start("CUSTOMER")
    assert other.jobs.active_run() is None
    assert other.full_sync.lines(RunKind.FULL_SYNC) == (None, [])


def test_the_connections_own_run_is_told_before_the_tenants_limit():
    world = Few()
    run = world.start("CUSTOMER")
    with pytest.raises(ActiveRunError) as refused:
        world.start("CUSTOMER")
    assert refused.value.run_id == run.run_id


def test_a_start_that_loses_a_race_gives_its_place_back():
    """Both look before either has stored its run; the loser's place is another connection's."""

    class Two(Few):
        most_runs = 2

    account = MemoryAccount(lambda moment, call: during(moment, call))
    world = Two(account)
    started = False

    def during(moment: str, call: StorageCall) -> bool:
        nonlocal started
        # the loser has claimed its place, and is about to store its run
        if not started and moment == "before" and call.table == "jobs" and call.writes:
            started = True
            Two(account).start("CUSTOMER")
        return False

    with pytest.raises(ActiveRunError):
        world.start("CUSTOMER")
    third = Two(account, connection="other")
    third.start("CUSTOMER")
    assert third.jobs.active_run()


def test_restarting_a_line_needs_a_place_and_leaves_the_line_where_there_is_none():
    world = Few()
    world.bc.put("customers", bc_customer("10000"))
    world.synchronize("CUSTOMER")
    other = others(world)
    other.start("CUSTOMER")
    with pytest.raises(TenantBusyError):
        world.full_sync.restart("CUSTOMER")
    _, (line,) = world.full_sync.lines(RunKind.FULL_SYNC)
    assert line.state is JobState.FINISHED


def test_a_restarted_line_counts_as_a_start():
    world = Few()
    world.bc.put("customers", bc_customer("10000"))
    world.synchronize("CUSTOMER")
    for _ in range(3):
        world.drain(world.full_sync.restart("CUSTOMER"))
    with pytest.raises(TenantBusyError):
        world.full_sync.restart("CUSTOMER")
