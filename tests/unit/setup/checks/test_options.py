"""The steps of options: item availability and sales orders."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.business_central_administration import Probe, Readability
from services.dataverse_administration import Organization, TableDefinition, User
from setup.checks import item_availability, sales_orders
from setup.checks.business_central import PAGES, TABLES
from setup.checks.findings import Trouble
from setup.checks.item_availability import ItemAvailabilityFacts, check_item_availability
from setup.checks.sales_orders import SalesOrderFacts, check_sales_orders
from setup.model import Result
from tests.unit.setup.checks.telling import TROUBLE, failures, only_passed, the

READABLE = Probe(readability=Readability.READABLE)
FORBIDDEN = Probe(readability=Readability.FORBIDDEN)
REFUSED = Trouble(code="service-login-refused", message="401", hint="")

STOCK = ItemAvailabilityFacts(stock=READABLE, movements=READABLE)
BY_KEY = replace(
    STOCK, user="STOCK", is_online=False, published=frozenset({"ItemCard"}), card=READABLE
)


@pytest.mark.parametrize("facts", [STOCK, BY_KEY])
def test_readable_stock_passes(facts):
    assert only_passed(check_item_availability(facts))


@pytest.mark.parametrize(
    ("facts", "failed"),
    [
        (replace(STOCK, stock=FORBIDDEN), ("stock-readable", "items")),
        (replace(STOCK, movements=FORBIDDEN), ("stock-readable", "itemLedgerEntries")),
        (replace(STOCK, user="STOCK"), ("web-service-user", "STOCK")),
        (replace(BY_KEY, published=REFUSED), ("web-service-user", "STOCK")),
        (replace(BY_KEY, published=TROUBLE), ("web-service-user", "STOCK")),
        (replace(BY_KEY, card=REFUSED), ("web-service-user", "STOCK")),
        (replace(BY_KEY, published=frozenset()), ("web-service-published", "ItemCard")),
        (replace(BY_KEY, card=FORBIDDEN), ("web-service-published", "ItemCard")),
    ],
)
def test_each_thing_that_keeps_stock_from_being_read_is_named(facts, failed):
    assert failures(check_item_availability(facts)) == [failed]


def test_a_refused_key_is_told_with_how_to_make_another():
    findings = check_item_availability(replace(BY_KEY, published=REFUSED))
    assert "Change Web Service Key" in the(findings, "web-service-user").hint


def test_what_the_options_need_is_known_by_table_and_page():
    assert {item_availability.STOCK.name, item_availability.MOVEMENTS.name} <= set(TABLES)
    assert {each.name for each in sales_orders.BC_NEEDS} <= set(TABLES)
    assert item_availability.CARD.name in PAGES


ORDER_PRIVILEGES = {"Read": "prvReadOrder", "Write": "prvWriteOrder"}
ORDERS = SalesOrderFacts(
    address="orders@cronus.example",
    user=User(
        user_id="u",
        name="Olive",
        email="orders@cronus.example",
        application_id="",
        is_disabled=False,
        is_licensed=True,
        is_interactive=True,
        business_unit_id="b",
    ),
    privileges=frozenset(ORDER_PRIVILEGES.values()),
    tables={
        each.table: TableDefinition(
            name=each.table, entity_set="s", tracks_changes=True, privileges=ORDER_PRIVILEGES
        )
        for each in sales_orders.CRM_NEEDS
    },
    orders={each.name: READABLE for each in sales_orders.BC_NEEDS},
    organization=Organization(name="o", base_currency_id="c", orders_are_integrated=True),
)


def test_a_user_who_can_handle_orders_passes():
    assert only_passed(check_sales_orders(ORDERS))


def user(**changes: object) -> User:
    assert isinstance(ORDERS.user, User)
    return replace(ORDERS.user, **changes)  # type: ignore[arg-type]  # a test's changes


@pytest.mark.parametrize(
    ("facts", "failed"),
    [
        (replace(ORDERS, user=None), [("order-user", "orders@cronus.example")]),
        (replace(ORDERS, user=TROUBLE), [("order-user", "orders@cronus.example")]),
        (replace(ORDERS, privileges=TROUBLE), [("order-user", "orders@cronus.example")]),
        (replace(ORDERS, user=user(is_disabled=True)), [("user-enabled", "Olive")]),
        (replace(ORDERS, user=user(is_licensed=False)), [("user-licensed", "Olive")]),
        (
            replace(ORDERS, privileges=frozenset({"prvReadOrder"})),
            [("privileges", "salesorder"), ("privileges", "salesorderdetail")],
        ),
        (
            replace(ORDERS, tables={**ORDERS.tables, "salesorder": None}),
            [("order-table", "salesorder")],
        ),
        (
            replace(ORDERS, orders={**ORDERS.orders, "salesOrders": FORBIDDEN}),
            [("entity-set-readable", "salesOrders")],
        ),
        (
            replace(ORDERS, organization=TROUBLE),
            [("orders-left-to-business-central", "issopintegrationenabled")],
        ),
    ],
)
def test_each_thing_that_keeps_orders_from_being_handled_is_named(facts, failed):
    assert failures(check_sales_orders(facts)) == failed


def test_an_organization_that_handles_orders_itself_is_a_warning():
    own = Organization(name="o", base_currency_id="c", orders_are_integrated=False)
    findings = check_sales_orders(replace(ORDERS, organization=own))
    assert failures(findings) == []
    assert the(findings, "orders-left-to-business-central").result is Result.WARNING


def test_what_is_not_chosen_is_not_looked_at():
    for findings in (item_availability.not_chosen(), sales_orders.not_chosen()):
        assert [each.result for each in findings] == [Result.NOT_CHECKED]
