"""Operational limits of the online service, per user or service principal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

from local.simulators.business_central.errors import BcError, too_many_requests
from local.simulators.core.simulator import SeedError
from local.simulators.core.throttling import (
    ConcurrencyLimit,
    SlidingWindow,
    SlotsExhaustedError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The service's limits; tests may lower them."""

    requests: int = 6000
    """Requests per window."""
    window_seconds: float = 300.0
    concurrent: int = 5
    """Requests processed at the same time."""
    waiting: int = 95
    """Requests that wait for their turn."""
    body_bytes: int = 350 * 1024 * 1024
    seconds_per_request: float = 0.0
    """Time that the simulator pretends to work on every request."""
    seconds_per_operation: float = 0.0
    """Time that it pretends to work on every record read or written."""
    retry_after: int | None = None
    """Seconds that a ``Retry-After`` header of 429 tells; none is documented for this service."""

    subscriptions: int = 200
    """Webhook subscriptions of the environment."""
    notification_delay: float = 1.0
    """Seconds from the first change until notifications of it and those behind it are sent; the
    service waits 30."""
    notification_records: int = 1000
    """More changes of one subscription are told as one ``collection``."""
    notification_retry_scale: float = 1.0
    """What the delays between tries of a notification (a minute and more) are multiplied by."""

    def changed(self, values: Mapping[str, Any]) -> Limits:
        """These limits with some of them replaced; raises ``SeedError`` for what is no limit."""
        known = {each.name for each in fields(self)}
        for name, value in values.items():
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if name not in known or not (number or (name == "retry_after" and value is None)):
                raise SeedError(f"limits: '{name}' = {value!r} is not one of {sorted(known)}")
        return replace(self, **values)


class Gate:
    """Lets one caller's requests in within the limits."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._window = SlidingWindow(
            limit=limits.requests, seconds=limits.window_seconds, clock=clock
        )
        self._slots = ConcurrencyLimit(limit=limits.concurrent, waiting=limits.waiting)

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Process one request inside, perhaps after waiting; raises ``BcError`` (429)."""
        if self._window.wait() > 0:
            raise too_many_requests(self._limits.requests + 1, self._limits.requests)
        self._window.add()
        try:
            async with self._slots.slot():
                yield
        except SlotsExhaustedError:
            maximum = self._limits.concurrent + self._limits.waiting
            raise too_many_requests(maximum + 1, maximum) from None


def too_large(size: int, limits: Limits) -> BcError | None:
    """The refusal of a body that is too large."""
    if size <= limits.body_bytes:
        return None
    return BcError(413, "Unknown", f"The request body exceeds {limits.body_bytes} bytes.")
