from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
import requests

from errors import (
    AuthorizationError,
    ConfigurationError,
    TransientError,
    WatermarkExpiredError,
)
from services import odata
from services.dataverse import Dataverse
from services.records import ChangePage, Write, WriteKind, WriteStatus
from services.transport import Transport
from tests.contract.services.conftest import Admin, Patient


def an_id(name: object) -> str:
    return str(uuid5(NAMESPACE_URL, str(name)))


def account(name: str, kind: WriteKind = WriteKind.INSERT, **values: Any) -> Write:
    return Write(kind=kind, table="accounts", id=an_id(name), values={"name": name} | values)


def currency(code: str) -> Write:
    return Write(
        kind=WriteKind.INSERT,
        table="transactioncurrencies",
        id=an_id(code),
        values={
            "isocurrencycode": code,
            "currencyname": code,
            "currencysymbol": code,
            "currencyprecision": 2,
            "exchangerate": 2.0,
        },
    )


def statuses(results: Any) -> list[str]:
    return [result.status.value for result in results]


@pytest.fixture
def admin(dataverse_url: str, session: requests.Session) -> Iterator[Admin]:
    admin = Admin(dataverse_url, session)
    admin.reset()
    yield admin
    admin.reset()


@pytest.fixture
def transport(admin: Admin, new_transport: Callable[[str, str, str], Transport]) -> Transport:
    return new_transport("Dataverse", admin.url, f"{admin.url}/.default")


@pytest.fixture
def dataverse(transport: Transport) -> Dataverse:
    return Dataverse(transport)


def test_pages_hold_every_record_once(dataverse):
    dataverse.apply([account(f"A{n:03}") for n in range(25)])
    pages = list(
        dataverse.fetch_pages("accounts", select=["name"], orderby="name", page_size=10, count=True)
    )
    assert [len(page.records) for page in pages] == [10, 10, 5]
    assert pages[0].total == 25
    assert [row["name"] for page in pages for row in page.records] == [
        f"A{n:03}" for n in range(25)
    ]


def test_reading_goes_on_from_a_pages_cursor(dataverse):
    dataverse.apply([account(f"A{n:03}") for n in range(25)])
    first = next(dataverse.fetch_pages("accounts", select=["name"], page_size=10))
    rest = list(dataverse.fetch_pages("accounts", select=[], page_size=10, cursor=first.next))
    assert [len(page.records) for page in rest] == [10, 5]


def test_filters_are_understood_and_counted(dataverse):
    name = "O'Hara & Søn+1 #2"
    dataverse.apply([account(name), account("Other")])
    wanted = odata.compare("name", "eq", name)
    (page,) = dataverse.fetch_pages("accounts", select=["accountid"], filter=wanted)
    assert [row["accountid"] for row in page.records] == [an_id(name)]
    assert dataverse.count("accounts", wanted) == 1
    assert dataverse.count("accounts") == 2


def test_records_by_id_take_few_requests(dataverse, admin):
    names = [f"A{n:04}" for n in range(1500)]
    dataverse.apply([account(name) for name in names])
    before = admin.counted()["requests"]
    found = dataverse.fetch_many(
        "accounts", "accountid", [an_id(name) for name in [*names, "x"]], ["name"]
    )
    assert {row["name"] for row in found.values()} == set(names)
    assert admin.counted()["requests"] - before == 1


def test_records_by_another_column(dataverse):
    dataverse.apply([account("a", accountnumber='O\'H "1"'), account("b", accountnumber="2")])
    found = dataverse.fetch_many("accounts", "accountnumber", ['O\'H "1"', "3"], ["name"])
    assert {key: row["name"] for key, row in found.items()} == {'O\'H "1"': "a"}


def test_one_record_or_none(dataverse):
    dataverse.apply([account("a")])
    assert dataverse.fetch("accounts", an_id("a"), ["name"])["name"] == "a"
    assert dataverse.fetch("accounts", an_id("b"), ["name"]) is None


def test_many_inserts_take_one_request_a_thousand(dataverse, admin):
    results = dataverse.apply([account(f"A{n:04}") for n in range(2000)])
    assert set(statuses(results)) == {"written"}
    assert admin.counted()["requests"] == 2
    assert len(admin.dump("accounts")) == 2000


def test_tables_without_create_multiple_are_written_by_batch(dataverse, admin):
    results = dataverse.apply([currency("EUR"), currency("NOK")])
    assert statuses(results) == ["written", "written"]
    found = dataverse.fetch_many(
        "transactioncurrencies", "isocurrencycode", ["EUR", "NOK"], ["currencyname"]
    )
    assert [result.version for result in results] == [
        found[code]["@odata.etag"] for code in ("EUR", "NOK")
    ]


def test_repeated_inserts_find_their_records(dataverse, admin):
    writes = [account("a"), account("b"), currency("EUR")]
    dataverse.apply(writes)
    results = dataverse.apply(writes)
    assert statuses(results) == ["exists"] * 3
    found = dataverse.fetch("accounts", an_id("a"), ["name"])
    assert results[0].version == found["@odata.etag"]
    assert len(admin.dump("accounts")) == 2


def test_a_unique_value_of_another_record_is_a_refusal(dataverse):
    dataverse.apply([currency("EUR")])
    (result,) = dataverse.apply([replace(currency("EUR"), id=an_id("x"))])
    assert result.status is WriteStatus.REFUSED
    assert result.code
    assert result.message


def test_a_bad_record_stops_only_itself_and_is_explained(dataverse, admin):
    writes = [account("a"), account("x" * 500), account("c")]
    results = dataverse.apply(writes)
    assert statuses(results) == ["written", "refused", "written"]
    assert results[1].code == "0x80044331"
    assert "'name'" in results[1].message
    assert {row["name"] for row in admin.dump("accounts")} == {"a", "c"}


def test_a_lookup_to_a_missing_record_is_a_refusal(dataverse):
    bind: dict[str, Any] = {"primarycontactid@odata.bind": f"/contacts({an_id('nobody')})"}
    results = dataverse.apply([account("a", **bind), account("b")])
    assert statuses(results) == ["refused", "written"]
    (update,) = dataverse.apply([account("b", WriteKind.UPDATE, **bind)])
    assert update.status is WriteStatus.REFUSED


def test_updates_are_guarded_by_their_version(dataverse, admin):
    dataverse.apply([account("a")])
    version = dataverse.fetch("accounts", an_id("a"), ["name"])["@odata.etag"]
    update = replace(account("a", WriteKind.UPDATE, telephone1="1"), version=version)
    (updated,) = dataverse.apply([update])
    assert updated.status is WriteStatus.WRITTEN
    assert updated.version not in (None, version)
    (stale,) = dataverse.apply([update])
    assert (stale.status, stale.code) == (WriteStatus.STALE, "0x80060882")
    again = replace(account("a", WriteKind.UPDATE, telephone1="2"), version=updated.version)
    assert statuses(dataverse.apply([again])) == ["written"]


def test_an_update_never_creates_and_an_upsert_does(dataverse, admin):
    results = dataverse.apply(
        [account("a", WriteKind.UPDATE), account("b", WriteKind.UPSERT, telephone1="1")]
    )
    assert statuses(results) == ["missing", "written"]
    results = dataverse.apply([account("b", WriteKind.UPSERT, telephone1="2")])
    assert statuses(results) == ["written"]
    assert [row["telephone1"] for row in admin.dump("accounts")] == ["2"]


@pytest.mark.parametrize("table", ["accounts", "transactioncurrencies"])
def test_an_answer_lost_after_the_commit_makes_no_second_record(dataverse, admin, table):
    writes = {
        "accounts": [account(str(n)) for n in range(5)],
        "transactioncurrencies": [currency("EUR"), currency("NOK")],
    }[table]
    dataverse.fetch("accounts", an_id("x"), ["name"])
    admin.fault("commit-then-drop", method="POST")
    results = dataverse.apply(writes)
    assert set(statuses(results)) == {"exists"}
    ids = {write.id for write in writes}
    key = "accountid" if table == "accounts" else "transactioncurrencyid"
    assert len([row for row in admin.dump(table) if row[key] in ids]) == len(writes)


def test_throttling_is_waited_out(dataverse, admin, transport: Transport, patient: Patient):
    admin.fault("status", status=429, retry_after=7)
    assert statuses(dataverse.apply([account("a")])) == ["written"]
    assert patient.slept == [7]
    assert transport.traffic.throttled == 1


@pytest.mark.parametrize("action", ["drop", "status"])
def test_a_passing_fault_is_waited_out(dataverse, admin, action):
    admin.fault(action, method="GET", path=".*accounts", status=503)
    assert dataverse.count("accounts") == 0


@pytest.mark.parametrize(
    ("action", "family"),
    [("redirect", ConfigurationError), ("wrong-json", (ConfigurationError, TransientError))],
)
def test_a_misbehaving_service_is_named_with_the_request(dataverse, admin, action, family):
    admin.fault(action, method="GET", path=".*accounts")
    with pytest.raises(family) as raised:
        list(dataverse.fetch_pages("accounts", select=["name"]))
    assert "Dataverse" in raised.value.message
    assert "GET /api/data/v9.2/accounts" in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize("select", ["nonsense", "name"])
def test_an_unknown_table_or_column_is_a_matter_of_the_mapping(dataverse, select):
    table = "accounts" if select == "nonsense" else "widgets"
    with pytest.raises(ConfigurationError, match="Dataverse"):
        list(dataverse.fetch_pages(table, select=[select]))


def test_a_token_for_another_service_is_refused(admin, new_transport):
    transport = new_transport("Dataverse", admin.url, "https://else.example/.default")
    with pytest.raises(AuthorizationError, match="Dataverse"):
        Dataverse(transport).count("accounts")


def test_traffic_agrees_with_the_services_own_count(dataverse, admin, transport: Transport):
    dataverse.apply([account(str(n)) for n in range(30)] + [currency("EUR")])
    list(dataverse.fetch_pages("accounts", select=["name"], page_size=10))
    counted = admin.counted()
    assert transport.traffic.requests == counted["requests"]
    assert transport.traffic.operations == counted["operations"]


def test_changes_are_followed_from_the_first_reading_on(dataverse):
    dataverse.apply([account(f"A{n}") for n in range(5)])
    first = list(changes(dataverse, page_size=2))
    assert sum(len(page.changed) for page in first) == 5
    assert [page.watermark is None for page in first] == [True, True, False]

    dataverse.apply(
        [account("A1", WriteKind.UPDATE, telephone1="1"), account("A2", WriteKind.DELETE)]
    )
    (page,) = changes(dataverse, watermark=first[-1].watermark)
    assert [row["telephone1"] for row in page.changed] == ["1"]
    assert page.deleted == [an_id("A2")]

    (quiet,) = changes(dataverse, watermark=page.watermark)
    assert (quiet.changed, quiet.deleted) == ([], [])
    assert quiet.watermark


def test_changes_go_on_from_a_pages_cursor(dataverse):
    watermark = list(changes(dataverse))[-1].watermark
    dataverse.apply([account(f"A{n}") for n in range(5)])
    begun = next(changes(dataverse, watermark=watermark, page_size=2))
    rest = list(changes(dataverse, watermark=watermark, cursor=begun.next, page_size=2))
    assert [len(page.changed) for page in (begun, *rest)] == [2, 2, 1]
    (quiet,) = changes(dataverse, watermark=rest[-1].watermark)
    assert quiet.changed == []


def test_a_watermark_that_is_too_old_or_unknown_is_expired(dataverse, admin):
    watermark = list(changes(dataverse))[-1].watermark or ""
    unknown = watermark.partition("$deltatoken=")[0] + "$deltatoken=999999999%2101%2f01%2f2026"
    with pytest.raises(WatermarkExpiredError) as raised:
        list(changes(dataverse, watermark=unknown))
    assert raised.value.code == "watermark-unknown"
    old = re.sub(r"20\d\d%20", "2020%20", watermark)
    with pytest.raises(WatermarkExpiredError) as raised:
        list(changes(dataverse, watermark=old))
    assert raised.value.code == "watermark-expired"


def test_a_change_of_the_tables_definition_ends_its_watermarks(dataverse, admin):
    (first,) = changes(dataverse)
    admin.command("invalidate-delta", {"table": "account"})
    with pytest.raises(WatermarkExpiredError) as raised:
        list(changes(dataverse, watermark=first.watermark))
    assert raised.value.code == "watermark-expired"
    (again,) = changes(dataverse)
    assert list(changes(dataverse, watermark=again.watermark))


def test_a_missing_privilege_is_no_lost_watermark(dataverse, admin):
    (first,) = changes(dataverse)
    admin.command("privileges", {"table": "account", "read": False})
    try:
        with pytest.raises(AuthorizationError):
            list(changes(dataverse, watermark=first.watermark))
    finally:
        admin.command("privileges", {"table": "account", "read": True})


def test_a_table_that_is_not_tracked_says_so(dataverse):
    with pytest.raises(WatermarkExpiredError, match="organizations") as raised:
        list(dataverse.fetch_changes("organizations", select=["name"], watermark=None))
    assert raised.value.code == "change-tracking-off"


def test_records_by_several_columns(dataverse, admin):
    dataverse.apply(
        [
            account("A", address1_postalcode="1", numberofemployees=3),
            account("B", address1_postalcode="1", numberofemployees=4),
            account("C", address1_postalcode="2", numberofemployees=3),
        ]
    )
    found = dataverse.fetch_matching(
        "accounts",
        ("address1_postalcode", "numberofemployees"),
        [("1", 3), ("2", 3), ("2", 4)],
        ["name"],
    )
    assert {row["name"] for row in found} == {"A", "C"}
    before = admin.counted()["requests"]
    many = [(f"X{n}", str(n)) for n in range(1500)]
    found = dataverse.fetch_matching(
        "accounts", ("name", "address1_postalcode"), [*many, ("a", "1")], ["name"]
    )
    assert [row["name"] for row in found] == ["A"]
    assert admin.counted()["requests"] - before == 1


def test_records_by_a_lookup(dataverse):
    dataverse.apply([account("A")])
    contact = Write(
        kind=WriteKind.INSERT,
        table="contacts",
        id=an_id("contact"),
        values={
            "lastname": "Berg",
            "emailaddress1": "a@x.example",
            "parentcustomerid_account@odata.bind": f"/accounts({an_id('A')})",
        },
    )
    assert statuses(dataverse.apply([contact])) == ["written"]
    wanted = [(an_id("A"), "A@x.example"), (an_id("B"), "a@x.example")]
    columns = ("_parentcustomerid_value", "emailaddress1")
    (found,) = dataverse.fetch_matching("contacts", columns, wanted, ["lastname"])
    assert found["lastname"] == "Berg"


def test_deletions_are_guarded_by_their_version(dataverse, admin):
    (created,) = dataverse.apply([account("A", WriteKind.UPSERT)])
    dataverse.apply([account("A", WriteKind.UPDATE, telephone1="1")])
    delete = account("A", WriteKind.DELETE)
    assert statuses(dataverse.apply([replace(delete, version=created.version)])) == ["stale"]
    assert statuses(dataverse.apply([delete])) == ["written"]
    assert statuses(dataverse.apply([delete])) == ["missing"]
    assert admin.dump("accounts") == []


def changes(dataverse: Dataverse, **options: Any) -> Iterator[ChangePage]:
    asked = {"select": ["name", "telephone1"], "watermark": None} | options
    return dataverse.fetch_changes("accounts", **asked)
