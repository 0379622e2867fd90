"""Customers and their contact cards."""

from __future__ import annotations

import pytest

from tests.contract.business_central.client import Client, not_simulated, refusal
from tests.unit.simulators_business_central.world import CANNON, identity, row

CARD = identity("contacts", "CT1")
PERSON = identity("contacts", "CT2")


def contact(client: Client, record_id: str) -> dict[str, object]:
    found: dict[str, object] = client.get(f"contacts({record_id})").json()
    return found


@pytest.mark.parametrize("kind", ["Company", "Person"])
def test_a_new_customer_gets_a_contact_card(client, kind):
    body = {"displayName": "New Ltd.", "type": kind, "city": "Bath", "email": "a@b.c"}
    customer = client.post("customers", body).json()
    (found,) = client.get(f"customers({customer['id']})/contactsInformation").json()["value"]
    card = contact(client, found["contactId"])
    assert (card["type"], card["displayName"], card["city"], card["email"]) == (
        kind,
        "New Ltd.",
        "Bath",
        "a@b.c",
    )
    assert card["contactBusinessRelation"] == "Customer"
    assert card["companyNumber"] == (card["number"] if kind == "Company" else "")


def test_a_refused_customer_leaves_no_card(client):
    assert client.post("customers", {"number": "10000", "displayName": "Again"}).status_code == 409
    assert client.get("contacts/$count").text == "2"


def test_a_change_of_a_customer_reaches_its_card(client):
    before = contact(client, CARD)
    client.patch(f"customers({CANNON})", {"city": "Bath", "displayName": "Cannon"}, If_Match="*")
    card = contact(client, CARD)
    assert (card["city"], card["displayName"], card["companyName"], card["searchName"]) == (
        "Bath",
        "Cannon",
        "Cannon",
        "CANNON",
    )
    assert card["@odata.etag"] != before["@odata.etag"]
    assert contact(client, PERSON)["companyName"] == "Cannon"


def test_a_change_of_a_card_reaches_its_customer(client, cannon):
    client.patch(f"contacts({CARD})", {"city": "Bath"}, If_Match="*")
    customer = client.get(f"customers({CANNON})").json()
    assert customer["city"] == "Bath"
    assert customer["@odata.etag"] != cannon["@odata.etag"]


def test_a_change_of_a_person_leaves_the_customer_alone(client, cannon):
    client.patch(f"contacts({PERSON})", {"city": "Bath"}, If_Match="*")
    assert client.read("customers", "$filter=number eq '10000'") == [cannon]


def test_a_person_of_a_customers_company_is_a_contact_of_the_customer(client):
    body = {"displayName": "Jo Read", "type": "Person", "companyNumber": "ct1"}
    person = client.post("contacts", body).json()
    assert person["companyName"] == "Cannon Group"
    assert person["contactBusinessRelation"] == "Customer"
    names = client.get(f"customers({CANNON})/contactsInformation").json()["value"]
    assert "Jo Read" in {each["contactName"] for each in names}


def test_a_person_that_leaves_the_company_is_no_contact_of_the_customer(client):
    answer = client.patch(f"contacts({PERSON})", {"companyNumber": ""}, If_Match="*")
    assert answer.json()["companyName"] == ""
    below = client.get(f"customers({CANNON})/contactsInformation").json()["value"]
    assert {each["contactId"] for each in below} == {CARD}


@pytest.mark.parametrize("number", ["CT9", "CT2"])
def test_the_company_of_a_person_must_be_a_company(client, number):
    body = {"displayName": "Jo Read", "type": "Person", "companyNumber": number}
    assert refusal(client.post("contacts", body)) == (400, "Internal_InvalidTableRelation")


def test_a_company_is_its_own_company(client):
    card = client.post("contacts", {"displayName": "Alone", "companyNumber": "CT1"}).json()
    assert card["companyNumber"] == card["number"]
    assert card["companyName"] == "Alone"


def test_a_deleted_customer_leaves_its_contacts_without_relation(client):
    assert client.delete(f"customers({CANNON})").status_code == 204
    assert contact(client, CARD)["contactBusinessRelation"] == "None"
    assert contact(client, PERSON)["contactBusinessRelation"] == "None"


@pytest.mark.parametrize(
    ("entity_set", "reason"),
    [("salesOrders", "outstanding Sales Order"), ("salesInvoices", "ledger entries")],
)
def test_a_customer_with_documents_is_not_deleted(client, entity_set, reason):
    client.seed({entity_set: [row(entity_set, number="1", customerId=CANNON)]})
    answer = client.delete(f"customers({CANNON})")
    assert refusal(answer) == (400, "Application_DialogException")
    assert reason in answer.json()["error"]["message"]


def test_deleting_a_contact_that_others_need_is_not_imitated(client):
    assert not_simulated(client.delete(f"contacts({CARD})"))
    person = client.post("contacts", {"displayName": "Jo", "type": "Person"}).json()
    assert client.delete(f"contacts({person['id']})").status_code == 204
