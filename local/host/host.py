"""The function host: loads one app and serves its triggers until told to stop."""

import asyncio
import logging
import os
import re
import socket
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web
from azure.core.exceptions import AzureError
from azure.data.tables.aio import TableServiceClient

from local.host.configuration import (
    HostConfiguration,
    load_local_settings,
    read_host_json,
    resolve,
    storage_connection,
)
from local.host.errors import HostError
from local.host.http_trigger import HttpFunctions
from local.host.invoker import Invoker
from local.host.queue_trigger import QueueListener
from local.host.storage import Queues
from local.host.timer_trigger import Timer, TimerMonitor
from local.host.worker import Function, FunctionError, Worker

_log = logging.getLogger("host")

BODY_LIMIT_SETTING = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"
_BODY_LIMIT = 100 * 1024 * 1024
_DURABLE_PATHS = ("/runtime/webhooks/durabletask/", "/durabletask/")
_DURABLE_TRIGGERS = {"orchestrationTrigger", "activityTrigger", "entityTrigger"}
_SUPPORTED = {"httpTrigger", "queueTrigger", "timerTrigger"} | _DURABLE_TRIGGERS
_SUPPORTED_BINDINGS = _SUPPORTED | {"http", "queue", "durableClient"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """How the host is started."""

    app_directory: Path
    port: int
    azurite_port: int
    """Azurite's blob port; queues and tables are on the next two."""
    queue_visibility_seconds: int
    """How long a message taken from a queue stays invisible, should the host die."""
    grace_seconds: float
    """How long running invocations may take to end when the host is told to stop."""


class DurableEngine(Protocol):
    """What the host needs of the Durable Functions engine."""

    async def start(self) -> None:
        """Begin, going on with unfinished instances."""

    async def stop(self) -> None:
        """End; unfinished instances are kept for the next start."""

    def client_binding(self) -> str:
        """The value of a Durable client parameter."""

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request to the Durable HTTP API."""


class FunctionHost:
    """One app, served. Make one per process: the worker's function table is global."""

    def __init__(self, options: HostOptions) -> None:
        """Read the app's configuration; raises HostError if it is unusable."""
        self._options = options
        self._directory = options.app_directory.resolve()
        load_local_settings(self._directory, os.environ)
        self._configuration: HostConfiguration = read_host_json(self._directory)
        self._worker = Worker()
        self._queues = Queues(self._configuration.queues, azurite_port=options.azurite_port)
        self._invoker = Invoker(self._worker, self._queues, self._durable_client)
        self._durable: DurableEngine | None = None
        self._http: HttpFunctions | None = None
        self._listeners: list[QueueListener] = []
        self._loops: list[asyncio.Task[None]] = []
        self._stopping = False

    async def serve(self, stop: asyncio.Event) -> list[str]:
        """Serve until `stop` is set, then let running invocations end.

        Returns the names of the functions that did not end within the grace period. Raises
        HostError if the port is taken, the app cannot be loaded or its storage not be reached.
        """
        listening = _bind(self._options.port)
        tables: TableServiceClient | None = None
        try:
            functions = await self._load()
            tables = TableServiceClient.from_connection_string(self._storage())
            await self._start_durable(functions, tables)
            runner = await self._start_http(functions, listening)
            self._start_loops(functions, tables)
            _log.info(
                "%d functions ready on http://127.0.0.1:%d", len(functions), self._options.port
            )
            await stop.wait()
            return await self._stop(runner)
        finally:
            listening.close()
            await self._queues.close()
            if tables is not None:
                await tables.close()

    def close(self) -> None:
        """End the worker's threads; waits for functions that are still running in them."""
        self._worker.close()

    async def _load(self) -> list[Function]:
        try:
            functions = list((await self._worker.load(self._directory)).values())
        except FunctionError as error:
            where = _where(error, self._directory)
            raise HostError(
                f"cannot load {self._directory}: {_first_line(error)}{where}"
            ) from error
        for function in functions:
            for binding in function.bindings:
                if binding["type"] not in _SUPPORTED_BINDINGS:
                    raise HostError(f"{function.name}: no support for {binding['type']} bindings")
                if binding["type"] == "queue":
                    self._queues.client(binding)  # refuses missing settings before any work
        return functions

    def _storage(self) -> str:
        return storage_connection(None, os.environ, azurite_port=self._options.azurite_port)

    async def _start_durable(self, functions: list[Function], tables: TableServiceClient) -> None:
        if not any(f.kind in _DURABLE_TRIGGERS or f.durable_clients for f in functions):
            return
        from local.host.durable.hub import DurableHub  # apps without Durable do not pay for it

        self._durable = DurableHub(
            self._worker,
            tables,
            resolve(self._configuration.hub_name, os.environ),
            f"http://127.0.0.1:{self._options.port}",
            self._configuration.max_concurrent_activities,
        )
        try:
            await self._durable.start()
        except AzureError as error:
            raise HostError(f"table storage cannot be reached: {_first_line(error)}") from error

    def _durable_client(self) -> str:
        assert self._durable is not None, "started for every app with a Durable client"
        return self._durable.client_binding()

    async def _start_http(self, functions: list[Function], bound: socket.socket) -> web.AppRunner:
        self._http = HttpFunctions(
            functions, route_prefix=self._configuration.route_prefix, invoker=self._invoker
        )
        limit = int(os.environ.get(BODY_LIMIT_SETTING, _BODY_LIMIT))
        app = web.Application(client_max_size=limit)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.SockSite(runner, bound).start()
        except OSError as error:  # another process bound the port, too, and was faster to listen
            await runner.cleanup()
            raise _port_taken(self._options.port, error) from error
        for line in self._http.describe():
            _log.info("  %s", line)
        return runner

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if path.rstrip("/").lower() == "/admin/host/status":
            return web.json_response({"state": "Stopping" if self._stopping else "Running"})
        if (request.content_length or 0) > request.client_max_size:
            return web.Response(status=413)
        if path.startswith(_DURABLE_PATHS):
            return await self._durable.handle(request) if self._durable else _not_found()
        if self._stopping:
            return web.Response(status=503, headers={"Retry-After": "1"})
        return await self._http.handle(request) if self._http else _not_found()

    def _start_loops(self, functions: list[Function], tables: TableServiceClient) -> None:
        monitor = TimerMonitor(tables, self._directory)
        for function in functions:
            if function.kind == "queueTrigger":
                listener = QueueListener(
                    function,
                    invoker=self._invoker,
                    queues=self._queues,
                    options=self._configuration.queues,
                    invisibility_seconds=self._options.queue_visibility_seconds,
                )
                self._listeners.append(listener)
                self._start_loop(listener.run(), f"queue trigger of {function.name}")
            elif function.kind == "timerTrigger":
                timer = Timer(function, invoker=self._invoker, monitor=monitor)
                self._start_loop(timer.run(), f"timer of {function.name}")

    def _start_loop(self, loop: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(loop, name=name)
        task.add_done_callback(_log_end)
        self._loops.append(task)

    async def _stop(self, runner: web.AppRunner) -> list[str]:
        """Take nothing new, let the running end, and only then stop what they may still need."""
        _log.info("stopping")
        self._stopping = True
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        left = await self._invoker.drain(self._options.grace_seconds)
        if not left:
            await asyncio.gather(*(listener.drain(5.0) for listener in self._listeners))
        if self._durable is not None:
            await self._durable.stop()
        await runner.cleanup()
        return left


def _bind(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError as error:
        bound.close()
        raise _port_taken(port, error) from error
    return bound


def _port_taken(port: int, error: OSError) -> HostError:
    return HostError(f"cannot listen on 127.0.0.1:{port}: {error.strerror}; choose another --port")


def _not_found() -> web.Response:
    return web.Response(status=404)


def _first_line(error: Exception) -> str:
    """The worker adds advice for Azure and the whole import path behind an import error."""
    return str(error).partition("\n")[0].partition(". Cannot find module.")[0]


def _where(error: FunctionError, directory: Path) -> str:
    """The innermost place in the app's own files that the traceback names, if any."""
    places = re.findall(r'File "([^"]+)", line (\d+)', error.stack)
    own = [(Path(file), line) for file, line in places if Path(file).is_relative_to(directory)]
    outside = (".venv", "site-packages")
    own = [(file, line) for file, line in own if not set(outside) & set(file.parts)]
    if not own:
        return ""
    file, line = own[-1]
    return f" ({file.relative_to(directory)}, line {line})"


def _log_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.critical("%s ended: %s", task.get_name(), error, exc_info=error)
