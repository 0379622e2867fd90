"""The service protection limits: three per user, answered with 429 and Retry-After."""

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from local.simulators.core.throttling import (
    ConcurrencyLimit,
    SlidingWindow,
    SlotsExhaustedError,
)
from local.simulators.dataverse.errors import DataverseError

_MOST_ADDED_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLimits:
    """The limits; the defaults are those of the real service."""

    requests: int = 6000
    execution_seconds: float = 1200.0
    window_seconds: float = 300.0
    concurrent: int = 52


@dataclass(slots=True)
class _User:
    requests: SlidingWindow
    execution: SlidingWindow
    slots: ConcurrencyLimit
    refused: int = field(default=0)
    """Refusals since the last request that passed: each makes the next wait longer."""


class Throttle:
    """Admits the requests of users; `clock` gives seconds that never run backwards."""

    def __init__(self, limits: ServiceLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._users: dict[str, _User] = {}

    @asynccontextmanager
    async def admitted(self, user_id: str) -> AsyncIterator[None]:
        """Hold a place while a request runs, and count its time; refused with 429."""
        user = self._user(user_id)
        self._check_windows(user)
        try:
            async with user.slots.slot():
                user.refused = 0
                user.requests.add()
                started = self._clock()
                try:
                    yield
                finally:
                    user.execution.add(self._clock() - started)
        except SlotsExhaustedError:
            message = (
                f"Number of concurrent requests exceeded the limit of {self._limits.concurrent}."
            )
            raise self._refusal(user, "0x80072326", message, wait=1.0) from None

    def headers(self, user_id: str) -> dict[str, str]:
        """What is left to a user, as the answers tell it."""
        user = self._user(user_id)
        return {
            "x-ms-ratelimit-burst-remaining-xrm-requests": str(int(user.requests.remaining())),
            "x-ms-ratelimit-time-remaining-xrm-requests": f"{user.execution.remaining():.2f}",
        }

    def _check_windows(self, user: _User) -> None:
        window = f"over time window of {self._limits.window_seconds:g} seconds."
        if wait := user.requests.wait():
            message = f"Number of requests exceeded the limit of {self._limits.requests} {window}"
            raise self._refusal(user, "0x80072322", message, wait)
        if wait := user.execution.wait():
            message = (
                "Combined execution time of incoming requests exceeded limit of "
                f"{self._limits.execution_seconds * 1000:,.0f} milliseconds {window} Decrease "
                "number of concurrent requests or reduce the duration of requests and try again "
                "later."
            )
            raise self._refusal(user, "0x80072321", message, wait)

    def _refusal(self, user: _User, code: str, message: str, wait: float) -> DataverseError:
        seconds = max(1, math.ceil(wait)) + min(user.refused, _MOST_ADDED_SECONDS)
        user.refused += 1
        return DataverseError(429, code, message, {"Retry-After": str(seconds)})

    def _user(self, user_id: str) -> _User:
        user = self._users.get(user_id)
        if user is None:
            seconds = self._limits.window_seconds
            user = _User(
                requests=SlidingWindow(
                    limit=self._limits.requests, seconds=seconds, clock=self._clock
                ),
                execution=SlidingWindow(
                    limit=self._limits.execution_seconds, seconds=seconds, clock=self._clock
                ),
                slots=ConcurrencyLimit(limit=self._limits.concurrent),
            )
            self._users[user_id] = user
        return user
