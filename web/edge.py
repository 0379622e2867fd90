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
from collections.abc import Callable
from typing import Any, get_type_hints

import azure.functions as func

from errors import RefusedRequestError
from identity.model import Role
from web.body import BODY_LIMIT, JSON
from web.call import Call
from web.exchange import Exchange
from web.request import Delivery, Request, Route
from web.shapes import Nothing

__all__ = ["ROUTES", "Delivery", "Request", "public_route", "route", "webhook_route"]

_SERVER_ERROR = 500
_UNAVAILABLE = 503

ROUTES: dict[str, Route] = {}
"""Every route that takes a token, by its function's name; what is not in here is not served to
callers. Filled as the modules of triggers are imported."""


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
            exchange = Exchange(req)
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
    idempotent: bool = False,
    media_type: str = JSON,
    largest_body: int = BODY_LIMIT,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a trigger ``function(req: Request, ...)`` for one method and path.

    ``role`` is the least that its callers must have. ``body`` and ``query`` are the shapes that
    the trigger reads; where it reads none, the edge refuses any member. ``durable_client`` names
    the parameter that receives the Durable Functions client; such a trigger is a coroutine.
    ``idempotent``: whether it takes ``Idempotency-Key``, which is for calls that begin something;
    its answers must be short (``web.idempotency.MOST_KEPT_BYTES``). ``largest_body``: in bytes.
    ``media_type``: of the body; one that is no JSON is a text (``Request.text``), and has no shape.
    The function's name becomes the Azure Function's name. The function itself is returned
    unchanged.
    """

    def register(function: Callable[P, R]) -> Callable[P, R]:
        name = function.__name__
        ROUTES[name] = rule = Route(
            function=name,
            method=method,
            path=path,
            role=role,
            body=body,
            query=query,
            idempotent=idempotent,
            media_type=media_type,
            largest_body=largest_body,
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
            call = Call(rule, req)
            try:
                # What is around a call waits for keys and storage, and the worker has one event
                # loop.
                request = await asyncio.to_thread(call.begin)
                answer = call.replayed or await function(request, **bindings)
            except Exception as error:  # noqa: BLE001 - the edge: every failure becomes an answer
                return await asyncio.to_thread(call.fail, error)
            return await asyncio.to_thread(call.end, answer)
    else:

        def trigger(req: func.HttpRequest, **bindings: Any) -> func.HttpResponse:
            call = Call(rule, req)
            try:
                request = call.begin()
                answer = call.replayed or function(request, **bindings)
            except Exception as error:  # noqa: BLE001 - the edge: every failure becomes an answer
                return call.fail(error)
            return call.end(answer)

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
