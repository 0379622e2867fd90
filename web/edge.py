"""The HTTP edge: between what the Functions host hands over and what a trigger works with.

``route`` registers a trigger on a blueprint so that it is called with a ``Request`` whose caller is
verified and has the role that the route asks for; there is no route without one. ``webhook_route``
is for the services' own calls, which carry no token: its trigger gets a ``Delivery``, nothing of
which is parsed or believed yet. Whatever a trigger raises becomes a problem answer, and every
answer carries the correlation id and the security headers.

    @route(blueprint, Role.READER, "GET", "connections/{connection_id}")
    def read_connection(req: Request) -> func.HttpResponse:
        connection = store(req.caller.tenant).load(req.path("connection_id", CONNECTION_ID))
        return answers.ok(connection.shown())
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, get_type_hints

import azure.functions as func

from errors import RefusedRequestError
from identity.model import DELEGATED_SCOPE, ROLE_CLAIMS, Caller, Role
from identity.tokens import verifier
from web.body import json_document
from web.limits import request_limit
from web.problem import Problem, problem_of
from web.shapes import Nothing, read, read_query

log = logging.getLogger(__name__)

CORRELATION_HEADER = "x-correlation-id"
_CORRELATION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_SECURITY_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_SERVER_ERROR = 500
_UNAVAILABLE = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method and path, and who may call it."""

    function: str
    """The Azure Function's name."""
    method: str
    path: str
    role: Role
    body: type = Nothing
    """The shape of the body, ``object`` where the trigger itself looks at ``Request.document``."""
    query: type = Nothing
    """The shape of the query."""


ROUTES: dict[str, Route] = {}
"""Every route that takes a token, by its function's name; what is not in here is not served to
callers. Filled as the modules of triggers are imported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request whose caller is verified and may make it."""

    caller: Caller
    correlation_id: str
    route: Route
    raw: func.HttpRequest
    document: object
    """The body as parsed JSON; an empty object where there is none."""

    def path(self, name: str, pattern: str) -> str:
        """A route parameter; one that does not match ``pattern`` wholly names nothing: 404."""
        value: str = self.raw.route_params.get(name, "")
        if not re.fullmatch(pattern, value):
            raise RefusedRequestError(404, "not-found", f"There is no such {name}.")
        return value

    def if_match(self) -> str:
        """The ETag that the caller saw: without one a change could undo another's unseen.

        Raises ``RefusedRequestError`` (428).
        """
        etag: str = self.raw.headers.get("if-match", "")
        if not etag:
            raise RefusedRequestError(
                428,
                "etag-missing",
                "A change must say which version it changes.",
                hint="Read it first, and send its ETag in the header If-Match.",
            )
        return etag

    def query[T](self, shape: type[T]) -> T:
        """The query as the dataclass that the route names; unknown or wrong parameters: 400."""
        _require_named(self.route, shape, self.route.query)
        return read_query(shape, self.raw.params)

    def body[T](self, shape: type[T]) -> T:
        """The body as the dataclass that the route names; unknown, missing or wrong members: 400.

        An empty body counts as ``{}``, so that a shape of optional members needs none.
        """
        _require_named(self.route, shape, self.route.body)
        return read(shape, self.document)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A call of a connected service: who sends it is not known yet."""

    raw: func.HttpRequest

    def path(self, name: str) -> str:
        value: str = self.raw.route_params.get(name, "")
        return value

    def query(self, name: str) -> str:
        value: str = self.raw.params.get(name, "")
        return value

    def header(self, name: str) -> str:
        value: str = self.raw.headers.get(name, "")
        return value

    def body(self) -> bytes:
        raw: bytes = self.raw.get_body()
        return raw


def webhook_route(
    blueprint: Any, path: str
) -> Callable[[Callable[[Delivery], func.HttpResponse]], Callable[[Delivery], func.HttpResponse]]:
    """Register a trigger ``function(req: Delivery)`` that verifies its caller itself, by POST.

    Whatever fails without being the caller's fault answers 503, also what elsewhere tells the
    caller to mend something: CRM repeats a call after 502, 503 and 504 only, and Business Central
    ends the subscription at any 4xx.
    """

    return _open_route(blueprint, "POST", path, status_of_failure=_UNAVAILABLE)


def public_route(
    blueprint: Any, path: str
) -> Callable[[Callable[[Delivery], func.HttpResponse]], Callable[[Delivery], func.HttpResponse]]:
    """Register a trigger ``function(req: Delivery)`` that answers everybody alike, by GET.

    It is for what is no tenant's: it gets no caller, and so no storage can be opened for one.
    """
    return _open_route(blueprint, "GET", path, status_of_failure=_SERVER_ERROR)


def _open_route(
    blueprint: Any, method: str, path: str, *, status_of_failure: int
) -> Callable[[Callable[[Delivery], func.HttpResponse]], Callable[[Delivery], func.HttpResponse]]:
    def register(
        function: Callable[[Delivery], func.HttpResponse],
    ) -> Callable[[Delivery], func.HttpResponse]:
        def trigger(req: func.HttpRequest) -> func.HttpResponse:
            exchange = _Exchange(req)
            try:
                return exchange.answered(function(Delivery(raw=req)))
            except RefusedRequestError as error:
                return exchange.failed(error)
            except Exception as error:  # noqa: BLE001 - the edge: every failure becomes an answer
                return exchange.failed(error, status=status_of_failure)

        _present_as(trigger, function)
        anonymous = func.AuthLevel.ANONYMOUS
        blueprint.route(route=path, methods=[method], auth_level=anonymous)(trigger)
        return function

    return register


def route[**P, R](
    blueprint: Any,
    role: Role,
    method: str,
    path: str,
    *,
    body: type = Nothing,
    query: type = Nothing,
    durable_client: str = "",
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a trigger ``function(req: Request, ...)`` for one method and path.

    ``role`` is the least that its callers must have. ``body`` and ``query`` are the shapes that
    the trigger reads; where it reads none, the edge refuses any member. ``durable_client`` names
    the parameter that receives the Durable Functions client; such a trigger is a coroutine. The
    function's name becomes the Azure Function's name. The function itself is returned unchanged.
    """

    def register(function: Callable[P, R]) -> Callable[P, R]:
        name = function.__name__
        ROUTES[name] = rule = Route(
            function=name, method=method, path=path, role=role, body=body, query=query
        )
        trigger: Any = admitted(rule, function)
        if durable_client:
            trigger = blueprint.durable_client_input(client_name=durable_client)(trigger)
        # Anonymous to the host, which knows function keys only: a key would be one secret for all
        # tenants. Who calls is told by the Entra ID token that ``admitted`` verifies.
        anonymous = func.AuthLevel.ANONYMOUS
        blueprint.route(route=path, methods=[method], auth_level=anonymous)(trigger)
        return function

    return register


def admitted(rule: Route, function: Callable[..., Any]) -> Callable[..., Any]:
    """The callable that the Functions worker calls: verified on the way in, never raising.

    It keeps the function's name and further parameters but takes ``req`` as a
    ``func.HttpRequest``, because the worker checks names and annotations against the bindings.
    """
    trigger: Callable[..., Any]
    if inspect.iscoroutinefunction(function):

        async def trigger(req: func.HttpRequest, **bindings: Any) -> func.HttpResponse:
            exchange = _Exchange(req)
            try:
                # Verifying may have to fetch the issuer's keys, and the worker has one event loop.
                request = await asyncio.to_thread(exchange.request, rule)
                return exchange.answered(await function(request, **bindings))
            except Exception as error:  # noqa: BLE001 - the edge: every failure becomes an answer
                return exchange.failed(error)
    else:

        def trigger(req: func.HttpRequest, **bindings: Any) -> func.HttpResponse:
            exchange = _Exchange(req)
            try:
                return exchange.answered(function(exchange.request(rule), **bindings))
            except Exception as error:  # noqa: BLE001 - the edge: every failure becomes an answer
                return exchange.failed(error)

    _present_as(trigger, function)
    return trigger


def _present_as(trigger: Any, function: Callable[..., Any]) -> None:
    """Give ``trigger`` the face of ``function``, except for what ``req`` and the answer are.

    ``functools.wraps`` would not do: the worker would follow ``__wrapped__`` to a parameter typed
    ``Request`` and refuse to load the function.
    """
    annotations = get_type_hints(function) | {
        "req": func.HttpRequest,
        "return": func.HttpResponse,
    }
    parameters = inspect.signature(function).parameters
    if next(iter(parameters), None) != "req":
        raise TypeError(f"the first parameter of {function.__name__} must be named req")
    trigger.__name__ = function.__name__
    trigger.__qualname__ = function.__qualname__
    trigger.__module__ = function.__module__
    trigger.__doc__ = function.__doc__
    trigger.__annotations__ = annotations
    trigger.__signature__ = inspect.Signature(
        [one.replace(annotation=annotations[name]) for name, one in parameters.items()],
        return_annotation=func.HttpResponse,
    )


def _require_named(rule: Route, shape: type, named: type) -> None:
    """Raises ``TypeError`` where a trigger reads what its route does not name: the description of
    the API is held against what the routes name."""
    if shape is not named:
        raise TypeError(f"the route of {rule.function} does not name {shape.__name__}")


def _require_role(caller: Caller, needed: Role) -> None:
    """Raises ``RefusedRequestError`` (403) that names the role which the caller lacks."""
    [claim] = [claim for claim, role in ROLE_CLAIMS.items() if role is needed]
    hint = f"Have your tenant's administrator assign you the app role {claim}."
    if caller.role is None:
        raise RefusedRequestError(
            403,
            "role-missing",
            "The token carries no app role of this application, or not the scope that a person's "
            f"token needs; this call is for the role {needed.value}.",
            hint=f"{hint} A person's token must also be asked for with scope {DELEGATED_SCOPE}.",
        )
    if not caller.role.covers(needed):
        raise RefusedRequestError(
            403,
            "role-insufficient",
            f"This call is for the role {needed.value}; yours is {caller.role.value}.",
            hint=hint,
        )


class _Exchange:
    """One request and its answer."""

    def __init__(self, raw: func.HttpRequest) -> None:
        self._raw = raw
        given = raw.headers.get(CORRELATION_HEADER, "")
        self._correlation_id = given if _CORRELATION_ID.fullmatch(given) else uuid.uuid4().hex

    def request(self, rule: Route) -> Request:
        """The verified request. A body that is not JSON is refused whether or not the trigger
        takes one: its sender is mistaken about something."""
        headers = self._raw.headers
        caller = verifier().caller(headers.get("authorization"))
        request_limit().admit(caller.tenant)
        _require_role(caller, rule.role)
        document = json_document(self._raw.get_body(), headers.get("content-type", ""))
        if rule.body is Nothing:
            read(Nothing, document)
        if rule.query is Nothing:
            read_query(Nothing, self._raw.params)
        return Request(
            caller=caller,
            correlation_id=self._correlation_id,
            route=rule,
            raw=self._raw,
            document=document,
        )

    def answered(self, response: func.HttpResponse) -> func.HttpResponse:
        for name, value in _SECURITY_HEADERS.items():
            response.headers[name] = value
        response.headers[CORRELATION_HEADER] = self._correlation_id
        return response

    def failed(self, error: Exception, *, status: int | None = None) -> func.HttpResponse:
        """The answer to a failure, under its own status unless another one is given."""
        problem = problem_of(error)
        self._log(problem, error)
        if status is not None:
            problem = replace(problem, status=status)
        return self.answered(
            func.HttpResponse(
                json.dumps(problem.document(self._correlation_id), ensure_ascii=False),
                status_code=problem.status,
                mimetype="application/problem+json",
                headers=problem.headers,
            )
        )

    def _log(self, problem: Problem, error: Exception) -> None:
        # A refused request's words are the caller's own and stay out of the log.
        told = (problem.status, problem.code, self._correlation_id)
        if problem.status == _SERVER_ERROR:
            log.error("request failed: %s %s correlation_id=%s", *told, exc_info=error)
        elif isinstance(error, RefusedRequestError):
            log.info("request refused: %s %s correlation_id=%s", *told)
        else:
            log.warning("request not served: %s %s correlation_id=%s: %s", *told, error)
