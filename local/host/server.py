"""The host's HTTP side: its own status, the Durable HTTP API, and the app's functions."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from local.host.errors import HostError

BODY_LIMIT_SETTING = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"
_BODY_LIMIT = 100 * 1024 * 1024
_DURABLE_PATHS = ("/runtime/webhooks/durabletask/", "/durabletask/")
_STATUS_PATH = "/admin/host/status"
_RUN_PATH = "/admin/functions/"

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
type RunNow = Callable[[], Awaitable[None]]


class HttpServer:
    """Listens on one port of 127.0.0.1."""

    def __init__(self, port: int) -> None:
        """Take the port; raises HostError if it is in use."""
        self._port = port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("127.0.0.1", port))
        except OSError as error:
            self._socket.close()
            raise self._taken(error) from error
        self._runner: web.AppRunner | None = None
        self._functions: Handler = _not_found
        self._durable: Handler = _not_found
        self._timers: Mapping[str, RunNow] = {}
        self._started: set[asyncio.Future[None]] = set()
        self._stopping = False

    async def start(
        self, *, functions: Handler, durable: Handler | None, timers: Mapping[str, RunNow]
    ) -> None:
        """Begin to answer; raises HostError if someone else listens on the port by now.

        `timers` runs the app's timer functions, by their names in lower case.
        """
        self._functions = functions
        self._timers = timers
        self._durable = durable or _not_found
        app = web.Application(client_max_size=_body_limit())
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            await web.SockSite(self._runner, self._socket).start()
        except OSError as error:  # Linux lets two bind one port, but only one listen
            raise self._taken(error) from error

    def refuse_new_calls(self) -> None:
        """From now on answer calls of functions with 503; what is running goes on."""
        self._stopping = True

    async def close(self) -> None:
        """Stop listening and close all connections."""
        if self._runner is not None:
            await self._runner.cleanup()
        self._socket.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if path.rstrip("/").lower() == _STATUS_PATH:
            return web.json_response({"state": "Stopping" if self._stopping else "Running"})
        if (request.content_length or 0) > request.client_max_size:
            return web.Response(status=413)
        if path.startswith(_DURABLE_PATHS):
            return await self._durable(request)  # running functions may still need it
        if self._stopping:
            return web.Response(status=503, headers={"Retry-After": "1"})
        if path.lower().startswith(_RUN_PATH):
            return self._run_now(request, path.lower().removeprefix(_RUN_PATH))
        return await self._functions(request)

    def _run_now(self, request: web.Request, name: str) -> web.Response:
        """Start a timer function; the answer does not wait for its end."""
        run = self._timers.get(name)
        if run is None or request.method != "POST":
            return web.Response(status=404)
        started = asyncio.ensure_future(run())
        self._started.add(started)
        started.add_done_callback(self._forget)
        return web.Response(status=202)

    def _forget(self, run: asyncio.Future[None]) -> None:
        self._started.discard(run)
        if not run.cancelled():
            run.exception()  # told by the log already

    def _taken(self, error: OSError) -> HostError:
        return HostError(
            f"cannot listen on 127.0.0.1:{self._port}: {error.strerror}; choose another --port"
        )


async def _not_found(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=404)


def _body_limit() -> int:
    """The largest request body in bytes; the setting is the real host's."""
    text = os.environ.get(BODY_LIMIT_SETTING)
    if text is None:
        return _BODY_LIMIT
    if not text.isdigit():
        raise HostError(f"the app setting {BODY_LIMIT_SETTING} is {text!r}: use a number of bytes")
    return int(text)
