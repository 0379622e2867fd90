"""The dependency rules of coupling, one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync.coupling_order import missing_dependencies
from sync.mapping import BcTable, CrmTable, TableMapping
from sync.mapping_check import check
from sync.mappings import MAPPINGS
from tests.unit.sync.test_mapping_check import vendor

ORDERS = vendor(
    name="ORDERS",
    bc=BcTable(name="salesOrders", key="number", title=("number",)),
    crm=CrmTable(
        name="salesorder", entity_set="salesorders", id_column="salesorderid", title="name"
    ),
    dependencies=(),
)


def own(name: str, like: str, *dependencies: str) -> TableMapping:
    """A tenant's mapping over the tables of a default one."""
    return replace(MAPPINGS[like], name=name, dependencies=dependencies)


def asked_for(mapping: TableMapping) -> list[tuple[str, ...]]:
    known = {**MAPPINGS, mapping.name: mapping}
    return [missing.mappings for missing in missing_dependencies(mapping, known)]


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=lambda each: each.name)
def test_the_default_mappings_keep_every_rule(mapping):
    assert asked_for(mapping) == []


@pytest.mark.parametrize(
    ("like", "first"),
    [
        ("CUSTOMER", ["SALESPEOPLE"]),
        ("ITEM-PRODUCT", ["UNIT OF MEASURE"]),
        ("RESOURCE-PRODUCT", ["UNIT OF MEASURE"]),
        ("SALESPRC-PRODPRICE", ["CUSTPRCGRP-PRICE", "CURRENCY"]),
    ],
)
def test_a_mapping_over_the_same_tables_has_to_come_after_the_same_ones(like, first):
    assert asked_for(own("OWN", like)) == [(name,) for name in first]
    assert asked_for(own("OWN", like, *first)) == []


def test_sales_orders_come_after_all_that_they_refer_to():
    first = {
        "CUSTOMER",
        "UNIT OF MEASURE",
        "CURRENCY",
        "CUSTPRCGRP-PRICE",
        "ITEM-PRODUCT",
        "RESOURCE-PRODUCT",
    }
    assert {name for names in asked_for(ORDERS) for name in names} == first
    through_others = ("CUSTOMER", "SALESPRC-PRODPRICE", "RESOURCE-PRODUCT")
    assert asked_for(replace(ORDERS, dependencies=through_others)) == []


def test_what_comes_first_may_do_so_through_others():
    assert asked_for(own("OWN", "SALESPRC-PRODPRICE", "CUSTPRCGRP-PRICE")) == []


def test_one_of_several_mappings_over_a_table_is_enough():
    units = own("OWN UNITS", "UNIT OF MEASURE")
    items = own("OWN ITEMS", "ITEM-PRODUCT", "OWN UNITS")
    known = {**MAPPINGS, units.name: units, items.name: items}
    assert list(missing_dependencies(items, known)) == []


def test_a_table_that_no_mapping_is_about_is_not_asked_for():
    customers = own("OWN", "CUSTOMER")
    assert list(missing_dependencies(customers, {"OWN": customers})) == []


def test_the_rules_do_not_depend_on_how_a_page_is_written():
    page = replace(MAPPINGS["RESOURCE-PRODUCT"].bc, name="RESOURCES")
    assert asked_for(replace(own("OWN", "RESOURCE-PRODUCT"), bc=page)) == [("UNIT OF MEASURE",)]


def test_other_tables_are_free():
    assert asked_for(vendor(dependencies=())) == []


def test_a_mapping_that_breaks_a_rule_is_refused_and_told_what_to_add():
    default = MAPPINGS["ITEM-PRODUCT"]
    others = {name: each for name, each in MAPPINGS.items() if name != default.name}
    faults = check(replace(default, dependencies=()), others, default)
    told = [each.message for each in faults if each.code == "dependency-missing"]
    assert told == [
        (
            "units of measure with unit groups must be coupled before items with products: add "
            "UNIT OF MEASURE"
        )
    ]


def test_dependencies_in_a_circle_do_not_keep_the_rules_from_being_looked_at():
    circle = own("OWN", "CUSTOMER", "OTHER")
    other = own("OTHER", "CONTACT", "OWN")
    known = {**MAPPINGS, "OWN": circle, "OTHER": other}
    assert [each.mappings for each in missing_dependencies(circle, known)] == [("SALESPEOPLE",)]
