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

A feed does not tell of deletions; they are noticed by counting. Records are counted that are under
the mapping's filter (``BcTable.counted``). There is a number B and a set of at most B records, all
coupled ones under the filter among them, and a pass counts N. What is under the filter and not in
the set came there since and was stamped: the feed tells of it as of an uncoupled record, of one
that Coupler made, or of a coupled one that was reported as having left the filter. With F of them,
N is B + F at most, and less where a record of the set was deleted or left the filter. So nothing
is gone while B + F <= N, N is the next B, and the set has grown by those F; else all ids are
compared, and those read are the next set. A coupled record that leaves the filter costs one such
comparison, because the number does not tell it from a deletion; were it taken off B, it could hide
one:

    people in Business Central                Coupler (B = 9, F = 0)
    customer Q is deleted
                                              counts 8, person P among them
    P becomes a company
                                              the feed: P left; 9 - 1 <= 8, nothing seems gone

What comes between the count and the feed makes F one too many: a comparison for nothing. What comes
before the count and is gone before the feed makes it one too few, so that the count of this pass
hides a deletion; the record that was deleted stays in the set, and the next count tells:

    people in Business Central                Coupler (B = 9)
    P is deleted, Q is created
                                              counts 9
    Q is deleted
                                              the feed: nothing, F = 0; B stays 9
                                              the next pass counts 8: something is gone

Coupled records that left the filter are not among the counted. A second count, of the whole table,
tells of them in the same way; as any uncoupled record that changes may be a new one to it, it
is often wrong, and looking at those few records costs little (``sync.missing``).

A filter on a field that Business Central computes (a balance) has records come under it unstamped;
a deletion that such a one hides is found by the weekly comparison, as the change of the field is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from services.records import Peek

_UNKNOWN = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """Records that the last count may not have had: too many of them miss nothing, too few may."""

    counted: int = 0
    """Of those that are counted: uncoupled ones, ones that Coupler made, and coupled ones that are
    back under the filter."""
    anywhere: int = 0
    """Uncoupled ones of the whole table, and ones that Coupler made."""

    def __add__(self, other: Fresh) -> Fresh:
        return Fresh(counted=self.counted + other.counted, anywhere=self.anywhere + other.anywhere)


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
    """Counted records when all of the coupled ones were known to be there; -1 where that is not
    known, as after work that did not come to its end."""
    whole: int = _UNKNOWN
    """Likewise, of the whole table; -1 as well where it was stored before there were two counts."""

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

    def may_miss(self, peek: Peek, fresh: Fresh) -> bool:
        """Whether counted records may be gone: since the last count at most ``fresh`` came.

        Counting too many of them leads to a comparison of keys for nothing, and misses nothing.
        """
        return _UNKNOWN in (self.total, self.whole) or self.total + fresh.counted > peek.total

    def may_miss_outside(self, peek: Peek, fresh: Fresh) -> bool:
        """Whether records may be gone that are not counted, as ``may_miss`` tells it of others."""
        return self.whole + fresh.anywhere > peek.whole

    def uncounted(self) -> BcWatermark:
        """The same place, where it is not known how many records there are."""
        return replace(self, total=_UNKNOWN, whole=_UNKNOWN)


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
