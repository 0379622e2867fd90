"""The state of tables between passes: one worker at a time, and no write of one that was late."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sync.job_model import Counters
from sync.jobs import LeaseHeldError, LeaseLostError
from sync.table_state import TableState, TableStateStore, Watermarks
from sync.watermark import BcWatermark
from tests.fakes.hooked import HookedTable

NOW = datetime(2026, 6, 26, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=61)


@pytest.fixture
def table(open_table) -> HookedTable:
    return HookedTable(open_table("watermarks"))


@pytest.fixture
def store(table) -> TableStateStore:
    return TableStateStore(table, "demo")


def take(store: TableStateStore, owner: str, now: datetime = NOW) -> TableState:
    return store.acquire("CUSTOMER", owner, now, 60)


def test_a_state_is_read_back_as_it_was_stored(store):
    held = take(store, "a")
    marks = Watermarks(
        bc=BcWatermark(stamp="2026-06-26T11:00:00.123Z", recent=3, total=10, settled=True),
        crm="https://crm/accounts?$deltatoken=1",
        ledger=7,
        origin="3 2026",
        compared_on="2026-06-26",
    )
    changed = replace(
        held,
        lineage="abc",
        watermarks=marks,
        pending=marks,
        pending_of="run~1",
        phase="bc",
        cursor="next",
        newest="2026-06-26T11:00:00.123Z",
        compare_because="because",
        failures=2,
        retry_at=LATER,
        started_at=NOW,
        to_crm=Counters(modified=2),
        message="told",
        couplings=3,
        seen_couplings={"SALESPEOPLE": 2},
    )
    stored = store.checkpoint(changed, now=NOW, seconds=60)
    assert store.load("CUSTOMER") == stored
    assert store.load_all() == {"CUSTOMER": stored}


def test_a_table_that_nobody_worked_on_is_new(store):
    assert store.load("CUSTOMER") == TableState(mapping="CUSTOMER")
    assert not store.load("CUSTOMER").is_synchronized


def test_a_held_table_is_not_taken(store):
    take(store, "a")
    with pytest.raises(LeaseHeldError):
        take(store, "b")
    assert take(store, "a").lease.owner == "a"


def test_a_table_is_taken_once_it_was_given_back(store):
    store.release(take(store, "a"))
    assert take(store, "b").lease.owner == "b"


def test_a_lease_that_ran_out_is_taken_over_under_a_higher_epoch(store):
    first = take(store, "a")
    second = take(store, "b", LATER)
    assert second.lease.epoch > first.lease.epoch


def test_a_worker_that_was_taken_over_cannot_write_any_more(store):
    late = take(store, "a")
    take(store, "b", LATER)
    with pytest.raises(LeaseLostError):
        store.checkpoint(replace(late, cursor="old"), now=LATER, seconds=60)
    with pytest.raises(LeaseLostError):
        store.release(late)
    assert store.load("CUSTOMER").cursor == ""


def test_of_two_workers_that_take_a_table_at_once_one_has_it(store, table):
    table.before("insert", lambda: take(TableStateStore(table, "demo"), "b"))
    with pytest.raises(LeaseHeldError):
        take(store, "a")


@pytest.mark.parametrize("write", ["checkpoint", "release"])
def test_a_write_whose_answer_was_lost_is_known_for_one_s_own(store, table, write):
    held = take(store, "a")
    table.lose_answer("replace")
    if write == "checkpoint":
        assert store.checkpoint(replace(held, cursor="x"), now=NOW, seconds=60).cursor == "x"
    else:
        assert store.release(replace(held, cursor="x")).lease.owner == ""


def test_connections_do_not_share_states(store, table):
    take(store, "a")
    assert take(TableStateStore(table, "other"), "b").lease.owner == "b"
