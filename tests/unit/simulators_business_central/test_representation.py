"""ETags and contexts."""

from __future__ import annotations

import re
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.simulators.business_central.errors import BcError
from local.simulators.business_central.representation import checked_if_match, context, etag


def test_an_etag_is_weak_and_holds_a_number_of_twenty_digits():
    match = re.fullmatch(r'W/"(.+)"', etag(1))
    assert match is not None
    assert re.fullmatch(rb"'20;\d{20}1;00;'", b64decode(match[1]))


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_two_versions_have_two_etags(first, second):
    assert (etag(first) == etag(second)) == (first == second)


@given(st.integers(0, 2**40))
def test_an_etag_is_a_good_condition(version):
    assert checked_if_match(etag(version)) == etag(version)


@pytest.mark.parametrize("value", [None, "", "abc", 'W/"abc"', '"JzIwOzE="', 'W/"JzIwOzE="', "**"])
def test_a_missing_or_malformed_condition_is_refused(value):
    with pytest.raises(BcError) as error:
        checked_if_match(value)
    assert (error.value.status, error.value.code) == (400, "BadRequest_InvalidToken")


def test_a_context_names_selected_and_expanded_properties():
    assert (
        context("https://h/root", "companies(1)/items", ("id", "number"), ["unit"], single=True)
        == "https://h/root/$metadata#companies(1)/items(id,number,unit())/$entity"
    )
    assert (
        context("https://h", "companies", None, [], single=False) == "https://h/$metadata#companies"
    )
