"""Limits: requests and execution time over a sliding window, and the length of a URL."""

import pytest

from local.simulators.core.messages import SimRequest
from local.simulators.dataverse.errors import DataverseError
from local.simulators.dataverse.limits import ServiceLimits, Throttle
from local.simulators.dataverse.simulator import DataverseSimulator, Settings

LIMITS = ServiceLimits(requests=3, execution_seconds=10, window_seconds=300, concurrent=2)


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    return Throttle(LIMITS, clock)


async def pass_through(throttle: Throttle, user: str = "u") -> None:
    async with throttle.admitted(user):
        pass


async def refusal(throttle: Throttle, user: str = "u") -> tuple[str, int]:
    with pytest.raises(DataverseError) as refused:
        await pass_through(throttle, user)
    assert refused.value.status == 429
    return refused.value.code, int(refused.value.headers["Retry-After"])


async def test_the_window_slides(throttle, clock):
    for _ in range(3):
        await pass_through(throttle)
        clock.now += 50
    assert await refusal(throttle) == ("0x80072322", 150)
    clock.now += 149
    assert await refusal(throttle) == ("0x80072322", 2)
    clock.now += 1
    await pass_through(throttle)


async def test_refused_requests_do_not_count_but_lengthen_the_wait(throttle, clock):
    for _ in range(3):
        await pass_through(throttle)
    waits = [(await refusal(throttle))[1] for _ in range(3)]
    assert waits == [300, 301, 302]
    clock.now += 300
    for _ in range(3):
        await pass_through(throttle)
    assert (await refusal(throttle))[1] == 300


async def test_every_user_has_limits_of_its_own(throttle):
    for _ in range(3):
        await pass_through(throttle)
    await pass_through(throttle, "other")
    assert throttle.headers("u")["x-ms-ratelimit-burst-remaining-xrm-requests"] == "0"
    assert throttle.headers("other")["x-ms-ratelimit-burst-remaining-xrm-requests"] == "2"


async def test_execution_time_adds_up(throttle, clock):
    async with throttle.admitted("u"):
        clock.now += 6
    async with throttle.admitted("u"):
        clock.now += 6
    assert (await refusal(throttle))[0] == "0x80072321"
    assert throttle.headers("u")["x-ms-ratelimit-time-remaining-xrm-requests"] == "0.00"
    clock.now += 295
    await pass_through(throttle)


async def test_requests_at_once(throttle):
    async with throttle.admitted("u"), throttle.admitted("u"):
        assert await refusal(throttle) == ("0x80072326", 1)
        await pass_through(throttle, "other")
    await pass_through(throttle)


@pytest.mark.parametrize(("length", "status"), [(30_000, 200), (33_000, 414)])
async def test_a_url_has_at_most_32_kilobytes(length, status):
    simulator = DataverseSimulator(Settings(clients=("a",)))
    query = "$select=" + ",".join(["name"] * (length // 5))
    path = "/api/data/v9.2/accounts"
    request = SimRequest(
        method="GET", path=path, raw_path=path, query_string=query, base_url="https://h"
    )
    assert (await simulator.handle(request)).status == status
