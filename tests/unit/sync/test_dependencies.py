"""The graph of table mappings."""

from __future__ import annotations

from itertools import pairwise

import pytest

from errors import ConfigurationError
from sync.dependencies import check_dependencies, descendants, levels
from sync.mappings import DEPENDENCIES


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ConfigurationError, match="depends on CUSTOMR, which does not exist") as e:
        check_dependencies({"CONTACT": ("CUSTOMR",), "CUSTOMER": ()})
    assert "CUSTOMER" in e.value.hint


def test_a_self_reference_is_refused():
    with pytest.raises(ConfigurationError, match="CONTACT depends on itself"):
        check_dependencies({"CONTACT": ("CONTACT",)})


def test_a_cycle_is_refused_with_its_path():
    with pytest.raises(ConfigurationError) as error:
        check_dependencies({"A": ("B",), "B": ("C",), "C": ("A",), "D": ()})
    path = error.value.message.rpartition(": ")[2].rstrip(".").split(" → ")
    assert path[0] == path[-1]
    assert set(path) == {"A", "B", "C"}
    for child, parent in pairwise(path):
        assert parent in {"A": "B", "B": "C", "C": "A"}[child]


def test_the_default_mappings_come_in_the_order_of_the_lead_to_cash_process():
    assert levels(DEPENDENCIES) == [
        ("CURRENCY", "SALESPEOPLE", "UNIT OF MEASURE"),
        ("CUSTOMER", "ITEM-PRODUCT", "RESOURCE-PRODUCT"),
        ("CONTACT", "CUSTPRCGRP-PRICE"),
        ("SALESPRC-PRODPRICE",),
    ]


def test_a_parent_outside_the_chosen_tables_is_no_obstacle():
    assert levels({"CONTACT": ("CUSTOMER",)}) == [("CONTACT",)]


def test_descendants_are_found_through_others():
    assert descendants(DEPENDENCIES, "UNIT OF MEASURE") == {
        "ITEM-PRODUCT",
        "RESOURCE-PRODUCT",
        "CUSTPRCGRP-PRICE",
        "SALESPRC-PRODPRICE",
    }
