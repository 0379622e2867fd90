"""What columns take: types, lengths, ranges, options, required and computed ones."""

import pytest

from tests.contract.dataverse.client import Client, assert_refused


@pytest.mark.parametrize(
    ("column", "value", "code", "words"),
    [
        ("name", "x" * 161, "0x80044331", "attribute of the 'account' entity exceeded the maximum"),
        ("accountnumber", "x" * 21, "0x80044331", "allowed length of '20'."),
        ("numberofemployees", -1, "0x80044330", "numberofemployees"),
        ("creditlimit", -0.01, "0x80044330", "creditlimit"),
        ("customertypecode", 99, "0x8004431A", "Accepted Values: 1,2,3"),
        ("name", 5, "0x80048d19", "Edm.String"),
        ("numberofemployees", "5", "0x80048d19", "Edm.Int32"),
        ("numberofemployees", 5.5, "0x80048d19", "Edm.Int32"),
        ("creditlimit", "5", "0x80048d19", "Edm.Decimal"),
        ("creditlimit", True, "0x80048d19", "Edm.Decimal"),
        ("creditonhold", "true", "0x80048d19", "Edm.Boolean"),
        ("customertypecode", "3", "0x80048d19", "Edm.Int32"),
        ("lastusedincampaign", "2026-13-01", "0x80048d19", "lastusedincampaign"),
        ("accountid", "x", "0x80048d19", "Edm.Guid"),
        ("nonsense", 1, "0x80048d19", "The property 'nonsense' does not exist"),
        ("Name", "A", "0x80048d19", "The property 'Name' does not exist"),
        ("_primarycontactid_value", None, "0x80048d19", "Use Navigation properties"),
        ("primarycontactid", None, "0x80048d19", "Use Navigation properties"),
        ("createdon", "2026-01-01T00:00:00Z", "0x80040203", "cannot be set"),
        ("creditlimit_base", 1, "0x80040203", "cannot be set"),
        ("exchangerate", 1, "0x80040203", "cannot be set"),
        ("versionnumber", 1, "0x80040203", "cannot be set"),
        ("statuscode", 2, "0x80048408", "2 is not a valid status code for state code"),
    ],
)
def test_a_value_that_does_not_fit_is_400(client, column, value, code, words):
    method = "PATCH" if column == "lastusedincampaign" else "POST"
    account = client.create("accounts", name="A")
    address = "accounts" if method == "POST" else f"accounts({account})"
    body = {"name": "A"} | {column: value}
    assert_refused(client.send(method, address, body), 400, code, words)
    assert len(client.rows("accounts")) == 1


def test_values_come_back_in_the_services_form(client):
    contact = client.create(
        "contacts",
        lastname="L",
        birthdate="1980-02-29",
        overriddencreatedon="2020-01-01T01:00:00.789+01:00",
        jobtitle="",
        creditlimit=12.345,
    )
    row = client.get(f"contacts({contact})")
    assert row["birthdate"] == "1980-02-29"
    assert row["overriddencreatedon"] == "2020-01-01T00:00:00Z"
    assert row["jobtitle"] is None
    assert row["creditlimit"] == 12.35


@pytest.mark.parametrize("value", ["1980-02-30", "29.02.1980", "1980-02-29T00:00:00Z", 5])
def test_a_date_is_only_a_date(client, value):
    answer = client.send("POST", "contacts", {"lastname": "L", "birthdate": value})
    assert_refused(answer, 400, "0x80048d19", "Edm.Date")


def test_dates_begin_in_1753(client):
    answer = client.send("POST", "contacts", {"lastname": "L", "birthdate": "0001-01-01"})
    assert_refused(answer, 400, "0x80040239", "outside the supported range")


def test_required_columns(client):
    assert_refused(client.send("POST", "uomschedules", {"name": "N"}), 400, "0x80040203", "baseuom")
    schedule = client.create("uomschedules", name="N", baseuomname="PCS")
    answer = client.send("PATCH", f"uomschedules({schedule})", {"name": None})
    assert_refused(answer, 400, "0x80040203", "name")


def test_names_are_put_together_by_the_service(client):
    contact = client.create("contacts", firstname="Ada", middlename="King", lastname="Lovelace")
    assert client.get(f"contacts({contact})")["fullname"] == "Ada Lovelace"
    organization = client.get("organizations")["value"][0]["organizationid"]
    client.change(f"organizations({organization})", fullnameconventioncode=4)
    client.change(f"contacts({contact})", jobtitle="x")
    assert client.get(f"contacts({contact})")["fullname"] == "Lovelace, Ada King"
    client.change(f"contacts({contact})", firstname=None, middlename=None)
    assert client.get(f"contacts({contact})")["fullname"] == "Lovelace"


def test_the_parent_customer_shows_in_the_computed_lookups(client):
    account = client.create("accounts", name="A")
    parent = client.create("contacts", lastname="P")
    contact = client.create(
        "contacts", lastname="L", parentcustomerid_account__bind=f"/accounts({account})"
    )
    row = client.get(f"contacts({contact})", Prefer='odata.include-annotations="*"')
    target = "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"
    assert (row["_accountid_value"], row[target]) == (account, "account")
    client.change(f"contacts({contact})", parentcustomerid_contact__bind=f"/contacts({parent})")
    row = client.get(f"contacts({contact})", Prefer='odata.include-annotations="*"')
    assert (row["_accountid_value"], row["_parentcontactid_value"]) == (None, parent)
    assert row[target] == "contact"


def new_currency(client: Client, code: str = "EUR", rate: float = 1.25) -> str:
    return client.create(
        "transactioncurrencies",
        isocurrencycode=code,
        currencyname=code,
        currencysymbol="€",
        currencyprecision=2,
        exchangerate=rate,
    )


def test_amounts_have_a_copy_in_the_base_currency(client):
    euro = new_currency(client)
    bind = f"/transactioncurrencies({euro})"
    account = client.create("accounts", name="A", creditlimit=100, transactioncurrencyid__bind=bind)
    row = client.get(f"accounts({account})")
    assert (row["exchangerate"], row["creditlimit_base"]) == (1.25, 80)
    client.change(f"transactioncurrencies({euro})", exchangerate=2)
    client.change(f"accounts({account})", creditlimit=50)
    row = client.get(f"accounts({account})")
    assert (row["exchangerate"], row["creditlimit_base"]) == (1.25, 40)
    client.change(f"accounts({account})", creditlimit=None)
    assert client.get(f"accounts({account})")["creditlimit_base"] is None


def test_an_amount_without_currency_is_in_the_base_currency(client):
    account = client.create("accounts", name="A", creditlimit=100)
    row = client.get(f"accounts({account})")
    (base,) = client.rows("transactioncurrencies")
    assert row["_transactioncurrencyid_value"] == base["transactioncurrencyid"]


def test_a_currency_code_exists_once(client):
    new_currency(client)
    body = client.rows("transactioncurrencies", "$filter=isocurrencycode eq 'EUR'")[0]
    copied = ("isocurrencycode", "currencyname", "currencysymbol", "currencyprecision")
    answer = client.send(
        "POST",
        "transactioncurrencies",
        {name: body[name] for name in copied} | {"exchangerate": 1, "isocurrencycode": "eur"},
    )
    assert_refused(answer, 412, "0x80040237")


def test_states_and_statuses_go_together(client):
    account = client.create("accounts", name="A", statecode=0, statuscode=1)
    address = f"accounts({account})"
    assert_refused(client.change(address, statuscode=2), 400, "0x80048408", "account")
    assert_refused(client.change(address, statecode=7), 400, "0x8004431A")
    assert client.change(address, statecode=1).status_code == 204
    row = client.get(address)
    assert (row["statecode"], row["statuscode"]) == (1, 2)
    assert client.change(address, statecode=0, statuscode=1).status_code == 204
    inactive = client.send("POST", "accounts", {"name": "B", "statecode": 1})
    assert_refused(inactive, 400, "0x80040203", "by an update")
