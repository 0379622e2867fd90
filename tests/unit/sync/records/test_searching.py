"""What a search asks the services, and which records it finds."""

from __future__ import annotations

import pytest

from sync.catalog import DEFAULT_CATALOG
from sync.records.searching import readings_of
from tests.support.table_jobs import bc_customer, crm_account
from tests.unit.sync.records.reading import Office, asked_for


@pytest.fixture
def office() -> Office:
    office = Office()
    for number, name in (
        ("10000", "Zenith"),
        ("10500", "Adatum of 10000"),
        ("20000", "Branch of 10000"),
        ("30000", "Zenith O'Neill"),
    ):
        office.bc.put("customers", bc_customer(number, displayName=name))
    office.crm.put("accounts", crm_account(1, name="Zenith", accountnumber="10000"))
    office.crm.put("accounts", crm_account(2, name="Branch of 10000", accountnumber="20000"))
    office.crm.put("accounts", crm_account(3, name="New", accountnumber=None))
    return office


def test_numbers_are_found_by_their_beginning_and_come_before_names(office):
    assert office.names(search="10000") == ["Zenith", "Adatum of 10000", "Branch of 10000"]
    assert office.names(search="10") == ["Adatum of 10000", "Zenith", "Branch of 10000"]


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("-name", ["Zenith", "Adatum of 10000", "Branch of 10000"]),
        ("-key", ["Adatum of 10000", "Zenith", "Branch of 10000"]),
    ],
)
def test_what_numbers_and_what_names_find_is_each_in_the_order_asked_for(office, order, names):
    assert office.names(search="10", order=order) == names


def test_the_middle_of_a_number_finds_nothing(office):
    assert office.names(search="500") == []


def test_a_quote_in_a_name_is_no_end_of_the_text(office):
    assert office.names(search="O'N") == ["Zenith O'Neill"]


def test_business_central_tells_capital_letters_from_small_ones_in_names(office):
    assert office.names(search="zenith") == []


def test_a_code_is_found_in_small_letters(office):
    code = bc_customer("40000", displayName="Coded") | {"number": "C-40"}
    office.bc.put("customers", code)
    assert office.names(search="c-4") == ["Coded"]


def test_crm_finds_names_and_numbers_at_once_in_one_order(office):
    assert office.names(side="crm", search="1000") == ["Branch of 10000", "Zenith"]
    assert office.names(side="crm", search="zen") == ["Zenith"]
    assert len(office.pages["crm"]) == 2


def test_number_and_search_narrow_each_other(office):
    assert office.names(search="Zenith", key="300") == ["Zenith O'Neill"]


@pytest.mark.parametrize("name", sorted(DEFAULT_CATALOG.mappings))
def test_every_table_can_be_searched_on_both_sides(name):
    mapping = DEFAULT_CATALOG.named(name)
    in_bc = readings_of(mapping, asked_for(search="x"))
    assert len(in_bc) == (1 if mapping.bc.key == mapping.bc.id_field else 2)
    assert all("'x'" in each.filter for each in in_bc)
    [in_crm] = readings_of(mapping, asked_for(side="crm", search="x"))
    assert f"contains({mapping.crm.title},'x')" in in_crm.filter


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("CUSTOMER", "accountnumber"),
        ("ITEM-PRODUCT", "productnumber"),
        ("CURRENCY", "isocurrencycode"),
    ],
)
def test_the_number_in_crm_is_that_of_the_column_that_has_it(name, column):
    [reading] = readings_of(DEFAULT_CATALOG.named(name), asked_for(side="crm", search="x"))
    assert f"startswith({column},'x')" in reading.filter


def test_a_column_that_holds_something_else_is_no_number():
    """A salesperson's code is made of the e-mail address, and is not in CRM itself."""
    [reading] = readings_of(DEFAULT_CATALOG.named("SALESPEOPLE"), asked_for(side="crm", search="x"))
    assert "startswith" not in reading.filter


@pytest.mark.parametrize("side", ["bc", "crm"])
def test_without_a_search_a_list_is_one_reading_of_the_tables_filter(side):
    mapping = DEFAULT_CATALOG.named("CUSTOMER")
    table = mapping.bc if side == "bc" else mapping.crm
    [reading] = readings_of(mapping, asked_for(side=side))
    assert reading.filter == table.filter
