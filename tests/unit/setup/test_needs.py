"""What mappings need of both services, derived from the mappings as data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from setup.needs import Access, BcNeed, CrmNeed, bc_needs, crm_needs
from sync.mapping import DeletionConflict, Direction, TableMapping
from sync.mappings import MAPPINGS


def crm_need(table: str, *mappings: TableMapping) -> CrmNeed:
    [found] = [each for each in crm_needs(mappings) if each.table == table]
    return found


def bc_need(name: str, *mappings: TableMapping) -> BcNeed:
    [found] = [each for each in bc_needs(mappings) if each.name == name]
    return found


CUSTOMER, CONTACT, ITEM = (MAPPINGS[name] for name in ("CUSTOMER", "CONTACT", "ITEM-PRODUCT"))


def test_a_table_that_is_written_needs_what_its_columns_and_lookups_need():
    assert crm_need("account", CUSTOMER).access == (
        Access.READ,
        Access.CREATE,
        Access.WRITE,
        Access.APPEND,
        Access.ASSIGN,
    )
    assert crm_need("systemuser", CUSTOMER).access == (Access.READ, Access.APPEND_TO)
    assert not crm_need("systemuser", CUSTOMER).is_mapped


def test_a_table_that_is_only_read_needs_no_more():
    read = replace(CUSTOMER, direction=Direction.FROM_CRM, fields=())
    assert crm_need("account", read).access == (Access.READ,)


@pytest.mark.parametrize(
    ("policy", "access"),
    [
        (DeletionConflict.DELETE, Access.DELETE),
        (DeletionConflict.RESTORE, Access.CREATE),
    ],
)
def test_a_policy_for_deletions_asks_for_its_privilege(policy, access):
    frugal = replace(CONTACT, creates_in_crm=False)
    assert access not in crm_need("contact", frugal).access
    assert access in crm_need("contact", replace(frugal, deletion_conflict=policy)).access


def test_needs_of_several_mappings_are_joined_by_table():
    together = crm_need("account", CUSTOMER, CONTACT)
    assert together.used_by == ("CUSTOMER", "CONTACT")
    assert Access.APPEND_TO in together.access
    assert Access.APPEND_TO not in crm_need("account", CUSTOMER).access


def test_companions_of_products_need_price_lists_to_be_kept():
    assert {Access.CREATE, Access.WRITE} <= set(crm_need("pricelevel", ITEM).access)
    assert {Access.CREATE, Access.WRITE} <= set(crm_need("productpricelevel", ITEM).access)
    read = replace(ITEM, direction=Direction.FROM_CRM, fields=())
    assert all(each.table != "pricelevel" for each in crm_needs([read]))


def test_every_field_that_a_mapping_reads_is_a_column_needed():
    need = bc_need("customers", CUSTOMER)
    assert set(need.columns) == set(CUSTOMER.bc_select())
    assert need.is_written
    assert not bc_need("currencies", MAPPINGS["CURRENCY"]).is_written


def test_pages_are_told_from_entity_sets():
    found = {each.name: each.is_page for each in bc_needs(MAPPINGS.values())}
    assert found["Resources"]
    assert not found["items"]


def test_what_rules_and_references_read_is_needed_too():
    names = {each.name for each in bc_needs([MAPPINGS["SALESPRC-PRODPRICE"]])}
    assert {"SalesPrices", "items"} <= names
    assert "itemLedgerEntries" in {each.name for each in bc_needs([ITEM])}
    currency = {each.name for each in bc_needs([MAPPINGS["CURRENCY"]])}
    assert {"companyInformation", "currencyExchangeRates"} <= currency


def test_no_mapping_needs_nothing():
    assert crm_needs([]) == []
    assert bc_needs([]) == []
