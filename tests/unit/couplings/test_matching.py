"""Finding partners by natural keys."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couplings.matching import MatchIndex, key_text

NUMBER = (("number", "accountnumber"),)
NAME_AND_PLACE = (("name", "name"), ("post", "postalcode"))


def index(**records: dict[str, Any]) -> MatchIndex:
    """Accounts by id, to be found by their number first, then by name and place."""
    found = MatchIndex([NUMBER, NAME_AND_PLACE])
    for crm_id, record in records.items():
        found.add(crm_id, record)
    return found


def test_the_first_key_that_fits_decides():
    accounts = index(
        a={"accountnumber": "1", "name": "Other", "postalcode": "X"},
        b={"accountnumber": "2", "name": "Contoso", "postalcode": "N1"},
    )
    match = accounts.find({"number": "1", "name": "Contoso", "post": "N1"})
    assert (match.crm_id, match.fields) == ("a", ("number",))


def test_a_key_that_fits_nothing_leaves_it_to_the_next():
    accounts = index(a={"accountnumber": "7", "name": "Contoso", "postalcode": "N1"})
    match = accounts.find({"number": "1", "name": "Contoso", "post": "N1"})
    assert (match.crm_id, match.fields) == ("a", ("name", "post"))


def test_several_that_fit_are_named_and_none_is_chosen_nor_given_away():
    accounts = index(
        b={"accountnumber": None, "name": "Contoso", "postalcode": "N1"},
        a={"accountnumber": None, "name": "Contoso", "postalcode": "N1"},
    )
    match = accounts.find({"number": "1", "name": "Contoso", "post": "N1"})
    assert match.crm_id is None
    assert match.candidates == ("a", "b")
    assert accounts.claimed == {"a", "b"}


def test_an_ambiguous_key_is_not_settled_by_a_weaker_one():
    accounts = index(
        a={"accountnumber": "1", "name": "Contoso", "postalcode": "N1"},
        b={"accountnumber": "1", "name": "Fabrikam", "postalcode": "N2"},
    )
    match = accounts.find({"number": "1", "name": "Contoso", "post": "N1"})
    assert (match.crm_id, match.candidates) == (None, ("a", "b"))


def test_a_record_that_has_its_partner_fits_no_other():
    accounts = index(a={"accountnumber": "1", "name": "Contoso", "postalcode": "N1"})
    accounts.take("a")
    match = accounts.find({"number": "1", "name": "Contoso", "post": "N1"})
    assert (match.crm_id, match.candidates) == (None, ())
    assert accounts.claimed == {"a"}


def test_what_is_left_of_two_twins_fits_the_second():
    twin = {"name": "Contoso", "postalcode": "N1"}
    accounts = index(a=twin, b=twin)
    accounts.take("a")
    assert accounts.find({"name": "Contoso", "post": "N1"}).crm_id == "b"


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_a_key_with_a_blank_part_identifies_nothing(blank):
    accounts = index(a={"accountnumber": blank, "name": "Contoso", "postalcode": blank})
    match = accounts.find({"number": blank, "name": "Contoso", "post": blank})
    assert (match.crm_id, match.candidates) == (None, ())


def test_a_missing_field_is_a_blank_one():
    assert index(a={}).find({}).crm_id is None


@given(st.text(alphabet="abcABC ", min_size=1), st.sampled_from(["", " ", "   "]))
def test_case_and_outer_blanks_make_no_difference(text, blanks):
    assert key_text([blanks + text.upper() + blanks]) == key_text([text.lower()])


@given(st.lists(st.text(alphabet="ab", min_size=1), min_size=2, max_size=2))
def test_the_parts_of_a_key_do_not_run_into_each_other(parts):
    first, second = parts
    moved = [first + second[:1], second[1:]]
    assert key_text(parts) != key_text(moved)


@given(st.lists(st.sampled_from(["Contoso", "contoso ", "Fabrikam", None]), max_size=6))
def test_no_record_is_ever_given_to_two(names):
    accounts = MatchIndex([(("name", "name"),)])
    for position, name in enumerate(names):
        accounts.add(str(position), {"name": name})
    given_away = []
    for name in [*names, *names]:
        match = accounts.find({"name": name})
        if match.crm_id:
            accounts.take(match.crm_id)
            given_away.append(match.crm_id)
    assert len(given_away) == len(set(given_away))
    assert set(given_away) <= accounts.claimed
