"""How far the changes of Business Central's records were handled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.records import Peek
from sync.watermark import BcWatermark, Fresh, before

START = datetime(2026, 6, 26, 12, 0, tzinfo=UTC)
OVERLAP = timedelta(minutes=10)
NOW = datetime(2031, 1, 1, tzinfo=UTC)
"""Our clock has nothing to do with Business Central's."""
SETTLED = NOW + OVERLAP


def text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


STAMPS = st.integers(0, 3_600_000).map(lambda ms: text(START + timedelta(milliseconds=ms)))
ROWS = st.dictionaries(st.uuids().map(str), STAMPS, max_size=12)


def peek(rows: dict[str, str], since: str) -> Peek:
    """What Business Central answers to a look beyond ``since``."""
    recent = [stamp for stamp in rows.values() if stamp > since]
    return Peek(
        total=len(rows), whole=len(rows), recent=len(recent), newest=max(recent, default="")
    )


def counts(total: int, whole: int | None = None) -> Peek:
    return Peek(total=total, whole=total if whole is None else whole, recent=0, newest="")


def came(number: int) -> Fresh:
    return Fresh(counted=number, anywhere=number)


def read(rows: dict[str, str], since: str) -> dict[str, str]:
    return {each: stamp for each, stamp in rows.items() if stamp > since}


def handled(
    rows: dict[str, str], mark: BcWatermark | None = None, began: datetime = NOW
) -> BcWatermark:
    """The watermark after these records were handled, none of which was stamped meanwhile."""
    newest = max(rows.values(), default="")
    return (mark or BcWatermark()).advanced(rows, newest=newest, overlap=OVERLAP, began=began)


def settled(rows: dict[str, str]) -> BcWatermark:
    """As ``handled``, and read once more when no transaction could still commit."""
    return handled(rows, handled(rows), SETTLED)


def test_reading_begins_one_overlap_window_before_the_newest_stamp_handled():
    mark = BcWatermark(stamp=text(START))
    assert mark.since(OVERLAP) == text(START - OVERLAP)


def test_before_the_first_record_everything_is_read():
    assert BcWatermark().since(OVERLAP) == before("", OVERLAP) == ""


@given(ROWS)
def test_after_handling_everything_the_next_look_is_quiet(rows):
    mark = settled(rows)
    assert mark.is_quiet(peek(rows, mark.since(OVERLAP)))


@given(ROWS, ROWS)
def test_it_never_goes_back(first, second):
    mark = handled(first)
    assert handled(second, mark).stamp >= mark.stamp


@given(ROWS, st.uuids().map(str), STAMPS)
def test_a_record_that_appears_within_the_window_is_never_passed_by(rows, late, stamp):
    """Its transaction began before the newest stamp was read, and committed after."""
    mark = handled(rows)
    if rows.get(late) or stamp <= mark.since(OVERLAP):
        return
    appeared = rows | {late: stamp}
    assert not mark.is_quiet(peek(appeared, mark.since(OVERLAP)))
    assert late in read(appeared, mark.since(OVERLAP))


@given(ROWS, st.data())
def test_a_change_of_any_record_is_never_passed_by(rows, data):
    if not rows:
        return
    mark = handled(rows)
    changed = data.draw(st.sampled_from(sorted(rows)))
    later = text(
        datetime.fromisoformat(mark.stamp)
        + timedelta(milliseconds=data.draw(st.integers(1, 10_000)))
    )
    now = rows | {changed: later}
    assert not mark.is_quiet(peek(now, mark.since(OVERLAP)))
    assert changed in read(now, mark.since(OVERLAP))


@given(ROWS, st.integers(0, 5))
def test_many_records_of_one_stamp_are_not_read_again(rows, more):
    """A bulk import gives thousands of records one stamp: what is in step is not read for ever."""
    same = dict.fromkeys(rows, text(START))
    mark = settled(same)
    assert mark.is_quiet(peek(same, mark.since(OVERLAP)))


def test_an_unknown_window_is_never_quiet():
    mark = BcWatermark(stamp=text(START), recent=1).of_unknown_window()
    assert not mark.is_quiet(Peek(total=1, whole=1, recent=1, newest=text(START)))


@pytest.mark.parametrize(
    ("before_count", "created", "deleted", "uncoupled_edits"),
    [(10, 0, 1, 0), (10, 1, 1, 0), (10, 3, 2, 0), (10, 0, 1, 4), (1, 5, 1, 0)],
)
def test_a_deletion_is_never_hidden_by_creations(before_count, created, deleted, uncoupled_edits):
    mark = BcWatermark(total=before_count, whole=before_count)
    now = counts(before_count + created - deleted)
    fresh = came(created + uncoupled_edits)
    assert mark.may_miss(now, fresh)
    assert mark.may_miss_outside(now, fresh)


@pytest.mark.parametrize("created", [0, 1, 7])
def test_creations_alone_call_for_no_comparison_of_keys(created):
    mark, now = BcWatermark(total=10, whole=10), counts(10 + created)
    assert not mark.may_miss(now, came(created))
    assert not mark.may_miss_outside(now, came(created))


def test_changed_records_outside_the_filter_call_for_no_comparison_of_keys():
    mark, now = BcWatermark(total=10, whole=20), counts(10, 20)
    assert not mark.may_miss(now, Fresh(anywhere=7))
    assert mark.may_miss_outside(now, Fresh(anywhere=7))


class Place(Enum):
    IN = "in"  # the filter
    OUT = "out"
    GONE = "gone"


@dataclass
class Person:
    place: Place
    coupled: bool
    told: Place | None = None
    """What passes know of a coupled one."""
    stamped: bool = True
    """Changed since the last pass."""


class Passes:
    """A table, and passes that go by the two counts as ``sync.table_pass`` does."""

    def __init__(self) -> None:
        self.people: list[Person] = []
        self.mark = BcWatermark()
        self.comparisons = 0

    def look(self) -> Peek:
        inside = sum(each.place is Place.IN for each in self.people)
        whole = sum(each.place is not Place.GONE for each in self.people)
        return Peek(total=inside, whole=whole, recent=0, newest="")

    def run(self) -> None:
        peek, fresh = self.look(), Fresh()
        for each in self.people:
            if each.stamped and each.place is not Place.GONE:
                is_back = each.told is Place.OUT and each.place is Place.IN
                new = not each.coupled
                fresh += Fresh(counted=(new and each.place is Place.IN) or is_back, anywhere=new)
                each.told, each.coupled = each.place, each.coupled or each.place is Place.IN
            each.stamped = False
        whole = peek.whole
        if self.mark.may_miss(peek, fresh):
            self.comparisons += 1
            self._tell(lambda each: each.place is not Place.IN)
            whole += fresh.anywhere
        elif self.mark.may_miss_outside(peek, fresh):
            self._tell(lambda each: each.told is Place.OUT)
            whole += fresh.anywhere
        self.mark = replace(self.mark, total=peek.total, whole=whole)

    def _tell(self, of: Callable[[Person], bool]) -> None:
        for each in self.people:
            if each.coupled and of(each):
                each.told = each.place


@given(st.data())
def test_a_deletion_of_a_coupled_record_is_noticed_by_the_next_pass(data):
    """Whatever is created, deleted and moved across the filter between passes."""
    table = Passes()
    for _ in range(data.draw(st.integers(1, 5))):
        for place in data.draw(st.lists(st.sampled_from([Place.IN, Place.OUT]), max_size=3)):
            table.people.append(Person(place, coupled=False))
        for each in table.people:
            place = data.draw(st.sampled_from([each.place, each.place, *Place]))
            if each.place is not Place.GONE and place is not each.place:
                each.place, each.stamped = place, True
        table.run()
        unnoticed = [p for p in table.people if p.coupled and p.place is not p.told]
        assert not unnoticed


@given(st.lists(st.integers(0, 3), max_size=6))
def test_what_is_created_and_edited_calls_for_no_comparison_after_the_first(created):
    table = Passes()
    table.run()
    for number in created:
        table.people += [Person(Place.IN, coupled=False) for _ in range(number)]
        table.people += [Person(Place.OUT, coupled=False) for _ in range(number)]
        for each in table.people:
            each.stamped = each.stamped or each.coupled or each.place is Place.OUT
        table.run()
    assert table.comparisons == 1


@given(ROWS, st.data())
def test_a_record_that_is_stamped_anew_inside_the_window_is_met_until_the_window_settles(
    rows, data
):
    """Neither the number of records in the window nor the newest stamp tells of it."""
    mark = handled(rows)
    inside = sorted(read(rows, mark.since(OVERLAP)))
    if not inside:
        return
    edited = rows | {data.draw(st.sampled_from(inside)): mark.stamp}
    assert not mark.is_quiet(peek(edited, mark.since(OVERLAP)))


@given(ROWS)
def test_a_window_is_quiet_only_once_it_was_read_after_it_settled(rows):
    """However late the next pass comes: what committed just before then was not read yet."""
    if not rows:
        return
    mark = handled(rows)
    assert not mark.is_quiet(peek(rows, mark.since(OVERLAP)))
    early = handled(rows, mark, SETTLED - timedelta(milliseconds=1))
    assert not early.is_quiet(peek(rows, mark.since(OVERLAP)))
    assert settled(rows).is_quiet(peek(rows, mark.since(OVERLAP)))


def test_meeting_the_same_records_again_does_not_put_off_the_settling():
    mark = handled({"a": text(START)})
    later = handled({"a": text(START)}, mark, NOW + timedelta(minutes=9))
    assert later.settles_at == mark.settles_at


def test_what_was_stamped_while_the_feed_was_read_is_not_passed_by():
    """A reading may take longer than the overlap: what appears behind it must be met again."""
    met = {"a": text(START), "b": text(START + timedelta(hours=1))}
    mark = BcWatermark().advanced(met, newest=text(START), overlap=OVERLAP, began=NOW)
    assert mark.stamp == text(START)


def test_a_table_that_was_not_counted_may_miss_anything():
    assert BcWatermark().may_miss(counts(0), Fresh())


def test_a_table_that_was_counted_once_only_is_taken_for_an_uncounted_one():
    """As it was stored before there were two counts."""
    assert BcWatermark(total=5).may_miss(counts(5), Fresh())
