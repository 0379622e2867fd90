from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from services.matching import comparable, fits, operand

ID = "5a9e2f30-0000-4000-8000-00000000000a"


@pytest.mark.parametrize(
    "column", ["_parentcustomerid_value", "accountid", "id", "itemId", "SystemId"]
)
def test_an_id_is_compared_as_an_id(column):
    assert operand(column, f" {ID.upper()} ") == UUID(ID)


@pytest.mark.parametrize(("column", "value"), [("name", ID), ("itemId", "1000"), ("_x", ID)])
def test_other_text_is_compared_as_text(column, value):
    assert operand(column, f"{value} ") == value


def test_a_condition_can_not_be_broken_out_of():
    condition = fits(
        ("name", "quantity", "closed"), ("x' or 1 eq 1 or 'a' eq '", Decimal("1.5"), True)
    )
    assert condition == (
        "(name eq 'x'' or 1 eq 1 or ''a'' eq ''' and quantity eq 1.5 and closed eq true)"
    )


def test_sets_of_values_are_compared_as_the_services_mean_them():
    assert comparable([" Åse ", 1, ID.upper()]) == comparable(["åse", 1.0, UUID(ID)])
    assert comparable([Decimal("0.1")]) == comparable([0.1])
    assert comparable([None]) == comparable([None])


@pytest.mark.parametrize(("one", "other"), [("1", 1), (True, "true"), ("a b", "ab"), (None, "")])
def test_different_values_stay_different(one, other):
    assert comparable([one]) != comparable([other])
