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
told by two numbers that cost one request: how many records are in it, and the newest stamp. They
do not tell of a record that is in the window already and gets another stamp inside it; so the
window is read by every pass, until once after as much time has passed since its newest stamp was
first met, measured as a duration by one clock. From then on, two numbers as they were mean that
there is nothing to read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from services.records import Peek

_UNKNOWN = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class BcWatermark:
    """What was handled of one table, and how the table looked then."""

    stamp: str = ""
    """The newest stamp handled, as Business Central writes it; empty before the first."""
    settles_at: str = ""
    """Until when transactions may still commit stamps inside the window, by our clock (ISO)."""
    settled: bool = False
    """Whether the window was read after that."""
    recent: int = _UNKNOWN
    """Records in the overlap window before ``stamp`` when it was handled; -1 where unknown."""
    total: int = _UNKNOWN
    """Records in the table when all of the coupled ones were known to be there; -1 where that is
    not known, as after work that did not come to its end."""

    def since(self, overlap: timedelta) -> str:
        """Where the next reading begins: records with a later stamp are read."""
        return before(self.stamp, overlap)

    def is_quiet(self, peek: Peek) -> bool:
        """Whether a look beyond ``since`` shows nothing but what was handled."""
        if not peek.recent and not self.recent:
            return True
        is_same = peek.recent == self.recent and peek.newest == self.stamp
        return is_same and self.settled

    def advanced(
        self, stamps: Mapping[str, str], *, newest: str, overlap: timedelta, began: datetime
    ) -> BcWatermark:
        """The watermark after records with these stamps, by id, were handled.

        They are all that was read beyond ``since``; ``newest`` was the newest of all stamps when
        that reading ``began``, a time of our clock. What got a later one meanwhile is met again: a
        reading that takes long must not pass by what appeared behind it. It never goes back.
        """
        newest = max(self.stamp, newest, key=_moment)
        window = _moment(before(newest, overlap))
        inside = sum(1 for stamp in stamps.values() if _moment(stamp) > window)
        is_new = newest != self.stamp
        settles_at = (began + overlap).isoformat() if is_new else self.settles_at
        return replace(
            self,
            stamp=newest,
            settles_at=settles_at,
            settled=not is_new and began >= _moment(settles_at),
            recent=inside,
        )

    def of_unknown_window(self) -> BcWatermark:
        """The same place, where it is not known how many records the overlap window has."""
        return replace(self, recent=_UNKNOWN)

    def may_miss(self, total: int, fresh: int) -> bool:
        """Whether records may be gone: there are ``total`` now, and since the last count at most
        ``fresh`` were created, namely those that were met without a coupling or created by Coupler.

        Counting too many of them leads to a comparison of keys for nothing, and misses nothing.
        """
        return self.total == _UNKNOWN or self.total + fresh > total

    def uncounted(self) -> BcWatermark:
        """The same place, where it is not known how many records there are."""
        return replace(self, total=_UNKNOWN)


def before(stamp: str, overlap: timedelta) -> str:
    """The stamp one overlap window earlier; empty for an empty one."""
    if not stamp:
        return ""
    return _text(_moment(stamp) - overlap)


def _moment(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp) if stamp else datetime.min.replace(tzinfo=UTC)


def _text(moment: datetime) -> str:
    # Milliseconds are all that Business Central has; cutting the rest reads no later.
    utc = moment.astimezone(UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond // 1000:03d}Z"
