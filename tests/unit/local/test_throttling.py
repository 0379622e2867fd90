from __future__ import annotations

import asyncio

import pytest

from local.simulators.core.throttling import ConcurrencyLimit, SlidingWindow, SlotsExhaustedError


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_requests_pass_up_to_the_limit_and_not_beyond(clock):
    window = SlidingWindow(limit=3, seconds=300, clock=clock)
    for _ in range(3):
        assert window.wait() == 0
        window.add()
    assert window.wait() == 300


def test_the_wait_is_until_the_oldest_request_leaves_the_window(clock):
    window = SlidingWindow(limit=2, seconds=300, clock=clock)
    window.add()
    clock.now += 100
    window.add()
    clock.now += 50
    assert window.wait() == 150
    clock.now += 150
    assert window.wait() == 0


def test_the_window_slides_rather_than_starting_anew(clock):
    window = SlidingWindow(limit=2, seconds=10, clock=clock)
    for moment in (0, 9):
        clock.now = 1000 + moment
        window.add()
    clock.now = 1011
    assert window.wait() == 0
    window.add()
    assert window.wait() == pytest.approx(8)


def test_execution_time_is_limited_by_its_sum(clock):
    window = SlidingWindow(limit=1200, seconds=300, clock=clock)
    window.add(700)
    clock.now += 10
    assert window.wait() == 0
    window.add(600)
    assert window.wait() == 290
    assert window.remaining() == 0
    clock.now += 290
    assert window.wait() == 0
    assert window.remaining() == 600


def test_the_wait_covers_as_many_entries_as_must_leave(clock):
    window = SlidingWindow(limit=10, seconds=100, clock=clock)
    for weight in (1, 1, 20):
        window.add(weight)
        clock.now += 1
    assert window.wait() == 99  # only the end of the heavy one brings the sum below 10


async def test_slots_are_held_and_given_back():
    limit = ConcurrencyLimit(limit=2)
    async with limit.slot(), limit.slot():
        with pytest.raises(SlotsExhaustedError):
            async with limit.slot():
                pass
    async with limit.slot():
        pass


async def test_a_slot_is_given_back_after_an_error():
    limit = ConcurrencyLimit(limit=1)
    with pytest.raises(ZeroDivisionError):
        async with limit.slot():
            _ = 1 / 0
    async with limit.slot():
        pass


class Caller:
    """A task that holds a slot until told."""

    def __init__(self, limit: ConcurrencyLimit) -> None:
        self.inside = asyncio.Event()
        self.leave = asyncio.Event()
        self.task = asyncio.create_task(self._hold(limit))

    async def _hold(self, limit: ConcurrencyLimit) -> None:
        async with limit.slot():
            self.inside.set()
            await self.leave.wait()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_waiting_callers_enter_in_their_order_and_excess_ones_are_refused():
    limit = ConcurrencyLimit(limit=1, waiting=2)
    first, second, third, fourth = (Caller(limit) for _ in range(4))
    await settle()
    assert [caller.inside.is_set() for caller in (first, second, third)] == [True, False, False]
    with pytest.raises(SlotsExhaustedError):
        await fourth.task
    first.leave.set()
    await second.inside.wait()
    assert not third.inside.is_set()
    second.leave.set()
    await third.inside.wait()
    third.leave.set()
    await asyncio.gather(first.task, second.task, third.task)


async def test_a_waiting_caller_that_goes_away_frees_its_place():
    limit = ConcurrencyLimit(limit=1, waiting=1)
    first, second = Caller(limit), Caller(limit)
    await settle()
    second.task.cancel()
    await asyncio.gather(second.task, return_exceptions=True)
    third = Caller(limit)
    await settle()
    first.leave.set()
    await third.inside.wait()
    third.leave.set()
    await asyncio.gather(first.task, third.task)


async def test_a_caller_cancelled_as_its_turn_comes_passes_the_slot_on():
    limit = ConcurrencyLimit(limit=1, waiting=2)
    first, second, third = (Caller(limit) for _ in range(3))
    await settle()
    first.leave.set()
    await asyncio.sleep(0)  # first leaves and hands over
    second.task.cancel()
    await third.inside.wait()
    third.leave.set()
    await asyncio.gather(first.task, third.task)
    await asyncio.gather(second.task, return_exceptions=True)
