"""Keys that put the newest row of a partition first, in the only order that Azure Tables knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_DIGITS = 18
_END_OF_TIME = 10**_DIGITS - 1
"""In microseconds since 1970; the distance to it sorts the newest moment first."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def newest_first(moment: datetime) -> str:
    """A text of 18 digits that is the less, the later this aware moment is.

    A key that begins with it comes after the text itself: scanning ``after`` it begins with this
    very moment.
    """
    return f"{_END_OF_TIME - max(0, (moment - _EPOCH) // timedelta(microseconds=1)):018d}"
