"""The rules for unit groups, units, products, price lists and their items."""

from typing import Any

import pytest

from tests.contract.dataverse.client import Client, assert_refused


@pytest.fixture
def units(client: Client) -> dict[str, str]:
    """Two unit groups, PCS with a second unit BOX, and KG."""
    found: dict[str, str] = {}
    for code in ("PCS", "KG"):
        group = client.create("uomschedules", name=f"NAV {code}", baseuomname=code)
        (base,) = client.rows("uoms", f"$filter=_uomscheduleid_value eq {group}")
        found |= {f"{code} group": group, code: base["uomid"]}
    found["BOX"] = client.create(
        "uoms",
        name="BOX",
        quantity=12,
        uomscheduleid__bind=f"/uomschedules({found['PCS group']})",
        baseuom__bind=f"/uoms({found['PCS']})",
    )
    return found


@pytest.fixture
def price_list(client: Client) -> str:
    (currency,) = client.rows("transactioncurrencies")
    bind = f"/transactioncurrencies({currency['transactioncurrencyid']})"
    return client.create("pricelevels", name="Retail", transactioncurrencyid__bind=bind)


def product_body(units: dict[str, str], number: str = "1000", **more: Any) -> dict[str, Any]:
    return {
        "productnumber": number,
        "name": "Bicycle",
        "quantitydecimal": 2,
        "defaultuomscheduleid@odata.bind": f"/uomschedules({units['PCS group']})",
        "defaultuomid@odata.bind": f"/uoms({units['PCS']})",
    } | {name.replace("__bind", "@odata.bind"): value for name, value in more.items()}


def new_product(client: Client, units: dict[str, str], **more: Any) -> str:
    return client.create("products", **product_body(units, **more))


def item_body(price_list: str, product: str, unit: str, amount: float = 10.0) -> dict[str, Any]:
    return {
        "amount": amount,
        "pricelevelid@odata.bind": f"/pricelevels({price_list})",
        "productid@odata.bind": f"/products({product})",
        "uomid@odata.bind": f"/uoms({unit})",
    }


def test_a_unit_group_comes_with_its_base_unit(client):
    group = client.create("uomschedules", name="NAV SET", baseuomname="SET")
    query = f"$filter=_uomscheduleid_value eq {group} and isschedulebaseuom eq true"
    (unit,) = client.rows("uoms", query)
    assert (unit["name"], unit["quantity"], unit["_baseuom_value"]) == ("SET", 1, None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"quantity": None}, "quantity"),
        ({"baseuom__bind": None}, "baseuom"),
        ({"uomscheduleid__bind": None}, "uomscheduleid"),
        ({"quantity": 0}, "greater than zero"),
        ({"isschedulebaseuom": True}, "cannot be set"),
    ],
)
def test_a_further_unit_needs_group_base_and_quantity(client, units, change, words):
    body = {
        "name": "X",
        "quantity": 2,
        "uomscheduleid__bind": f"/uomschedules({units['PCS group']})",
        "baseuom__bind": f"/uoms({units['PCS']})",
    } | change
    body = {name.replace("__bind", "@odata.bind"): value for name, value in body.items()}
    assert_refused(client.send("POST", "uoms", body), 400, "0x80040203", words)


def test_a_unit_and_its_base_are_of_one_group(client, units):
    body = {
        "name": "X",
        "quantity": 2,
        "uomscheduleid@odata.bind": f"/uomschedules({units['PCS group']})",
        "baseuom@odata.bind": f"/uoms({units['KG']})",
    }
    assert_refused(client.send("POST", "uoms", body), 400, "0x80040203", "unit group")


def test_deleting_a_unit_group_takes_its_units_along(client, units):
    assert client.send("DELETE", f"uomschedules({units['PCS group']})").status_code == 204
    left = {row["uomid"] for row in client.rows("uoms")}
    assert not {units["PCS"], units["BOX"]} & left
    assert units["KG"] in left


def test_a_unit_group_of_a_product_stays(client, units):
    new_product(client, units)
    answer = client.send("DELETE", f"uomschedules({units['PCS group']})")
    assert_refused(answer, 405, "0x80040227")
    assert len(client.rows("uoms", f"$filter=_uomscheduleid_value eq {units['PCS group']}")) == 2


def test_a_new_product_is_a_draft(client, units):
    product = client.get(f"products({new_product(client, units)})")
    assert (product["statecode"], product["statuscode"]) == (2, 0)
    assert product["productstructure"] == 1


def test_a_new_product_is_active_where_the_organization_says_so(client, units, price_list):
    organization = client.get("organizations")["value"][0]["organizationid"]
    client.change(f"organizations({organization})", createproductswithoutparentinactivestate=True)
    answer = client.send("POST", "products", product_body(units))
    assert_refused(answer, 400, "0x80040203", "cannot be activated")


@pytest.mark.parametrize(
    "missing",
    [
        "productnumber",
        "quantitydecimal",
        "defaultuomid@odata.bind",
        "defaultuomscheduleid@odata.bind",
    ],
)
def test_a_product_needs_number_decimals_and_unit(client, units, missing):
    body = product_body(units)
    del body[missing]
    answer = client.send("POST", "products", body)
    assert_refused(answer, 400, "0x80040203", missing.partition("@")[0])


@pytest.mark.parametrize("column", ["price", "standardcost", "currentcost", "quantityonhand"])
def test_prices_and_stock_are_not_negative(client, units, column):
    answer = client.send("POST", "products", product_body(units) | {column: -1})
    assert_refused(answer, 400, "0x80044330", column)


def test_stock_has_two_decimals(client, units):
    product = new_product(client, units, quantityonhand=1.239, price=9.999)
    row = client.get(f"products({product})")
    assert (row["quantityonhand"], row["price"]) == (1.24, 10)


def test_the_default_unit_is_of_the_unit_group(client, units):
    body = product_body(units) | {"defaultuomid@odata.bind": f"/uoms({units['KG']})"}
    assert_refused(client.send("POST", "products", body), 400, "0x80040203", "must belong")


def test_activation_needs_a_price(client, units, price_list):
    product = new_product(client, units)
    refused = client.change(f"products({product})", statecode=0, statuscode=1)
    assert_refused(refused, 400, "0x80040203", "cannot be activated")
    client.create("productpricelevels", **item_body(price_list, product, units["PCS"]))
    assert client.change(f"products({product})", statecode=0, statuscode=1).status_code == 204


def test_a_default_price_list_is_price_enough(client, units, price_list):
    product = new_product(client, units)
    bind = f"/pricelevels({price_list})"
    answer = client.change(f"products({product})", statecode=0, pricelevelid__bind=bind)
    assert answer.status_code == 204
    assert client.get(f"products({product})")["statuscode"] == 1


def test_the_default_price_list_is_not_set_on_create(client, units, price_list):
    body = product_body(units, pricelevelid__bind=f"/pricelevels({price_list})")
    assert_refused(client.send("POST", "products", body), 400, "0x80040203", "pricelevelid")


def test_activation_without_price_where_the_organization_allows_it(start):
    client = start(activation_needs_price=False)
    (group,) = client.rows("uomschedules")
    (unit,) = client.rows("uoms")
    found = {"PCS group": group["uomscheduleid"], "PCS": unit["uomid"]}
    product = new_product(client, found)
    assert client.change(f"products({product})", statecode=0).status_code == 204


def test_the_states_of_a_product(client, units, price_list):
    product = f"products({new_product(client, units)})"
    client.change(product, pricelevelid__bind=f"/pricelevels({price_list})")
    assert client.change(product, statecode=0).status_code == 204
    assert_refused(client.change(product, statecode=2), 400, "0x80040203", "Active")
    assert_refused(client.change(product, statecode=3), 501, "0x80060888", "revision")
    assert client.change(product, statecode=1, statuscode=2).status_code == 204
    assert client.change(product, statecode=0).status_code == 204


def test_a_draft_can_be_retired_without_a_price(client, units):
    product = f"products({new_product(client, units)})"
    assert client.change(product, statecode=1, statuscode=2).status_code == 204


def test_what_is_fixed_at_creation_may_be_sent_again_unchanged(client, units, price_list):
    (currency,) = client.rows("transactioncurrencies")
    same = {
        "pricelevelid": price_list,
        "transactioncurrencyid__bind": (
            f"/transactioncurrencies({currency['transactioncurrencyid']})"
        ),
    }
    assert client.change(f"pricelevels({price_list})", name="B", **same).status_code == 204
    group = f"uomschedules({units['PCS group']})"
    assert client.change(group, baseuomname="PCS").status_code == 204
    refused = client.change(group, baseuomname="BOX")
    assert_refused(refused, 400, "0x80040203", "baseuomname")


def test_the_unit_group_stays_once_the_product_is_used(client, units, price_list):
    other_group = {
        "defaultuomscheduleid__bind": f"/uomschedules({units['KG group']})",
        "defaultuomid__bind": f"/uoms({units['KG']})",
    }
    free, used = (new_product(client, units, number=number) for number in ("1", "2"))
    client.create("productpricelevels", **item_body(price_list, used, units["BOX"]))
    assert client.change(f"products({free})", **other_group).status_code == 204
    refused = client.change(f"products({used})", **other_group)
    assert_refused(refused, 400, "0x80040203", "cannot be changed")
    box = f"/uoms({units['BOX']})"
    assert client.change(f"products({used})", defaultuomid__bind=box).status_code == 204


def test_a_price_list_item_takes_what_follows_from_its_lookups(client, units, price_list):
    product = new_product(client, units, number="77")
    body = item_body(price_list, product, units["BOX"], 12.5)
    row = client.get(f"productpricelevels({client.create('productpricelevels', **body)})")
    assert row["productnumber"] == "77"
    assert row["_uomscheduleid_value"] == units["PCS group"]
    (currency,) = client.rows("transactioncurrencies")
    assert row["_transactioncurrencyid_value"] == currency["transactioncurrencyid"]
    assert (row["amount"], row["amount_base"]) == (12.5, 12.5)
    assert (row["pricingmethodcode"], row["quantitysellingcode"]) == (1, 1)


def test_price_list_product_and_unit_make_an_item_unique(client, units, price_list):
    product = new_product(client, units)
    body = item_body(price_list, product, units["PCS"])
    first = client.create("productpricelevels", **body)
    assert_refused(client.send("POST", "productpricelevels", body), 412, "0x80040237")
    box = client.create("productpricelevels", **item_body(price_list, product, units["BOX"]))
    unit = f"/uoms({units['PCS']})"
    assert_refused(client.change(f"productpricelevels({box})", uomid__bind=unit), 412, "0x80040237")
    assert client.change(f"productpricelevels({first})", uomid__bind=unit).status_code == 204


def test_the_unit_of_an_item_is_one_of_the_product(client, units, price_list):
    product = new_product(client, units)
    body = item_body(price_list, product, units["KG"])
    assert_refused(
        client.send("POST", "productpricelevels", body), 400, "0x80040203", "must belong"
    )


def test_an_item_has_the_currency_of_its_price_list(client, units, price_list):
    product = new_product(client, units)
    euro = client.create(
        "transactioncurrencies",
        isocurrencycode="EUR",
        currencyname="Euro",
        currencysymbol="€",
        currencyprecision=2,
        exchangerate=1.25,
    )
    other = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({euro})"}
    body = item_body(price_list, product, units["PCS"])
    answer = client.send("POST", "productpricelevels", body | other)
    assert_refused(answer, 400, "0x80040203", "currency")
    refused = client.send("PATCH", f"pricelevels({price_list})", other)
    assert_refused(refused, 400, "0x80040203", "transactioncurrencyid")


@pytest.mark.parametrize(
    ("change", "code"),
    [({"amount": -0.01}, "0x80044330"), ({"productnumber": "5"}, "0x80040203")],
)
def test_an_item_refuses_negative_amounts_and_read_only_columns(
    client, units, price_list, change, code
):
    product = new_product(client, units)
    body = item_body(price_list, product, units["PCS"]) | change
    assert_refused(client.send("POST", "productpricelevels", body), 400, code)


def test_a_price_list_needs_a_currency(client):
    answer = client.send("POST", "pricelevels", {"name": "X"})
    assert_refused(answer, 400, "0x80040203", "transactioncurrencyid")


def test_deleting_a_price_list_takes_its_items_along(client, units, price_list):
    product = new_product(client, units)
    client.create("productpricelevels", **item_body(price_list, product, units["PCS"]))
    assert client.send("DELETE", f"pricelevels({price_list})").status_code == 204
    assert client.rows("productpricelevels") == []


def test_families_and_bundles_are_not_imitated(client, units):
    answer = client.send("POST", "products", product_body(units, productstructure=2))
    assert_refused(answer, 501, "0x80060888", "families")
