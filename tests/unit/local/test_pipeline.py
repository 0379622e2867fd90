"""The core around a simulator, without sockets: admin API, faults, counting, defects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from local.simulators.core.clock import ShiftedClock
from local.simulators.core.deliveries import Deliveries
from local.simulators.core.messages import Headers, SimRequest, SimResponse
from local.simulators.core.pipeline import Pipeline
from local.simulators.core.simulator import SeedError

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
FIRST_PAGE = {"value": [1, 2], "@odata.nextLink": "https://shelf/pages?$skiptoken=%3C2%3E"}


class Shelf:
    """One set of rows; POST adds one, ``/broken`` shows a defect, ``/pages`` has two pages."""

    name = "shelf"

    def __init__(self) -> None:
        self.deliveries = Deliveries()
        self.time_of_day = ShiftedClock(lambda: NOON)
        self.labels: list[Any] = []
        self.rows: list[dict[str, Any]] = []
        self.options: dict[str, str] = {}

    async def handle(self, request: SimRequest) -> SimResponse:
        if request.path == "/broken":
            raise RuntimeError("a bug")
        if request.path == "/pages" and request.query_string:
            return SimResponse(status=200, body={"value": [3]})
        if request.path == "/pages":
            return SimResponse(status=200, body=FIRST_PAGE)
        if request.path == "/batch":
            struck = request.part_fault("POST", "/rows")
            return struck or SimResponse(status=200, body={"value": [1]})
        if request.path == "/busy":
            return SimResponse(status=429, operations=0)
        if request.method == "POST":
            self.rows.append(request.json())
        return SimResponse(status=200, body=self.rows, operations=2, kind="GET rows")

    def audiences(self, request: SimRequest) -> tuple[str, ...]:
        return ()

    def unauthorized(self, request: SimRequest, reason: str) -> SimResponse:
        return SimResponse(status=401)

    def seed(self, data, options):
        if "rows" not in data:
            raise SeedError("there is no such set")
        self.options = dict(options)
        self.rows += data["rows"]
        return {"rows": len(data["rows"])}

    def dump(self, entity_set):
        if entity_set != "rows":
            raise KeyError(entity_set)
        return self.rows

    @property
    def commands(self):
        return {"label": self.label, "day": lambda _, options: {"day": options["of"]}}

    def label(self, value: Any, _options: Mapping[str, str]) -> None:
        if not isinstance(value, str):
            raise SeedError("a label is a text")
        self.labels.append(value)

    def reset(self):
        self.rows.clear()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def pipeline(shelf: Shelf) -> Pipeline:
    return Pipeline(shelf, None)


async def send(pipeline: Pipeline, method: str, path: str, body: Any = None, **more: Any) -> Any:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    answer = await pipeline.answer(SimRequest(method=method, path=path, body=raw, **more))
    assert answer is not None, "the connection was to be closed"
    return answer


async def counters(pipeline: Pipeline) -> dict[str, Any]:
    body: dict[str, Any] = (await send(pipeline, "GET", "/_sim/requests")).body
    return body


async def test_health_says_ready(pipeline):
    assert (await send(pipeline, "GET", "/_sim/health")).body == {"status": "ready"}


async def test_requests_are_counted_by_kind_with_operations_and_refusals(pipeline):
    for path in ("/rows", "/rows", "/busy"):
        await send(pipeline, "GET", path)
    assert await counters(pipeline) == {
        "requests": 3,
        "operations": 4,
        "throttled": 1,
        "by_kind": {"GET": 1, "GET rows": 2},
    }


async def test_the_admin_api_is_not_counted_and_zeroes_the_counters(pipeline):
    await send(pipeline, "GET", "/rows")
    await send(pipeline, "GET", "/_sim/health")
    assert (await counters(pipeline))["requests"] == 1
    await send(pipeline, "DELETE", "/_sim/requests")
    assert (await counters(pipeline))["requests"] == 0


async def test_seed_dump_and_reset_reach_the_simulator(pipeline, shelf):
    answer = await send(pipeline, "POST", "/_sim/seed", {"rows": [{"a": 1}]})
    assert (answer.status, answer.body) == (200, {"seeded": {"rows": 1}})
    assert (await send(pipeline, "GET", "/_sim/dump/rows")).body == [{"a": 1}]
    await send(pipeline, "POST", "/_sim/reset")
    assert shelf.rows == []


@pytest.mark.parametrize(
    "more",
    [{"query": [("company", "CRONUS")]}, {"headers": Headers({"Company": "CRONUS"})}],
)
async def test_the_company_to_seed_is_named_by_query_or_header(pipeline, shelf, more):
    await send(pipeline, "POST", "/_sim/seed", {"rows": []}, **more)
    assert shelf.options == {"company": "CRONUS"}


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"rows": {}}', b'{"rows": [1]}', b'{"x": []}'])
async def test_a_malformed_seed_is_refused(pipeline, shelf, body):
    assert (await send(pipeline, "POST", "/_sim/seed", body)).status == 400
    assert shelf.rows == []


async def test_unknown_sets_and_admin_paths_are_not_found(pipeline):
    assert (await send(pipeline, "GET", "/_sim/dump/nothing")).status == 404
    assert (await send(pipeline, "GET", "/_sim/nothing")).status == 404
    assert (await send(pipeline, "PUT", "/_sim/seed")).status == 404


async def fault(pipeline: Pipeline, description: dict[str, Any]) -> None:
    assert (await send(pipeline, "POST", "/_sim/faults", description)).status == 200


async def test_a_status_fault_is_answered_without_processing(pipeline, shelf):
    await fault(pipeline, {"action": "status", "status": 503})
    assert (await send(pipeline, "POST", "/rows", {})).status == 503
    assert shelf.rows == []
    assert (await counters(pipeline))["requests"] == 1


async def test_a_drop_closes_the_connection_without_processing(pipeline, shelf):
    await fault(pipeline, {"action": "drop"})
    assert await pipeline.answer(SimRequest(method="POST", path="/rows", body=b"{}")) is None
    assert shelf.rows == []
    assert (await counters(pipeline))["requests"] == 1


async def test_commit_then_drop_processes_before_it_closes_the_connection(pipeline, shelf):
    await fault(pipeline, {"action": "commit-then-drop"})
    assert await pipeline.answer(SimRequest(method="POST", path="/rows", body=b"{}")) is None
    assert shelf.rows == [{}]


async def test_a_timeout_holds_the_request_and_never_processes_it(pipeline, shelf):
    await fault(pipeline, {"action": "timeout", "seconds": 0})
    assert await pipeline.answer(SimRequest(method="POST", path="/rows", body=b"{}")) is None
    assert shelf.rows == []
    assert (await counters(pipeline))["requests"] == 1


async def test_commit_then_timeout_processes_and_never_answers(pipeline, shelf):
    await fault(pipeline, {"action": "commit-then-timeout", "seconds": 0})
    assert await pipeline.answer(SimRequest(method="POST", path="/rows", body=b"{}")) is None
    assert shelf.rows == [{}]


async def test_unauthorized_is_answered_in_the_services_own_words(pipeline, shelf):
    await fault(pipeline, {"action": "unauthorized"})
    assert (await send(pipeline, "POST", "/rows", {})).status == 401
    assert shelf.rows == []


async def test_a_fault_of_parts_reaches_the_part_and_not_the_batch(pipeline):
    await fault(pipeline, {"action": "status", "status": 409, "part": True})
    assert (await send(pipeline, "POST", "/batch")).status == 409
    assert (await send(pipeline, "POST", "/batch")).status == 200


async def pages(pipeline: Pipeline, query: str = "$skiptoken=%3C2%3E") -> list[Any]:
    """The records of the first page, and of the next."""
    await send(pipeline, "GET", "/pages", raw_path="/pages")
    following = await send(pipeline, "GET", "/pages", raw_path="/pages", query_string=query)
    found: list[Any] = orjson.loads(following.payload())["value"]
    return found


@pytest.mark.parametrize("query", ["$skiptoken=%3C2%3E", "%24skiptoken=%3c2%3E"])
async def test_a_drifting_page_begins_with_the_former_pages_last_record(pipeline, query):
    await fault(pipeline, {"action": "page-drift"})
    assert await pages(pipeline, query) == [2, 3]
    assert await pages(pipeline, query) == [3]


async def test_only_next_pages_use_a_page_drift_up(pipeline):
    await fault(pipeline, {"action": "page-drift"})
    for path in ("/rows", "/pages", "/batch"):
        await send(pipeline, "GET", path, raw_path=path)
    assert await pages(pipeline) == [2, 3]


async def test_the_clock_is_shifted_stepped_and_told(pipeline, shelf):
    async def put(**values: Any) -> Any:
        return (await send(pipeline, "PUT", "/_sim/clock", values)).body

    assert await put(skew_seconds=60) == {
        "skew_seconds": 60.0,
        "now": "2026-07-01T12:01:00+00:00",
    }
    assert (await put(step_seconds=-90.5))["skew_seconds"] == -30.5
    assert (await put(skew_seconds=5, step_seconds=1))["skew_seconds"] == 6
    assert (
        (await send(pipeline, "GET", "/_sim/clock")).body["now"].startswith("2026-07-01T12:00:06")
    )
    assert (shelf.time_of_day() - NOON).total_seconds() == 6


@pytest.mark.parametrize("values", [[], {"skew": 1}, {"skew_seconds": "1"}, {"step_seconds": True}])
async def test_a_malformed_shift_is_refused_and_shifts_nothing(pipeline, shelf, values):
    assert (await send(pipeline, "PUT", "/_sim/clock", values)).status == 400
    assert shelf.time_of_day() == NOON


async def test_faults_of_deliveries_are_planned_shown_and_cleared(pipeline, shelf):
    planned = await send(pipeline, "POST", "/_sim/deliveries", {"action": "drop", "times": 3})
    assert planned.body["faults"][0]["times"] == 3
    assert (await send(pipeline, "GET", "/_sim/deliveries")).body == planned.body
    assert (await send(pipeline, "DELETE", "/_sim/deliveries")).status == 204
    assert (await send(pipeline, "GET", "/_sim/deliveries")).body["faults"] == []
    assert (await send(pipeline, "POST", "/_sim/deliveries", {"action": "x"})).status == 400


async def test_commands_of_the_simulator_are_run_and_refused_in_its_words(pipeline, shelf):
    assert (await send(pipeline, "POST", "/_sim/label", "new")).status == 204
    assert shelf.labels == ["new"]
    asked = await send(pipeline, "POST", "/_sim/day", query=[("of", "noon")])
    assert asked.body == {"day": "noon"}
    refused = await send(pipeline, "POST", "/_sim/label", 7)
    assert (refused.status, refused.body) == (400, {"error": "a label is a text"})
    assert (await send(pipeline, "POST", "/_sim/label", b"{")).status == 400


async def test_a_slow_request_is_processed(pipeline):
    await fault(pipeline, {"action": "slow", "seconds": 0})
    assert (await send(pipeline, "GET", "/rows")).status == 200


async def test_wrong_json_claims_success(pipeline):
    await fault(pipeline, {"action": "wrong-json"})
    answer = await send(pipeline, "GET", "/rows")
    assert answer.status == 200
    with pytest.raises(ValueError):
        orjson.loads(answer.payload())


async def test_faults_are_listed_and_cleared(pipeline):
    await fault(pipeline, {"action": "drop", "times": 5})
    assert (await send(pipeline, "GET", "/_sim/faults")).body[0]["times"] == 5
    await send(pipeline, "DELETE", "/_sim/faults")
    assert (await send(pipeline, "GET", "/_sim/faults")).body == []


async def test_a_malformed_fault_is_refused(pipeline):
    assert (await send(pipeline, "POST", "/_sim/faults", {"action": "x"})).status == 400
    assert (await send(pipeline, "POST", "/_sim/faults", b"{")).status == 400


async def test_a_defect_of_the_simulator_is_answered_by_name_and_logged(pipeline, caplog):
    answer = await send(pipeline, "GET", "/broken")
    assert answer.status == 500
    assert "RuntimeError: a bug" in answer.body["error"]["message"]
    assert "shelf failed on GET /broken" in caplog.text
