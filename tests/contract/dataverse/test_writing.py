"""Creates, updates, upserts and deletes of single rows, and the conditions on them."""

from uuid import uuid4

import pytest

from tests.contract.dataverse.client import Client, assert_refused
from tests.contract.dataverse.conftest import CLIENT_ID, STRANGER

REPRESENTATION = "return=representation"


def version_of(client: Client, address: str) -> str:
    return str(client.get(address)["@odata.etag"])


def test_create_answers_204_with_the_address(client):
    answer = client.send("POST", "accounts", {"name": "A"})
    assert answer.status_code == 204
    address = answer.headers["OData-EntityId"]
    assert address.startswith(f"{client.base_url}/api/data/v9.2/accounts(")
    assert client.get(address)["name"] == "A"


def test_create_with_representation_answers_201_with_the_row(client):
    answer = client.send("POST", "accounts?$select=name", {"name": "A"}, Prefer=REPRESENTATION)
    assert answer.status_code == 201
    assert "OData-EntityId" not in answer.headers
    assert answer.headers["Preference-Applied"] == REPRESENTATION
    body = answer.json()
    assert set(body) == {"@odata.context", "@odata.etag", "name", "accountid"}
    assert body["@odata.context"].endswith("$metadata#accounts(name)/$entity")


def test_the_client_may_choose_the_id_but_only_once(client):
    chosen = str(uuid4())
    assert client.create("accounts", accountid=chosen.upper(), name="A") == chosen
    again = client.send("POST", "accounts", {"accountid": chosen, "name": "B"})
    assert_refused(again, 412, "0x80040237", "A record with matching key values already exists.")
    assert client.get(f"accounts({chosen})")["name"] == "A"


def test_stamps_and_owner_are_set_by_the_service(client, clock):
    me = client.get("WhoAmI")
    row = client.get(f"accounts({client.create('accounts', name='A')})")
    assert row["createdon"] == row["modifiedon"] == "2026-07-01T12:00:00Z"
    assert row["_createdby_value"] == row["_modifiedby_value"] == me["UserId"]
    assert row["_ownerid_value"] == row["_owninguser_value"] == me["UserId"]
    assert row["_owningbusinessunit_value"] == me["BusinessUnitId"]
    assert (row["statecode"], row["statuscode"]) == (0, 1)
    clock.now = clock.now.replace(hour=13)
    client.change(f"accounts({row['accountid']})", name="B")
    changed = client.get(f"accounts({row['accountid']})")
    assert changed["modifiedon"] == "2026-07-01T13:00:00Z"
    assert changed["createdon"] == "2026-07-01T12:00:00Z"


def test_versions_increase_over_all_tables(client):
    account = client.create("accounts", name="A")
    contact = client.create("contacts", lastname="B")
    client.change(f"accounts({account})", name="A")
    numbers = [
        client.get(address)["versionnumber"]
        for address in (f"contacts({contact})", f"accounts({account})")
    ]
    assert numbers == sorted(numbers)
    assert version_of(client, f"accounts({account})") == f'W/"{numbers[1]}"'


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 204),
        ({"Prefer": REPRESENTATION}, 200),
        ({"If_Match": "*"}, 204),
        ({"If_None_Match": "*"}, 412),
        ({"If_None_Match": "null"}, 204),
        ({"If_Match": 'W/"1"'}, 412),
    ],
)
def test_patch_of_a_row_that_exists(client, headers, status):
    account = client.create("accounts", name="A")
    answer = client.send("PATCH", f"accounts({account})", {"name": "B"}, **headers)
    assert answer.status_code == status
    assert client.get(f"accounts({account})")["name"] == ("A" if status == 412 else "B")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 204),
        ({"Prefer": REPRESENTATION}, 201),
        ({"If_Match": "*"}, 404),
        ({"If_None_Match": "*"}, 204),
        ({"If_Match": 'W/"1"'}, 404),
    ],
)
def test_patch_of_a_row_that_does_not_exist(client, headers, status):
    account = str(uuid4())
    answer = client.send("PATCH", f"accounts({account})", {"name": "B"}, **headers)
    assert answer.status_code == status
    assert len(client.rows("accounts")) == (0 if status == 404 else 1)


def test_the_codes_of_refused_conditions(client):
    account = client.create("accounts", name="A")
    stale = client.send("PATCH", f"accounts({account})", {"name": "B"}, If_Match='W/"1"')
    assert_refused(stale, 412, "0x80060882", "doesn't match the RowVersion property")
    taken = client.send("PATCH", f"accounts({account})", {"name": "B"}, If_None_Match="*")
    assert_refused(taken, 412, "0x80040237", "matching key values already exists")
    gone = client.send("PATCH", f"accounts({uuid4()})", {"name": "B"}, If_Match="*")
    assert_refused(gone, 404, "0x80040217", "Does Not Exist")


def test_a_current_version_lets_the_update_pass_once(client):
    account = client.create("accounts", name="A")
    version = version_of(client, f"accounts({account})")
    address = f"accounts({account})"
    assert client.send("PATCH", address, {"name": "B"}, If_Match=version).status_code == 204
    assert client.send("PATCH", address, {"name": "C"}, If_Match=version).status_code == 412
    assert client.get(address)["name"] == "B"


def test_a_conditional_get_answers_304_while_nothing_changed(client):
    account = client.create("accounts", name="A")
    version = version_of(client, f"accounts({account})")
    same = client.send("GET", f"accounts({account})", If_None_Match=version)
    assert (same.status_code, same.content) == (304, b"")
    client.change(f"accounts({account})", name="B")
    assert client.send("GET", f"accounts({account})", If_None_Match=version).status_code == 200
    assert client.send("GET", f"accounts({account})", If_None_Match="null").status_code == 200


def test_delete(client):
    account = client.create("accounts", name="A")
    stale = client.send("DELETE", f"accounts({account})", If_Match='W/"1"')
    assert_refused(stale, 412, "0x80060882")
    assert client.send("DELETE", f"accounts({account})").status_code == 204
    for method in ("GET", "DELETE"):
        answer = client.send(method, f"accounts({account})")
        assert_refused(answer, 404, "0x80040217", f"account With Id = {account} Does Not Exist")


def make_key(client: Client, table: str, *columns: str) -> None:
    answer = client.send(
        "POST",
        f"EntityDefinitions(LogicalName='{table}')/Keys",
        {"SchemaName": "a_key", "KeyAttributes": list(columns)},
    )
    assert answer.status_code == 204, answer.text


def test_an_alternate_key_upsert_echoes_the_keys_address(client):
    make_key(client, "account", "accountnumber")
    address = "accounts(accountnumber='1%2F0%20''x')"
    answer = client.send("PATCH", address, {"name": "A"})
    assert answer.status_code == 204
    assert answer.headers["OData-EntityId"].endswith("accounts(accountnumber='1/0 ''x')")
    row = client.get(address)
    assert (row["name"], row["accountnumber"]) == ("A", "1/0 'x")
    updated = client.send(
        "PATCH", f"{address}?$select=accountid", {"name": "B"}, Prefer=REPRESENTATION
    )
    assert updated.status_code == 200
    assert updated.json()["accountid"] == row["accountid"]


def test_alternate_keys_hold_the_documented_rules(client):
    make_key(client, "account", "accountnumber")
    missing = client.send("GET", "accounts(accountnumber='1')")
    assert_refused(missing, 404, "0x80060891")
    only_update = client.send("PATCH", "accounts(accountnumber='1')", {"name": "A"}, If_Match="*")
    assert_refused(only_update, 404, "0x80060891")
    client.create("accounts", name="A", accountnumber="1")
    duplicate = client.send("POST", "accounts", {"name": "B", "accountnumber": "1"})
    assert_refused(duplicate, 412, "0x80060892")
    only_create = client.send(
        "PATCH", "accounts(accountnumber='1')", {"name": "A"}, If_None_Match="*"
    )
    assert_refused(only_create, 412, "0x80040237")


def test_key_columns_in_the_body_are_ignored_on_update(client):
    make_key(client, "account", "accountnumber")
    body = {"name": "A", "accountnumber": "2"}
    client.send("PATCH", "accounts(accountnumber='1')", body)
    assert [row["accountnumber"] for row in client.rows("accounts")] == ["2"]
    client.send("PATCH", "accounts(accountnumber='2')", {"name": "B", "accountnumber": "3"})
    (row,) = client.rows("accounts")
    assert (row["name"], row["accountnumber"]) == ("B", "2")


def test_without_a_defined_key_the_columns_are_no_address(client):
    answer = client.send("GET", "accounts(accountnumber='1')")
    assert_refused(answer, 400, "0x80060890", "accountnumber")


def test_a_key_of_a_lookup_and_another_column(client):
    make_key(client, "contact", "parentcustomerid", "emailaddress1")
    account = client.create("accounts", name="A")
    address = f"contacts(_parentcustomerid_value={account},emailaddress1='a@b.c')"
    assert client.send("PATCH", address, {"lastname": "L"}).status_code == 204
    (row,) = client.rows("contacts")
    assert (row["_parentcustomerid_value"], row["emailaddress1"]) == (account, "a@b.c")
    assert client.send("PATCH", address, {"lastname": "M"}).status_code == 204
    assert [row["lastname"] for row in client.rows("contacts")] == ["M"]


def test_bind_by_every_form_of_address(client):
    make_key(client, "account", "accountnumber")
    account = client.create("accounts", name="A", accountnumber="10000")
    forms = (
        f"/accounts({account})",
        f"accounts({account})",
        f"accounts(accountid={account.upper()})",
        f"{client.base_url}/api/data/v9.2/accounts({account})",
        "/accounts(accountnumber='10000')",
    )
    for form in forms:
        contact = client.create("contacts", lastname="L", parentcustomerid_account__bind=form)
        assert client.get(f"contacts({contact})")["_parentcustomerid_value"] == account
    client.change(f"contacts({contact})", parentcustomerid_account__bind=None)
    assert client.get(f"contacts({contact})")["_parentcustomerid_value"] is None


def test_bind_to_a_wrong_or_missing_record(client):
    contact = client.create("contacts", lastname="L")
    of_wrong_set = {"primarycontactid@odata.bind": f"/systemusers({uuid4()})"}
    assert_refused(client.send("POST", "accounts", {"name": "A"} | of_wrong_set), 400, "0x80048d19")
    absent = {"primarycontactid@odata.bind": f"/contacts({uuid4()})"}
    assert_refused(client.send("POST", "accounts", {"name": "A"} | absent), 404, "0x80040217")
    wrong_case = {"PrimaryContactId@odata.bind": f"/contacts({contact})"}
    answer = client.send("POST", "accounts", {"name": "A"} | wrong_case)
    assert_refused(answer, 400, "0x80048d19", "An undeclared property 'PrimaryContactId'")
    assert client.rows("accounts") == []


def test_the_owner_can_be_given_away(client):
    unit = client.get("WhoAmI")["BusinessUnitId"]
    other = client.create(
        "systemusers",
        applicationid=str(uuid4()),
        businessunitid__bind=f"/businessunits({unit})",
    )
    account = client.create("accounts", name="A", ownerid__bind=f"/systemusers({other})")
    row = client.get(f"accounts({account})")
    assert row["_ownerid_value"] == row["_owninguser_value"] == other


def test_single_properties_and_links(client):
    contact = client.create("contacts", lastname="L")
    account = client.create("accounts", name="A", telephone1="1")
    address = f"accounts({account})"
    assert client.send("PUT", f"{address}/telephone1", {"value": "2"}).status_code == 204
    assert client.get(f"{address}/telephone1")["value"] == "2"
    assert client.send("DELETE", f"{address}/telephone1").status_code == 204
    assert client.send("GET", f"{address}/telephone1").status_code == 204
    link = {"@odata.id": f"{client.base_url}/api/data/v9.2/contacts({contact})"}
    assert client.send("PUT", f"{address}/primarycontactid/$ref", link).status_code == 204
    assert client.get(address)["_primarycontactid_value"] == contact
    assert client.send("DELETE", f"{address}/primarycontactid/$ref").status_code == 204
    assert client.get(address)["_primarycontactid_value"] is None
    assert client.send("PUT", f"{address}/nothing", {"value": "2"}).status_code == 404


def test_deleting_an_account_takes_its_contacts_along(client):
    account = client.create("accounts", name="A")
    contact = client.create(
        "contacts", lastname="L", parentcustomerid_account__bind=f"/accounts({account})"
    )
    client.change(f"accounts({account})", primarycontactid__bind=f"/contacts({contact})")
    other = client.create("accounts", name="B", parentaccountid__bind=f"/accounts({account})")
    assert client.send("DELETE", f"accounts({account})").status_code == 204
    assert client.rows("contacts") == []
    assert client.get(f"accounts({other})")["_parentaccountid_value"] is None


def test_a_currency_in_use_cannot_be_deleted(client):
    (currency,) = client.rows("transactioncurrencies")
    answer = client.send("DELETE", f"transactioncurrencies({currency['transactioncurrencyid']})")
    assert_refused(answer, 405, "0x80040227", "associated with")


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b""])
def test_a_body_that_is_no_json_object_is_400(client, body):
    assert_refused(client.send("POST", "accounts", body), 400, "0x80048d19")


def deletable(client: Client) -> list[tuple[str, str]]:
    """The address and a text column of a row of each table that can be deleted, children first."""
    currency = client.create(
        "transactioncurrencies",
        isocurrencycode="SEK",
        currencyname="Krona",
        currencysymbol="kr",
        currencyprecision=2,
        exchangerate=10,
    )
    krona = f"/transactioncurrencies({currency})"
    group = client.create("uomschedules", name="G", baseuomname="PCS")
    scheduled = {"uomscheduleid__bind": f"/uomschedules({group})"}
    base = client.rows("uoms", f"$filter=_uomscheduleid_value eq {group}")[0]["uomid"]
    unit = client.create(
        "uoms", name="BOX", quantity=6, baseuom__bind=f"/uoms({base})", **scheduled
    )
    product = client.create(
        "products",
        productnumber="1",
        name="P",
        quantitydecimal=2,
        defaultuomid__bind=f"/uoms({base})",
        defaultuomscheduleid__bind=f"/uomschedules({group})",
    )
    prices = client.create("pricelevels", name="L", transactioncurrencyid__bind=krona)
    item = client.create(
        "productpricelevels",
        amount=1,
        pricelevelid__bind=f"/pricelevels({prices})",
        productid__bind=f"/products({product})",
        uomid__bind=f"/uoms({base})",
    )
    return [
        (f"contacts({client.create('contacts', lastname='C')})", "lastname"),
        (f"accounts({client.create('accounts', name='A')})", "name"),
        (f"productpricelevels({item})", "amount"),
        (f"pricelevels({prices})", "name"),
        (f"products({product})", "name"),
        (f"uoms({unit})", "name"),
        (f"uomschedules({group})", "name"),
        (f"transactioncurrencies({currency})", "currencyname"),
    ]


def test_a_delete_may_ask_for_a_version_in_every_table(client):
    for address, column in deletable(client):
        stale = version_of(client, address)
        answer = client.change(address, **{column: 2 if column == "amount" else "Changed"})
        assert answer.status_code == 204, answer.text
        assert_refused(client.send("DELETE", address, If_Match=stale), 412, "0x80060882")
        current = version_of(client, address)
        assert client.send("DELETE", address, If_Match=current).status_code == 204, address
        assert client.send("DELETE", address, If_Match=current).status_code == 404


def test_rows_are_stamped_with_the_application_user_who_wrote(start, token_for):
    client = start(clients=(CLIENT_ID, STRANGER))
    other = {"Authorization": f"Bearer {token_for(client.base_url, STRANGER)}"}
    me, somebody = client.get("WhoAmI")["UserId"], client.get("WhoAmI", **other)["UserId"]
    assert me != somebody
    account = client.create("accounts", name="A")
    client.send("PATCH", f"accounts({account})", {"name": "B"}, **other)
    row = client.get(f"accounts({account})")
    assert (row["_createdby_value"], row["_modifiedby_value"]) == (me, somebody)
    client.change(f"accounts({account})", name="C")
    assert client.get(f"accounts({account})")["_modifiedby_value"] == me
