"""What is recommended for a table, from what both systems hold of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.mappings import MAPPINGS
from sync.recommendation import (
    Holdings,
    Mode,
    Modes,
    SideCount,
    modes_of,
    recommend,
    recommendation_of,
    recommendation_text,
)

FULL, COUPLE, NOTHING = Mode.FULL_SYNCHRONIZATION, Mode.COUPLE_RECORDS, Mode.NO_RECORDS


def holdings(bc: int, crm: int, coupled: int = 0, *, is_all: bool = True) -> Holdings:
    return Holdings(
        bc=SideCount(records=bc), crm=SideCount(records=crm, is_all=is_all), coupled=coupled
    )


@pytest.mark.parametrize(
    ("mapping", "held", "mode"),
    [
        ("CUSTOMER", holdings(0, 0), NOTHING),
        ("CUSTOMER", holdings(5, 0), FULL),
        ("CUSTOMER", holdings(0, 5), FULL),
        ("CUSTOMER", holdings(5, 5), COUPLE),
        ("CUSTOMER", holdings(5, 5, coupled=5), FULL),
        ("CUSTOMER", holdings(6, 5, coupled=5), FULL),
        ("CUSTOMER", holdings(6, 6, coupled=5), COUPLE),
        ("CUSTOMER", holdings(9000, 5000, coupled=8000, is_all=False), COUPLE),
        ("SALESPEOPLE", holdings(5, 5), FULL),
        ("SALESPEOPLE", holdings(0, 0), NOTHING),
        ("CURRENCY", holdings(5, 1), FULL),
        ("CURRENCY", holdings(5, 2), COUPLE),
        ("UNIT OF MEASURE", holdings(5, 1), FULL),
        ("UNIT OF MEASURE", holdings(5, 2), COUPLE),
        ("ITEM-PRODUCT", holdings(5, 1), COUPLE),
    ],
)
def test_each_rule(mapping, held, mode):
    assert recommend(MAPPINGS[mapping], held).mode is mode


@given(
    mapping=st.sampled_from(list(MAPPINGS)),
    bc=st.integers(0, 6),
    crm=st.integers(0, 6),
    coupled=st.integers(0, 6),
    is_all=st.booleans(),
)
def test_every_recommendation_says_why_and_survives_storing(mapping, bc, crm, coupled, is_all):
    found = recommend(MAPPINGS[mapping], holdings(bc, crm, coupled, is_all=is_all))
    assert found.reason.endswith(".")
    assert recommendation_of(recommendation_text(found)) == found


@given(bc=st.integers(0, 6), crm=st.integers(0, 6), coupled=st.integers(0, 6), is_all=st.booleans())
def test_nothing_is_created_where_both_sides_may_hold_the_same(bc, crm, coupled, is_all):
    held = holdings(bc, crm, coupled, is_all=is_all)
    found = recommend(MAPPINGS["CUSTOMER"], held)
    assert (found.mode is COUPLE) == bool(held.bc_uncoupled.records and held.crm_uncoupled.records)


def test_a_number_that_dataverse_does_not_tell_is_no_exact_one():
    found = recommend(MAPPINGS["CUSTOMER"], holdings(5, 5000, is_all=False))
    assert "5000 or more in Dynamics 365 Sales" in found.reason


@pytest.mark.parametrize(
    "modes", [Modes(), Modes(every=FULL), Modes(named={"CUSTOMER": COUPLE}), Modes(every=NOTHING)]
)
def test_modes_survive_storing(modes):
    assert modes_of(modes.text()) == modes


def test_a_table_that_is_not_named_has_the_mode_of_every_one_or_what_is_recommended():
    modes = Modes(every=FULL, named={"CUSTOMER": COUPLE})
    assert (modes.of("CUSTOMER"), modes.of("CONTACT")) == (COUPLE, FULL)
    assert Modes().of("CONTACT") is None
    assert Modes().text() == ""
