"""Timer-triggered functions: occurrences in UTC, and what was missed while the host was down.

As on the real host, schedules of a minute and more are monitored: their next occurrence is stored,
and a host that starts after it runs the function at once with `past_due`. Occurrences that pass
while the function runs are left out.
"""

import asyncio
import contextlib
import json
import logging
import os
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.data.tables.aio import TableClient, TableServiceClient

from local.host.configuration import resolve
from local.host.errors import HostError
from local.host.invoker import Invoker
from local.host.ncrontab import Schedule, parse_schedule
from local.host.worker import Function, FunctionError, typed

_log = logging.getLogger("host")

_TABLE = "LocalHostTimers"
_MONITORED_FROM = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerStatus:
    """What is stored of a monitored timer."""

    schedule: str
    last: datetime
    next: datetime


class TimerMonitor:
    """The stored statuses of one app's timers."""

    def __init__(self, tables: TableServiceClient, app_directory: Path) -> None:
        self._tables = tables
        self._partition = uuid.uuid5(uuid.NAMESPACE_URL, app_directory.as_uri()).hex

    async def load(self, function: Function) -> TimerStatus | None:
        """The stored status, or None."""
        try:
            row = await self._table().get_entity(self._partition, function.name)
        except ResourceNotFoundError:
            return None
        return TimerStatus(
            schedule=row["Schedule"],
            last=datetime.fromisoformat(row["Last"]),
            next=datetime.fromisoformat(row["Next"]),
        )

    async def save(self, function: Function, status: TimerStatus) -> None:
        """Store a status in the place of the one before."""
        row = {
            "PartitionKey": self._partition,
            "RowKey": function.name,
            "Schedule": status.schedule,
            "Last": status.last.isoformat(),
            "Next": status.next.isoformat(),
        }
        try:
            await self._table().upsert_entity(row)
        except ResourceNotFoundError:
            await self._create_table()
            await self._table().upsert_entity(row)

    def _table(self) -> TableClient:
        return self._tables.get_table_client(_TABLE)

    async def _create_table(self) -> None:
        try:
            await self._tables.create_table(_TABLE)
        except ResourceExistsError:
            return


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


class Timer:
    """Runs one function on its schedule."""

    def __init__(
        self,
        function: Function,
        *,
        invoker: Invoker,
        monitor: TimerMonitor,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        wait: Callable[[asyncio.Event, float], Awaitable[None]] = _wait,
    ) -> None:
        """`now` and `wait` (for an event, at most so many seconds) are the clock.

        Raises HostError if the schedule cannot be read.
        """
        self._function = function
        self._invoker = invoker
        self._monitor = monitor
        self._now = now
        self._wait = wait
        self._stopping = asyncio.Event()
        try:
            self._schedule = parse_schedule(resolve(function.trigger["schedule"], os.environ))
        except ValueError as error:
            raise HostError(f"{function.name}: schedule: {error}") from error
        self._monitored = function.trigger.get("useMonitor", True) and _is_sparse(
            self._schedule, now()
        )

    @property
    def name(self) -> str:
        """The function's name."""
        return self._function.name

    async def run(self) -> None:
        """Run the function at each occurrence until `stop`; a run under way then still ends."""
        status = await self._recall() if self._monitored else None
        if status is not None and status.next < self._now():
            status = await self._fire(status, past_due=True)
        elif self._function.trigger.get("runOnStartup"):
            status = await self._fire(status, past_due=False)
        while not self._stopping.is_set():
            due = self._schedule.next_after(self._now())
            await self._remember(status.last if status else self._now(), due)
            if await self._reached(due):
                status = await self._fire(status, past_due=False)

    async def run_now(self) -> None:
        """Run the function once beside its schedule, as the admin API does; raises
        ``FunctionError``."""
        value = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}
        await self._invoker.run(
            self._function, typed(json=json.dumps(value)), reason="timer, by the admin API"
        )

    def stop(self) -> None:
        """Run the function no more."""
        self._stopping.set()

    async def _reached(self, due: datetime) -> bool:
        """Wait for the moment; False if the timer was stopped before."""
        while not self._stopping.is_set():
            remaining = (due - self._now()).total_seconds()
            if remaining <= 0:
                return True
            await self._wait(self._stopping, remaining)
        return False

    async def _fire(self, status: TimerStatus | None, *, past_due: bool) -> TimerStatus:
        started = self._now()
        value = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": _shown(status) if self._monitored else None,
            "IsPastDue": past_due,
        }
        try:
            await self._invoker.run(
                self._function,
                typed(json=json.dumps(value)),
                reason="timer, past due" if past_due else "timer",
            )
        except FunctionError:
            _log.info("%s: the next occurrence is its next try", self._function.name)
        return await self._remember(started, self._schedule.next_after(self._now()))

    async def _recall(self) -> TimerStatus | None:
        try:
            status = await self._monitor.load(self._function)
        except AzureError as error:
            _log.warning("%s: what it missed is unknown: %s", self._function.name, error)
            return None
        return status if status and status.schedule == self._schedule.expression else None

    async def _remember(self, last: datetime, due: datetime) -> TimerStatus:
        status = TimerStatus(schedule=self._schedule.expression, last=last, next=due)
        if self._monitored:
            try:
                await self._monitor.save(self._function, status)
            except AzureError as error:
                _log.warning("%s: its status is not stored: %s", self._function.name, error)
        return status


def _is_sparse(schedule: Schedule, now: datetime) -> bool:
    """Whether the next two occurrences are at least a minute apart."""
    first = schedule.next_after(now)
    return schedule.next_after(first) - first >= _MONITORED_FROM


def _shown(status: TimerStatus | None) -> dict[str, str] | None:
    if status is None:
        return None
    last, due = status.last.isoformat(), status.next.isoformat()
    return {"Last": last, "Next": due, "LastUpdated": last}
