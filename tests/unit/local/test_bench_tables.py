from __future__ import annotations

import pytest

from local.bench_bodies import (
    ITEM,
    Known,
    account,
    contact,
    is_sellable,
    unit_group,
    works_for_account,
)
from local.bench_tables import FIRST, SIDE_BY_SIDE, TABLES
from local.sample_data.generator import generate


@pytest.fixture(scope="module")
def company():
    return generate(120, known_to_crm=0).business_central


@pytest.fixture
def known(company):
    return Known(
        local_currency="GBP",
        currencies={code: f"currency-{code}" for code in ("GBP", "EUR", "USD")},
        owners={person["code"]: "user" for person in company["salespeoplePurchasers"]},
        customer_of_contact={
            relation["contactId"]: relation["relatedId"]
            for relation in company["contactsInformation"]
        },
    )


def test_every_table_is_moved_once():
    moved = [*FIRST, *(name for lane in SIDE_BY_SIDE for name in lane)]
    assert sorted(moved) == sorted(table.name for table in TABLES)


def test_a_customer_takes_its_address_currency_and_owner_along(company, known):
    customer = next(c for c in company["customers"] if c["currencyCode"] == "EUR")
    body = account(known, customer)
    assert body["address1_city"] == customer["city"]
    assert body["transactioncurrencyid@odata.bind"] == "/transactioncurrencies(currency-EUR)"
    assert body["ownerid@odata.bind"] == "/systemusers(user)"


def test_a_person_belongs_to_the_account_made_of_the_customer(company, known):
    customer = company["customers"][0]
    person = next(
        contact
        for contact in company["contacts"]
        if contact["type"] == "Person"
        and known.customer_of_contact[contact["id"]] == customer["id"]
    )
    assert not works_for_account(known, person)
    made = account(known, customer)
    assert works_for_account(known, person)
    body = contact(known, person)
    assert body["parentcustomerid_account@odata.bind"] == f"/accounts({made['accountid']})"
    assert f"{body['firstname']} {body['lastname']}" == person["displayName"]


def test_a_price_waits_for_its_product_and_may_not_depend_on_quantity(company, known):
    item = next(item for item in company["items"] if not item["blocked"])
    price = {"Item_No": item["number"], "Minimum_Quantity": 0}
    assert not is_sellable(known, price)
    known.products[item["number"]] = "product"
    assert is_sellable(known, price)
    assert not is_sellable(known, price | {"Minimum_Quantity": 10})


def test_a_products_price_list_item_and_activation_speak_of_the_same_list(company, known):
    item = company["items"][0]
    for unit in company["unitsOfMeasure"]:
        known.units[unit_group(known, unit)["uomscheduleid"]] = f"unit-{unit['code']}"
    own_list = ITEM.price_list(known, item).path.partition("?")[0]
    assert ITEM.price_list_item(known, item).body["pricelevelid@odata.bind"] == f"/{own_list}"
    assert ITEM.activate(known, item).body["pricelevelid@odata.bind"] == f"/{own_list}"
    assert ITEM.create(known, item)["defaultuomid@odata.bind"] == (
        f"/uoms(unit-{item['baseUnitOfMeasureCode']})"
    )
