"""Loading and dumping data."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.contract.business_central.client import Client
from tests.unit.simulators_business_central.world import (
    CANNON,
    COMPANY,
    OTHER_COMPANY,
    ROOT,
    SERVICES,
    customer,
    identity,
    row,
    world,
)

_SHARED = Path(os.environ.get("COUPLER_SHARED", Path(__file__).parents[4] / "shared"))
_CRONUS = _SHARED / "data" / "cronus" / "business_central"


CARD = identity("contacts", "CT1")
LINK = {"contactId": "", "relatedId": customer("20000")["id"], "relatedType": "Customer"}


def refused(client: Client, data: object) -> str:
    answer = client.admin("POST", "seed", data)
    assert answer.status_code == 400
    message: str = answer.json()["error"]
    return message


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({"vendors": []}, "vendors"),
        ({"currencies_all": []}, "currencies_all"),
        ({"customers": [{"number": "1"}]}, "id"),
        ({"customers": [{"id": CANNON, "fax": "1"}]}, "fax"),
        ({"customers": [{"id": CANNON, "city": "x" * 31}]}, "city"),
        ({"customers": [{"id": CANNON, "blocked": " "}]}, "blocked"),
        ({"customers": [{"id": CANNON, "number": "20000"}]}, "20000"),
        ({"contactsInformation": [{"contactId": CANNON, "relatedId": CANNON}]}, "contact"),
        ({"contactsInformation": [LINK | {"contactId": CARD}]}, "two customers"),
        ({"entraApplications": [{}]}, "clientId"),
    ],
)
def test_data_that_breaks_the_schema_is_refused_by_name_and_not_loaded(client, data, named):
    message = refused(client, {"customers": [customer("30000")]} | data)
    assert named in message
    assert client.get("customers/$count").text == "2"


def test_records_go_to_the_company_that_is_named(client):
    client.seed({"customers": [customer("1")]}, "?company=My Company")
    path = f"{ROOT}/companies({OTHER_COMPANY})/customers/$count"
    assert client.send("GET", path).text == "1"
    assert len(client.admin("GET", "dump/My Company/customers").json()) == 1
    assert client.get("customers/$count").text == "2"


def test_a_dump_gives_the_rows_as_they_were_loaded(client):
    dumped = client.admin("GET", "dump/unitsOfMeasure").json()
    assert sorted(dumped, key=lambda each: each["code"]) == sorted(
        world()["unitsOfMeasure"], key=lambda each: each["code"]
    )
    assert [each["id"] for each in client.admin("GET", "dump/companies").json()] == [
        COMPANY,
        OTHER_COMPANY,
    ]
    assert client.admin("GET", "dump/vendors").status_code == 404


def without_etags(value: Any) -> Any:
    if isinstance(value, list):
        return [without_etags(each) for each in value]
    if isinstance(value, dict):
        return {name: without_etags(each) for name, each in value.items() if name != "@odata.etag"}
    return value


def test_a_dump_of_everything_makes_the_same_world_again_with_new_etags(client):
    sets = [*world(), "companyInformation"]
    dumped = {name: client.admin("GET", f"dump/{name}").json() for name in sets}
    before = client.read("customers", "$expand=contactsInformation")
    client.admin("POST", "reset")
    client.seed(dumped)
    after = client.read("customers", "$expand=contactsInformation")
    assert without_etags(after) == without_etags(before)
    assert {each["@odata.etag"] for each in after}.isdisjoint(
        each["@odata.etag"] for each in before
    )


def test_contacts_information_may_come_before_its_contacts(client):
    new, card = customer("30000"), row("contacts", number="CT3", companyNumber="CT3")
    link = {"contactId": card["id"], "relatedId": new["id"], "relatedType": "Customer"}
    client.seed({"contactsInformation": [link]})
    client.seed({"customers": [new], "contacts": [card]})
    below = client.get(f"customers({new['id']})/contactsInformation").json()["value"]
    assert [each["contactNumber"] for each in below] == ["CT3"]


def test_a_company_keeps_one_company_information(client):
    client.seed({"companyInformation": [row("companyInformation", displayName="Other")]})
    (found,) = client.read("companyInformation")
    assert (found["displayName"], found["currencyCode"]) == ("Other", "GBP")


def test_a_reset_empties_everything(client):
    client.admin("POST", "reset")
    assert client.admin("GET", "dump/customers").json() == []
    assert client.send("GET", f"{ROOT}/companies").json()["value"] == []


def test_a_change_of_the_inventory_is_no_change_of_the_item(client):
    (before,) = client.read("items")
    client.seed({"items": [{"id": before["id"], "inventory": 99}]})
    (after,) = client.read("items")
    assert after == before | {"inventory": 99}


def test_a_seeded_change_of_a_record_is_a_change(client, cannon):
    client.seed({"customers": [{"id": CANNON, "city": "Bath"}]})
    after = client.get(f"customers({CANNON})").json()
    assert after["city"] == "Bath"
    assert after["@odata.etag"] != cannon["@odata.etag"]


def test_company_information_wins_over_what_records_tell_of_the_local_currency(client):
    information = row("companyInformation", currencyCode="DKK")
    client.seed({"companyInformation": [information]}, "?company=My Company")
    client.seed({"customers": [customer("1")]}, "?company=My Company")
    path = f"{ROOT}/companies({OTHER_COMPANY})"
    created = client.send("POST", f"{path}/customers", {"displayName": "New"}).json()
    assert created["currencyCode"] == "DKK"


@pytest.fixture
def cronus(client: Client) -> Client:
    if not _CRONUS.is_dir():
        pytest.skip(f"the CRONUS sample data is not at {_CRONUS}")
    client.admin("POST", "reset")
    files = [path for path in _CRONUS.glob("*.json") if path.stem != "currencies_all"]
    data = {path.stem: json.loads(path.read_text()) for path in files}
    assert client.seed(data) == {name: len(rows) for name, rows in data.items()}
    return client


def test_the_sample_company_is_loaded_as_it_is(cronus):
    for name in ("customers", "contacts", "items", "salesOrders", "opportunities"):
        loaded = json.loads((_CRONUS / f"{name}.json").read_text())
        assert cronus.get(f"{name}/$count").text == str(len(loaded))
    customers = json.loads((_CRONUS / "customers.json").read_text())
    assert sorted(cronus.admin("GET", "dump/customers").json(), key=lambda each: each["id"]) == (
        sorted(customers, key=lambda each: each["id"])
    )
    assert cronus.read("companyInformation")[0]["currencyCode"] == "GBP"
    prices = cronus.send("GET", f"{SERVICES}/SalesPrices/$count").text
    assert prices == "210"


def test_contacts_of_the_sample_customers_are_those_of_the_file(cronus):
    wanted = json.loads((_CRONUS / "contactsInformation.json").read_text())
    found = [
        {name: value for name, value in each.items() if not name.startswith("@")}
        for record in cronus.read("customers", "$select=id&$expand=contactsInformation")
        for each in record["contactsInformation"]
    ]

    def by_contact(each: dict[str, str]) -> tuple[str, str]:
        return each["relatedId"], each["contactId"]

    assert sorted(found, key=by_contact) == sorted(wanted, key=by_contact)


def test_lines_of_the_sample_orders_are_read_with_or_below_them(cronus):
    order = cronus.read("salesOrders", "$top=1&$expand=salesOrderLines")[0]
    lines = cronus.get(f"salesOrders({order['id']})/salesOrderLines").json()["value"]
    assert lines == order["salesOrderLines"]
    assert cronus.read("salesOrderLines", f"$filter=documentId eq {order['id']}") == lines
    assert cronus.get("salesOrderLines").status_code == 400
