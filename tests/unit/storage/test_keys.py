from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from storage.keys import partition_key, parts_of, prefix_range, row_key

_ANY = st.text(st.characters(codec="utf-8"), max_size=12)
_NASTY = st.text(st.sampled_from("~!/\\#?%'2FE7a\u00a0\x00\x1f\x7f\x9f\U0001f600"), max_size=8)
PARTS = st.lists(st.one_of(_ANY, _NASTY), min_size=1, max_size=4).map(tuple)


@given(PARTS)
def test_a_key_gives_its_parts_back(parts: tuple[str, ...]):
    assert parts_of(row_key(*parts)) == parts


@given(PARTS, PARTS)
def test_different_parts_make_different_keys(one: tuple[str, ...], other: tuple[str, ...]):
    assert (partition_key(*one) == partition_key(*other)) == (one == other)


@given(PARTS)
def test_a_key_has_no_character_that_tables_forbid(parts: tuple[str, ...]):
    assert not re.search("[/\\\\#?\u0000-\u001f\u007f-\u009f]", row_key(*parts))


@given(PARTS, PARTS)
def test_a_prefix_range_holds_exactly_the_longer_keys(
    prefix: tuple[str, ...], parts: tuple[str, ...]
):
    low, high = (bound.encode("utf-16-be") for bound in prefix_range(*prefix))
    begins = len(parts) > len(prefix) and parts[: len(prefix)] == prefix

    assert (low <= row_key(*parts).encode("utf-16-be") < high) == begins


@given(PARTS, PARTS)
def test_a_prefix_range_holds_every_key_below_it(prefix: tuple[str, ...], rest: tuple[str, ...]):
    low, high = prefix_range(*prefix)

    assert low <= row_key(*prefix, *rest) < high


@pytest.mark.parametrize(
    ("parts", "key"),
    [
        (("bc", "5f1c"), "bc~5f1c"),
        (("a/b#c?d\\e",), "a!2Fb!23c!3Fd!5Ce"),
        (("a~b!", ""), "a!7Eb!21~"),
        (("tab\there",), "tab!09here"),
    ],
)
def test_keys_are_written_in_this_very_form(parts: tuple[str, ...], key: str):
    assert row_key(*parts) == key


def test_a_key_of_a_kibibyte_is_the_longest():
    assert len(row_key("x" * 512)) == 512
    for part in ("x" * 513, "\U0001f600" * 257, "/" * 171):
        with pytest.raises(ValueError, match="longer than 1024 bytes"):
            row_key(part)


def test_no_parts_make_no_key():
    with pytest.raises(ValueError, match="at least one part"):
        row_key()


def test_half_a_surrogate_pair_is_refused():
    with pytest.raises(UnicodeEncodeError):
        row_key("\ud83d")


@given(PARTS, st.text(st.characters(codec="utf-8"), min_size=1, max_size=5))
def test_a_longer_last_part_is_not_below_the_prefix(prefix: tuple[str, ...], more: str):
    longer = (*prefix[:-1], prefix[-1] + more)
    assume(longer != prefix)
    low, high = (bound.encode("utf-16-be") for bound in prefix_range(*prefix))

    assert not low <= row_key(*longer, "x").encode("utf-16-be") < high
