"""Published page web services."""

from __future__ import annotations

import pytest

from tests.contract.business_central.client import not_simulated, refusal
from tests.unit.simulators_business_central.world import COMPANY_NAME, SERVICES, row


def test_a_service_is_read_like_an_entity_set(client):
    body = client.send("GET", f"{SERVICES}/CustomerPriceGroups").json()
    assert body["@odata.context"].endswith(
        f"/ODataV4/$metadata#Company('{COMPANY_NAME}')/CustomerPriceGroups"
    )
    (group,) = body["value"]
    assert (group["Code"], group["Description"]) == ("RETAIL", "Shops")
    assert group["@odata.etag"].startswith('W/"')
    assert client.send("GET", f"{SERVICES}/CustomerPriceGroups/$count").text == "1"


def test_a_record_is_named_by_the_tables_primary_key(client):
    assert (
        client.send("GET", f"{SERVICES}/CustomerPriceGroups('retail')").json()["Code"] == "RETAIL"
    )
    unit = client.send("GET", f"{SERVICES}/ItemUnitsOfMeasure(Item_No='70000',Code='PCS')").json()
    assert unit["Qty_per_Unit_of_Measure"] == 0
    missing = client.send("GET", f"{SERVICES}/CustomerPriceGroups('NONE')")
    assert refusal(missing) == (404, "Internal_RecordNotFound")


def test_a_key_may_hold_numbers_and_dates(client):
    price = row(
        "salesPrices",
        Item_No="70000",
        Sales_Type="All_x0020_Customers",
        Minimum_Quantity=2.5,
        Starting_Date="2026-01-01",
    )
    client.seed({"salesPrices": [price]})
    key = (
        "Item_No='70000',Sales_Type='All_x0020_Customers',Sales_Code='',Starting_Date=2026-01-01,"
        "Currency_Code='',Variant_Code='',Unit_of_Measure_Code='',Minimum_Quantity=2.5"
    )
    found = client.send("GET", f"{SERVICES}/SalesPrices({key})").json()
    assert found["SystemId"] == price["SystemId"]


def test_filters_and_pages_work_on_services(client):
    units = [row("itemUnitsOfMeasure", Item_No="70000", Code=each) for each in ("A", "B")]
    client.seed({"itemUnitsOfMeasure": units})
    first = client.send(
        "GET",
        f"{SERVICES}/ItemUnitsOfMeasure?$filter=Item_No eq '70000'&$select=Code",
        Prefer="odata.maxpagesize=2",
    ).json()
    second = client.send("GET", first["@odata.nextLink"]).json()
    codes = [each["Code"] for each in first["value"] + second["value"]]
    assert codes == ["A", "B", "PCS"]


def test_the_companies_of_the_interface_are_listed(client):
    listed = client.send("GET", SERVICES.partition("(")[0]).json()
    assert [each["Name"] for each in listed["value"]] == [COMPANY_NAME, "My Company"]


def test_a_service_without_a_company_needs_its_parameter(client):
    root = SERVICES.partition("/Company")[0]
    named = client.send("GET", f"{root}/Resources?company={COMPANY_NAME}")
    assert named.json()["value"] == []
    assert refusal(client.send("GET", f"{root}/Resources")) == (404, "Internal_CompanyNotFound")


@pytest.mark.parametrize("path", ["/Vendors", "/CustomerPriceGroups/other"])
def test_a_service_that_is_not_published_is_not_found(client, path):
    assert refusal(client.send("GET", SERVICES + path)) == (404, "BadRequest_ResourceNotFound")


def test_writing_to_a_service_is_not_imitated(client):
    assert not_simulated(client.send("POST", f"{SERVICES}/CustomerPriceGroups", {"Code": "X"}))
