"""The host's HTTP side: its own status, the Durable HTTP API, and the app's functions."""

import os
import socket
from collections.abc import Awaitable, Callable

from aiohttp import web

from local.host.errors import HostError

BODY_LIMIT_SETTING = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"
_BODY_LIMIT = 100 * 1024 * 1024
_DURABLE_PATHS = ("/runtime/webhooks/durabletask/", "/durabletask/")
_STATUS_PATH = "/admin/host/status"

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


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
        self._stopping = False

    async def start(self, *, functions: Handler, durable: Handler | None) -> None:
        """Begin to answer; raises HostError if someone else listens on the port by now."""
        self._functions = functions
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
        return await self._functions(request)

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
