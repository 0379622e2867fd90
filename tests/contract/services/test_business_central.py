from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
import requests

from errors import AuthorizationError, ConfigurationError, TransientError
from services import odata
from services.business_central import BusinessCentral, Endpoint, companies
from services.records import Write, WriteKind, WriteStatus
from services.transport import Transport
from tests.contract.services.conftest import TENANT, Admin, Patient

CUSTOMERS = Endpoint.api("customers")
GROUPS = Endpoint.page("CustomerPriceGroups")
COMPANY = {
    "id": str(uuid5(NAMESPACE_URL, "company")),
    "name": "CRONUS's & Sons",
    "displayName": "C",
}
SCOPE = "https://api.businesscentral.dynamics.com/.default"


def an_id(name: object) -> str:
    return str(uuid5(NAMESPACE_URL, str(name)))


def write(kind: WriteKind, number: str, version: str | None = None, **values: Any) -> Write:
    sent = {"number": number} if kind is not WriteKind.UPDATE else {}
    return Write(
        kind=kind,
        table="customers",
        id=an_id(number),
        values=sent | {"displayName": f"Customer {number}"} | values,
        version=version,
    )


def insert(number: str, **values: Any) -> Write:
    return write(WriteKind.INSERT, number, **values)


def statuses(results: Any) -> list[str]:
    return [result.status.value for result in results]


@pytest.fixture
def admin(business_central: str, session: requests.Session) -> Iterator[Admin]:
    admin = Admin(business_central, session)
    admin.reset()
    admin.seed(companies=[COMPANY])
    yield admin
    admin.reset()


@pytest.fixture
def transport(admin: Admin, new_transport: Callable[[str, str, str], Transport]) -> Transport:
    base = f"{admin.url}/v2.0/{TENANT}/Production"
    return new_transport("Business Central", base, SCOPE)


@pytest.fixture
def central(transport: Transport) -> BusinessCentral:
    (company,) = companies(transport)
    return BusinessCentral(transport, company["id"], company["name"])


def test_pages_hold_every_record_once(central, admin):
    admin.seed(customers=[{"id": an_id(n), "number": f"C{n:03}"} for n in range(25)])
    pages = list(central.fetch_pages(CUSTOMERS, select=["id", "number"], page_size=10, count=True))
    assert [len(page.records) for page in pages] == [10, 10, 5]
    assert pages[0].total == 25
    assert {row["number"] for page in pages for row in page.records} == {
        f"C{n:03}" for n in range(25)
    }


def test_reading_goes_on_from_a_pages_cursor(central, admin):
    admin.seed(customers=[{"id": an_id(n), "number": f"C{n:03}"} for n in range(25)])
    first = next(central.fetch_pages(CUSTOMERS, select=["number"], page_size=10))
    rest = list(central.fetch_pages(CUSTOMERS, select=[], page_size=10, cursor=first.next))
    assert sum(len(page.records) for page in rest) == 15


def test_filters_and_order_are_understood(central, admin):
    admin.seed(
        customers=[
            {"id": an_id(1), "number": "A", "displayName": "O'Hara & Søn+1"},
            {"id": an_id(2), "number": "B", "displayName": "Other"},
        ]
    )
    wanted = odata.compare("displayName", "eq", "O'Hara & Søn+1")
    (page,) = central.fetch_pages(CUSTOMERS, select=["number"], filter=wanted, orderby="number")
    assert [row["number"] for row in page.records] == ["A"]
    assert central.count(CUSTOMERS, wanted) == 1
    assert central.count(CUSTOMERS) == 2


def test_related_records_come_along(central, admin):
    admin.seed(customers=[{"id": an_id(1), "number": "A"}])
    (page,) = central.fetch_pages(
        CUSTOMERS, select=["id"], expand="contactsInformation($select=contactId,contactNumber)"
    )
    assert isinstance(page.records[0]["contactsInformation"], list)


def test_page_web_services_are_read_by_system_id(central, admin):
    rows = [{"SystemId": an_id(n), "Code": f"G{n}", "Description": str(n)} for n in range(3)]
    admin.seed(CustomerPriceGroups=rows)
    (page,) = central.fetch_pages(GROUPS, select=["SystemId", "Code"])
    assert {row["Code"] for row in page.records} == {"G0", "G1", "G2"}
    assert central.fetch(GROUPS, an_id(1), ["Code"])["Code"] == "G1"
    assert central.fetch(GROUPS, an_id("nobody"), ["Code"]) is None
    assert set(central.fetch_many(GROUPS, [an_id(0), an_id(2)], ["Code"])) == {an_id(0), an_id(2)}


def test_records_by_id(central, admin):
    names = [f"C{n:03}" for n in range(450)]
    admin.seed(customers=[{"id": an_id(name), "number": name} for name in names])
    before = admin.counted()["requests"]
    found = central.fetch_many(CUSTOMERS, [an_id(name) for name in [*names, "x"]], ["number"])
    assert {row["number"] for row in found.values()} == set(names)
    assert admin.counted()["requests"] - before == 1
    assert central.fetch(CUSTOMERS, an_id("C001"), ["number"])["number"] == "C001"
    assert central.fetch(CUSTOMERS, an_id("x"), ["number"]) is None


def test_inserts_many_batches_and_repeats_without_a_second_record(central, admin):
    writes = [insert(f"C{n:03}") for n in range(230)]
    results = central.apply(writes)
    assert set(statuses(results)) == {"written"}
    assert [result.write for result in results] == writes
    assert all(
        result.record and result.record["@odata.etag"] == result.version for result in results
    )
    assert set(statuses(central.apply(writes))) == {"exists"}
    assert len(admin.dump("customers")) == 230


def test_an_existing_number_of_another_record_is_a_refusal(central):
    central.apply([insert("10000")])
    (result,) = central.apply([replace(insert("10000"), id=an_id("x"))])
    assert result.status is WriteStatus.REFUSED
    assert result.code == "Internal_EntityWithSameKeyExists"


def test_updates_are_guarded_by_their_version(central, admin):
    (created,) = central.apply([insert("1")])
    update = write(WriteKind.UPDATE, "1", created.version, displayName="new")
    (updated,) = central.apply([update])
    assert (updated.status, updated.record["displayName"]) == (WriteStatus.WRITTEN, "new")
    (stale,) = central.apply([update])
    assert (stale.status, stale.code) == (WriteStatus.STALE, "Request_EntityChanged")
    (again,) = central.apply([write(WriteKind.UPDATE, "1", updated.version, displayName="newer")])
    assert again.status is WriteStatus.WRITTEN


def test_unguarded_updates_and_missing_records(central):
    central.apply([insert("1")])
    results = central.apply(
        [write(WriteKind.UPDATE, "1", city="Oslo"), write(WriteKind.UPDATE, "2", city="Oslo")]
    )
    assert statuses(results) == ["written", "missing"]


def test_an_upsert_changes_or_creates(central, admin):
    central.apply([insert("1")])
    results = central.apply(
        [
            write(WriteKind.UPSERT, "1", city="Oslo"),
            write(WriteKind.UPSERT, "2", city="Oslo"),
        ]
    )
    assert statuses(results) == ["written", "written"]
    assert {row["city"] for row in admin.dump("customers")} == {"Oslo"}


def test_a_bad_record_stops_only_itself_and_is_explained(central, admin):
    results = central.apply([insert("1"), insert("2", displayName="x" * 500), insert("3")])
    assert statuses(results) == ["written", "refused", "written"]
    assert results[1].code
    assert results[1].message
    assert {row["number"] for row in admin.dump("customers")} == {"1", "3"}


def test_an_answer_lost_after_the_commit_makes_no_second_record(central, admin):
    admin.fault("commit-then-drop", path=r".*\$batch")
    results = central.apply([insert(str(n)) for n in range(5)])
    assert set(statuses(results)) == {"exists"}
    assert len(admin.dump("customers")) == 5


def test_throttling_is_waited_out(central, admin, transport: Transport, patient: Patient):
    admin.fault("status", path=r".*\$batch", status=429, retry_after=7)
    assert statuses(central.apply([insert("1")])) == ["written"]
    assert patient.slept == [7]
    assert transport.traffic.throttled == 1


@pytest.mark.parametrize("action", ["drop", "status"])
def test_a_passing_fault_is_waited_out(central, admin, action):
    admin.fault(action, method="GET", path=".*customers", status=503)
    assert central.count(CUSTOMERS) == 0


@pytest.mark.parametrize(
    ("action", "family"),
    [("redirect", ConfigurationError), ("wrong-json", (ConfigurationError, TransientError))],
)
def test_a_misbehaving_service_is_named_with_the_request(central, admin, action, family):
    admin.fault(action, method="GET", path=".*customers")
    with pytest.raises(family) as raised:
        list(central.fetch_pages(CUSTOMERS, select=["id"]))
    assert "Business Central" in raised.value.message
    assert "/customers" in raised.value.message
    assert raised.value.hint


def test_an_unknown_company_is_a_matter_of_the_connection(transport):
    central = BusinessCentral(transport, an_id("nobody"), "Nobody")
    with pytest.raises(ConfigurationError, match="Business Central"):
        list(central.fetch_pages(CUSTOMERS, select=["id"]))


def test_an_unknown_table_is_a_matter_of_the_mapping(central):
    with pytest.raises(ConfigurationError, match="widgets"):
        list(central.fetch_pages(Endpoint.api("widgets"), select=["id"]))


def test_a_token_for_another_service_is_refused(admin, new_transport):
    transport = new_transport(
        "Business Central", f"{admin.url}/v2.0/{TENANT}/Production", "https://else.example/.default"
    )
    with pytest.raises(AuthorizationError, match="Business Central"):
        companies(transport)


def test_traffic_agrees_with_the_services_own_count(central, admin, transport: Transport):
    central.apply([insert(str(n)) for n in range(130)])
    list(central.fetch_pages(CUSTOMERS, select=["id"], page_size=50))
    counted = admin.counted()
    assert transport.traffic.requests == counted["requests"]
    assert transport.traffic.operations == counted["operations"]


STAMP = "lastModifiedDateTime"


def test_a_look_tells_what_changed_in_one_request(central, admin):
    central.apply([insert(f"C{n}", city="Oslo" if n else "Bergen") for n in range(5)])
    admin_before = admin.counted()["requests"]
    whole = central.peek(CUSTOMERS, filter="city eq 'Oslo'", since="", stamp=STAMP)
    assert admin.counted()["requests"] - admin_before == 1
    assert (whole.total, whole.whole, whole.recent) == (4, 5, 5)
    quiet = central.peek(CUSTOMERS, filter="", since=whole.newest, stamp=STAMP)
    assert (quiet.total, quiet.recent, quiet.newest) == (5, 0, "")
    (changed,) = central.apply([write(WriteKind.UPDATE, "C0", city="Voss")])
    again = central.peek(CUSTOMERS, filter="city eq 'Oslo'", since=whole.newest, stamp=STAMP)
    assert (again.total, again.recent) == (4, 1)
    assert again.newest == changed.record[STAMP]


def test_changes_are_read_in_the_order_of_their_stamps(central):
    central.apply([insert(f"C{n}") for n in range(5)])
    since = central.peek(CUSTOMERS, filter="", since="", stamp=STAMP).newest
    for number in ("C3", "C0", "C4"):
        central.apply([write(WriteKind.UPDATE, number, city="Voss")])
    pages = list(
        central.fetch_changes(CUSTOMERS, select=["number"], stamp=STAMP, since=since, page_size=2)
    )
    assert [row["number"] for page in pages for row in page.records] == ["C3", "C0", "C4"]
    assert len(pages) == 2
    (rest,) = central.fetch_changes(
        CUSTOMERS, select=["number"], stamp=STAMP, since=since, cursor=pages[0].next
    )
    assert [row["number"] for row in rest.records] == ["C4"]


def test_a_page_is_looked_at_and_read_by_its_system_stamp(central, admin):
    rows = [{"SystemId": an_id(n), "Code": f"G{n}", "Description": str(n)} for n in range(3)]
    admin.seed(CustomerPriceGroups=rows)
    peek = central.peek(GROUPS, filter="", since="", stamp="SystemModifiedAt")
    assert (peek.total, peek.recent) == (3, 3)
    (page,) = central.fetch_changes(GROUPS, select=["Code"], stamp="SystemModifiedAt", since="")
    assert {row["SystemId"] for row in page.records} == {an_id(n) for n in range(3)}
    assert central.fetch_ids(GROUPS, "") == {an_id(n) for n in range(3)}


def test_all_ids_of_a_table(central, admin):
    admin.seed(customers=[{"id": an_id(n), "number": f"C{n:05}"} for n in range(300)])
    assert central.fetch_ids(CUSTOMERS, "") == {an_id(n) for n in range(300)}
    assert central.fetch_ids(CUSTOMERS, "number eq 'C00001'") == {an_id(1)}


def test_movements_of_stock_name_their_items(central, admin):
    items = Endpoint.api("items")
    admin.seed(items=[{"id": an_id(number), "number": number} for number in ("1000", "1001")])
    look = central.peek(items, filter="", since="", stamp=STAMP)
    assert central.fetch_stock_changes(None) == (0, [])
    lines = [{"itemNumber": number, "quantity": 2} for number in ("1000", "1001", "1000")]
    admin.command("post-inventory", lines)
    assert central.peek(items, filter="", since="", stamp=STAMP) == look
    assert central.fetch_stock_changes(None) == (3, [])
    assert central.fetch_stock_changes(0) == (3, ["1000", "1001"])
    assert central.fetch_stock_changes(2) == (3, ["1000"])
    assert central.fetch_stock_changes(3) == (3, [])


def test_records_by_several_fields(central, admin):
    central.apply([insert("A", city="Oslo"), insert("B", city="Oslo"), insert("C", city="Voss")])
    found = central.fetch_matching(
        CUSTOMERS,
        ("displayName", "city"),
        [("Customer A", "OSLO"), ("Customer B", "Voss"), ("Customer C", "Voss ")],
        ["number"],
    )
    assert {row["number"] for row in found} == {"A", "C"}


def test_records_by_a_value_that_many_have(central, admin):
    names = [f"C{n:05}" for n in range(1200)]
    admin.seed(customers=[{"id": an_id(name), "number": name, "city": "Oslo"} for name in names])
    found = central.fetch_many_by(CUSTOMERS, "city", ["Oslo", "Voss"], ["number"])
    assert {row["number"] for row in found} == set(names)


@pytest.mark.parametrize("others", [0, 400], ids=["in one request", "in a batch"])
def test_related_records_come_along_with_those_asked_for(central, others):
    central.apply([insert("A"), insert("B"), insert("C")])
    names = ["Customer A", "Customer B", *(f"A name like no other {n}" for n in range(others))]
    found = central.fetch_many_by(
        CUSTOMERS,
        "displayName",
        names,
        ["number"],
        expand="contactsInformation($select=contactNumber,contactType)",
    )
    cards = {row["number"]: row["contactsInformation"] for row in found}
    assert set(cards) == {"A", "B"}
    assert [card["contactType"] for row in cards.values() for card in row] == ["Company"] * 2


def test_a_record_other_than_those_known_is_found_by_one_request(central, admin):
    prices = [
        {"SystemId": an_id(n), "Item_No": f"{n}", "Sales_Code": code, "Currency_Code": currency}
        for n, (code, currency) in enumerate([("R", ""), ("R", "USD"), ("R", ""), ("W", "EUR")])
    ]
    kind = {"Sales_Type": "Customer_x0020_Price_x0020_Group"}
    admin.seed(SalesPrices=[price | kind for price in prices])

    def another(*known: str) -> str | None:
        found = central.fetch_another(
            Endpoint.page("SalesPrices"),
            where={"Sales_Code": "R"},
            field="Currency_Code",
            than=known,
            select=("Currency_Code", "Sales_Type"),
        )
        return found["Currency_Code"] if found else None

    assert another() in ("", "USD")
    assert another("") == "USD"
    assert another("USD") == ""
    assert another("", "USD") is None


def test_deletions_are_guarded_by_their_version(central, admin):
    (created,) = central.apply([insert("1")])
    central.apply([write(WriteKind.UPDATE, "1", city="Voss")])
    delete = write(WriteKind.DELETE, "1")
    (stale,) = central.apply([replace(delete, version=created.version)])
    assert (stale.status, stale.code) == (WriteStatus.STALE, "Request_EntityChanged")
    assert statuses(central.apply([delete])) == ["written"]
    assert statuses(central.apply([delete])) == ["missing"]
    assert admin.dump("customers") == []
