from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import NAMESPACE_URL, uuid5

import pytest

from errors import ConfigurationError, TransientError
from services.business_central import BusinessCentral, Endpoint
from services.transport import Transport
from tests.unit.services.scripted_service import Asked, ScriptedService, json_answer, refusal

COMPANY = "5a9e2f30-0000-4000-8000-000000000001"
CUSTOMERS = Endpoint.api("customers")
CONTACTS = Endpoint.api("contacts")
RESOURCES = Endpoint.page("Resources")
STAMP = "lastModifiedDateTime"
SINCE = "2026-03-01T08:15:22.573Z"


def an_id(name: object) -> str:
    return str(uuid5(NAMESPACE_URL, str(name)))


def options(asked: Asked) -> dict[str, str]:
    return {name: texts[0] for name, texts in parse_qs(urlsplit(asked.path).query).items()}


def batch(*bodies: Any, status: int = 200) -> Any:
    responses = [
        {"id": str(at), "status": status, "headers": {}, "body": body}
        for at, body in enumerate(bodies)
    ]
    return json_answer({"responses": responses})


@pytest.fixture
def bc_transport(new_transport: Any, service: ScriptedService) -> Transport:
    transport: Transport = new_transport(f"{service.url}/v2.0/tenant/Production")
    transport.service_name = "Business Central"
    return transport


@pytest.fixture
def central(bc_transport: Transport) -> BusinessCentral:
    return BusinessCentral(bc_transport, COMPANY, "CRONUS")


class TestPeek:
    def test_one_batch_tells_total_recent_and_newest(self, central, service):
        newest = {"id": an_id(1), STAMP: "2026-03-01T09:00:00.001Z"}
        service.script = [
            batch(
                {"value": [{"id": an_id(9)}], "@odata.count": 40},
                {"value": [newest], "@odata.count": 3},
                {"value": [{"id": an_id(9)}], "@odata.count": 50},
            )
        ]
        peek = central.peek(CUSTOMERS, filter="blocked eq 'All'", since=SINCE, stamp=STAMP)
        assert (peek.total, peek.recent, peek.newest) == (40, 3, newest[STAMP])
        assert peek.whole == 50
        (asked,) = service.asked
        total, recent, whole = [
            {name: texts[0] for name, texts in parse_qs(urlsplit(part["url"]).query).items()}
            for part in asked.json["requests"]
        ]
        assert total == {
            "$select": "id",
            "$filter": "blocked eq 'All'",
            "$top": "1",
            "$count": "true",
        }
        assert whole == {"$select": "id", "$top": "1", "$count": "true"}
        assert recent == {
            "$select": f"id,{STAMP}",
            "$filter": f"{STAMP} gt {SINCE}",
            "$orderby": f"{STAMP} desc",
            "$top": "1",
            "$count": "true",
        }

    def test_nothing_recent_has_no_newest_stamp(self, central, service):
        service.script = [
            batch({"value": [{"id": 1}], "@odata.count": 1}, {"value": [], "@odata.count": 0})
        ]
        peek = central.peek(CUSTOMERS, filter="", since=SINCE, stamp=STAMP)
        assert (peek.total, peek.recent, peek.newest) == (1, 0, "")

    def test_without_a_stamp_all_records_are_recent(self, central, service):
        body = {"value": [{"id": 1, STAMP: SINCE}], "@odata.count": 2}
        service.script = [batch(body, body)]
        assert central.peek(CUSTOMERS, filter="", since="", stamp=STAMP).recent == 2
        assert "$filter" not in unquote(service.asked[0].json["requests"][1]["url"])

    def test_a_page_takes_two_requests(self, central, service):
        service.script = [
            json_answer({"value": [{"SystemId": 1}], "@odata.count": 5}),
            json_answer({"value": [], "@odata.count": 0}),
        ]
        peek = central.peek(RESOURCES, filter="", since=SINCE, stamp="SystemModifiedAt")
        assert (peek.total, peek.whole, peek.recent) == (5, 5, 0)
        assert options(service.asked[1])["$filter"] == f"SystemModifiedAt gt {SINCE}"

    def test_a_part_that_failed_is_asked_again_by_itself(self, central, service):
        body = {"value": [{"id": 1, STAMP: SINCE}], "@odata.count": 2}
        busy = {"error": {"code": "Application_TooManyRequests", "message": ""}}
        service.script = [batch(busy, busy, status=429), json_answer(body), json_answer(body)]
        assert central.peek(CUSTOMERS, filter="", since="", stamp=STAMP).total == 2

    def test_an_answer_without_a_count_is_not_taken_for_an_empty_table(self, central, service):
        service.script = [batch({"value": []}, {"value": []})]
        with pytest.raises(TransientError, match="how many"):
            central.peek(CUSTOMERS, filter="", since="", stamp=STAMP)


class TestChanges:
    def test_later_records_are_read_in_the_order_of_their_stamps(self, central, service):
        service.script = [json_answer({"value": [{"id": 1}]})]
        (page,) = central.fetch_changes(CUSTOMERS, select=["number"], stamp=STAMP, since=SINCE)
        assert page.records == [{"id": 1}]
        assert options(service.asked[0]) == {
            "$select": f"number,id,{STAMP}",
            "$filter": f"{STAMP} gt {SINCE}",
            "$orderby": STAMP,
        }

    def test_an_empty_stamp_reads_every_record(self, central, service):
        service.script = [json_answer({"value": []})]
        list(central.fetch_changes(CUSTOMERS, select=["id"], stamp=STAMP, since=""))
        assert "$filter" not in options(service.asked[0])

    def test_reading_goes_on_from_a_cursor(self, central, service):
        cursor = f"{service.url}/v2.0/tenant/Production/api/v2.0/x?$skiptoken=1"
        service.script = [json_answer({"value": []})]
        list(
            central.fetch_changes(
                CUSTOMERS, select=["id"], stamp=STAMP, since=SINCE, page_size=9, cursor=cursor
            )
        )
        assert service.url + service.asked[0].path == cursor
        assert service.asked[0].headers["Prefer"] == "odata.maxpagesize=9"

    def test_a_stamp_can_not_become_a_part_of_the_filter(self, central, service):
        with pytest.raises(ValueError, match="isoformat"):
            list(
                central.fetch_changes(
                    CUSTOMERS, select=["id"], stamp=STAMP, since=f"{SINCE} or true"
                )
            )
        assert service.asked == []


def test_all_ids_are_read_in_the_largest_pages(central, service):
    link = f"{service.url}/v2.0/tenant/Production/api/v2.0/x?$skiptoken=1"
    service.script = [
        json_answer({"value": [{"id": an_id(1).upper()}], "@odata.nextLink": link}),
        json_answer({"value": [{"id": an_id(2)}]}),
    ]
    assert central.fetch_ids(CUSTOMERS, "number ne ''") == {an_id(1), an_id(2)}
    assert options(service.asked[0]) == {"$select": "id", "$filter": "number ne ''"}
    assert {asked.headers["Prefer"] for asked in service.asked} == {"odata.maxpagesize=20000"}


class TestStock:
    def test_the_items_of_later_entries_are_told_once(self, central, service):
        entries = [(8, "1000"), (9, "1001"), (11, "1000")]
        service.script = [
            json_answer(
                {"value": [{"entryNumber": number, "itemNumber": item} for number, item in entries]}
            )
        ]
        assert central.fetch_stock_changes(7) == (11, ["1000", "1001"])
        assert options(service.asked[0]) == {
            "$select": "entryNumber,itemNumber",
            "$filter": "entryNumber gt 7",
            "$orderby": "entryNumber",
        }

    def test_no_later_entry_leaves_the_number_as_it_was(self, central, service):
        service.script = [json_answer({"value": []})]
        assert central.fetch_stock_changes(7) == (7, [])

    @pytest.mark.parametrize(("rows", "last"), [([{"entryNumber": 12}], 12), ([], 0)])
    def test_the_first_look_reads_the_last_entry_only(self, central, service, rows, last):
        service.script = [json_answer({"value": rows})]
        assert central.fetch_stock_changes(None) == (last, [])
        assert options(service.asked[0]) == {
            "$select": "entryNumber",
            "$orderby": "entryNumber desc",
            "$top": "1",
        }


class TestMatching:
    def test_the_field_of_most_values_is_asked_for_and_the_rest_compared(self, central, service):
        parent = an_id("parent")
        rows = [
            {"id": 1, "parentAccountId": parent.upper(), "email": "a@x.example"},
            {"id": 2, "parentAccountId": an_id("other"), "email": "b@x.example"},
            {"id": 3, "parentAccountId": parent, "email": "b@x.example "},
            {"id": 4, "parentAccountId": parent, "email": "a@x.example"},
        ]
        service.script = [json_answer({"value": rows})]
        found = central.fetch_matching(
            CONTACTS,
            ("parentAccountId", "email"),
            [(parent, " a@x.example"), (parent, "B@x.example"), (parent, "a@x.example")],
            ["displayName"],
        )
        assert [row["id"] for row in found] == [1, 3, 4]
        assert options(service.asked[0]) == {
            "$select": "displayName,parentAccountId,email",
            "$filter": "(email eq 'a@x.example' or email eq 'B@x.example')",
        }

    def test_ids_are_spelled_as_ids_and_numbers_compared_by_value(self, central, service):
        rows = [{"itemId": an_id(1), "minimumQuantity": 1.0}, {"itemId": an_id(1), "x": 1}]
        service.script = [json_answer({"value": rows})]
        found = central.fetch_matching(
            CUSTOMERS, ("itemId", "minimumQuantity"), [(an_id(1).upper(), 1)], []
        )
        assert found == rows[:1]
        assert options(service.asked[0]) == {"$filter": f"(itemId eq {an_id(1)})"}

    def test_all_records_of_a_value_are_found_page_by_page(self, central, service):
        link = f"{service.url}/v2.0/tenant/Production/api/v2.0/x?$skiptoken=1"
        service.script = [
            json_answer({"value": [{"number": "A"}], "@odata.nextLink": link}),
            json_answer({"value": [{"number": "A"}]}),
        ]
        assert len(central.fetch_many_by(CUSTOMERS, "number", ["A", "A "], ["number"])) == 2

    def test_pages_of_a_part_of_a_batch_are_followed(self, central, service):
        link = f"{service.url}/v2.0/tenant/Production/api/v2.0/x?$skiptoken=1"
        service.script = [
            batch({"value": [{"number": 1}], "@odata.nextLink": link}, {"value": [{"number": 2}]}),
            json_answer({"value": [{"number": 3}]}),
        ]
        values = [f"N{n:06}" for n in range(300)]
        found = central.fetch_many_by(CUSTOMERS, "number", values, ["number"])
        assert sorted(row["number"] for row in found) == [1, 2, 3]
        assert [asked.method for asked in service.asked] == ["POST", "GET"]

    def test_a_refusal_is_explained(self, central, service):
        service.script = [refusal(400, "BadRequest", "Could not find a property named 'x'.")]
        with pytest.raises(ConfigurationError, match="property named"):
            central.fetch_many_by(CUSTOMERS, "x", ["1"], [])

    def test_nothing_is_asked_for_nothing(self, central, service):
        assert central.fetch_matching(CONTACTS, ("number",), [], []) == []
        assert service.asked == []
