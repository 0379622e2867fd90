"""Keys that put the newest row first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from storage.recency import newest_first

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
moments = st.datetimes(EPOCH.replace(tzinfo=None), timezones=st.just(UTC))


@given(moments, moments)
def test_texts_are_in_the_opposite_order_of_moments(one, other):
    assert (newest_first(one) < newest_first(other)) == (one > other)


@given(moments)
def test_every_text_has_the_same_length_so_that_texts_compare_as_numbers(moment):
    assert len(newest_first(moment)) == 18
    assert newest_first(moment).isdigit()


def test_a_moment_before_all_counts_as_the_first_one():
    assert newest_first(EPOCH - timedelta(days=1)) == newest_first(EPOCH)
