"""The value transformations that a field mapping may name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import RecordError
from sync.plan import same
from sync.transformations import (
    KEEP,
    TRANSFORMATIONS,
    decimal_places,
    inactive_blocks,
    money,
    not_negative,
    person_name,
    product_state_columns,
    quantity,
    salesperson_code,
)

TEXTS = st.one_of(st.none(), st.text(max_size=20))
NUMBERS = st.one_of(
    st.none(), st.integers(-(10**9), 10**9), st.decimals(-(10**6), 10**6, places=7).map(float)
)
VALUES = {
    "same": st.one_of(TEXTS, NUMBERS, st.booleans()),
    "text": TEXTS,
    "code": TEXTS,
    "money": NUMBERS,
    "not_negative": NUMBERS,
    "quantity": NUMBERS,
    "person_name": TEXTS,
    "trimmed": TEXTS,
    "whole_number": NUMBERS,
    "date": st.none() | st.dates().map(str),
}
"""Of what flows both ways, or comes back as what it was written as."""


@pytest.mark.parametrize("name", VALUES)
@given(data=st.data())
def test_what_went_to_crm_and_back_comes_to_crm_the_same(name, data):
    transformation = TRANSFORMATIONS[name]
    once = transformation.to_crm(data.draw(VALUES[name]))
    assert same(transformation.to_crm(transformation.to_bc(once)), once)


@pytest.mark.parametrize(
    "name", ["same", "text", "code", "money", "person_name", "trimmed", "whole_number", "date"]
)
@given(data=st.data())
def test_what_went_to_bc_and_back_comes_to_bc_the_same(name, data):
    transformation = TRANSFORMATIONS[name]
    once = transformation.to_bc(data.draw(VALUES[name]))
    assert same(transformation.to_bc(transformation.to_crm(once)), once)


def test_a_transformation_goes_where_it_has_something_to_do():
    one_way = {"not_negative", "quantity", "unit_group_name", "decimal_places", "product_state"}
    for name, each in TRANSFORMATIONS.items():
        assert each.goes_to_crm or each.goes_to_bc
        assert each.goes_to_bc == (name not in one_way)
        assert each.goes_to_crm == (name not in {"inactive_blocks", "salesperson_code"})


def test_business_central_s_blank_date_is_no_day_in_crm():
    date = TRANSFORMATIONS["date"]
    assert (date.to_crm("0001-01-01"), date.to_bc(None)) == (None, "0001-01-01")
    assert date.to_bc("2026-02-03T00:00:00Z") == "2026-02-03"


@given(NUMBERS)
def test_prices_and_stock_are_never_negative_in_crm(number):
    assert not_negative(number) >= 0
    assert quantity(number) >= 0


@pytest.mark.parametrize(
    ("number", "rounded"), [(1.00005, 1.0), (1.00015, 1.0002), (0.12345, 0.1234), (None, 0.0)]
)
def test_money_has_four_decimals(number, rounded):
    assert money(number) == rounded


@pytest.mark.parametrize(
    ("notation", "places"), [("2:2", 2), ("0:5", 4), (":3", 3), ("2", 2), ("", 2), (None, 2)]
)
def test_decimal_places_are_the_largest_that_crm_takes(notation, places):
    assert decimal_places(notation) == places


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("Ann Lee", ("Ann", "Lee")),
        ("  Ann   Marie Lee ", ("Ann Marie", "Lee")),
        ("Lee", (None, "Lee")),
        ("", (None, None)),
        (None, (None, None)),
    ],
)
def test_a_person_s_last_word_is_the_last_name(name, columns):
    assert person_name("fullname", name) == {
        "firstname": columns[0],
        "middlename": None,
        "lastname": columns[1],
    }


@given(TEXTS)
def test_crm_composes_the_name_that_was_sent(name):
    sent = TRANSFORMATIONS["person_name"].to_crm(name)
    columns = person_name("fullname", sent)
    composed = " ".join(part for part in (columns["firstname"], columns["lastname"]) if part)
    assert composed == sent


def test_a_product_s_state_goes_with_its_status_reason():
    assert product_state_columns("statecode", 0) == {"statecode": 0, "statuscode": 1}
    assert product_state_columns("statecode", 1) == {"statecode": 1, "statuscode": 2}


def test_an_inactive_account_blocks_and_an_active_one_has_nothing_to_say():
    assert inactive_blocks(1) == "All"
    assert inactive_blocks(0) is KEEP
    assert inactive_blocks(None) is KEEP


@given(st.emails())
def test_a_salesperson_s_code_fits_business_central(address):
    try:
        code = salesperson_code(address)
    except RecordError as error:
        assert error.hint  # noqa: PT017 - most addresses give a code, some do not
        return
    assert 0 < len(code) <= 20
    assert code == code.strip().upper()


@pytest.mark.parametrize("address", ["", None, "@contoso.com", "+@contoso.com"])
def test_an_address_that_gives_no_code_fails_its_user_with_what_to_do(address):
    with pytest.raises(RecordError) as error:
        salesperson_code(address)
    assert (error.value.field, error.value.value) == ("internalemailaddress", address or "")
    assert error.value.hint
