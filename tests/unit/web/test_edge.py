from __future__ import annotations

import inspect
import json
import logging
import typing
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest

from errors import RefusedRequestError, TransientError
from identity.model import Role
from tests.unit.web.callers import document, request
from web import answers
from web.edge import Request, admitted, route
from web.request import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    name: str = "nobody"


ANY_CALLER = Route(function="read", method="GET", path="things", role=Role.READER)


def authenticated(
    function: Callable[..., Any], role: Role = Role.READER, **reads: Any
) -> Callable[..., Any]:
    return admitted(replace(ANY_CALLER, role=role, **reads), function)


def test_a_trigger_learns_the_verified_caller():
    answer = authenticated(lambda req: answers.ok({"tenant": req.caller.tenant}))(request())
    assert (answer.status_code, document(answer)) == (200, {"tenant": "t"})


def test_a_trigger_is_not_called_without_a_good_token():
    calls = []
    answer = authenticated(lambda req: calls.append(req))(request(authorization="Bearer bad"))
    assert (answer.status_code, calls) == (401, [])
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.mimetype == "application/problem+json"


async def test_a_coroutine_is_awaited_and_guarded_alike():
    async def greet(req: Request, client: str) -> func.HttpResponse:
        return answers.ok({"client": client, "name": req.body(Named).name})

    trigger = authenticated(greet, body=Named)
    assert inspect.iscoroutinefunction(trigger)
    good = await trigger(request(b'{"name": "x"}'), client="c")
    assert document(good) == {"client": "c", "name": "x"}
    assert (await trigger(request(authorization=""), client="c")).status_code == 401
    assert (await trigger(request(b"{"), client="c")).status_code == 400


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("0f8fad5b-d9cb-469f-a165-70867728950e", True),
        ("abcdefgh", True),
        ("short", False),
        ("a" * 65, False),
        ("has blanks inside", False),
        ("forged\r\nset-cookie: x=1", False),
        ("", False),
    ],
)
def test_a_well_formed_correlation_id_is_kept_and_another_replaced(given, kept):
    answer = authenticated(lambda req: answers.ok({"id": req.correlation_id}))(
        request(x_correlation_id=given)
    )
    told = answer.headers["x-correlation-id"]
    assert (told == given) is kept
    assert document(answer) == {"id": told}
    assert len(told) >= 8


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, "malformed-json"),
        (b"[]", {}, 400, "invalid-body"),
        (b'{"name": 1}', {}, 400, "invalid-body"),
        (b'{"nmae": "x"}', {}, 400, "invalid-body"),
        (b"{}", {"content_type": "text/plain"}, 415, "unsupported-content-type"),
        (b"x" * 70_000, {}, 413, "body-too-large"),
    ],
)
def test_a_bad_body_is_a_problem_with_a_correlation_id(body, headers, status, code):
    trigger = authenticated(lambda req: answers.ok({"name": req.body(Named).name}), body=Named)
    answer = trigger(request(body, **headers))
    assert answer.status_code == status
    told = document(answer)
    assert (told["code"], told["status"]) == (code, status)
    assert told["correlationId"] == answer.headers["x-correlation-id"]


def test_a_trigger_that_takes_no_body_still_refuses_one_that_is_not_json():
    calls = []
    answer = authenticated(lambda req: calls.append(req))(request(b"{"))
    assert (answer.status_code, calls) == (400, [])


@pytest.mark.parametrize(
    ("body", "query", "code"),
    [(b'{"name": "x"}', {}, "invalid-body"), (b"", {"name": "x"}, "invalid-query")],
)
def test_a_trigger_that_reads_nothing_is_given_nothing(body, query, code):
    calls = []
    answer = authenticated(lambda req: calls.append(req))(request(body, query=query))
    assert (answer.status_code, document(answer)["code"], calls) == (400, code, [])


def test_a_trigger_takes_a_text_where_its_route_says_so():
    trigger = authenticated(lambda req: answers.ok({"text": req.text()}), media_type="text/csv")
    answer = trigger(request("é;1".encode(), content_type="text/csv"))
    assert (answer.status_code, document(answer)) == (200, {"text": "é;1"})


def test_a_trigger_that_takes_a_text_refuses_json():
    calls = []
    trigger = authenticated(lambda req: calls.append(req), media_type="text/csv")
    answer = trigger(request(b"{}"))
    assert (answer.status_code, document(answer)["code"]) == (415, "unsupported-content-type")
    assert calls == []


def test_a_trigger_whose_route_takes_json_gets_no_text(caplog):
    assert authenticated(lambda req: answers.ok({"text": req.text()}))(request()).status_code == 500
    assert "takes no text" in caplog.text


def test_a_trigger_reads_only_what_its_route_names(caplog):
    trigger = authenticated(lambda req: answers.ok({"name": req.body(Named).name}))
    assert trigger(request(b"{}")).status_code == 500
    assert "does not name Named" in caplog.text


def test_a_body_may_be_left_out_where_all_members_are_optional():
    trigger = authenticated(lambda req: answers.ok({"name": req.body(Named).name}), body=Named)
    assert document(trigger(request(content_type=""))) == {"name": "nobody"}


@pytest.mark.parametrize(("value", "status"), [("abc", 200), ("ABC", 404), ("abc\n", 404)])
def test_a_path_that_names_nothing_is_not_found(value, status):
    trigger = authenticated(lambda req: answers.ok({"id": req.path("id", "[a-z]+")}))
    assert trigger(request(path={"id": value})).status_code == status


def test_a_query_is_read_or_refused():
    trigger = authenticated(lambda req: answers.ok({"name": req.query(Named).name}), query=Named)
    assert document(trigger(request(query={"name": "x"}))) == {"name": "x"}
    assert document(trigger(request(query={"nmae": "x"})))["code"] == "invalid-query"


def test_every_answer_has_the_security_headers():
    good = authenticated(lambda req: answers.ok({}))(request())
    bad = authenticated(lambda req: answers.ok({}))(request(authorization=""))
    for answer in (good, bad):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def failing(error: Exception) -> Any:
    def fail(req: Request) -> func.HttpResponse:
        raise error

    return authenticated(fail)


def test_an_unexpected_failure_is_logged_under_its_correlation_id_and_not_told(caplog):
    answer = failing(RuntimeError("connection string s3cret"))(request())
    assert answer.status_code == 500
    assert b"s3cret" not in answer.get_body()
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert answer.headers["x-correlation-id"] in record.getMessage()
    assert record.exc_info


def test_a_callers_words_stay_out_of_the_log(caplog):
    caplog.set_level(logging.DEBUG)
    failing(RefusedRequestError(400, "a-code", "forged\nline"))(request())
    assert "a-code" in caplog.text
    assert "forged" not in caplog.text


def test_a_passing_fault_is_a_503_with_retry_after():
    answer = failing(TransientError("storage-busy", "Storage is busy."))(request())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_the_worker_sees_a_trigger_of_the_functions_name_and_bindings():
    async def start(req: Request, client: df.DurableOrchestrationClient) -> func.HttpResponse:
        """Starts."""
        return answers.ok({})

    trigger = authenticated(start)
    assert (trigger.__name__, trigger.__doc__) == ("start", "Starts.")
    assert list(inspect.signature(trigger).parameters) == ["req", "client"]
    assert typing.get_type_hints(trigger)["req"] is func.HttpRequest


def test_a_trigger_must_take_the_request_first():
    def wrong(request: Request) -> func.HttpResponse:
        return answers.ok({})

    with pytest.raises(TypeError, match="req"):
        authenticated(wrong)


def test_a_route_is_registered_for_one_method_and_the_function_left_as_it_was():
    blueprint = func.Blueprint()

    def read(req: Request) -> func.HttpResponse:
        return answers.ok({})

    assert route(blueprint, Role.READER, "GET", "things/{id}")(read) is read
    app = func.FunctionApp()
    app.register_functions(blueprint)
    [function] = app.get_functions()
    assert function.get_function_name() == "read"
    trigger = function.get_trigger().get_dict_repr()
    assert (trigger["route"], [str(method) for method in trigger["methods"]]) == (
        "things/{id}",
        ["GET"],
    )
    assert function.get_user_function()(request(authorization="")).status_code == 401


async def test_a_durable_route_receives_the_client():
    blueprint = df.Blueprint()

    async def start(req: Request, client: df.DurableOrchestrationClient) -> func.HttpResponse:
        return answers.accepted("/api/x", {"client": type(client).__name__})

    route(blueprint, Role.OPERATOR, "POST", "things/start", durable_client="client")(start)
    app = df.DFApp()
    app.register_functions(blueprint)
    [function] = app.get_functions()
    bindings = {one["type"]: one for one in map(json.loads, function.get_raw_bindings())}
    assert bindings["durableClient"]["name"] == "client"
    starter = {
        "taskHubName": "Hub",
        "creationUrls": {},
        "managementUrls": {"id": "INSTANCEID"},
        "baseUrl": "http://127.0.0.1",
        "requiredQueryStringParameters": "",
        "rpcBaseUrl": "http://127.0.0.1/durabletask/",
    }
    handler = function.get_user_function()
    answer = await handler(req=request(), client=json.dumps(starter))
    assert document(answer) == {"client": "DurableOrchestrationClient"}
    refused = await handler(req=request(authorization=""), client=json.dumps(starter))
    assert refused.status_code == 401
