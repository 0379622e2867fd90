"""Creating, changing and deleting records."""

from __future__ import annotations

import pytest

from tests.contract.business_central.client import not_simulated, refusal
from tests.unit.simulators_business_central.world import BASE, CANNON, identity

NEW = "0f5c7c5e-8566-4ce5-8714-20506163c20d"


def test_a_created_record_is_answered_whole(client):
    answer = client.post("customers", {"number": "c1", "displayName": "New", "type": "Person"})
    assert answer.status_code == 201
    record = answer.json()
    assert answer.headers["Location"].endswith(f"/customers({record['id']})")
    assert (record["number"], record["type"], record["blocked"]) == ("C1", "Person", "_x0020_")
    assert record["currencyCode"] == "GBP"
    head = {"@odata.context": record["@odata.context"]}
    assert client.get(f"customers({record['id']})").json() == record | head


def test_a_record_is_created_under_the_callers_id_once(client):
    body = {"id": NEW.upper(), "number": "C1", "displayName": "New"}
    assert client.post("customers", body).json()["id"] == NEW
    same_id = client.post("customers", body | {"number": "C2"})
    assert refusal(same_id) == (409, "Internal_EntityWithSameKeyExists")
    same_number = client.post("customers", {"number": "C1", "displayName": "Other"})
    assert refusal(same_number) == (409, "Internal_EntityWithSameKeyExists")
    assert client.get("customers/$count").text == "3"


def test_a_number_is_taken_from_the_series_where_none_is_given(client):
    numbers = [
        client.post(each, {"displayName": "New"}).json()["number"]
        for each in ("customers", "customers", "contacts", "items")
    ]
    assert len(set(numbers)) == 4
    assert all(numbers)


def test_nothing_is_answered_where_the_client_wants_nothing(client):
    answer = client.post("customers", {"displayName": "New"}, Prefer="return-no-content")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "/customers(" in answer.headers["Location"]
    changed = client.patch(
        f"customers({CANNON})", {"city": "Bath"}, If_Match="*", Prefer="return-no-content"
    )
    assert (changed.status_code, changed.content) == (204, b"")


def test_a_change_needs_the_records_etag(client, cannon):
    path, body = f"customers({CANNON})", {"city": "Bath"}
    assert refusal(client.patch(path, body)) == (400, "BadRequest_InvalidToken")
    assert refusal(client.patch(path, body, If_Match="x")) == (400, "BadRequest_InvalidToken")
    first = client.patch(path, body, If_Match=cannon["@odata.etag"])
    assert first.status_code == 200
    assert first.json()["city"] == "Bath"
    assert first.json()["@odata.etag"] != cannon["@odata.etag"]
    assert first.json()["lastModifiedDateTime"] > cannon["lastModifiedDateTime"]
    stale = client.patch(path, body, If_Match=cannon["@odata.etag"])
    assert refusal(stale) == (409, "Request_EntityChanged")
    assert client.patch(path, body, If_Match="*").status_code == 200


def test_a_change_of_a_missing_record_finds_none(client):
    answer = client.patch(f"customers({NEW})", {}, If_Match="*")
    assert refusal(answer) == (404, "Internal_RecordNotFound")


def test_a_deletion_looks_at_an_etag_only_where_one_is_sent(client):
    record = client.post("customers", {"displayName": "New"}).json()
    path = f"customers({record['id']})"
    client.patch(path, {"city": "Bath"}, If_Match="*")
    stale = client.delete(path, If_Match=record["@odata.etag"])
    assert refusal(stale) == (409, "Request_EntityChanged")
    assert client.delete(path).status_code == 204
    assert refusal(client.delete(path)) == (404, "Internal_RecordNotFound")


def test_null_leaves_a_field_alone(client):
    body = {"displayName": "New", "city": None, "lastModifiedDateTime": None, "balanceDue": None}
    assert client.post("customers", body).status_code == 201
    answer = client.patch(f"customers({CANNON})", {"salespersonCode": None}, If_Match="*")
    assert answer.json()["salespersonCode"] == "JO"


@pytest.mark.parametrize(
    ("body", "code", "named"),
    [
        ({"fax": "1"}, "BadRequest", "fax"),
        ({"balanceDue": 1}, "BadRequest_InvalidOperation", "balanceDue"),
        ({"lastModifiedDateTime": "2026-01-01T00:00:00Z"}, "BadRequest_InvalidOperation", "last"),
        ({"id": NEW}, "BadRequest_InvalidOperation", "id"),
        ({"city": "x" * 31}, "Application_StringExceededLength", "31"),
        ({"city": 1}, "BadRequest", "city"),
        ({"creditLimit": "1"}, "BadRequest", "creditLimit"),
        ({"taxLiable": "true"}, "BadRequest", "taxLiable"),
        ({"blocked": "Some"}, "Application_EvaluateException", "blocked"),
        ({"salespersonCode": "XX"}, "Internal_InvalidTableRelation", "Salesperson Code"),
        ({"currencyCode": "XXX"}, "Application_DialogException", "currencyCode"),
        ({"currencyId": NEW}, "Application_DialogException", "currencyId"),
        ({"paymentTermsId": NEW}, "Application_DialogException", "paymentTermsId"),
        ({"displayName": ""}, "Application_DialogException", "displayName"),
        ({"email": "nobody"}, "Application_DialogException", "nobody"),
        ({"phoneNumber": "call me"}, "Application_FieldValidationException", "Phone No."),
        ([], "BadRequest", "Invalid"),
    ],
)
def test_a_refused_change_names_its_field_and_changes_nothing(client, cannon, body, code, named):
    answer = client.patch(f"customers({CANNON})", body, If_Match="*")
    assert refusal(answer) == (400, code)
    assert named in answer.json()["error"]["message"]
    assert client.read("customers", "$filter=number eq '10000'") == [cannon]


def test_a_new_customer_needs_a_name(client):
    assert refusal(client.post("customers", {})) == (400, "Application_DialogException")
    blank = client.post("contacts", {"displayName": ""})
    assert "blank" in blank.json()["error"]["message"]


def test_a_body_that_is_no_json_is_refused(client):
    assert refusal(client.post("customers", None)) == (400, "BadRequest")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"currencyCode": "eur"}, ("currencies/EUR", "EUR")),
        ({"currencyId": "EUR"}, ("currencies/EUR", "EUR")),
        ({"currencyId": "EUR", "currencyCode": "EUR"}, ("currencies/EUR", "EUR")),
        ({"currencyCode": "GBP"}, (None, "GBP")),
        ({"currencyCode": ""}, (None, "GBP")),
    ],
)
def test_id_and_code_of_a_currency_follow_each_other(client, given, expected):
    body = {"displayName": "New"} | given
    if "currencyId" in given:
        body["currencyId"] = identity("currencies", given["currencyId"])
    record = client.post("customers", body).json()
    zero = "00000000-0000-0000-0000-000000000000"
    expected_id = identity(*expected[0].split("/")) if expected[0] else zero
    assert (record["currencyId"], record["currencyCode"]) == (expected_id, expected[1])


def test_contradicting_currency_fields_are_refused(client):
    body = {
        "displayName": "New",
        "currencyId": identity("currencies", "EUR"),
        "currencyCode": "USD",
    }
    assert refusal(client.post("customers", body)) == (400, "Application_DialogException")


def test_a_foreign_currency_is_taken_off_by_the_empty_code(client):
    client.patch(f"customers({CANNON})", {"currencyCode": "EUR"}, If_Match="*")
    record = client.patch(f"customers({CANNON})", {"currencyCode": ""}, If_Match="*").json()
    assert record["currencyId"] == "00000000-0000-0000-0000-000000000000"
    assert record["currencyCode"] == "GBP"


def test_an_item_takes_its_base_unit_and_gets_an_item_unit(client):
    item = client.post("items", {"displayName": "New", "baseUnitOfMeasureCode": "box"}).json()
    assert item["baseUnitOfMeasureId"] == identity("unitsOfMeasure", "BOX")
    dumped = client.admin("GET", "dump/ItemUnitsOfMeasure").json()
    assert (item["number"], "BOX") in {(each["Item_No"], each["Code"]) for each in dumped}
    answer = client.post("items", {"baseUnitOfMeasureCode": "XX"})
    assert refusal(answer) == (400, "Internal_InvalidTableRelation")


def test_inventory_is_never_written_by_a_client(client):
    (item,) = client.read("items")
    path = f"items({item['id']})"
    assert refusal(client.post("items", {"inventory": 1})) == (400, "Application_DialogException")
    assert not_simulated(client.patch(path, {"inventory": 6}, If_Match="*"))
    assert client.patch(path, {"inventory": 5}, If_Match="*").status_code == 200


@pytest.mark.parametrize(
    ("entity_set", "body"),
    [
        ("unitsOfMeasure", {"code": "set", "displayName": "Set", "symbol": "s"}),
        ("currencies", {"code": "chf", "displayName": "Franc"}),
        ("paymentTerms", {"code": "21d", "dueDateCalculation": "21D"}),
        ("shipmentMethods", {"code": "exw", "displayName": "Ex works"}),
        ("itemCategories", {"code": "misc", "displayName": "Other"}),
        ("salespeoplePurchasers", {"code": "ab", "displayName": "A. B.", "email": "a@b.c"}),
    ],
)
def test_small_tables_are_written_too(client, entity_set, body):
    record = client.post(entity_set, body).json()
    assert record["code"] == body["code"].upper()
    path = f"{entity_set}({record['id']})"
    renamed = client.patch(path, {"code": "OTHER"}, If_Match="*")
    assert not_simulated(renamed)
    same = client.patch(path, {"code": body["code"]}, If_Match=record["@odata.etag"])
    assert same.status_code == 200
    assert client.delete(path).status_code == 204
    blank = client.post(entity_set, {"displayName": "x"} if "displayName" in record else {})
    assert refusal(blank) == (400, "Application_FieldValidationException")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "customers"),
        ("DELETE", "customers"),
        ("PUT", f"customers({CANNON})"),
        ("POST", "currencyExchangeRates"),
        ("POST", "companyInformation"),
        ("POST", f"customers({CANNON})"),
        ("POST", "customers/$count"),
    ],
)
def test_a_method_that_an_address_does_not_take_is_refused(client, method, path):
    answer = client.send(method, f"{BASE}/{path}", {}, If_Match="*")
    assert refusal(answer) == (405, "BadRequest_MethodNotAllowed")


@pytest.mark.parametrize("entity_set", ["salesOrders", "salesInvoices", "opportunities"])
def test_writing_documents_is_not_imitated(client, entity_set):
    assert not_simulated(client.post(entity_set, {}))


def test_a_deep_insert_is_not_imitated(client):
    body = {"displayName": "New", "contactsInformation": []}
    assert not_simulated(client.post("customers", body))
