"""``$batch`` in JSON: many requests in one, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from local.simulators.business_central.errors import NotSimulatedError, bad_request
from local.simulators.business_central.representation import JSON_TYPE
from local.simulators.business_central.store import Journal
from local.simulators.core.messages import Headers, SimRequest, SimResponse
from local.simulators.core.odata import ODataError, parse_query_string

LARGEST_BATCH = 100
_MEMBERS = {"id", "method", "url", "headers", "body"}

type Answer = Callable[[SimRequest], SimResponse]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One operation of a batch."""

    id: Any
    request: SimRequest


@dataclass(slots=True)
class _Outcome:
    responses: list[dict[str, Any]] = field(default_factory=list)
    operations: int = 0
    failed: bool = False


class _RolledBackError(Exception):
    """Leaves a transaction so that everything in it is taken back."""


def run_batch(request: SimRequest, root: str, answer: Answer, journal: Journal) -> SimResponse:
    """Answer a batch whose parts' addresses are relative to ``root``.

    Without ``Prefer: odata.continue-on-error`` the first failure ends it; what was done before
    stays, unless ``Isolation: snapshot`` makes it one transaction.
    """
    parts = _parts(request, root)
    goes_on = "odata.continue-on-error" in request.headers.get("Prefer", "")
    outcome = _Outcome()
    if request.headers.get("Isolation", "").strip().lower() == "snapshot":
        try:
            _run_as_one(parts, answer, outcome, journal, goes_on=goes_on)
        except _RolledBackError:
            outcome.operations = 0
    else:
        _run(parts, answer, outcome, goes_on=goes_on)
    return SimResponse(
        status=200,
        body={"responses": outcome.responses},
        headers={"Content-Type": JSON_TYPE, "OData-Version": "4.0"},
        operations=outcome.operations,
        kind="POST $batch",
    )


def _run(parts: list[Part], answer: Answer, outcome: _Outcome, *, goes_on: bool) -> None:
    for part in parts:
        asked = part.request
        response = asked.part_fault(asked.method, asked.path) or answer(asked)
        outcome.responses.append(_shown(part, response))
        outcome.operations += response.operations
        if response.status >= 400:
            outcome.failed = True
            if not goes_on:
                return


def _run_as_one(
    parts: list[Part], answer: Answer, outcome: _Outcome, journal: Journal, *, goes_on: bool
) -> None:
    with journal.transaction():
        _run(parts, answer, outcome, goes_on=goes_on)
        if outcome.failed:
            raise _RolledBackError


def _parts(request: SimRequest, root: str) -> list[Part]:
    try:
        envelope = request.json()
    except ValueError:
        raise bad_request("Invalid Request Body") from None
    operations = envelope.get("requests") if isinstance(envelope, dict) else None
    if not isinstance(operations, list) or not operations:
        raise bad_request("A batch needs the array 'requests'.")
    if len(operations) > LARGEST_BATCH:
        raise bad_request(
            f"The batch has {len(operations)} operations; the maximum is {LARGEST_BATCH}."
        )
    return [_part(request, root, operation) for operation in operations]


def _part(request: SimRequest, root: str, operation: Any) -> Part:
    if not isinstance(operation, dict):
        raise bad_request("An operation of a batch is an object.")
    method, url, headers = (
        operation.get("method"),
        operation.get("url"),
        operation.get("headers", {}),
    )
    if not isinstance(method, str) or not isinstance(url, str) or not isinstance(headers, dict):
        raise bad_request("An operation of a batch has a method, a url and headers.")
    unknown = operation.keys() - _MEMBERS
    if unknown:
        raise NotSimulatedError(f"{sorted(unknown)} of a batch operation")
    path, query_string = _target(request, root, url)
    if not path.startswith(f"{root}/"):
        raise bad_request(f"The address '{url}' is not below the batch's own.")
    body = operation.get("body")
    try:
        query = list(parse_query_string(query_string).items())
    except ODataError as error:
        raise bad_request(str(error)) from error
    return Part(
        id=operation.get("id"),
        request=replace(
            request,
            method=method.upper(),
            path=unquote(path),
            raw_path=path,
            query_string=query_string,
            query=query,
            headers=Headers({str(name): str(value) for name, value in headers.items()}),
            body=b"" if body is None else orjson.dumps(body),
        ),
    )


def _target(request: SimRequest, root: str, url: str) -> tuple[str, str]:
    """Path and query string of a part's address, relative or absolute."""
    if "://" in url:
        parsed = urlsplit(url)
        own = f"{parsed.scheme}://{parsed.netloc}" == request.base_url
        return (parsed.path if own else ""), parsed.query
    path, _, query_string = url.partition("?")
    return (path if path.startswith("/") else f"{root}/{path}"), query_string


def _shown(part: Part, response: SimResponse) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in response.headers.items()}
    content_type = response.content_type()
    if content_type is not None:
        headers.setdefault("content-type", content_type)
    headers.setdefault("odata-version", "4.0")
    shown: dict[str, Any] = {"id": part.id, "status": response.status, "headers": headers}
    if response.body is not None:
        shown["body"] = response.body
    return shown
