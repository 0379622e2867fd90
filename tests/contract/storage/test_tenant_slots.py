"""Slots of a tenant: never more than there are, none lost for good, one request to take one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from identity.model import TenantId
from storage.traffic import TRANSACTIONS
from sync.jobs import LeaseLostError
from sync.tenant_slots import Slot, TenantSlots, delay_seconds
from tests.contract.storage.conftest import OpenTable
from tests.fakes.hooked import HookedTable

SECONDS = 60
A, B, C, D = (f"{number:032x}" for number in range(4))
"""Workers; each looks at the slot of its own number first."""


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 6, 26, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(open_table: OpenTable) -> HookedTable:
    return HookedTable(open_table("slots"))


@pytest.fixture
def slots(table: HookedTable, clock: Clock) -> TenantSlots:
    """Three of them."""
    return TenantSlots(table, most=3, lease_seconds=SECONDS, now=clock)


def taken(slots: TenantSlots, owner: str) -> Slot:
    slot = slots.take(owner)
    assert slot
    return slot


def test_no_more_are_taken_than_there_are(slots):
    assert {taken(slots, each).number for each in (A, B, C)} == {0, 1, 2}
    assert slots.take(D) is None


def test_one_that_is_given_back_is_free_at_once(slots):
    first = taken(slots, A)
    taken(slots, B), taken(slots, C)
    slots.release(first)
    assert taken(slots, D).number == first.number


def test_a_worker_whose_first_choice_is_taken_takes_another(slots):
    assert taken(slots, A).number == 0
    assert taken(slots, D).number == 1  # its first choice is 0, too


def test_the_slot_of_a_worker_that_died_is_taken_over_under_a_higher_epoch(slots, clock):
    first = taken(slots, A)
    taken(slots, B), taken(slots, C)
    clock.now += timedelta(seconds=SECONDS)
    again = taken(slots, D)
    assert (again.number, again.lease.epoch) == (first.number, first.lease.epoch + 1)


def test_whoever_extends_its_lease_keeps_its_slot(slots, clock):
    held = [taken(slots, each) for each in (A, B, C)]
    clock.now += timedelta(seconds=SECONDS - 1)
    for slot in held:
        slots.checkpoint(slot, now=clock.now, seconds=SECONDS)
    clock.now += timedelta(seconds=SECONDS - 1)
    assert slots.take(D) is None


def test_a_worker_that_was_taken_over_neither_extends_nor_gives_back_the_others_slot(slots, clock):
    late = taken(slots, A)
    taken(slots, B), taken(slots, C)
    clock.now += timedelta(seconds=SECONDS)
    taken(slots, D)
    with pytest.raises(LeaseLostError):
        slots.checkpoint(late, now=clock.now, seconds=SECONDS)
    with pytest.raises(LeaseLostError):
        slots.release(late)


def test_two_at_one_slot_get_two(slots, table):
    table.before("insert", lambda: taken(slots, A))
    assert taken(slots, D).number == 1


def test_two_at_one_that_ran_out_get_two(slots, table, clock):
    taken(slots, A), taken(slots, B), taken(slots, C)
    clock.now += timedelta(seconds=SECONDS)
    table.before("replace", lambda: taken(slots, "3" * 32))
    first, second = taken(slots, D).number, taken(slots, "4" * 32).number
    assert first != second
    assert slots.take("5" * 32) is None


def test_a_slot_whose_answer_was_lost_is_held_once(slots, table):
    table.lose_answer("insert")
    slot = taken(slots, A)
    assert slot.lease.owner == A
    slots.release(slot)
    assert {taken(slots, each).number for each in (A, B, C)} == {0, 1, 2}


def test_an_extension_whose_answer_was_lost_counts(slots, table, clock):
    slot = taken(slots, A)
    table.lose_answer("replace")
    extended = slots.checkpoint(slot, now=clock.now, seconds=SECONDS)
    slots.release(extended)


def test_many_threads_never_hold_more_than_there_are(slots):
    lock, held, most = threading.Lock(), 0, 0

    def work(_: int) -> bool:
        nonlocal held, most
        with slots.one(uuid4().hex) as is_free:
            if is_free:
                with lock:
                    held += 1
                    most = max(most, held)
                with lock:
                    held -= 1
            return bool(is_free)

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(work, range(60)))
    assert most <= 3
    assert any(got)
    assert all(slots.take(each) for each in (A, B, C)), "all were given back"


def test_within_a_slot_others_have_one_less_and_afterwards_all(slots):
    with slots.one(A) as is_free:
        assert is_free
        taken(slots, B), taken(slots, C)
        with slots.one(D) as is_another_free:
            assert not is_another_free
    assert slots.take(D)


def test_work_that_fails_gives_its_slot_back(slots):
    with pytest.raises(RuntimeError), slots.one(A):
        raise RuntimeError
    assert {taken(slots, each).number for each in (A, B, C)} == {0, 1, 2}


def test_losing_the_slot_is_no_failure_of_the_work(slots, clock):
    with slots.one(A):
        taken(slots, B), taken(slots, C)
        clock.now += timedelta(seconds=SECONDS)
        taken(slots, D)


def test_one_tenants_slots_are_not_anothers(slots, open_table, clock):
    for each in (A, B, C):
        taken(slots, each)
    other = TenantId(str(uuid4()))
    theirs = TenantSlots(open_table("slots", other), most=3, lease_seconds=SECONDS, now=clock)
    assert theirs.take(A)


def test_taking_a_free_slot_is_one_request_and_giving_it_back_another(
    azurite_account, tenant, clock
):
    slots = TenantSlots(
        azurite_account.table("slots", tenant), most=3, lease_seconds=SECONDS, now=clock
    )
    before = TRANSACTIONS.total()
    with slots.one(A):
        assert TRANSACTIONS.total() - before == 1
    assert TRANSACTIONS.total() - before == 2


def test_without_a_limit_nothing_is_asked_of_the_storage(azurite_account, tenant, clock):
    slots = TenantSlots(
        azurite_account.table("slots", tenant), most=0, lease_seconds=SECONDS, now=clock
    )
    before = TRANSACTIONS.total()
    with slots.one(A) as is_free:
        assert is_free
    assert TRANSACTIONS.total() == before


def test_the_longer_a_message_waits_the_later_it_comes_again_within_bounds():
    delays = [delay_seconds(times) for times in range(8)]
    assert delays == [2, 4, 8, 16, 32, 60, 60, 60]
    assert delay_seconds(10**6) == 60
