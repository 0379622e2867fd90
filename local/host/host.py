"""The function host: loads one app and serves its triggers until told to stop."""

import asyncio
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from aiohttp import web
from azure.core.exceptions import AzureError
from azure.data.tables.aio import TableServiceClient

from local.host.configuration import (
    load_local_settings,
    read_host_json,
    resolve,
    storage_connection,
)
from local.host.errors import HostError
from local.host.http_trigger import HttpFunctions
from local.host.invoker import Invoker
from local.host.queue_trigger import QueueListener
from local.host.server import HttpServer
from local.host.storage import Queues
from local.host.timer_trigger import Timer, TimerMonitor
from local.host.worker import Function, FunctionError, Worker

_log = logging.getLogger("host")

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


class Trigger(Protocol):
    """What starts functions by itself."""

    async def run(self) -> None:
        """Start functions; returns after `stop`, once those it started have ended."""

    def stop(self) -> None:
        """Start no more."""


class FunctionHost:
    """One app, served. Make one per process: the worker's function table is global."""

    def __init__(self, options: HostOptions) -> None:
        """Read the app's configuration; raises HostError if it is unusable."""
        self._options = options
        self._directory = options.app_directory.resolve()
        load_local_settings(self._directory, os.environ)
        self._configuration = read_host_json(self._directory)
        self._worker = Worker()
        self._queues = Queues(self._configuration.queues, azurite_port=options.azurite_port)
        self._invoker = Invoker(self._worker, self._queues, self._durable_client)
        self._durable: DurableEngine | None = None

    async def serve(self, stop: asyncio.Event) -> list[str]:
        """Serve until `stop` is set, then let running functions end.

        Returns the names of those that did not end within the grace period. Raises HostError if
        the port is taken, the app cannot be loaded or its storage not be reached.
        """
        server = HttpServer(self._options.port)
        tables: TableServiceClient | None = None
        try:
            functions = await self._load()
            tables = TableServiceClient.from_connection_string(
                storage_connection(None, os.environ, azurite_port=self._options.azurite_port)
            )
            http = HttpFunctions(
                functions, route_prefix=self._configuration.route_prefix, invoker=self._invoker
            )
            triggers = self._triggers(functions, tables)
            if any(f.kind in _DURABLE_TRIGGERS or f.durable_clients for f in functions):
                self._durable = await self._start_durable(tables)
            await server.start(
                functions=http.handle,
                durable=self._durable.handle if self._durable else None,
                timers={
                    each.name.lower(): each.run_now for each in triggers if isinstance(each, Timer)
                },
            )
            loops = [asyncio.create_task(trigger.run()) for trigger in triggers]
            for loop in loops:
                loop.add_done_callback(_log_end)
            _log.info("\n  ".join([f"{len(functions)} functions, by HTTP:", *http.describe()]))
            _log.info("ready on http://127.0.0.1:%d", self._options.port)
            await stop.wait()
            return await self._stop(server, triggers, loops)
        finally:
            await server.close()
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

    def _triggers(self, functions: list[Function], tables: TableServiceClient) -> list[Trigger]:
        monitor = TimerMonitor(tables, self._directory)
        triggers: list[Trigger] = [
            QueueListener(
                function,
                invoker=self._invoker,
                queues=self._queues,
                options=self._configuration.queues,
                invisibility_seconds=self._options.queue_visibility_seconds,
            )
            for function in functions
            if function.kind == "queueTrigger"
        ]
        triggers += [
            Timer(function, invoker=self._invoker, monitor=monitor)
            for function in functions
            if function.kind == "timerTrigger"
        ]
        return triggers

    async def _start_durable(self, tables: TableServiceClient) -> DurableEngine:
        from local.host.durable.hub import DurableHub  # apps without Durable do not pay for it

        hub = DurableHub(
            self._worker,
            tables,
            resolve(self._configuration.hub_name, os.environ),
            f"http://127.0.0.1:{self._options.port}",
            self._configuration.max_concurrent_activities,
        )
        try:
            await hub.start()
        except AzureError as error:
            raise HostError(f"table storage cannot be reached: {_first_line(error)}") from error
        return hub

    def _durable_client(self) -> str:
        assert self._durable is not None, "started for every app with a Durable client"
        return self._durable.client_binding()

    async def _stop(
        self, server: HttpServer, triggers: list[Trigger], loops: list[asyncio.Task[None]]
    ) -> list[str]:
        """Take nothing new, let the running end, and only then stop what they may still need."""
        _log.info("stopping")
        server.refuse_new_calls()
        for trigger in triggers:
            trigger.stop()
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._options.grace_seconds
        if loops:
            await asyncio.wait(loops, timeout=self._options.grace_seconds)
        left = await self._invoker.drain(max(0.0, deadline - clock()))
        if self._durable is not None:
            await self._durable.stop()
        return left


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
        _log.critical("a trigger of the app has stopped: %s", error, exc_info=error)
