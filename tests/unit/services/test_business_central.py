from __future__ import annotations

import json
import re
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import NAMESPACE_URL, uuid5

import pytest

from errors import AuthorizationError, ConfigurationError, TransientError
from services.business_central import BusinessCentral, Endpoint, companies
from services.records import Write, WriteKind, WriteStatus
from services.transport import Transport
from tests.unit.services.scripted_service import (
    Answer,
    Asked,
    ScriptedService,
    json_answer,
    refusal,
)

COMPANY = "5a9e2f30-0000-4000-8000-000000000001"
CUSTOMERS = Endpoint.api("customers")
RESOURCES = Endpoint.page("Resources")


def an_id(name: object) -> str:
    return str(uuid5(NAMESPACE_URL, str(name)))


def write(kind: WriteKind, name: str, version: str | None = None, **values: Any) -> Write:
    return Write(
        kind=kind,
        table="customers",
        id=an_id(name),
        values={"number": name} | values,
        version=version,
    )


def insert(name: str) -> Write:
    return write(WriteKind.INSERT, name)


class FakeBusinessCentral:
    """The protocol of one table in a few lines; fidelity is the simulator's business."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.asked: list[Asked] = []
        self.batches: list[list[dict[str, Any]]] = []
        self.fault: Any = lambda operation: None
        self.version = 0
        self._lock = Lock()

    def respond(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            if not asked.path.endswith("/$batch"):
                status, body = self._single({"method": asked.method, "url": asked.path})
                return json_answer(body, status)
            assert asked.headers["Prefer"] == "odata.continue-on-error"
            operations = asked.json["requests"]
            self.batches.append(operations)
            return json_answer({"responses": [self._answer(part) for part in operations]})

    def _answer(self, operation: dict[str, Any]) -> dict[str, Any]:
        status, body = self.fault(operation) or self._single(operation)
        headers = {"Retry-After": "6"} if status == 429 else {}
        return {"id": operation["id"], "status": status, "headers": headers, "body": body}

    def _single(self, operation: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        path, _, query = unquote(operation["url"]).partition("?")
        if operation["method"] == "GET":
            return self._read(path, query)
        assert f"companies({COMPANY})/customers" in path
        if operation["method"] == "DELETE":
            return self._delete(path[path.rindex("(") + 1 : -1], operation["headers"])
        values = operation["body"]
        if operation["method"] == "POST":
            taken = [row["number"] for row in self.rows.values()]
            if values["id"] in self.rows or values["number"] in taken:
                return _error(409, "Internal_EntityWithSameKeyExists", "already exists")
            return 201, self._store(values["id"], values)
        record_id = path[path.rindex("(") + 1 : -1]
        if record_id not in self.rows:
            return _error(404, "Internal_RecordNotFound", "not found")
        if operation["headers"]["If-Match"] not in ("*", self.rows[record_id]["@odata.etag"]):
            return _error(409, "Request_EntityChanged", "Another user has already changed it.")
        return 200, self._store(record_id, values)

    def _delete(self, record_id: str, headers: dict[str, str]) -> tuple[int, Any]:
        row = self.rows.get(record_id)
        if row is None:
            return _error(404, "Internal_RecordNotFound", "not found")
        if headers.get("If-Match", row["@odata.etag"]) != row["@odata.etag"]:
            return _error(409, "Request_EntityChanged", "Another user has already changed it.")
        del self.rows[record_id]
        return 204, None

    def _store(self, record_id: str, values: dict[str, Any]) -> dict[str, Any]:
        if values.get("number") == "bad":
            raise AssertionError("a bad record is answered by the fault")
        self.version += 1
        row = self.rows.setdefault(record_id, {})
        row |= values | {"id": record_id, "@odata.etag": f'W/"{self.version}"'}
        return row

    def _read(self, path: str, query: str) -> tuple[int, dict[str, Any]]:
        if path.endswith(")"):
            row = self.rows.get(path[path.rindex("(") + 1 : -1])
            return (200, row) if row else _error(404, "Internal_RecordNotFound", "not found")
        wanted = re.findall(r"\w+ eq ([0-9a-f-]{36})", query)
        rows = [row for key, row in self.rows.items() if not wanted or key in wanted]
        answer: dict[str, Any] = {"value": rows[: 1 if "$top=1" in query else None]}
        if "$count=true" in query:
            answer["@odata.count"] = len(rows)
        return 200, answer


def _error(status: int, code: str, message: str) -> tuple[int, dict[str, Any]]:
    return status, {"error": {"code": code, "message": message}}


@pytest.fixture
def fake(service: ScriptedService) -> FakeBusinessCentral:
    fake = FakeBusinessCentral()
    service.respond = fake.respond
    return fake


@pytest.fixture
def bc_transport(new_transport: Any, service: ScriptedService) -> Transport:
    transport: Transport = new_transport(f"{service.url}/v2.0/tenant/Production")
    transport.service_name = "Business Central"
    return transport


@pytest.fixture
def central(bc_transport: Transport) -> BusinessCentral:
    return BusinessCentral(bc_transport, COMPANY, "CRONUS International Ltd.")


def statuses(results: Any) -> list[str]:
    return [result.status.value for result in results]


class TestReading:
    def test_api_pages_are_followed_with_the_preference_repeated(self, central, service):
        root = f"{service.url}/v2.0/tenant/Production/api/v2.0/companies({COMPANY})/customers"
        link = f"{root}?aid=FIN&$skiptoken=1"
        service.script = [
            json_answer({"value": [{"id": 1}], "@odata.nextLink": link, "@odata.count": 2}),
            json_answer({"value": [{"id": 2}]}),
        ]
        pages = list(
            central.fetch_pages(
                CUSTOMERS,
                select=["id", "number"],
                filter="blocked eq '_x0020_'",
                orderby="number",
                expand="currency",
                page_size=7,
                count=True,
            )
        )
        assert [page.records for page in pages] == [[{"id": 1}], [{"id": 2}]]
        assert [page.total for page in pages] == [2, None]
        assert parse_qs(urlsplit(service.asked[0].path).query) == {
            "$select": ["id,number"],
            "$filter": ["blocked eq '_x0020_'"],
            "$orderby": ["number"],
            "$expand": ["currency"],
            "$count": ["true"],
        }
        assert service.url + service.asked[1].path == link
        assert {asked.headers["Prefer"] for asked in service.asked} == {"odata.maxpagesize=7"}

    def test_page_web_services_are_addressed_by_the_companys_name(self, central, service):
        service.script = [json_answer({"value": []})]
        list(central.fetch_pages(RESOURCES, select=["No"]))
        assert service.asked[0].path == (
            "/v2.0/tenant/Production/ODataV4/Company('CRONUS%20International%20Ltd.')/Resources"
            "?$select=No"
        )

    def test_companies_are_listed(self, bc_transport, service):
        service.script = [json_answer({"value": [{"id": COMPANY, "name": "CRONUS"}]})]
        assert companies(bc_transport) == [{"id": COMPANY, "name": "CRONUS"}]
        assert service.asked[0].path == "/v2.0/tenant/Production/api/v2.0/companies"

    def test_an_unknown_company_is_a_matter_of_the_connection(self, central, service):
        service.script = [refusal(404, "Internal_CompanyNotFound", "Cannot find company.")]
        with pytest.raises(ConfigurationError, match=r"Business Central.*Cannot find company"):
            list(central.fetch_pages(CUSTOMERS, select=["id"]))

    def test_an_answer_that_is_no_json_names_the_service_and_the_request(self, central, service):
        service.script = [Answer(200, {"Content-Type": "text/html"}, b"<html>")]
        with pytest.raises(ConfigurationError, match=r"Business Central .*GET /api/v2.0/companies"):
            list(central.fetch_pages(CUSTOMERS, select=["id"]))

    def test_one_record_or_none(self, central, fake):
        central.apply([insert("10000")])
        assert central.fetch(CUSTOMERS, an_id("10000"), ["number"])["number"] == "10000"
        assert central.fetch(CUSTOMERS, an_id("x"), ["number"]) is None

    def test_one_record_of_a_page_is_found_by_its_system_id(self, central, service):
        record = {"SystemId": an_id("LIFT"), "No": "LIFT"}
        service.script = [json_answer({"value": [record]}), json_answer({"value": []})]
        assert central.fetch(RESOURCES, an_id("LIFT"), ["No"]) == record
        assert central.fetch(RESOURCES, an_id("x"), ["No"]) is None
        asked = parse_qs(urlsplit(service.asked[0].path).query)
        assert asked["$filter"] == [f"(SystemId eq {an_id('LIFT')})"]
        assert asked["$select"] == ["No,SystemId"]

    def test_many_records_are_found_by_one_batch_of_short_filters(self, central, fake):
        names = [str(number) for number in range(1000)]
        fake.rows = {an_id(name): {"id": an_id(name), "number": name} for name in names}
        found = central.fetch_many(CUSTOMERS, [an_id(name) for name in names], ["number"])
        assert {record["number"] for record in found.values()} == set(names)
        assert [asked.method for asked in fake.asked] == ["POST"]
        assert all(len(part["url"]) < 8000 for part in fake.batches[0])

    def test_a_part_that_failed_is_read_again_by_itself(self, central, fake):
        names = [str(number) for number in range(500)]
        fake.rows = {an_id(name): {"id": an_id(name), "number": name} for name in names}
        fake.fault = lambda operation: (
            _error(503, "", "") if an_id("499") in operation["url"] else None
        )
        found = central.fetch_many(CUSTOMERS, [an_id(name) for name in names], ["number"])
        assert len(found) == 500

    def test_no_ids_ask_nothing(self, central, fake):
        assert central.fetch_many(CUSTOMERS, [], ["number"]) == {}
        assert fake.asked == []

    def test_records_are_counted_by_the_service(self, central, fake):
        central.apply([insert(str(number)) for number in range(7)])
        assert central.count(CUSTOMERS) == 7


class TestWriting:
    def test_inserts_carry_their_id_and_return_record_and_version(self, central, fake):
        (result,) = central.apply([insert("10000")])
        assert result.status is WriteStatus.WRITTEN
        assert result.record == fake.rows[an_id("10000")]
        assert result.version == 'W/"1"'
        sent = fake.batches[0][0]
        assert (sent["method"], sent["url"]) == ("POST", f"companies({COMPANY})/customers")

    def test_columns_are_sent_in_the_callers_order(self, central, fake):
        central.apply([write(WriteKind.INSERT, "1", z=1, a=2)])
        assert b'"number":"1","z":1,"a":2' in fake.asked[0].body

    def test_results_are_in_the_order_of_the_writes_over_many_batches(self, central, fake):
        writes = [insert(str(number)) for number in range(250)]
        writes[7] = write(WriteKind.UPDATE, "nobody")
        results = central.apply(writes)
        assert [result.write for result in results] == writes
        assert [at for at, result in enumerate(results) if result.status != "written"] == [7]
        assert sorted(map(len, fake.batches)) == [50, 100, 100]

    def test_guarded_updates_send_their_version_and_never_the_wildcard(self, central, fake):
        central.apply([insert("1")])
        version = fake.rows[an_id("1")]["@odata.etag"]
        results = central.apply([write(WriteKind.UPDATE, "1", version, displayName="A")])
        assert statuses(results) == ["written"]
        assert fake.batches[-1][0]["headers"]["If-Match"] == version
        assert results[0].version != version

    def test_unguarded_updates_send_the_wildcard(self, central, fake):
        central.apply([insert("1")])
        central.apply([write(WriteKind.UPDATE, "1", displayName="A")])
        assert fake.batches[-1][0]["headers"]["If-Match"] == "*"

    @pytest.mark.parametrize("status", [409, 412])
    def test_a_changed_record_is_stale_by_either_status(self, central, fake, status):
        fake.fault = lambda operation: _error(status, "Request_EntityChanged", "changed")
        (result,) = central.apply([write(WriteKind.UPDATE, "1", 'W/"0"')])
        assert (result.status, result.code) == (WriteStatus.STALE, "Request_EntityChanged")

    def test_an_update_of_a_missing_record_is_missing(self, central, fake):
        assert statuses(central.apply([write(WriteKind.UPDATE, "1")])) == ["missing"]

    def test_repeating_inserts_makes_no_second_record(self, central, fake):
        writes = [insert(str(number)) for number in range(3)]
        central.apply(writes)
        results = central.apply(writes)
        assert statuses(results) == ["exists"] * 3
        assert [result.version for result in results] == ['W/"1"', 'W/"2"', 'W/"3"']
        assert len(fake.rows) == 3

    def test_another_records_number_is_a_refusal_not_an_existing_record(self, central, fake):
        central.apply([insert("10000")])
        other = Write(
            kind=WriteKind.INSERT, table="customers", id=an_id("x"), values={"number": "10000"}
        )
        (result,) = central.apply([other])
        assert result.status is WriteStatus.REFUSED
        assert result.code == "Internal_EntityWithSameKeyExists"

    def test_a_bad_record_stops_only_itself(self, central, fake):
        fake.fault = lambda operation: (
            _error(400, "Application_StringExceededLength", "too long  CorrelationId:  1.")
            if operation["body"]["number"] == "bad"
            else None
        )
        results = central.apply([insert("1"), insert("bad"), insert("2")])
        assert statuses(results) == ["written", "refused", "written"]
        assert results[1].code == "Application_StringExceededLength"
        assert results[1].message.startswith("too long")

    def test_an_upsert_changes_or_creates(self, central, fake):
        central.apply([insert("1")])
        writes = [write(WriteKind.UPSERT, "1", city="A"), write(WriteKind.UPSERT, "2", city="B")]
        results = central.apply(writes)
        assert statuses(results) == ["written", "written"]
        assert [result.write for result in results] == writes
        assert {row["city"] for row in fake.rows.values()} == {"A", "B"}

    def test_throttled_operations_alone_are_sent_again(self, central, fake, clock):
        throttled = iter([True])
        fake.fault = lambda operation: (
            _error(429, "Application_TooManyRequests", "")
            if operation["body"]["number"] == "2" and next(throttled, False)
            else None
        )
        results = central.apply([insert(name) for name in "123"])
        assert statuses(results) == ["written"] * 3
        assert [len(batch) for batch in fake.batches] == [3, 1]
        assert clock.slept == [6]

    def test_operations_left_unanswered_are_sent_again_and_then_failed(self, central, service):
        service.respond = lambda asked: json_answer({"responses": []})
        (result,) = central.apply([insert("1")])
        assert (result.status, result.code) == (WriteStatus.FAILED, "unanswered")
        assert len(service.asked) == 3

    def test_a_permission_missing_for_every_record_stops_the_work(self, central, fake):
        fake.fault = lambda operation: _error(403, "Authorization_RequestDenied", "no permission")
        with pytest.raises(AuthorizationError, match="no permission"):
            central.apply([insert(str(number)) for number in range(10)])

    @pytest.mark.parametrize("answer", [{}, {"responses": [{"id": "9", "status": 200}]}])
    def test_a_batch_answer_that_does_not_fit_is_a_passing_fault(self, central, service, answer):
        service.respond = lambda asked: json_answer(answer)
        with pytest.raises(TransientError, match=r"POST /api/v2.0/\$batch"):
            central.apply([insert("1")])

    def test_traffic_counts_records_and_requests(self, central, fake, bc_transport):
        central.apply([insert(str(number)) for number in range(150)])
        traffic = bc_transport.traffic
        assert (traffic.requests, traffic.operations) == (2, 150)
        assert json.dumps(traffic.by_kind) == '{"POST $batch": 2}'


class TestDeleting:
    def test_a_record_is_deleted_and_one_that_is_gone_is_missing(self, central, fake):
        central.apply([insert("1")])
        some = [write(WriteKind.DELETE, name) for name in ("1", "2")]
        assert statuses(central.apply(some)) == ["written", "missing"]
        assert fake.rows == {}
        sent = fake.batches[-1][0]
        assert sent["headers"] == {}
        assert "body" not in sent

    def test_a_version_guards_the_deletion(self, central, fake):
        (created,) = central.apply([insert("1")])
        stale = write(WriteKind.DELETE, "1", 'W/"0"')
        assert statuses(central.apply([stale])) == ["stale"]
        guarded = write(WriteKind.DELETE, "1", created.version)
        assert statuses(central.apply([guarded])) == ["written"]

    def test_a_delete_whose_answer_was_lost_finds_the_record_missing(self, central, fake):
        central.apply([insert("1")])
        lost = iter([True])
        fake.fault = lambda operation: (
            _error(503, "", "") if fake.rows.pop(an_id("1"), None) and next(lost) else None
        )
        (result,) = central.apply([write(WriteKind.DELETE, "1")])
        assert result.status is WriteStatus.MISSING


def test_a_write_that_keeps_failing_fails_alone(central, fake):
    fake.fault = lambda operation: (
        _error(500, "Internal_ServerError", "It broke.")
        if operation["body"]["number"] == "broken"
        else None
    )
    results = central.apply([insert(name) for name in ("1", "broken", "3")])
    assert statuses(results) == ["written", "failed", "written"]
    assert (results[1].code, results[1].message) == ("Internal_ServerError", "It broke.")
    assert [len(parts) for parts in fake.batches] == [3, 1, 1]
