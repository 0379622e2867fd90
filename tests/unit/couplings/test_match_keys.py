"""In what form values are compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couplings.match_keys import Compare, MatchField, MatchKey, comparable, key_text, key_texts


def form(value: object, compare: Compare, *, case_sensitive: bool = False) -> str:
    field = MatchField(bc="a", crm="b", compare=compare, case_sensitive=case_sensitive)
    return comparable(value, field)


@pytest.mark.parametrize(
    ("compare", "one", "other"),
    [
        (Compare.TEXT, " Contoso ", "CONTOSO"),
        (Compare.LOOSE, "Libros S.A.", "LIBROS SA"),
        (Compare.LOOSE, "Michael Feit - M\u00f6belhaus", "Michael Feit Mobelhaus"),
        (Compare.LOOSE, "Sj\u00f8boden", "Sjoboden"),
        (Compare.LOOSE, "Spotsmeyer's Furnishings", "Spotsmeyers  furnishings"),
        (Compare.PHONE, "+44 1632 960781", "0044-1632-960781"),
        (Compare.PHONE, "+44 (0) 1632 960781", "+44 1632 960781"),
        (Compare.PHONE, "(01632) 960 781", "01632 960781"),
        (Compare.EMAIL, "mailto:Jo@Contoso.com", "jo@contoso.com "),
        (Compare.EMAIL, "Jo <jo@contoso.com>", "jo@contoso.com"),
    ],
)
def test_these_mean_the_same(compare, one, other):
    assert form(one, compare) == form(other, compare) != ""


@pytest.mark.parametrize(
    ("compare", "one", "other"),
    [
        (Compare.TEXT, "Libros S.A.", "Libros SA"),
        (Compare.LOOSE, "Contoso", "Contosa"),
        (Compare.PHONE, "+44 1632 960781", "01632 960781"),
        (Compare.PHONE, "+44 1632 960781", "+45 1632 960781"),
        (Compare.EMAIL, "jo@contoso.com", "jo@contoso.org"),
    ],
)
def test_these_may_be_different_things(compare, one, other):
    assert form(one, compare) != form(other, compare)


def test_capital_letters_count_where_the_criterion_says_so():
    for compare in (Compare.TEXT, Compare.LOOSE):
        assert form("AB", compare) == form("ab", compare)
        assert form("AB", compare, case_sensitive=True) != form("ab", compare, case_sensitive=True)


@pytest.mark.parametrize("compare", Compare)
@pytest.mark.parametrize("blank", [None, "", "   ", "\t"])
def test_blank_is_blank_in_every_form(compare, blank):
    assert form(blank, compare) == ""


@given(st.text(), st.sampled_from(Compare), st.booleans())
def test_a_form_is_its_own_form(text, compare, case_sensitive):
    once = form(text, compare, case_sensitive=case_sensitive)
    assert form(once, compare, case_sensitive=case_sensitive) == once


@given(st.lists(st.text(alphabet="ab", min_size=1), min_size=2, max_size=2))
def test_the_parts_of_a_key_do_not_run_into_each_other(parts):
    key = MatchKey.of(("x", "x"), ("y", "y"))
    first, second = parts
    moved = {"x": first + second[:1], "y": second[1:]}
    assert key_text({"x": first, "y": second}, key, "bc") != key_text(moved, key, "bc")


def test_a_key_with_a_blank_part_identifies_nothing():
    keys = [MatchKey.of(("name", "fullname"), ("city", "town")), MatchKey.of(("no", "number"))]
    assert key_texts({"name": "Jo", "city": " ", "no": "7"}, keys, "bc") == ["", "7"]
    assert key_texts({"fullname": "Jo", "town": "X"}, keys, "crm")[1] == ""


def test_only_texts_can_be_asked_of_a_service():
    assert MatchKey.of(("a", "b")).can_be_asked
    loose = MatchField(bc="a", crm="b", compare=Compare.LOOSE)
    assert not MatchKey(fields=(loose,)).can_be_asked
