"""Queries: filters, order, paging, counts, expands, annotations."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.contract.dataverse.client import Client, assert_refused

ALL_ANNOTATIONS = 'odata.include-annotations="*"'


def create_many(client: Client, entity_set: str, rows: list[dict[str, Any]]) -> list[str]:
    table = {"accounts": "account", "contacts": "contact"}[entity_set]
    targets = [{"@odata.type": f"Microsoft.Dynamics.CRM.{table}"} | row for row in rows]
    message = f"{entity_set}/Microsoft.Dynamics.CRM.CreateMultiple"
    answer = client.send("POST", message, {"Targets": targets})
    assert answer.status_code == 200, answer.text
    ids: list[str] = answer.json()["Ids"]
    return ids


def pages(client: Client, url: str | None, **headers: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while url:
        found.append(client.get(url, **headers))
        url = found[-1].get("@odata.nextLink")
    return found


def test_a_plain_query_gives_all_columns(client):
    create_many(client, "accounts", [{"name": "A"}])
    body = client.get("accounts")
    assert body["@odata.context"] == f"{client.base_url}/api/data/v9.2/$metadata#accounts"
    (row,) = body["value"]
    assert {"accountid", "address1_city", "_primarycontactid_value", "versionnumber"} <= set(row)
    assert row["@odata.etag"] == f'W/"{row["versionnumber"]}"'


def test_select_gives_the_chosen_columns_and_the_key(client):
    create_many(client, "accounts", [{"name": "A"}])
    (row,) = client.rows("accounts", "$select=name,primarycontactid")
    assert set(row) == {"@odata.etag", "name", "_primarycontactid_value", "accountid"}


@pytest.mark.parametrize(
    "query",
    [
        "$filter=name eq 'ALPHA'",
        "$filter=contains(name,'lph') and not (numberofemployees gt 10)",
        "$filter=numberofemployees le 5",
        "$filter=creditonhold eq false and name ne 'Beta'",
        "$filter=emailaddress1 eq null and startswith(name,'a')",
        "$filter=createdon ge 2026-07-01T12:00:00Z and endswith(name,'PHA')",
        '$filter=Microsoft.Dynamics.CRM.In(PropertyName=\'name\',PropertyValues=["alpha","x"])',
        "$filter=statecode eq 0 and (name eq 'alpha' or name eq 'gamma')",
        "$orderby=name&$top=1",
        "$orderby=numberofemployees,name&$top=1",
    ],
)
def test_filters_and_orders(client, query):
    rows = [
        {"name": "Beta", "numberofemployees": 50, "emailaddress1": "b@x.y"},
        {"name": "Alpha", "numberofemployees": 5},
    ]
    create_many(client, "accounts", rows)
    assert [row["name"] for row in client.rows("accounts", query)] == ["Alpha"]


def test_a_filter_on_the_columns_of_a_lookup(client):
    first, _ = create_many(client, "accounts", [{"name": "A"}, {"name": "B"}])
    bind = {"parentcustomerid_account@odata.bind": f"/accounts({first})"}
    create_many(client, "contacts", [{"lastname": "L"} | bind, {"lastname": "M"}])
    (row,) = client.rows("contacts", "$filter=parentcustomerid_account/name eq 'a'")
    assert row["lastname"] == "L"
    (same,) = client.rows("contacts", f"$filter=_parentcustomerid_value eq {first}")
    assert same["contactid"] == row["contactid"]


def test_options_may_come_encoded(client):
    create_many(client, "accounts", [{"name": "A & B"}])
    body = client.get("accounts?%24select=name%2Caccountid&%24filter=name+eq+'A+%26+B'")
    assert [row["name"] for row in body["value"]] == ["A & B"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("$skip=1", "$skip"),
        ("$search=x", "$search"),
        ("$format=json", "$format"),
        ("$Select=name", "$Select"),
        ("$select=nope", "'nope' on type 'Microsoft.Dynamics.CRM.account'"),
        ("$filter=nope eq 1", "'nope' on type"),
        ("$orderby=nope", "'nope' on type"),
        ("$expand=nope", "'nope' on type"),
        ("$filter=name eq", "Syntax error"),
        ("$filter=name eq 5", "incompatible types"),
        ("$filter=accountid eq '5217b3ac-43db-5391-99da-e9dc76a7603e'", "incompatible types"),
        ("$top=x", "$top"),
        ("$top=1&$top=2", "more than once"),
        ("$orderby=name sideways", "$orderby"),
        ("$skiptoken=x", "Paging Cookie"),
    ],
)
def test_a_wrong_query_is_400(client, query, words):
    answer = client.send("GET", f"accounts?{quote(query, safe='$=&')}")
    assert_refused(answer, 400, "0x80060888", words)


@pytest.mark.parametrize("query", ["", "$orderby=name desc", "$filter=name ne 'Row 3'"])
def test_pages_hold_every_row_once(client, query):
    create_many(client, "accounts", [{"name": f"Row {n}"} for n in range(10)])
    prefer = "odata.maxpagesize=4"
    query = quote(query, safe="$=&")
    found = pages(client, f"accounts?$select=name&{query}", Prefer=prefer)
    names = [row["name"] for page in found for row in page["value"]]
    expected = {f"Row {n}" for n in range(10)} - ({"Row 3"} if "filter" in query else set())
    assert len(names) == len(expected)
    assert set(names) == expected
    assert len(found) == 3
    if "orderby" in query:
        assert names == sorted(names, reverse=True)


def test_the_next_link_is_a_cookie(client):
    create_many(client, "accounts", [{"name": f"Row {n}"} for n in range(3)])
    answer = client.send("GET", "accounts?$select=name", Prefer="odata.maxpagesize=2")
    assert answer.headers["Preference-Applied"] == "odata.maxpagesize=2"
    link = answer.json()["@odata.nextLink"]
    assert "$select=name&$skiptoken=%3Ccookie%20pagenumber%3D%222%22%20pagingcookie" in link


@pytest.mark.parametrize("order", ["", "&$orderby=telephone1"])
def test_paging_is_not_shaken_by_changes_in_between(client, order):
    ids = create_many(
        client, "accounts", [{"name": f"Row {n}", "telephone1": str(n)} for n in range(9)]
    )
    prefer = "odata.maxpagesize=3"
    first = client.get(f"accounts?$select=name{order}", Prefer=prefer)
    seen = [row["accountid"] for row in first["value"]]
    client.send("DELETE", f"accounts({seen[-1]})")
    client.change(f"accounts({seen[0]})", telephone1="x")
    rest = pages(client, first["@odata.nextLink"], Prefer=prefer)
    later = [row["accountid"] for page in rest for row in page["value"]]
    assert set(ids) - set(seen) <= set(later)
    assert len(later) == len(set(later))


def test_without_a_page_size_a_page_has_5000_rows(client):
    create_many(client, "accounts", [{"name": f"Row {n}"} for n in range(5001)])
    found = pages(client, "accounts?$select=name&$count=true")
    assert [len(page["value"]) for page in found] == [5000, 1]
    assert found[0]["@odata.count"] == 5000
    assert client.send("GET", "accounts/$count").text == "5000"
    assert client.send("GET", "accounts/$count?$filter=name eq 'row 5'").text == "1"
    annotated = client.get("accounts?$count=true&$select=name&$top=1", Prefer=ALL_ANNOTATIONS)
    assert annotated["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] is True


def test_top_is_ignored_beside_a_page_size(client):
    create_many(client, "accounts", [{"name": f"Row {n}"} for n in range(5)])
    assert len(client.get("accounts?$top=2")["value"]) == 2
    assert "@odata.nextLink" not in client.get("accounts?$top=2")
    body = client.get("accounts?$top=2", Prefer="odata.maxpagesize=4")
    assert len(body["value"]) == 4
    assert "@odata.nextLink" in body


def test_expanded_lookups(client):
    (contact,) = create_many(client, "contacts", [{"lastname": "Gray", "firstname": "A"}])
    bind = {"primarycontactid@odata.bind": f"/contacts({contact})"}
    create_many(client, "accounts", [{"name": "A"} | bind, {"name": "B"}])
    query = "$select=name&$expand=primarycontactid($select=fullname)&$orderby=name"
    first, second = client.rows("accounts", query)
    assert first["primarycontactid"]["fullname"] == "A Gray"
    assert set(first["primarycontactid"]) == {"@odata.etag", "fullname", "contactid"}
    assert second["primarycontactid"] is None


def test_the_lookup_expanded_is_of_the_right_table(client):
    (account,) = create_many(client, "accounts", [{"name": "A"}])
    bind = {"parentcustomerid_account@odata.bind": f"/accounts({account})"}
    create_many(client, "contacts", [{"lastname": "L"} | bind])
    expand = "$expand=parentcustomerid_account($select=name),parentcustomerid_contact"
    (row,) = client.rows("contacts", expand)
    assert row["parentcustomerid_account"]["name"] == "A"
    assert row["parentcustomerid_contact"] is None


def test_annotations_tell_formatted_values_and_lookups(client):
    row = {
        "name": "A",
        "customertypecode": 3,
        "creditlimit": 1234.5,
        "creditonhold": True,
        "numberofemployees": 1200,
    }
    create_many(client, "accounts", [row])
    plain, annotated = (
        client.rows("accounts")[0],
        client.rows("accounts", Prefer=ALL_ANNOTATIONS)[0],
    )
    assert not [name for name in plain if "@OData.Community" in name]
    formatted = "@OData.Community.Display.V1.FormattedValue"
    assert annotated[f"customertypecode{formatted}"] == "Customer"
    assert annotated[f"statecode{formatted}"] == "Active"
    assert annotated[f"creditlimit{formatted}"] == "$1,234.50"
    assert annotated[f"creditonhold{formatted}"] == "Yes"
    assert annotated[f"numberofemployees{formatted}"] == "1,200"
    assert annotated[f"createdon{formatted}"] == "7/1/2026 12:00 PM"
    assert annotated[f"_ownerid_value{formatted}"] == "# Application"
    lookup = "_ownerid_value@Microsoft.Dynamics.CRM."
    assert annotated[f"{lookup}lookuplogicalname"] == "systemuser"
    assert annotated[f"{lookup}associatednavigationproperty"] == "ownerid"
    only = client.rows("accounts", Prefer=f'odata.include-annotations="{formatted[1:]}"')[0]
    assert f"statecode{formatted}" in only
    assert f"{lookup}lookuplogicalname" not in only


def test_a_missing_row_or_set(client):
    missing = "5217b3ac-43db-5391-99da-e9dc76a7603e"
    answer = client.send("GET", f"accounts({missing})")
    assert_refused(answer, 404, "0x80040217", f"account With Id = {missing} Does Not Exist")
    assert client.send("GET", "accounts(x)").status_code == 400
