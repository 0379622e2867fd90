"""Operational limits."""

from __future__ import annotations

import asyncio

import pytest

from local.simulators.business_central.limits import Limits
from local.simulators.core.simulator import SeedError
from tests.unit.simulators_business_central.world import (
    BASE,
    TENANT,
    Clock,
    request,
    send,
    simulator,
    world,
)

PATH = f"{BASE}/customers"


async def test_requests_beyond_the_window_are_refused_until_it_has_moved_on():
    clock = Clock()
    target = simulator(clock, limits=Limits(requests=2, window_seconds=300))
    assert [(await send(target, "GET", PATH)).status for _ in range(3)] == [200, 200, 429]
    clock.advance(299)
    assert (await send(target, "GET", PATH)).status == 429
    clock.advance(2)
    assert (await send(target, "GET", PATH)).status == 200


async def test_each_application_has_its_own_limits():
    target = simulator(limits=Limits(requests=1))
    statuses = [
        (
            await target.handle(request("GET", PATH, claims={"tid": TENANT, "azp": application}))
        ).status
        for application in ("one", "two", "one")
    ]
    assert statuses == [200, 200, 429]


async def test_five_are_processed_the_next_wait_and_the_rest_is_refused():
    target = simulator(limits=Limits(concurrent=5, waiting=2, seconds_per_request=0.01))
    answers = await asyncio.gather(*(send(target, "GET", PATH) for _ in range(10)))
    assert sorted(answer.status for answer in answers) == [200] * 7 + [429] * 3


@pytest.mark.parametrize(("limits", "told"), [({}, None), ({"retry_after": 7}, "7")])
async def test_a_refusal_tells_a_retry_after_only_where_configured(limits, told):
    target = simulator(limits=Limits(requests=1, **limits))
    await send(target, "GET", PATH)
    refusal = await send(target, "GET", PATH)
    assert refusal.status == 429
    assert refusal.headers.get("Retry-After") == told


async def test_a_batch_counts_as_one_request():
    target = simulator(limits=Limits(requests=1))
    part = {"method": "GET", "url": "companies"}
    batch_path = BASE.partition("companies")[0] + "$batch"
    answer = await send(target, "POST", batch_path, {"requests": [part, part, part]})
    assert answer.status == 200
    assert answer.operations == 6


async def test_a_body_above_the_limit_is_refused():
    target = simulator(limits=Limits(body_bytes=20))
    answer = await send(target, "POST", PATH, {"displayName": "A rather long name"})
    assert answer.status == 413


async def test_limits_are_lowered_by_seed_data_and_restored_by_a_reset():
    target = simulator()
    target.change_limits({"requests": 1})
    assert [(await send(target, "GET", PATH)).status for _ in range(2)] == [200, 429]
    target.reset()
    target.seed(world(), {})
    assert [(await send(target, "GET", PATH)).status for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("row", [{"request": 1}, {"requests": "1"}, {"requests": True}])
def test_a_limit_that_does_not_exist_is_refused(row):
    with pytest.raises(SeedError, match="limits"):
        simulator().change_limits(row)
