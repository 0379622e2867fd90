"""Timer-triggered functions."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import requests
from azure.data.tables import TableServiceClient

from local.host.errors import HostError
from local.host.timer_trigger import Timer, TimerStatus
from local.host.worker import Function, FunctionError
from tests.host.processes import HostFactory, eventually
from tests.host.sample import Sample

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_a_timer_function_runs_at_each_occurrence(start_host: HostFactory, sample: Sample):
    sample.start(start_host, tick="*/1 * * * * *")
    eventually(lambda: len(sample.trace("tick")) >= 3)
    ticks = [run["tick"] for run in sample.trace("tick")]
    assert all(tick % 1 < 0.5 for tick in ticks), "right after the full second"
    assert all(0.5 < later - earlier < 1.5 for earlier, later in pairwise(ticks))
    assert not any(run["past_due"] for run in sample.trace("tick"))


def test_run_on_startup_runs_at_once(start_host: HostFactory, sample: Sample):
    sample.start(start_host)
    eventually(lambda: sample.trace("at_start"))
    assert sample.trace("tick") == []


def test_the_admin_api_runs_a_timer_function_now(start_host: HostFactory, sample: Sample):
    host = sample.start(start_host)
    run = f"{host.base_url}/admin/functions"
    assert requests.post(f"{run}/tick", json={"input": ""}, timeout=10).status_code == 202
    (traced,) = eventually(lambda: sample.trace("tick"))
    assert traced["past_due"] is False
    assert requests.get(f"{run}/tick", timeout=10).status_code == 404
    assert requests.post(f"{run}/unknown", json={}, timeout=10).status_code == 404


def test_an_occurrence_missed_while_the_host_was_down_is_made_up_as_past_due(
    start_host: HostFactory, sample: Sample
):
    host = sample.start(start_host, tick="0 0 0 * * *")
    with TableServiceClient.from_connection_string(sample.azurite.connection_string) as service:
        table = service.get_table_client("LocalHostTimers")

        def tick_row() -> dict[str, Any] | None:
            rows = table.query_entities("RowKey eq 'tick' and Schedule eq '0 0 0 * * *'")
            return next((dict(row) for row in rows), None)

        eventually(lambda: "LocalHostTimers" in [t.name for t in service.list_tables()])
        row = eventually(tick_row) or {}
        host.stop()
        assert sample.trace("tick") == []
        row["Next"] = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
        table.upsert_entity(row)
    host.restart()
    (run,) = eventually(lambda: sample.trace("tick"))
    assert run["past_due"] is True


class _Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = _NOON

    def __call__(self) -> datetime:
        return self.now

    async def wait(self, stopped: asyncio.Event, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        await asyncio.sleep(0)


class _Invoker:
    """Notes what timers run with; each run takes as long as `takes`."""

    def __init__(self, clock: _Clock) -> None:
        self.values: list[dict[str, Any]] = []
        self.at: list[datetime] = []
        self.takes = timedelta(0)
        self.fails = False
        self._clock = clock

    async def run(self, function: Function, value: Any, *, reason: str) -> None:
        self.values.append(json.loads(value.json))
        self.at.append(self._clock.now)
        self._clock.now += self.takes
        if self.fails:
            raise FunctionError("ValueError: told to fail")


class _Monitor:
    """Stored statuses, in memory."""

    def __init__(self) -> None:
        self.status: TimerStatus | None = None

    async def load(self, function: Function) -> TimerStatus | None:
        return self.status

    async def save(self, function: Function, status: TimerStatus) -> None:
        self.status = status


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


def _timer(clock: _Clock, schedule: str, **trigger: object) -> tuple[Timer, _Invoker, _Monitor]:
    invoker, monitor = _Invoker(clock), _Monitor()
    function = Function(
        name="tick",
        id="1",
        bindings=(),
        trigger={"name": "timer", "schedule": schedule, **trigger},
        kind="timerTrigger",
        durable_clients=(),
    )
    timer = Timer(function, invoker=invoker, monitor=monitor, now=clock, wait=clock.wait)  # type: ignore[arg-type]  # fakes
    return timer, invoker, monitor


async def _run_until(timer: Timer, invoker: _Invoker, runs: int) -> None:
    task = asyncio.create_task(timer.run())
    async with asyncio.timeout(5):
        while len(invoker.at) < runs:
            await asyncio.sleep(0)
        timer.stop()
        await task


async def test_occurrences_that_pass_while_the_function_runs_are_left_out(clock: _Clock):
    timer, invoker, _ = _timer(clock, "0 */5 * * * *")
    invoker.takes = timedelta(minutes=7)
    await _run_until(timer, invoker, 2)
    assert [at.minute for at in invoker.at[:2]] == [5, 15]


async def test_a_function_that_fails_runs_again_at_the_next_occurrence(clock: _Clock):
    timer, invoker, _ = _timer(clock, "0 */5 * * * *")
    invoker.fails = True
    await _run_until(timer, invoker, 2)
    assert [at.minute for at in invoker.at[:2]] == [5, 10]


async def test_a_monitored_timer_tells_its_function_the_last_and_the_next_occurrence(
    clock: _Clock,
):
    timer, invoker, monitor = _timer(clock, "0 */5 * * * *")
    await _run_until(timer, invoker, 2)
    status = invoker.values[1]["ScheduleStatus"]
    assert status["Last"] == (_NOON + timedelta(minutes=5)).isoformat()
    assert status["Next"] == (_NOON + timedelta(minutes=10)).isoformat()
    assert monitor.status is not None


async def test_a_missed_occurrence_of_another_schedule_is_not_made_up(clock: _Clock):
    timer, invoker, monitor = _timer(clock, "0 */5 * * * *")
    long_ago = _NOON - timedelta(days=1)
    monitor.status = TimerStatus(schedule="0 0 0 * * *", last=long_ago, next=long_ago)
    await _run_until(timer, invoker, 1)
    assert invoker.values[0]["IsPastDue"] is False
    assert invoker.at[0] == _NOON + timedelta(minutes=5)


async def test_a_timer_more_frequent_than_a_minute_is_not_monitored(clock: _Clock):
    timer, invoker, monitor = _timer(clock, "*/30 * * * * *")
    await _run_until(timer, invoker, 2)
    assert monitor.status is None
    assert invoker.values[0]["ScheduleStatus"] is None


def test_a_schedule_that_cannot_be_read_is_refused_by_the_functions_name(clock: _Clock):
    with pytest.raises(HostError, match="tick: schedule: "):
        _timer(clock, "00:05:00")
