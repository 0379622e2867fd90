"""Running one function for a trigger: Durable clients in, output bindings out, one log line."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from azure.core.exceptions import AzureError

from local.host.rpc import TypedData
from local.host.storage import Queues
from local.host.worker import Function, FunctionError, Invocation, Worker, typed

_log = logging.getLogger("host")


class Invoker:
    """Invokes functions on behalf of the triggers and knows which ones are running."""

    def __init__(self, worker: Worker, queues: Queues, durable_client: Callable[[], str]) -> None:
        """`durable_client` makes the value of a Durable client parameter."""
        self._worker = worker
        self._queues = queues
        self._durable_client = durable_client
        self._running: dict[asyncio.Task[Invocation], str] = {}

    async def run(
        self,
        function: Function,
        value: TypedData,
        *,
        reason: str,
        metadata: Mapping[str, TypedData] | None = None,
    ) -> Invocation:
        """Invoke `function` with its trigger's `value`; `reason` says in the log what for.

        Raises FunctionError, already logged, if the function or one of its outputs failed. A
        cancelled caller does not stop the function: it ends by itself or at the host's exit.
        """
        task = asyncio.create_task(self._invoke(function, value, reason, metadata))
        self._running[task] = function.name
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    async def drain(self, seconds: float) -> list[str]:
        """Wait for the running invocations; the names of those still at work after `seconds`."""
        if self._running:
            await asyncio.wait(list(self._running), timeout=seconds)
        return sorted(self._running.values())

    def _forget(self, task: asyncio.Task[Invocation]) -> None:
        del self._running[task]
        if not task.cancelled():
            task.exception()  # marks it as seen, should the caller have gone

    async def _invoke(
        self,
        function: Function,
        value: TypedData,
        reason: str,
        metadata: Mapping[str, TypedData] | None,
    ) -> Invocation:
        inputs = {function.trigger["name"]: value}
        inputs |= {name: typed(string=self._durable_client()) for name in function.durable_clients}
        started = time.perf_counter()
        try:
            invocation = await self._worker.invoke(function, inputs, metadata)
            await self._queues.send_outputs(function, invocation)
        except FunctionError as error:
            _log_failure(function, reason, started, error)
            raise
        except AzureError as error:
            failure = FunctionError(f"output binding: {type(error).__name__}: {error}")
            _log_failure(function, reason, started, failure)
            raise failure from error
        _log.info("%s: %s: %s in %s", function.name, reason, _result(invocation), _elapsed(started))
        return invocation


def _log_failure(function: Function, reason: str, started: float, error: FunctionError) -> None:
    stack = f"\n{error.stack.rstrip()}" if error.stack else ""
    _log.error(
        "%s: %s: FAILED in %s: %s%s",
        function.name,
        reason,
        _elapsed(started),
        error.message,
        stack,
    )


def _elapsed(started: float) -> str:
    return f"{(time.perf_counter() - started) * 1000:.0f} ms"


def _result(invocation: Invocation) -> str:
    value = invocation.return_value
    return str(value.http.status_code) if value is not None and value.kind == "http" else "ok"
