"""NCRONTAB schedules."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.host.ncrontab import parse_schedule

_LIMITS = ((0, 59), (0, 59), (0, 23), (1, 28), (1, 12), (0, 6))


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    value = st.integers(low, high)
    span = st.tuples(value, value).map(sorted)
    step = st.integers(1, high)
    part = st.one_of(
        value.map(str),
        span.map(lambda s: f"{s[0]}-{s[1]}"),
        st.tuples(span, step).map(lambda t: f"{t[0][0]}-{t[0][1]}/{t[1]}"),
        st.tuples(value, step).map(lambda t: f"{t[0]}/{t[1]}"),
        step.map(lambda s: f"*/{s}"),
    )
    return st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join))


_expressions = st.tuples(*(_field(*limits) for limits in _LIMITS)).map(" ".join)
_moments = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone itself
    max_value=datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(_expressions, _moments)
def test_the_next_occurrence_is_strictly_later_and_matches(expression: str, moment: datetime):
    schedule = parse_schedule(expression)
    following = schedule.next_after(moment)
    assert following > moment
    assert following.microsecond == 0
    assert schedule.matches(following)


@given(_expressions, _moments, st.integers(1, 5000))
def test_no_occurrence_lies_between_a_moment_and_the_next_one(
    expression: str, moment: datetime, offset: int
):
    schedule = parse_schedule(expression)
    following = schedule.next_after(moment)
    between = moment.replace(microsecond=0) + timedelta(seconds=offset)
    assert not (moment < between < following and schedule.matches(between))


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("*/2 * * * * *", "2026-01-01T00:00:00", "2026-01-01T00:00:02"),
        ("0 */5 * * * *", "2026-01-01T00:04:59.9", "2026-01-01T00:05:00"),
        ("0 */5 * * * *", "2026-01-01T00:05:00", "2026-01-01T00:10:00"),
        ("*/5 * * * *", "2026-01-01T00:05:00", "2026-01-01T00:10:00"),
        ("0 30 9 * * mon-fri", "2026-01-02T09:30:00", "2026-01-05T09:30:00"),
        ("0 30 9 * * Monday,3", "2026-01-05T10:00:00", "2026-01-07T09:30:00"),
        ("0 0 0 1 jan,July *", "2026-01-01T00:00:00", "2026-07-01T00:00:00"),
        ("0 0 0 29 2 *", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 0 13 * fri", "2026-03-14T00:00:00", "2026-11-13T00:00:00"),
        ("15/20 0 0 * * *", "2026-01-01T00:00:15", "2026-01-01T00:00:35"),
        ("59 59 23 31 12 *", "2026-12-31T23:59:59", "2027-12-31T23:59:59"),
    ],
)
def test_known_occurrences(expression: str, after: str, expected: str):
    assert parse_schedule(expression).next_after(
        datetime.fromisoformat(after)
    ) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("* * * *", "4 fields"),
        ("60 * * * * *", "second"),
        ("* 60 * * * *", "minute"),
        ("* * 24 * * *", "hour"),
        ("* * * 0 * *", "day"),
        ("* * * * 13 *", "month"),
        ("* * * * * 7", "day of week"),
        ("* * 22-2 * * *", "hour"),
        ("*/0 * * * * *", "second"),
        ("*/x * * * * *", "second"),
        ("* * * * * someday", "day of week"),
        ("0 0 0 31 2 *", "no occurrence"),
        (", * * * * *", "second"),
    ],
)
def test_a_malformed_expression_is_refused_by_the_name_of_its_field(
    expression: str, complaint: str
):
    with pytest.raises(ValueError, match=complaint):
        parse_schedule(expression)
