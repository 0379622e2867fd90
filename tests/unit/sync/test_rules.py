"""What some tables need beyond their field mappings."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from errors import RecordError
from services.records import WriteKind
from sync.catalog import DEFAULT_CATALOG
from sync.ids import RecordIds
from sync.mapping import Lookup, LookupTarget
from sync.plan import WaitingFor
from sync.references import References
from sync.rules import RULES
from sync.rules.base import RecordSkippedError, Rule, RuleContext, Written
from tests.support.table_jobs import bc_contact, bc_item, bc_price

IDS = RecordIds(tenant="t", connection="c")


class Couplings:
    """A resolver of pairs given by a test: parent's key → CRM id."""

    local_currency = "gbp"

    def __init__(self, **pairs: str) -> None:
        self._pairs = pairs

    def to_crm(self, lookup: Lookup, value: Any) -> str | WaitingFor:
        found = self._pairs.get(value)
        if found and lookup.target is LookupTarget.BASE_UNIT:
            found = f"base unit of {found}"
        return found or WaitingFor(mappings=lookup.mappings, key=value)

    def to_bc(self, lookup: Lookup, crm_id: str) -> Any:
        found = {crm: bc for bc, crm in self._pairs.items()}.get(crm_id)
        return found or WaitingFor(mappings=lookup.mappings, key=crm_id)


def rule_of(
    mapping: str, couplings: dict[str, str] | None = None, **parts: Any
) -> tuple[Rule, RuleContext]:
    """A mapping's rule, with these couplings and parts of the reference data."""
    found = DEFAULT_CATALOG.named(mapping)
    return RULES[found.rule], RuleContext(
        mapping=found,
        references=References(today=date(2026, 6, 26), **parts),
        resolver=Couplings(**(couplings or {})),
        ids=IDS,
    )


# currencies


def test_a_currency_gets_its_rate_and_the_code_where_it_has_no_symbol():
    rule, context = rule_of("CURRENCY", exchange_rates={"USD": 1.25, "CHF": 1.1})
    dollar = rule.derive({"code": "USD", "symbol": "$"}, context)
    franc = rule.derive({"code": "CHF", "symbol": ""}, context)
    assert (dollar["exchangeRate"], dollar["symbolOrCode"]) == (1.25, "$")
    assert (franc["exchangeRate"], franc["symbolOrCode"]) == (1.1, "CHF")


def test_a_currency_without_a_rate_fails_and_says_where_to_enter_one():
    rule, context = rule_of("CURRENCY")
    with pytest.raises(RecordError, match="2026-06-26") as error:
        rule.derive({"code": "USD", "symbol": "$"}, context)
    assert not isinstance(error.value, RecordSkippedError)
    assert "USD" in error.value.hint


# units of measure


def test_a_unit_is_found_by_the_name_of_its_group():
    rule, context = rule_of("UNIT OF MEASURE")
    assert rule.derive({"code": " pcs "}, context)["unitGroupName"] == "NAV PCS"


# contacts


def test_a_contact_belongs_to_the_customer_it_works_for():
    contact = bc_contact(1)
    rule, context = rule_of(
        "CONTACT", {"customer": "account"}, customer_of_contact={contact["id"]: "customer"}
    )
    derived = rule.derive(contact, context)
    assert (derived["customerId"], derived["parentAccountId"]) == ("customer", "account")


def test_a_contact_of_a_customer_that_is_not_coupled_yet_has_no_key_to_match_by():
    contact = bc_contact(1)
    rule, context = rule_of("CONTACT", customer_of_contact={contact["id"]: "customer"})
    assert rule.derive(contact, context)["parentAccountId"] == ""


@pytest.mark.parametrize(("name", "shown"), [("Fabrikam", "Fabrikam"), ("", "CO1")])
def test_a_contact_whose_company_is_no_customer_is_skipped_by_the_company_s_name(name, shown):
    rule, context = rule_of("CONTACT")
    contact = bc_contact(1, companyNumber="CO1", companyName=name)
    with pytest.raises(RecordSkippedError, match=f"^{shown}, where the contact works") as error:
        rule.derive(contact, context)
    assert (error.value.field, error.value.value) == ("companyNumber", "CO1")


def test_a_contact_made_from_crm_works_for_the_customer_s_company_contact():
    rule, context = rule_of(
        "CONTACT", {"customer": "account"}, company_card_of_customer={"customer": "CO1"}
    )
    assert rule.bc_fields({"_parentcustomerid_value": "account"}, context) == {
        "companyNumber": "CO1"
    }


def test_a_contact_made_from_crm_waits_for_its_account():
    rule, context = rule_of("CONTACT")
    waiting = rule.bc_fields({"_parentcustomerid_value": "account"}, context)
    assert waiting == WaitingFor(mappings=("CUSTOMER",), key="account")


def test_a_customer_without_a_company_contact_can_have_no_contacts_from_crm():
    rule, context = rule_of("CONTACT", {"customer": "account"})
    with pytest.raises(RecordSkippedError) as error:
        rule.bc_fields({"_parentcustomerid_value": "account"}, context)
    assert "Create Contacts from Customers" in error.value.hint


# products


def written(changed: set[str] | frozenset[str], *, first_time: bool = False) -> Written:
    return Written(
        crm_id="product",
        bc=bc_item("1000"),
        columns={"productnumber": "1000", "price": 99.5, "defaultuomid": "pcs"},
        changed=frozenset(changed),
        first_time=first_time,
    )


def test_a_product_is_priced_in_a_list_of_its_own_that_comes_first():
    rule, context = rule_of("ITEM-PRODUCT")
    (lists, prices) = rule.companions(written(set(), first_time=True), context)
    (price_list,), (price,) = lists, prices
    assert price_list.table == "pricelevels"
    assert price_list.values == {
        "name": "1000 Default Price List",
        "transactioncurrencyid@odata.bind": "/transactioncurrencies(gbp)",
    }
    assert price.table == "productpricelevels"
    assert price.values == {
        "pricelevelid@odata.bind": f"/pricelevels({price_list.id})",
        "productid@odata.bind": "/products(product)",
        "uomid@odata.bind": "/uoms(pcs)",
        "pricingmethodcode": 1,
        "amount": 99.5,
    }
    assert {price_list.kind, price.kind} == {WriteKind.UPSERT}
    assert rule.last_columns(written(set()), context) == {
        "pricelevelid@odata.bind": f"/pricelevels({price_list.id})"
    }


def test_companions_have_the_same_ids_every_time_and_no_other_product_s():
    rule, context = rule_of("ITEM-PRODUCT")
    _, resources = rule_of("RESOURCE-PRODUCT")

    def ids(context: RuleContext) -> list[str]:
        stages = rule.companions(written(set(), first_time=True), context)
        return [write.id for stage in stages for write in stage]

    assert ids(context) == ids(context)
    assert len({*ids(context), *ids(resources)}) == 4


@pytest.mark.parametrize("column", ["price", "defaultuomid", "productnumber"])
def test_companions_follow_what_they_are_made_of(column):
    rule, context = rule_of("ITEM-PRODUCT")
    assert rule.companions(written({column, "name"}), context)


def test_companions_are_left_alone_while_nothing_of_theirs_changed():
    rule, context = rule_of("ITEM-PRODUCT")
    assert rule.companions(written({"name", "quantityonhand", "statecode"}), context) == []


def test_a_product_of_another_unit_group_must_not_be_coupled():
    rule, context = rule_of("ITEM-PRODUCT", {"PCS": "group"})
    rule.check_match(bc_item("1000"), {"_defaultuomscheduleid_value": "group"}, context)
    with pytest.raises(RecordError, match="NAV PCS") as error:
        rule.check_match(bc_item("1000"), {"_defaultuomscheduleid_value": "other"}, context)
    assert (error.value.field, error.value.value) == ("baseUnitOfMeasureCode", "PCS")
    assert error.value.hint


# price lists and prices


@pytest.mark.parametrize(
    ("currencies", "currency"), [({"RETAIL": {"USD"}}, "USD"), ({"RETAIL": {""}}, ""), ({}, "")]
)
def test_a_price_list_has_the_one_currency_of_its_prices(currencies, currency):
    rule, context = rule_of("CUSTPRCGRP-PRICE", price_group_currencies=currencies)
    assert rule.derive({"Code": "RETAIL"}, context)["currencyCode"] == currency


def test_prices_in_several_currencies_fit_no_price_list():
    rule, context = rule_of("CUSTPRCGRP-PRICE", price_group_currencies={"RETAIL": {"USD", ""}})
    with pytest.raises(RecordError, match="USD, local currency") as error:
        rule.derive({"Code": "RETAIL"}, context)
    assert error.value.hint


PRICE_COUPLINGS = {"RETAIL": "list", "1000": "product", "PCS": "group", "BOX": "box group"}


def price_rule() -> tuple[Rule, RuleContext]:
    return rule_of("SALESPRC-PRODPRICE", PRICE_COUPLINGS, unit_of_item={"1000": "PCS"})


def test_a_price_is_found_by_list_product_and_unit():
    rule, context = price_rule()
    derived = rule.derive(bc_price(1), context)
    assert (derived["priceListId"], derived["productId"], derived["unitId"]) == (
        "list",
        "product",
        "base unit of group",
    )


def test_a_price_without_a_unit_is_for_the_item_s_base_unit_and_another_unit_stays():
    rule, context = price_rule()
    assert rule.derive(bc_price(1), context)["unitCode"] == "PCS"
    boxed = rule.derive(bc_price(1, Unit_of_Measure_Code="BOX"), context)
    assert boxed["unitCode"] == "BOX"


def test_a_price_whose_parents_are_not_coupled_yet_has_no_key_to_match_by():
    rule, context = rule_of("SALESPRC-PRODPRICE", unit_of_item={"1000": "PCS"})
    derived = rule.derive(bc_price(1), context)
    assert {derived["priceListId"], derived["productId"], derived["unitId"]} == {""}


def test_a_price_for_a_unit_outside_the_product_s_group_is_skipped():
    rule, context = price_rule()
    boxed = rule.derive(bc_price(1, Unit_of_Measure_Code="BOX"), context)
    with pytest.raises(RecordSkippedError, match="base unit PCS") as error:
        rule.may_create(boxed, context)
    assert error.value.value == "BOX"


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        ("2026-06-27", "0001-01-01", "price-not-yet-valid"),
        ("2026-01-01", "2026-06-25", "price-no-longer-valid"),
        ("2026-06-26", "2026-06-26", None),
        ("0001-01-01", "0001-01-01", None),
        ("2026-01-01", "", None),
    ],
)
def test_a_price_is_sent_on_the_days_on_which_it_is_valid(start, end, code):
    rule, context = price_rule()
    price = bc_price(1, Starting_Date=start, Ending_Date=end)
    if code is None:
        rule.may_create(rule.derive(price, context), context)
        return
    with pytest.raises(RecordSkippedError) as error:
        rule.derive(price, context)
    assert error.value.code == code


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Minimum_Quantity": 0}, None),
        ({"Minimum_Quantity": 1}, None),
        ({"Minimum_Quantity": 10}, "quantity-break"),
        ({"Variant_Code": "RED"}, "price-of-variant"),
    ],
)
def test_a_price_that_crm_cannot_hold_is_left_out_by_the_mapping(fields, code):
    price = bc_price(1, **fields)
    requires = DEFAULT_CATALOG.named("SALESPRC-PRODPRICE").bc.requires
    failed = [each.code for each in requires if price[each.field] not in each.values]
    assert failed == ([code] if code else [])


def test_only_prices_of_coupled_price_lists_are_this_mapping_s_business():
    rule, context = price_rule()
    assert rule.belongs({"_pricelevelid_value": "list"}, context)
    assert not rule.belongs({"_pricelevelid_value": "1000 Default Price List"}, context)
