"""The rate of a tenant's requests, by a clock that the tests move."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from errors import TenantBusyError
from web import limits
from web.limits import RequestLimit


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limit(clock: Clock) -> RequestLimit:
    """Five a second, twenty at once."""
    return RequestLimit(per_second=5, burst=20, clock=clock)


def admitted(limit: RequestLimit, tenant: str, *, tries: int) -> int:
    """How many of so many requests are let in."""
    count = 0
    for _ in range(tries):
        try:
            limit.admit(tenant)
        except TenantBusyError:
            continue
        count += 1
    return count


def test_a_rested_tenant_may_send_a_burst_and_no_more(limit):
    assert admitted(limit, "a", tries=100) == 20


def test_afterwards_as_many_are_let_in_as_time_allows(limit, clock):
    admitted(limit, "a", tries=20)
    clock.now += 1
    assert admitted(limit, "a", tries=100) == 5
    clock.now += 0.1
    assert admitted(limit, "a", tries=100) == 0
    clock.now += 0.1
    assert admitted(limit, "a", tries=100) == 1


def test_rest_fills_no_more_than_one_burst(limit, clock):
    admitted(limit, "a", tries=20)
    clock.now += 3600
    assert admitted(limit, "a", tries=100) == 20


def test_one_tenants_flood_takes_nothing_from_another(limit):
    admitted(limit, "a", tries=1000)
    assert admitted(limit, "b", tries=100) == 20


def test_whoever_waits_as_long_as_told_is_let_in(clock):
    limit = RequestLimit(per_second=0.25, burst=1, clock=clock)
    limit.admit("a")
    clock.now += 1
    with pytest.raises(TenantBusyError) as refused:
        limit.admit("a")
    assert (refused.value.status, refused.value.code) == (429, "tenant-busy")
    clock.now += int(refused.value.headers["Retry-After"])
    limit.admit("a")


def test_being_refused_does_not_make_the_wait_longer(limit, clock):
    admitted(limit, "a", tries=1000)
    clock.now += 0.2
    limit.admit("a")


def test_retry_after_is_never_below_a_second(limit):
    admitted(limit, "a", tries=20)
    with pytest.raises(TenantBusyError) as refused:
        limit.admit("a")
    assert refused.value.headers == {"Retry-After": "1"}


def test_a_rate_of_zero_is_no_limit(clock):
    limit = RequestLimit(per_second=0, burst=1, clock=clock)
    assert admitted(limit, "a", tries=500) == 500


def test_tenants_that_rest_are_forgotten_and_those_that_do_not_are_not(limit, clock, monkeypatch):
    monkeypatch.setattr(limits, "_MOST_BUCKETS", 10)
    for number in range(9):
        limit.admit(f"rested {number}")
    clock.now += 4  # as long as filling a bucket takes
    admitted(limit, "busy", tries=20)
    limit.admit("one more")
    assert sorted(limit._buckets) == ["busy", "one more"]
    assert admitted(limit, "busy", tries=1) == 0


def test_many_threads_are_let_in_no_more_often_than_one(limit):
    with ThreadPoolExecutor(8) as pool:
        counts = pool.map(lambda _: admitted(limit, "a", tries=50), range(8))
    assert sum(counts) == 20
