"""Calling a registered function the way the worker does."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from typing import Any

import azure.functions as func

from tests.unit.identity import issuer
from tests.unit.registered import http_functions

_DURABLE_CLIENT = json.dumps(
    {
        "taskHubName": "CouplerHub",
        "creationUrls": {},
        "managementUrls": {"id": "INSTANCEID"},
        "baseUrl": "http://127.0.0.1:9",
        "requiredQueryStringParameters": "",
        "rpcBaseUrl": "http://127.0.0.1:9/durabletask/",
    }
)


def call(
    name: str,
    *,
    authorization: str | None = None,
    body: Any = b"",
    path: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> func.HttpResponse:
    """The answer of the function of that name to one request."""
    [function] = [one for one in http_functions() if one.get_function_name() == name]
    sent = {"content-type": "application/json", **(headers or {})}
    if authorization is not None:
        sent["authorization"] = authorization
    request = func.HttpRequest(
        method=methods(function)[0],
        url=f"http://127.0.0.1:7071/api/{function.get_trigger().route}",
        headers=sent,
        params=query or {},
        route_params=path or {},
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
    )
    handler = function.get_user_function()
    others = [
        parameter for parameter in inspect.signature(handler).parameters if parameter != "req"
    ]
    answer = handler(req=request, **dict.fromkeys(others, _DURABLE_CLIENT))
    return asyncio.run(answer) if inspect.iscoroutine(answer) else answer


def as_caller(name: str, **arguments: Any) -> func.HttpResponse:
    """``call`` with a good token of ``issuer.TENANT``."""
    return call(name, authorization=issuer.bearer(), **arguments)


def document(answer: func.HttpResponse) -> Any:
    return json.loads(answer.get_body())


def names() -> list[str]:
    return [str(function.get_function_name()) for function in http_functions()]


def methods(function: Any) -> list[str]:
    return [str(method) for method in function.get_trigger().methods]


def path_parameters(name: str) -> list[str]:
    """The parameters of a function's route."""
    [function] = [one for one in http_functions() if one.get_function_name() == name]
    return re.findall(r"\{(\w+)[^}]*\}", function.get_trigger().route)
