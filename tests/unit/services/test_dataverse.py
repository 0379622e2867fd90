from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import NAMESPACE_URL, uuid5

import pytest

from errors import AuthorizationError, ConfigurationError, ThrottledError, TransientError
from services.dataverse import Dataverse
from services.records import Write, WriteKind, WriteStatus
from services.transport import Limits, Transport
from tests.unit.services.fake_dataverse import FakeDataverse, problem
from tests.unit.services.scripted_service import (
    DROPPED,
    Answer,
    Asked,
    ScriptedService,
    json_answer,
    refusal,
)


def an_id(name: object) -> str:
    return str(uuid5(NAMESPACE_URL, str(name)))


def write(
    kind: WriteKind, table: str, name: str, version: str | None = None, **values: Any
) -> Write:
    return Write(
        kind=kind, table=table, id=an_id(name), values={"name": name} | values, version=version
    )


def insert(table: str, name: str, **values: Any) -> Write:
    return write(WriteKind.INSERT, table, name, **values)


@pytest.fixture
def fake(service: ScriptedService) -> FakeDataverse:
    fake = FakeDataverse()
    service.respond = fake.respond
    return fake


@pytest.fixture
def dataverse(transport: Transport, fake: FakeDataverse) -> Dataverse:
    return Dataverse(transport)


def statuses(results: Any) -> list[str]:
    return [result.status.value for result in results]


class TestReading:
    def test_pages_are_followed_with_the_preference_repeated(self, transport, service):
        link = f"{service.url}/api/data/v9.2/accounts?$skiptoken=%3Ccookie%20/%3E"
        service.script = [
            json_answer({"value": [{"a": 1}], "@odata.nextLink": link, "@odata.count": 2}),
            json_answer({"value": [{"a": 2}]}),
        ]
        pages = list(
            Dataverse(transport).fetch_pages(
                "accounts",
                select=["name", "accountid"],
                filter="statecode eq 0",
                orderby="name",
                page_size=1,
                count=True,
            )
        )
        assert [page.records for page in pages] == [[{"a": 1}], [{"a": 2}]]
        assert [page.next for page in pages] == [link, None]
        assert [page.total for page in pages] == [2, None]
        first, second = service.asked
        assert parse_qs(urlsplit(first.path).query) == {
            "$select": ["name,accountid"],
            "$filter": ["statecode eq 0"],
            "$orderby": ["name"],
            "$count": ["true"],
        }
        assert service.url + second.path == link
        assert {asked.headers["Prefer"] for asked in service.asked} == {"odata.maxpagesize=1"}
        assert transport.traffic.operations == 2

    def test_reading_goes_on_from_a_cursor(self, transport, service):
        service.script = [json_answer({"value": []})]
        cursor = f"{service.url}/api/data/v9.2/accounts?$skiptoken=x"
        list(Dataverse(transport).fetch_pages("accounts", select=["name"], cursor=cursor))
        assert [asked.path for asked in service.asked] == ["/api/data/v9.2/accounts?$skiptoken=x"]

    def test_a_cursor_that_leads_elsewhere_is_refused(self, transport, service):
        with pytest.raises(ConfigurationError, match="link to another host"):
            list(
                Dataverse(transport).fetch_pages("accounts", select=[], cursor="https://e.example/")
            )
        assert service.asked == []

    @pytest.mark.parametrize(
        ("answer", "family"),
        [
            (Answer(200, {"Content-Type": "text/html"}, b"<html>login</html>"), ConfigurationError),
            (Answer(200, {"Content-Type": "application/json"}, b'{"value": ['), TransientError),
            (Answer(200, {"Content-Type": "application/json"}, b"\xff"), TransientError),
            (Answer(204, {}, b""), ConfigurationError),
            (json_answer([]), ConfigurationError),
            (json_answer({}), ConfigurationError),
            (json_answer({"value": {}}), ConfigurationError),
            (json_answer({"value": ["x"]}), ConfigurationError),
            (json_answer({"value": [], "@odata.nextLink": 3}), ConfigurationError),
            (refusal(400, "0x80060888", "no such option"), ConfigurationError),
            (refusal(404, "0x8006088a", "Resource not found for the segment"), ConfigurationError),
        ],
    )
    def test_an_answer_of_another_shape_names_service_request_and_next_step(
        self, transport, service, answer, family
    ):
        service.script = [answer]
        with pytest.raises(family) as raised:
            list(Dataverse(transport).fetch_pages("accounts", select=["name"]))
        assert type(raised.value) is family
        assert "Dataverse" in raised.value.message
        assert "GET /api/data/v9.2/accounts" in raised.value.message
        assert raised.value.hint

    def test_one_record_or_none(self, dataverse, fake):
        dataverse.apply([insert("uoms", "A")])
        assert dataverse.fetch("uoms", an_id("A"), ["name"])["name"] == "A"
        assert dataverse.fetch("uoms", an_id("B"), ["name"]) is None

    def test_a_missing_table_is_not_a_missing_record(self, transport, service):
        service.script = [refusal(404, "0x8006088a", "Resource not found for the segment 'x'")]
        with pytest.raises(ConfigurationError):
            Dataverse(transport).fetch("x", an_id(1), ["name"])

    def test_a_few_records_are_found_by_one_plain_request(self, dataverse, fake):
        dataverse.apply([insert("uoms", name) for name in "abc"])
        fake.asked.clear()
        found = dataverse.fetch_many("uoms", "uomid", [an_id(n) for n in "abx"], ["name"])
        assert {key: record["name"] for key, record in found.items()} == {
            an_id("a"): "a",
            an_id("b"): "b",
        }
        assert fake.kinds == ["GET uoms"]

    def test_many_records_are_found_by_one_batch_within_the_length_of_urls(self, dataverse, fake):
        names = [str(number) for number in range(2500)]
        dataverse.apply([insert("accounts", name) for name in names])
        fake.asked.clear()
        found = dataverse.fetch_many(
            "accounts", "accountid", [an_id(name) for name in names], ["name"]
        )
        assert {record["name"] for record in found.values()} == set(names)
        assert fake.kinds == ["POST $batch"]
        assert all(len(part.path) < 32_000 for part in fake.batches[-1])

    def test_a_part_that_failed_is_read_again_by_itself(self, dataverse, fake):
        names = [str(number) for number in range(1500)]
        dataverse.apply([insert("accounts", name) for name in names])
        fake.before_part = lambda part: problem(429, "", "") if an_id("1499") in part.path else None
        found = dataverse.fetch_many("accounts", "accountid", [an_id(n) for n in names], ["name"])
        assert len(found) == 1500
        assert fake.kinds[-1] == "GET accounts"

    def test_records_are_found_by_another_unique_column(self, dataverse, fake):
        dataverse.apply([insert("products", "p", productnumber='O\'H & "1"')])
        found = dataverse.fetch_many("products", "productnumber", ['O\'H & "1"'], ["name"])
        assert list(found) == ['O\'H & "1"']
        assert dataverse.fetch_many("products", "productnumber", [], ["name"]) == {}

    def test_a_small_table_is_counted_by_the_service(self, dataverse, fake):
        dataverse.apply([insert("uoms", name) for name in "abc"])
        fake.asked.clear()
        assert dataverse.count("uoms") == 3
        assert len(fake.asked) == 1

    def test_a_table_beyond_the_services_count_is_counted_all_the_same(self, dataverse, fake):
        fake.rows["accounts"] = {str(n): {"accountid": str(n)} for n in range(5000)}
        assert dataverse.count("accounts") == 5000


class TestWriting:
    def test_inserts_go_by_create_multiple_where_the_table_has_it(self, dataverse, fake):
        results = dataverse.apply([insert("accounts", name) for name in "abc"])
        assert statuses(results) == ["written"] * 3
        assert fake.kinds == ["POST accounts/Microsoft.Dynamics.CRM.CreateMultiple"]
        assert sorted(fake.rows["accounts"]) == sorted(map(an_id, "abc"))

    def test_inserts_of_other_tables_go_by_batch(self, dataverse, fake):
        results = dataverse.apply([insert("uoms", name) for name in "abc"])
        assert statuses(results) == ["written"] * 3
        assert fake.kinds == ["POST $batch"]
        assert [result.version for result in results] == [
            fake.rows["uoms"][an_id(name)]["@odata.etag"] for name in "abc"
        ]

    def test_lookups_are_sent_unchanged(self, dataverse, fake):
        bind = {"primarycontactid@odata.bind": "/contacts(1)"}
        dataverse.apply([insert("accounts", "a", **bind), insert("uoms", "b", **bind)])
        for table, name in (("accounts", "a"), ("uoms", "b")):
            stored = fake.rows[table][an_id(name)]
            assert stored["primarycontactid@odata.bind"] == "/contacts(1)"

    def test_results_are_in_the_order_of_the_writes(self, dataverse, fake):
        dataverse.apply([insert("contacts", "known")])
        version = fake.rows["contacts"][an_id("known")]["@odata.etag"]
        writes = [
            insert("accounts", "1"),
            write(WriteKind.UPDATE, "contacts", "known", version),
            insert("uoms", "2"),
            write(WriteKind.UPDATE, "contacts", "unknown"),
            insert("contacts", "3"),
            write(WriteKind.UPSERT, "contacts", "4"),
            insert("accounts", "5"),
        ]
        results = dataverse.apply(writes)
        assert [result.write for result in results] == writes
        assert statuses(results) == ["written"] * 3 + ["missing"] + ["written"] * 3

    def test_large_amounts_go_in_batches_of_a_thousand_side_by_side(self, dataverse, fake):
        writes = [insert("uoms", str(number)) for number in range(1200)]
        results = dataverse.apply(writes)
        assert [result.write for result in results] == writes
        assert sorted(map(len, fake.batches)) == [200, 1000]

    def test_nothing_to_write_asks_nothing(self, dataverse, fake):
        assert dataverse.apply([]) == []
        assert fake.asked == []

    def test_a_refused_create_multiple_becomes_one_batch_where_each_stands_alone(
        self, dataverse, fake
    ):
        writes = [insert("accounts", name) for name in ("a", "bad", "c")]
        results = dataverse.apply(writes)
        assert statuses(results) == ["written", "refused", "written"]
        assert (results[1].code, results[1].message) == (
            "0x80044331",
            "A validation error occurred.",
        )
        assert fake.kinds == ["POST accounts/Microsoft.Dynamics.CRM.CreateMultiple", "POST $batch"]

    def test_repeating_inserts_makes_no_second_record(self, dataverse, fake):
        writes = [insert("accounts", name) for name in "abc"]
        dataverse.apply(writes)
        results = dataverse.apply(writes)
        assert statuses(results) == ["exists"] * 3
        assert [result.version for result in results] == [
            fake.rows["accounts"][an_id(name)]["@odata.etag"] for name in "abc"
        ]
        assert len(fake.rows["accounts"]) == 3

    def test_a_create_multiple_whose_answer_was_lost_finds_its_records(self, dataverse, fake):
        lost = iter([True])

        def commit_then_drop(asked: Asked) -> Answer | None:
            if "CreateMultiple" in asked.path and next(lost, False):
                fake._create_multiple(asked)
                return DROPPED
            return None

        fake.before = commit_then_drop
        results = dataverse.apply([insert("accounts", name) for name in "abc"])
        assert statuses(results) == ["exists"] * 3
        assert len(fake.rows["accounts"]) == 3

    def test_another_records_key_is_a_refusal_not_an_existing_record(self, dataverse, fake):
        dataverse.apply([insert("uoms", "BOX")])
        other = Write(
            kind=WriteKind.INSERT, table="uoms", id=an_id("other"), values={"name": "BOX"}
        )
        (result,) = dataverse.apply([other])
        assert (result.status, result.code) == (WriteStatus.REFUSED, "0x80040237")

    def test_a_create_multiple_that_makes_the_service_fail_is_broken_up(self, dataverse, fake):
        fake.multiple_fault = refusal(500, "0x80040216", "An unexpected error occurred")
        assert statuses(dataverse.apply([insert("accounts", name) for name in "ab"])) == [
            "written",
            "written",
        ]

    def test_an_organization_without_create_multiple_is_asked_once(self, dataverse, fake):
        fake.multiple_fault = refusal(404, "0x80060888", "Resource not found")
        dataverse.apply([insert("accounts", "a")])
        dataverse.apply([insert("accounts", "b")])
        assert sum("CreateMultiple" in kind for kind in fake.kinds) == 1
        assert len(fake.rows["accounts"]) == 2

    def test_a_guarded_update_of_a_changed_record_is_stale(self, dataverse, fake):
        dataverse.apply([insert("accounts", "a")])
        (result,) = dataverse.apply([write(WriteKind.UPDATE, "accounts", "a", 'W/"1"', x=1)])
        assert result.status is WriteStatus.STALE
        assert "x" not in fake.rows["accounts"][an_id("a")]

    def test_an_update_never_creates(self, dataverse, fake):
        (result,) = dataverse.apply([write(WriteKind.UPDATE, "accounts", "a")])
        assert result.status is WriteStatus.MISSING
        assert fake.rows["accounts"] == {}

    def test_an_update_tells_the_new_version(self, dataverse, fake):
        dataverse.apply([insert("accounts", "a")])
        (result,) = dataverse.apply([write(WriteKind.UPDATE, "accounts", "a", x=1)])
        assert result.version == fake.rows["accounts"][an_id("a")]["@odata.etag"]

    def test_a_missing_record_that_is_referred_to_is_a_refusal(self, dataverse, fake):
        other = an_id("other")
        fake.before_part = lambda part: problem(
            404, "0x80040217", f"contact With Id = {other} Does Not Exist"
        )
        results = dataverse.apply([insert("uoms", "a"), write(WriteKind.UPDATE, "uoms", "b")])
        assert statuses(results) == ["refused", "refused"]
        assert other in results[0].message

    def test_throttled_parts_alone_are_sent_again_after_the_told_time(self, dataverse, fake, clock):
        throttled = iter([True])
        fake.before_part = lambda part: (
            problem(429, "0x80072322", "slow down", Retry_After="9")
            if b'"b"' in part.body and next(throttled, False)
            else None
        )
        results = dataverse.apply([insert("uoms", name) for name in "abc"])
        assert statuses(results) == ["written"] * 3
        assert [len(batch) for batch in fake.batches] == [3, 1]
        assert clock.slept == [9]

    @pytest.mark.parametrize(("status", "said"), [(429, "throttled"), (500, "failed")])
    def test_parts_that_keep_failing_are_told_after_a_bounded_number_of_tries(
        self, dataverse, fake, status, said
    ):
        fake.before_part = lambda part: problem(status, "", "") if b'"b"' in part.body else None
        results = dataverse.apply([insert("uoms", name) for name in "abc"])
        assert statuses(results) == ["written", said, "written"]
        assert [len(batch) for batch in fake.batches] == [3, 1, 1]

    def test_parts_asked_to_wait_too_long_are_given_back_at_once(self, dataverse, fake, clock):
        fake.before_part = lambda part: problem(429, "", "", Retry_After="9999")
        assert statuses(dataverse.apply([insert("uoms", "a")])) == ["throttled"]
        assert clock.slept == []

    def test_a_failed_insert_that_had_succeeded_is_found_existing(self, dataverse, fake):
        failing = iter([True])

        def commit_then_fail(part: Any) -> Any:
            if next(failing, False):
                fake._single(part)
                return problem(500, "0x80044151", "SQL timeout")
            return None

        fake.before_part = commit_then_fail
        assert statuses(dataverse.apply([insert("uoms", "a")])) == ["exists"]

    def test_a_privilege_missing_for_every_record_stops_the_work(self, dataverse, fake):
        fake.before_part = lambda part: problem(403, "0x80040220", "missing prvCreateUoM")
        with pytest.raises(AuthorizationError, match="prvCreateUoM"):
            dataverse.apply([insert("uoms", str(number)) for number in range(10)])

    def test_a_few_records_without_privilege_are_no_verdict_on_the_table(self, dataverse, fake):
        fake.before_part = lambda part: problem(403, "0x80040220", "this owner may not")
        assert statuses(dataverse.apply([insert("uoms", name) for name in "ab"])) == [
            "refused",
            "refused",
        ]

    def test_a_create_multiple_without_privilege_for_one_record_is_broken_up(self, dataverse, fake):
        fake.multiple_fault = refusal(403, "0x80040220", "this owner may not")
        fake.before_part = lambda part: (
            problem(403, "0x80040220", "this owner may not") if b'"b"' in part.body else None
        )
        results = dataverse.apply([insert("accounts", name) for name in "abc"])
        assert statuses(results) == ["written", "refused", "written"]

    def test_a_privilege_missing_for_one_record_is_its_own_refusal(self, dataverse, fake):
        fake.before_part = lambda part: (
            problem(403, "0x80040220", "not yours") if b'"b"' in part.body else None
        )
        results = dataverse.apply([insert("uoms", name) for name in "abc"])
        assert statuses(results) == ["written", "refused", "written"]

    def test_parts_left_unanswered_are_sent_again(self, dataverse, fake):
        whole = fake._batch
        fake._batch = lambda asked: _without_last(whole(asked))
        with_restored = insert("uoms", "b")

        def restore(part: Any) -> None:
            fake._batch = whole

        fake.before_part = restore
        results = dataverse.apply([insert("uoms", "a"), with_restored])
        assert statuses(results) == ["written", "exists"]

    @pytest.mark.parametrize(
        "answer",
        [
            json_answer({}),
            Answer(200, {"Content-Type": "multipart/mixed; boundary=x"}, b"--x\r\n\r\nHTTP/1.1 2"),
        ],
    )
    def test_a_batch_answer_that_cannot_be_read_is_a_passing_fault(self, dataverse, fake, answer):
        fake.before = lambda asked: answer
        with pytest.raises(TransientError, match=r"POST /api/data/v9.2/\$batch"):
            dataverse.apply([insert("uoms", "a")])

    def test_more_answers_than_writes_cannot_be_read(self, dataverse, fake):
        whole = fake._batch
        fake._batch = lambda asked: _with_last_twice(whole(asked))
        with pytest.raises(TransientError, match="more answers than requests"):
            dataverse.apply([insert("uoms", "a")])

    def test_the_version_may_be_told_by_a_header(self, dataverse, fake):
        fake.before_part = lambda part: (204, {"ETag": 'W/"7"'}, b"")
        (result,) = dataverse.apply([insert("uoms", "a")])
        assert result.version == 'W/"7"'

    def test_a_version_that_is_not_told_is_unknown(self, dataverse, fake):
        fake.before_part = lambda part: (200, {}, b"nonsense")
        (result,) = dataverse.apply([insert("uoms", "a")])
        assert (result.status, result.version) == (WriteStatus.WRITTEN, None)

    def test_a_failed_precondition_of_an_insert_means_existence(self, dataverse, fake):
        dataverse.apply([insert("uoms", "a")])
        fake.before_part = lambda part: problem(412, "", "precondition failed")
        assert statuses(dataverse.apply([insert("uoms", "a")])) == ["exists"]

    def test_a_unique_value_that_another_record_holds_refuses_an_update(self, dataverse, fake):
        fake.before_part = lambda part: problem(412, "0x80040237", "duplicate")
        (result,) = dataverse.apply([write(WriteKind.UPDATE, "accounts", "a")])
        assert (result.status, result.code) == (WriteStatus.REFUSED, "0x80040237")

    def test_a_create_multiple_without_ids_is_not_taken_for_done(self, dataverse, fake):
        fake.multiple_fault = json_answer({})
        with pytest.raises(ConfigurationError, match="Ids"):
            dataverse.apply([insert("accounts", "a")])

    def test_a_batch_refused_as_a_whole_raises(self, dataverse, fake):
        fake.before = lambda asked: refusal(413, "0x8004418A", "too big")
        with pytest.raises(ConfigurationError, match="too big"):
            dataverse.apply([insert("uoms", "a")])

    def test_one_failing_batch_does_not_stop_the_others(
        self, new_transport: Callable[..., Transport], fake
    ):
        dataverse = Dataverse(new_transport(limits=Limits(longest_throttle_wait=1)))
        fake.before = lambda asked: (
            refusal(429, Retry_After="60") if b'"u0"' in asked.body else None
        )
        with pytest.raises(ThrottledError) as raised:
            dataverse.apply([insert("uoms", f"u{number}") for number in range(1500)])
        assert raised.value.retry_after == 1
        assert len(fake.rows["uoms"]) == 500

    def test_an_unknown_table_is_named(self, dataverse, fake):
        with pytest.raises(ConfigurationError, match="widgets"):
            dataverse.apply([insert("widgets", "a")])

    def test_traffic_counts_records_and_requests(self, dataverse, fake, transport):
        dataverse.apply([insert("accounts", name) for name in "abc"] + [insert("uoms", "u")])
        traffic = transport.traffic
        assert (traffic.requests, traffic.operations) == (2, 4)
        assert traffic.by_kind == {"POST accounts/CreateMultiple": 1, "POST $batch": 1}


def _without_last(answer: Answer) -> Answer:
    boundary = b"--batchresponse_5f0d1c6e"
    parts = answer.body.split(boundary)
    return Answer(answer.status, answer.headers, boundary.join([*parts[:-2], parts[-1]]))


def _with_last_twice(answer: Answer) -> Answer:
    boundary = b"--batchresponse_5f0d1c6e"
    parts = answer.body.split(boundary)
    return Answer(answer.status, answer.headers, boundary.join([*parts[:-1], *parts[-2:]]))


class TestMatching:
    def test_every_record_that_fits_one_of_the_sets_is_found_once(self, transport, service):
        service.script = [
            json_answer({"value": [{"accountid": "1"}, {"accountid": "2"}, {"accountid": "1"}]})
        ]
        found = Dataverse(transport).fetch_matching(
            "accounts",
            ("name", "numberofemployees", "_ownerid_value"),
            [("O'Neil ", 3, an_id("owner").upper()), ("O'Neil", 3, an_id("owner")), ("B", 4, None)],
            ["name"],
        )
        assert [row["accountid"] for row in found] == ["1", "2"]
        (asked,) = service.asked
        query = parse_qs(urlsplit(asked.path).query)
        (condition,) = query["$filter"]
        assert condition == (
            f"(name eq 'O''Neil' and numberofemployees eq 3 and _ownerid_value eq {an_id('owner')})"
            " or (name eq 'B' and numberofemployees eq 4 and _ownerid_value eq null)"
        )
        assert query["$select"] == ["name"]

    def test_many_sets_travel_in_one_batch_of_bounded_conditions(self, dataverse, fake):
        values = [(f"N{n}", f"C{n}") for n in range(900)]
        dataverse.fetch_matching("accounts", ("name", "address1_city"), values, ["name"])
        assert fake.kinds == ["POST $batch"]
        (parts,) = fake.batches
        conditions = [unquote(part.path).count(" eq ") for part in parts]
        assert sum(conditions) == 1800
        assert max(conditions) <= 400
        assert all(len(part.path) < 30_000 for part in parts)

    def test_nothing_is_asked_for_nothing(self, dataverse, fake):
        assert dataverse.fetch_matching("accounts", ("name",), [], ["name"]) == []
        assert fake.asked == []


class TestDeleting:
    def test_a_record_is_deleted_and_one_that_is_gone_is_missing(self, dataverse, fake):
        dataverse.apply([insert("accounts", "A")])
        some = [write(WriteKind.DELETE, "accounts", name) for name in ("A", "B")]
        assert statuses(dataverse.apply(some)) == ["written", "missing"]
        assert fake.rows["accounts"] == {}

    def test_a_version_guards_the_deletion(self, dataverse, fake):
        dataverse.apply([insert("accounts", "A")])
        stale = write(WriteKind.DELETE, "accounts", "A", version='W/"1"')
        assert statuses(dataverse.apply([stale])) == ["stale"]
        version = fake.rows["accounts"][an_id("A")]["@odata.etag"]
        guarded = write(WriteKind.DELETE, "accounts", "A", version=version)
        assert statuses(dataverse.apply([guarded])) == ["written"]

    def test_a_delete_whose_answer_was_lost_finds_the_record_missing(self, dataverse, fake):
        dataverse.apply([insert("accounts", "A")])
        fake.after = DROPPED
        (result,) = dataverse.apply([write(WriteKind.DELETE, "accounts", "A")])
        assert result.status is WriteStatus.MISSING
        assert fake.rows["accounts"] == {}

    def test_a_record_in_use_is_refused(self, dataverse, fake):
        dataverse.apply([insert("accounts", "A")])
        fake.before_part = lambda part: problem(405, "0x80040227", "It is associated.")
        (result,) = dataverse.apply([write(WriteKind.DELETE, "accounts", "A")])
        assert result.status is WriteStatus.REFUSED


def test_a_write_that_keeps_failing_fails_alone(dataverse, fake):
    fake.before_part = lambda part: (
        problem(500, "0x80040224", "An unexpected error.") if b"broken" in part.body else None
    )
    some = [write(WriteKind.UPSERT, "accounts", name) for name in ("A", "broken", "C")]
    results = dataverse.apply(some)
    assert statuses(results) == ["written", "failed", "written"]
    assert (results[1].code, results[1].message) == ("0x80040224", "An unexpected error.")
    assert [len(parts) for parts in fake.batches] == [3, 1, 1]
