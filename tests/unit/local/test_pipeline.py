"""The core around a simulator, without sockets: admin API, faults, counting, defects."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from local.simulators.core.messages import Headers, SimRequest, SimResponse
from local.simulators.core.pipeline import Pipeline
from local.simulators.core.simulator import SeedError


class Shelf:
    """One set of rows; POST adds one, ``/broken`` shows a defect."""

    name = "shelf"

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.options: dict[str, str] = {}

    async def handle(self, request: SimRequest) -> SimResponse:
        if request.path == "/broken":
            raise RuntimeError("a bug")
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
