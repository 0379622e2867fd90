"""Values against fields."""

from __future__ import annotations

import pytest

from local.simulators.business_central.errors import BcError
from local.simulators.business_central.fields import (
    BLANK,
    Field,
    boolean,
    code,
    date,
    decimal,
    enum,
    guid,
    integer,
    text,
)
from local.simulators.business_central.values import checked, fits

STATUS = enum("status", BLANK, "In_x0020_Review", "Open")


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        (text("t", 3), " ab", " ab"),
        (code("c", 3), " ab ", "AB"),
        (code("c", 3), "     ab", "AB"),
        (STATUS, " ", BLANK),
        (STATUS, BLANK, BLANK),
        (STATUS, "In Review", "In_x0020_Review"),
        (decimal("d"), 1.5, 1.5),
        (decimal("d"), 2, 2),
        (boolean("b"), False, False),
        (date("d"), "2026-02-28", "2026-02-28"),
        (guid("g"), "B5D5F715-1CC8-5020-B308-34048209D941", "b5d5f715-1cc8-5020-b308-34048209d941"),
    ],
)
def test_a_value_is_stored_in_the_form_of_its_field(field, value, stored):
    assert checked(field, value) == stored


@pytest.mark.parametrize(
    ("field", "value", "refusal"),
    [
        (text("t", 3), "abcd", "Application_StringExceededLength"),
        (code("c", 3), "abcd", "Application_StringExceededLength"),
        (text("t", 3), 5, "BadRequest"),
        (STATUS, "", "Application_EvaluateException"),
        (STATUS, "Closed", "Application_EvaluateException"),
        (decimal("d"), "1", "BadRequest"),
        (decimal("d"), True, "BadRequest"),
        (integer("i"), 1.5, "BadRequest"),
        (boolean("b"), "true", "BadRequest"),
        (boolean("b"), 1, "BadRequest"),
        (date("d"), "2026-02-30", "BadRequest"),
        (guid("g"), "b5d5f715", "BadRequest"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(field, value, refusal):
    with pytest.raises(BcError) as error:
        checked(field, value)
    assert (error.value.status, error.value.code) == (400, refusal)


def test_a_refused_length_tells_both_lengths_and_the_value():
    with pytest.raises(BcError, match=r"is 4, but it must be less than or equal to 3.*abcd"):
        checked(text("t", 3), "abcd")


@pytest.mark.parametrize(
    ("field", "value"), [(code("c", 5), "ab"), (STATUS, " "), (boolean("b"), 0)]
)
def test_only_the_stored_form_itself_fits(field: Field, value: object):
    assert not fits(field, value)
