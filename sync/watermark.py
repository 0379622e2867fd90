"""How far the changes of Business Central's records were handled. Pure.

A watermark is the newest stamp handled, in Business Central's own time; no other clock is asked.
Records are stamped when they are written and seen when their transaction commits, so a change may
appear with a stamp below one that was read already:

    transaction A                             Coupler
    writes customer 1, stamp 10:00:00
                                              reads up to customer 2, stamp 10:00:05
    commits
                                              reads from 10:00:05: customer 1 would be lost

Therefore every reading begins an overlap window earlier. Whether anything in the window is new is
told by two numbers that cost one request: how many records are in it, and the newest stamp. Where
both are as they were, there is nothing to read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from services.records import Peek

OVERLAP = timedelta(minutes=10)
"""Longer than an operation of Business Central online may take (8 minutes), and more than its
servers' clocks differ."""

_UNKNOWN = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class BcWatermark:
    """What was handled of one table, and how the table looked then."""

    stamp: str = ""
    """The newest stamp handled, as Business Central writes it; empty before the first."""
    recent: int = _UNKNOWN
    """Records in the overlap window before ``stamp`` when it was handled; -1 where unknown."""
    total: int = 0
    """Records in the table when it was last counted."""

    @property
    def since(self) -> str:
        """Where the next reading begins: records with a later stamp are read."""
        return before(self.stamp)

    def is_quiet(self, peek: Peek) -> bool:
        """Whether a look beyond ``since`` shows nothing but what was handled."""
        return peek.recent == self.recent and (not peek.recent or peek.newest == self.stamp)

    def advanced(self, stamps: Mapping[str, str], *, total: int) -> BcWatermark:
        """The watermark after records with these stamps, by id, were handled.

        They are all that was read beyond ``since``. It never goes back, whatever their stamps.
        """
        newest = max((self.stamp, *stamps.values()), key=_moment)
        window = before(newest)
        inside = sum(1 for stamp in stamps.values() if _moment(stamp) > _moment(window))
        return BcWatermark(stamp=newest, recent=inside, total=total)

    def of_unknown_window(self) -> BcWatermark:
        """The same place, where it is not known how many records the overlap window has."""
        return replace(self, recent=_UNKNOWN)

    def may_miss(self, total: int, fresh: int) -> bool:
        """Whether records may be gone: ``total`` were counted before ``fresh`` uncoupled ones
        were met, of which some may have been created since the last count."""
        return self.total + fresh > total


def before(stamp: str) -> str:
    """The stamp one overlap window earlier; empty for an empty one."""
    if not stamp:
        return ""
    return _text(_moment(stamp) - OVERLAP)


def _moment(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp) if stamp else datetime.min.replace(tzinfo=UTC)


def _text(moment: datetime) -> str:
    # Milliseconds are all that Business Central has; cutting the rest reads no later.
    utc = moment.astimezone(UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond // 1000:03d}Z"
