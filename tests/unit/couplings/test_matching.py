"""Finding partners by natural keys."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couplings.match_keys import MatchKey
from couplings.matching import AmbiguousMatch, ExactMatch, Matches, MatchIndex, Matching

NUMBER = MatchKey.of(("number", "accountnumber"))
NAME_AND_PLACE = MatchKey.of(("name", "name"), ("post", "postalcode"))


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
    match = accounts.find("b1", {"number": "1", "name": "Contoso", "post": "N1"})
    assert (match.crm_id, match.fields) == ("a", ("number",))


def test_a_key_that_fits_nothing_leaves_it_to_the_next():
    accounts = index(a={"accountnumber": "7", "name": "Contoso", "postalcode": "N1"})
    match = accounts.find("b1", {"number": "1", "name": "Contoso", "post": "N1"})
    assert (match.crm_id, match.fields) == ("a", ("name", "post"))


def test_several_that_fit_are_named_and_none_is_chosen_nor_given_away():
    accounts = index(
        b={"accountnumber": None, "name": "Contoso", "postalcode": "N1"},
        a={"accountnumber": None, "name": "Contoso", "postalcode": "N1"},
    )
    match = accounts.find("b1", {"number": "1", "name": "Contoso", "post": "N1"})
    assert match.crm_id is None
    assert match.candidates == ("a", "b")
    assert accounts.claimed == {"a", "b"}


def test_an_ambiguous_key_is_not_settled_by_a_weaker_one():
    accounts = index(
        a={"accountnumber": "1", "name": "Contoso", "postalcode": "N1"},
        b={"accountnumber": "1", "name": "Fabrikam", "postalcode": "N2"},
    )
    match = accounts.find("b1", {"number": "1", "name": "Contoso", "post": "N1"})
    assert (match.crm_id, match.candidates) == (None, ("a", "b"))


def test_a_record_that_has_its_partner_fits_no_other():
    accounts = index(a={"accountnumber": "1", "name": "Contoso", "postalcode": "N1"})
    accounts.take("a")
    match = accounts.find("b1", {"number": "1", "name": "Contoso", "post": "N1"})
    assert (match.crm_id, match.candidates) == (None, ())
    assert accounts.claimed == {"a"}


def test_what_is_left_of_two_twins_fits_the_second():
    twin = {"name": "Contoso", "postalcode": "N1"}
    accounts = index(a=twin, b=twin)
    accounts.take("a")
    assert accounts.find("b1", {"name": "Contoso", "post": "N1"}).crm_id == "b"


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_a_key_with_a_blank_part_identifies_nothing(blank):
    accounts = index(a={"accountnumber": blank, "name": "Contoso", "postalcode": blank})
    match = accounts.find("b1", {"number": blank, "name": "Contoso", "post": blank})
    assert (match.crm_id, match.candidates) == (None, ())


def test_a_missing_field_is_a_blank_one():
    assert index(a={}).find("b1", {}).crm_id is None


@given(st.lists(st.sampled_from(["Contoso", "contoso ", "Fabrikam", None]), max_size=6))
def test_no_record_is_ever_given_to_two(names):
    accounts = MatchIndex([MatchKey.of(("name", "name"))])
    for position, name in enumerate(names):
        accounts.add(str(position), {"name": name})
    given_away = []
    for name in [*names, *names]:
        match = accounts.find("b1", {"name": name})
        if match.crm_id:
            accounts.take(match.crm_id)
            given_away.append(match.crm_id)
    assert len(given_away) == len(set(given_away))
    assert set(given_away) <= accounts.claimed


# Both sides at once

TEXTS = st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=2, max_size=2)
SIDE = st.dictionaries(st.sampled_from([f"{number:02}" for number in range(8)]), TEXTS)


def resolved(bc: dict[str, list[str]], crm: dict[str, list[str]]) -> Matches:
    matching = Matching(2)
    for bc_id, texts in bc.items():
        matching.add_bc(bc_id, texts)
    for crm_id, texts in crm.items():
        matching.add_crm(crm_id, texts)
    return matching.resolve()


def test_one_of_each_side_is_an_exact_match():
    found = resolved({"1": ["a", "x"], "2": ["", "y"]}, {"7": ["", "y"], "8": ["a", "z"]})
    assert found.exact == [
        ExactMatch(bc_id="1", crm_id="8", level=0),
        ExactMatch(bc_id="2", crm_id="7", level=1),
    ]


def test_two_bc_records_that_fit_the_same_crm_record_are_ambiguous():
    found = resolved({"1": ["a", ""], "2": ["a", ""]}, {"7": ["a", ""]})
    assert found.ambiguous == [AmbiguousMatch(bc_ids=("1", "2"), crm_ids=("7",), level=0)]
    assert (found.exact, found.unmatched_bc, found.unmatched_crm) == ([], [], [])


def test_no_later_key_decides_about_an_ambiguous_record():
    found = resolved({"1": ["a", "x"]}, {"7": ["a", "x"], "8": ["a", "y"]})
    assert found.exact == []
    assert found.ambiguous == [AmbiguousMatch(bc_ids=("1",), crm_ids=("7", "8"), level=0)]


def test_twins_of_one_side_that_nothing_fits_are_unmatched_and_tried_by_the_next_key():
    found = resolved({"1": ["a", "x"], "2": ["a", "y"]}, {"7": ["", "y"]})
    assert found.exact == [ExactMatch(bc_id="2", crm_id="7", level=1)]
    assert found.unmatched_bc == ["1"]


def test_key_texts_must_be_given_for_every_key():
    with pytest.raises(ValueError, match="2 keys"):
        Matching(2).add_bc("1", ["a"])


@given(SIDE, SIDE)
def test_every_record_is_in_exactly_one_place(bc, crm):
    found = resolved(bc, crm)
    places_bc = [each.bc_id for each in found.exact]
    places_bc += [bc_id for each in found.ambiguous for bc_id in each.bc_ids]
    places_crm = [each.crm_id for each in found.exact]
    places_crm += [crm_id for each in found.ambiguous for crm_id in each.crm_ids]
    assert sorted(places_bc + found.unmatched_bc) == sorted(bc)
    assert sorted(places_crm + found.unmatched_crm) == sorted(crm)


@given(SIDE, SIDE)
def test_the_sides_may_be_swapped(bc, crm):
    one, other = resolved(bc, crm), resolved(crm, bc)
    assert {(each.bc_id, each.crm_id, each.level) for each in one.exact} == {
        (each.crm_id, each.bc_id, each.level) for each in other.exact
    }
    assert {(each.bc_ids, each.crm_ids, each.level) for each in one.ambiguous} == {
        (each.crm_ids, each.bc_ids, each.level) for each in other.ambiguous
    }
    assert (one.unmatched_bc, one.unmatched_crm) == (other.unmatched_crm, other.unmatched_bc)


@given(SIDE, SIDE, st.randoms())
def test_the_order_in_which_records_are_added_does_not_matter(bc, crm, random):
    def shuffled(side: dict[str, list[str]]) -> dict[str, list[str]]:
        items = list(side.items())
        random.shuffle(items)
        return dict(items)

    assert resolved(shuffled(bc), shuffled(crm)) == resolved(bc, crm)


@given(SIDE, SIDE)
def test_an_exact_match_agrees_in_its_key_and_nobody_else_does(bc, crm):
    found = resolved(bc, crm)
    for match in found.exact:
        text = bc[match.bc_id][match.level]
        assert text
        assert text == crm[match.crm_id][match.level]
        earlier = {each.crm_id for each in found.exact if each.level < match.level}
        rivals = {
            crm_id
            for crm_id, texts in crm.items()
            if texts[match.level] == text and crm_id not in earlier
        }
        contested = {
            crm_id
            for each in found.ambiguous
            if each.level < match.level
            for crm_id in each.crm_ids
        }
        assert rivals - contested == {match.crm_id}
