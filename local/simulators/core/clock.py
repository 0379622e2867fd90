"""The time of day as a simulator tells it: shifted on demand, forwards and backwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from local.simulators.core.descriptions import described, number

_MEMBERS = {"skew_seconds", "step_seconds"}


class ShiftedClock:
    """A clock beside another one; calling it gives the shifted time."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._skew = timedelta()

    def __call__(self) -> datetime:
        return self._clock() + self._skew

    def shift(self, values: Any) -> None:
        """Set the distance to the other clock (``skew_seconds``), and move it further by
        ``step_seconds``; both may be negative. Raises ``DescriptionError``, shifting nothing."""
        shift = described(values, _MEMBERS, "a shift")
        skew = number(shift, "skew_seconds", self._skew.total_seconds())
        self._skew = timedelta(seconds=skew + number(shift, "step_seconds", 0))

    def snapshot(self) -> dict[str, Any]:
        """The distance to the other clock, and the time it tells now."""
        return {"skew_seconds": self._skew.total_seconds(), "now": self().isoformat()}
