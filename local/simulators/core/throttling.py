"""Service protection limits as pure bookkeeping; each simulator words its own refusals.

A simulator keeps one set of these per user, because both services count per user.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class SlidingWindow:
    """A limit on a sum over the last ``seconds``: of requests (1 each), or of execution time.

    ``clock`` gives seconds that never run backwards.
    """

    def __init__(self, *, limit: float, seconds: float, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._seconds = seconds
        self._clock = clock
        self._entries: deque[tuple[float, float]] = deque()
        self._total = 0.0

    def wait(self) -> float:
        """Seconds until the sum is below the limit again; 0.0 where it is now."""
        self._forget_old()
        excess = self._total
        for moment, weight in self._entries:
            if excess < self._limit:
                break
            excess -= weight
            if excess < self._limit:
                return moment + self._seconds - self._clock()
        return 0.0

    def add(self, weight: float = 1.0) -> None:
        """Count ``weight`` from now on for the length of the window."""
        self._entries.append((self._clock(), weight))
        self._total += weight

    def remaining(self) -> float:
        """What is left of the limit, never negative."""
        self._forget_old()
        return max(0.0, self._limit - self._total)

    def _forget_old(self) -> None:
        horizon = self._clock() - self._seconds
        while self._entries and self._entries[0][0] <= horizon:
            self._total -= self._entries.popleft()[1]
        if not self._entries:
            self._total = 0.0  # rounding of many small weights does not pile up


class SlotsExhaustedError(Exception):
    """More requests at once than the limit and its waiting queue hold."""


class ConcurrencyLimit:
    """``limit`` requests at once, ``waiting`` more in a queue (0: refuse at once)."""

    def __init__(self, *, limit: int, waiting: int = 0) -> None:
        self._limit = limit
        self._waiting = waiting
        self._active = 0
        self._queue: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one slot, after waiting for it; raises ``SlotsExhaustedError`` with no wait."""
        await self._enter()
        try:
            yield
        finally:
            self._leave()

    async def _enter(self) -> None:
        if self._active < self._limit:
            self._active += 1
            return
        if len(self._queue) >= self._waiting:
            raise SlotsExhaustedError
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()  # the slot was handed over just before the client went away
            else:
                self._queue.remove(turn)
            raise

    def _leave(self) -> None:
        if self._queue:
            self._queue.popleft().set_result(None)  # the slot passes on; the count stays
        else:
            self._active -= 1
