"""HTTP-triggered functions: from an HTTP request to a function and back."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from aiohttp import web

from local.host.invoker import Invoker
from local.host.routes import Route, most_specific, parse_route
from local.host.rpc import RpcHttp, SameSite
from local.host.worker import Function, FunctionError, typed

_log = logging.getLogger("host")

# The server computes these itself.
_OWN_HEADERS = {"content-length", "transfer-encoding", "connection"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoint:
    function: Function
    methods: frozenset[str]
    """Upper case; empty means all."""


class HttpFunctions:
    """All HTTP-triggered functions of the app behind their routes."""

    def __init__(self, functions: Iterable[Function], *, route_prefix: str, invoker: Invoker):
        """Raises HostError if a route template cannot be read."""
        self._invoker = invoker
        self._warned: set[tuple[str, str]] = set()
        self._endpoints = [
            (parse_route(f"{route_prefix}/{f.trigger.get('route') or f.name}"), _endpoint(f))
            for f in sorted(functions, key=lambda function: function.name.lower())
            if f.kind == "httpTrigger"
        ]

    def describe(self) -> list[str]:
        """One line for each function: its name, methods and route."""
        return [
            f"{endpoint.function.name}: [{','.join(sorted(endpoint.methods)) or 'any'}] "
            f"/{route.template}"
            for route, endpoint in self._endpoints
        ]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request.

        No fitting route, or only for other methods, is 404; a function that raises is 500 without
        a body, as on the real host.
        """
        found = self._find(request)
        if found is None:
            return web.Response(status=404)
        function, parameters = found
        http = RpcHttp(
            method=request.method,
            url=str(request.url),
            headers=_joined(request.headers.items(), lower=True),
            query={name: value for name, value in _joined(request.query.items()).items() if value},
            params=parameters,
            body=typed(bytes=await request.read()),
        )
        reason = f"{request.method} {request.rel_url.raw_path}"
        try:
            invocation = await self._invoker.run(function, typed(http=http), reason=reason)
        except FunctionError:
            return web.Response(status=500)
        return _response(invocation.return_value)

    def _find(self, request: web.Request) -> tuple[Function, dict[str, str]] | None:
        path = request.rel_url.raw_path
        fitting = [
            (route, (endpoint, parameters))
            for route, endpoint in self._endpoints
            if not endpoint.methods or request.method in endpoint.methods
            if (parameters := route.match(path)) is not None
        ]
        best = most_specific(fitting)
        if best is None:
            return None
        endpoint, parameters = best[1]
        self._warn_of_order(best[0], fitting[0][0])
        return endpoint.function, parameters

    def _warn_of_order(self, chosen: Route, first: Route) -> None:
        """The real host takes the first fitting function by name (azure-functions-host #9876)."""
        pair = (chosen.template, first.template)
        if chosen is not first and pair not in self._warned:
            self._warned.add(pair)
            _log.warning(
                "/%s is ambiguous: the real host would take /%s, whose function comes first by "
                "name; tell the routes apart by a constraint or rename a function",
                *pair,
            )


def _endpoint(function: Function) -> _Endpoint:
    methods = function.trigger.get("methods") or ()
    return _Endpoint(function=function, methods=frozenset(str(m).upper() for m in methods))


def _joined(items: Iterable[tuple[str, str]], *, lower: bool = False) -> dict[str, str]:
    """Several values of one name become one, with commas, as ASP.NET hands them on."""
    joined: dict[str, str] = {}
    for name, value in items:
        key = name.lower() if lower else name
        joined[key] = f"{joined[key]},{value}" if key in joined else value
    return joined


def _response(value: Any) -> web.Response:
    if value is None:
        return web.Response(status=204)
    if value.kind != "http":
        return web.Response(text=str(value.content))
    http = value.http
    response = web.Response(
        status=int(http.status_code),
        headers={n: v for n, v in http.headers.items() if n.lower() not in _OWN_HEADERS},
        body=http.body.content,
    )
    for cookie in http.cookies or ():
        _set_cookie(response, cookie)
    return response


def _set_cookie(response: web.Response, cookie: Any) -> None:
    same_site = {SameSite.Lax: "Lax", SameSite.Strict: "Strict", SameSite.ExplicitNone: "None"}
    max_age, expires = _nullable(cookie.max_age), _nullable(cookie.expires)
    response.set_cookie(
        cookie.name,
        cookie.value,
        domain=_nullable(cookie.domain),
        path=_nullable(cookie.path) or "/",
        max_age=None if max_age is None else int(max_age),
        expires=None if expires is None else formatdate(expires.seconds, usegmt=True),
        secure=_nullable(cookie.secure),
        httponly=_nullable(cookie.http_only),
        samesite=same_site.get(cookie.same_site),
    )


def _nullable(message: Any) -> Any:
    return None if message is None else message.value
