"""Reading collections and records."""

from __future__ import annotations

import pytest

from tests.contract.business_central.client import not_simulated, refusal
from tests.unit.simulators_business_central.world import (
    BASE,
    CANNON,
    COMPANY,
    COMPANY_NAME,
    OTHER_COMPANY,
    ROOT,
)


def test_companies_are_listed_and_read(client):
    listed = client.send("GET", f"{ROOT}/companies").json()
    assert [each["name"] for each in listed["value"]] == [COMPANY_NAME, "My Company"]
    assert listed["@odata.context"].endswith("/api/v2.0/$metadata#companies")
    one = client.send("GET", f"{ROOT}/companies({COMPANY})").json()
    assert one["id"] == COMPANY
    assert client.send("GET", f"{ROOT}/companies/$count").text == "2"


def test_a_collection_has_the_documented_shape(client):
    answer = client.get("customers")
    assert answer.headers["Content-Type"] == (
        "application/json; odata.metadata=minimal; odata.streaming=true"
    )
    body = answer.json()
    assert body["@odata.context"] == (
        f"{client.address}{ROOT}/$metadata#companies({COMPANY})/customers"
    )
    first = body["value"][0]
    assert first["@odata.etag"].startswith('W/"')
    assert first["lastModifiedDateTime"] == "2026-01-07T11:47:49.884Z"
    assert first["blocked"] == "_x0020_"
    assert first["currencyId"] == "00000000-0000-0000-0000-000000000000"
    assert first["currencyCode"] == "GBP"
    assert first["email"] == ""


def test_a_company_is_also_named_by_parameter(client):
    by_name = client.send("GET", f"{ROOT}/customers?company={COMPANY_NAME}").json()["value"]
    by_id = client.send("GET", f"{ROOT}/customers?company={COMPANY}").json()["value"]
    assert by_name == by_id == client.read("customers")
    assert client.send("GET", f"{ROOT}/customers?company=My Company").json()["value"] == []


@pytest.mark.parametrize("company", [OTHER_COMPANY, OTHER_COMPANY.upper()])
def test_another_company_has_its_own_records(client, company):
    assert client.send("GET", f"{ROOT}/companies({company})/customers").json()["value"] == []


@pytest.mark.parametrize(
    "path",
    [f"{ROOT}/companies({CANNON})/customers", f"{ROOT}/customers", f"{ROOT}/items?company=x"],
)
def test_a_company_that_does_not_exist_is_not_found(client, path):
    assert refusal(client.send("GET", path)) == (404, "Internal_CompanyNotFound")


def test_one_record_is_read_by_its_id(client):
    record = client.get(f"customers({CANNON})").json()
    assert record["@odata.context"].endswith("/customers/$entity")
    assert record["number"] == "10000"
    assert refusal(client.get(f"customers({COMPANY})")) == (404, "Internal_RecordNotFound")
    assert client.get("customers(10000)").status_code == 400


def test_selected_fields_come_alone(client):
    record = client.read("customers", "$select=number,city")[0]
    assert set(record) == {"@odata.etag", "number", "city"}
    assert refusal(client.get("customers?$select=name")) == (400, "BadRequest")


def test_the_hidden_price_group_of_customers_is_not_shown(client, cannon):
    client.seed({"customers": [{"id": CANNON, "customerPriceGroup": "RETAIL"}]})
    assert "customerPriceGroup" not in client.get(f"customers({CANNON})").json()
    dumped = client.admin("GET", "dump/customers").json()
    assert dumped[0]["customerPriceGroup"] == "RETAIL"


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ("number eq '10000'", ["10000"]),
        ("number eq '1'", []),
        (f"id eq {CANNON}", ["10000"]),
        (f"id eq {CANNON} or id eq {COMPANY}", ["10000"]),
        ("number gt '10000'", ["20000"]),
        ("startswith(displayName,'Cust')", ["20000"]),
        ("contains(displayName,'annon') and creditLimit lt 1", ["10000"]),
        ("endswith(number,'0000') and not (number eq '10000')", ["20000"]),
        ("blocked eq ' '", ["10000"]),
        ("blocked eq '_x0020_'", ["10000"]),
        ("blocked ne '_x0020_'", ["20000"]),
        ("salespersonCode eq 'jo'", ["10000"]),
        ("creditLimit eq 12.5", ["20000"]),
        ("taxLiable eq false and creditLimit ge 12.5", ["20000"]),
        ("lastModifiedDateTime gt 2026-01-07T11:47:49.883Z", ["10000", "20000"]),
        ("lastModifiedDateTime gt 2026-01-07T11:47:49.884Z", []),
        ("lastModifiedDateTime ge 2026-01-07T12:47:49.884%2B01:00", ["10000", "20000"]),
        ("number eq '10000' or number eq '20000'", ["10000", "20000"]),
    ],
)
def test_a_filter_selects(client, condition, numbers):
    found = client.read("customers", f"$filter={condition}&$select=number")
    assert [each["number"] for each in found] == numbers


def test_or_over_distinct_fields_is_refused_as_documented(client):
    answer = client.get("customers?$filter=number eq '1' or city eq 'Bath'")
    assert refusal(answer) == (501, "BadRequest_MethodNotImplemented")
    assert "not supported on distinct fields" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "condition",
    [
        "lastModifiedDateTime gt 2026-01-07T11:47:49",
        "lastModifiedDateTime gt 2026-01-07",
        "lastModifiedDateTime gt '2026-01-07T11:47:49Z'",
        f"id eq '{CANNON}'",
        "name eq 'x'",
        "number eq",
        "creditLimit gt 'a'",
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(client, condition):
    assert refusal(client.get(f"customers?$filter={condition}")) == (400, "BadRequest")


def test_the_operator_in_needs_the_schema_version_that_knows_it(client):
    option = "$filter=number in ('10000','1')&$select=number"
    assert not_simulated(client.get(f"customers?{option}"))
    found = client.read("customers", f"$schemaversion=2.1&{option}")
    assert [each["number"] for each in found] == ["10000"]


def test_an_order_is_followed(client):
    found = client.read("customers", "$orderby=creditLimit desc,number&$select=number")
    assert [each["number"] for each in found] == ["20000", "10000"]
    assert refusal(client.get("customers?$orderby=name")) == (400, "BadRequest")


def test_counts_come_with_a_page_or_alone(client):
    body = client.get("customers?$count=true&$top=1").json()
    assert (body["@odata.count"], len(body["value"])) == (2, 1)
    assert client.get("customers/$count").text == "2"
    assert client.get("customers/$count?$filter=number eq '10000'").text == "1"


def test_a_next_link_leads_to_the_rest(client):
    first = client.get("customers?$select=number", Prefer="odata.maxpagesize=1").json()
    second = client.send("GET", first["@odata.nextLink"]).json()
    assert [each["number"] for each in first["value"] + second["value"]] == ["10000", "20000"]
    assert "@odata.nextLink" not in second


def test_contacts_of_a_customer_are_expanded_or_read_below_it(client):
    (expanded,) = client.read(
        "customers", "$filter=number eq '10000'&$select=number&$expand=contactsInformation"
    )
    below = client.get(f"customers({CANNON})/contactsInformation").json()["value"]
    assert expanded["contactsInformation"] == below
    assert {(each["contactNumber"], each["contactType"]) for each in below} == {
        ("CT1", "Company"),
        ("CT2", "Person"),
    }
    assert {(each["relatedId"], each["relatedType"]) for each in below} == {(CANNON, "Customer")}
    assert client.get(f"customers({CANNON})/contactsInformation/$count").text == "2"
    assert (
        client.get(f"customers({CANNON})?$expand=contactsInformation").json()["contactsInformation"]
        == below
    )


def test_contacts_information_alone_needs_a_filter(client):
    assert refusal(client.get("contactsInformation")) == (400, "Application_DialogException")
    found = client.read(
        "contactsInformation", f"$filter=relatedId eq {CANNON} and relatedType eq 'Customer'"
    )
    assert len(found) == 2


def test_the_base_unit_of_an_item_is_expanded(client):
    (item,) = client.read("items", "$expand=baseUnitOfMeasure($select=code)")
    assert item["baseUnitOfMeasure"]["code"] == "PCS"
    assert client.get(f"items({item['id']})/baseUnitOfMeasure").json()["code"] == "PCS"


@pytest.mark.parametrize(
    "path",
    [
        "vendors",
        "customers?$apply=groupby((city))",
        "customers?$expand=picture",
        "customers?$expand=contactsInformation($top=1)",
        f"customers({CANNON})/picture",
        f"customers({CANNON})/Microsoft.NAV.post",
        "customers?$filter=length(number) eq 5",
    ],
)
def test_what_is_not_imitated_says_so(client, path):
    assert not_simulated(client.get(path))


@pytest.mark.parametrize("path", ["persons", "customers/first", f"customers({CANNON})/contacts"])
def test_what_does_not_exist_is_not_found(client, path):
    assert refusal(client.get(path)) == (404, "BadRequest_ResourceNotFound")


def test_an_unknown_expansion_is_refused(client):
    assert refusal(client.get("customers?$expand=contacts")) == (400, "BadRequest")


def test_company_information_tells_the_local_currency(client):
    (information,) = client.read("companyInformation")
    assert (information["displayName"], information["currencyCode"]) == (COMPANY_NAME, "GBP")


def test_harmless_headers_and_parameters_are_tolerated(client):
    answer = client.send(
        "GET",
        f"{BASE}/customers?tenant=default&aid=FIN",
        Data_Access_Intent="ReadOnly",
        Accept_Language="en-US",
    )
    assert answer.status_code == 200
