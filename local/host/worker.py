"""Microsoft's Python worker, the library that Azure itself runs, called in process.

`azure_functions_runtime` indexes ``function_app.py``, converts bindings and calls the functions.
It keeps its function table in module globals and imports the app by name, hence: one app per
process, loaded once.
"""

import contextlib
import json
import logging
import os
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime

from local.host.rpc import ParameterBinding, Protocol, StatusResult, TypedData

_PROTOCOL = Protocol()


class FunctionError(Exception):
    """A function, or the loading of the app, raised.

    `message` is "<exception type>: <its text>", unaltered: a Durable orchestrator carries its state
    behind the marker ``$OutOfProcData$:`` in it. `stack` is the formatted traceback.
    """

    def __init__(self, message: str, stack: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.stack = stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function of the app as the worker indexed it; `bindings` in the shape of function.json."""

    name: str
    id: str
    bindings: tuple[dict[str, Any], ...]
    trigger: dict[str, Any]
    kind: str
    """The trigger's type, such as "httpTrigger" or "activityTrigger"."""
    durable_clients: tuple[str, ...]
    """The parameters that take a Durable client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What a function gave back: its return value and what it set on its output parameters."""

    return_value: TypedData | None
    outputs: dict[str, TypedData] = field(default_factory=dict)


def typed(**member: Any) -> TypedData:
    """A value for a function's parameter: ``typed(string="x")``, ``typed(json="{}")``, …"""
    if len(member) != 1:
        raise ValueError(f"exactly one member is needed, not {sorted(member)}")
    return TypedData(**member)


class Worker:
    """The app's functions, ready to be invoked. Use one instance per process."""

    def __init__(self) -> None:
        self.functions: dict[str, Function] = {}

    async def load(self, app_directory: str | Path) -> dict[str, Function]:
        """Import the app and return its functions by name.

        Makes the app's directory the current one and the first on the import path, as Azure does.
        Raises FunctionError if the app cannot be imported or indexed.
        """
        directory = Path(app_directory).resolve()
        if not (directory / "function_app.py").is_file():
            raise FunctionError(f"there is no function_app.py in {directory}")
        os.chdir(directory)
        sys.path.insert(0, str(directory))
        runtime.start_threadpool_executor()
        request = SimpleNamespace(
            request=SimpleNamespace(
                worker_init_request=SimpleNamespace(
                    capabilities={}, function_app_directory=str(directory)
                )
            ),
            properties={"host": "127.0.0.1", "protos": _PROTOCOL},
        )
        with _errors_not_logged():
            try:
                initialised = await runtime.worker_init_request(request)
            except SystemExit as exit_:
                raise FunctionError(f"SystemExit: {exit_}") from exit_
        _raise_on_failure(initialised.result)
        indexed = await runtime.functions_metadata_request(None)
        functions = [_function(entry) for entry in indexed.function_metadata_results or ()]
        self.functions = {function.name: function for function in functions}
        return self.functions

    async def invoke(
        self,
        function: Function,
        inputs: Mapping[str, TypedData],
        metadata: Mapping[str, TypedData] | None = None,
    ) -> Invocation:
        """Call `function` with a value for each input parameter, the trigger's included.

        `metadata` is what a trigger tells beside its value (a queue message's id, for instance).
        Raises FunctionError if the function raised.
        """
        invocation = SimpleNamespace(
            invocation_id=str(uuid.uuid4()),
            function_id=function.id,
            input_data=[ParameterBinding(name=name, data=data) for name, data in inputs.items()],
            trigger_metadata=dict(metadata or {}),
            trace_context=SimpleNamespace(trace_parent="", trace_state="", attributes={}),
            retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
        )
        request = SimpleNamespace(
            request=SimpleNamespace(invocation_request=invocation), properties={}
        )
        try:
            response = await runtime.invocation_request(request)
        except SystemExit as exit_:
            # The worker lets it pass; in the event loop it would end the whole host.
            raise FunctionError(f"SystemExit: {exit_}") from exit_
        _raise_on_failure(response.result)
        return Invocation(
            return_value=response.return_value,
            outputs={output.name: output.data for output in response.output_data},
        )

    def close(self) -> None:
        """End the threads that run the synchronous functions, waiting for those at work."""
        runtime.stop_threadpool_executor()


@contextlib.contextmanager
def _errors_not_logged() -> Iterator[None]:
    """Keep the worker from logging import errors, with the whole import path: it returns them."""

    def is_no_error(record: logging.LogRecord) -> bool:
        return record.levelno < logging.ERROR

    logger = logging.getLogger("azure.functions")
    logger.addFilter(is_no_error)
    try:
        yield
    finally:
        logger.removeFilter(is_no_error)


def _raise_on_failure(result: Any) -> None:
    if result.status != StatusResult.Success:
        raise FunctionError(result.exception.message, result.exception.stack_trace)


def _function(entry: Any) -> Function:
    bindings = tuple(json.loads(binding) for binding in entry.raw_bindings)
    trigger = next(b for b in bindings if b["type"].lower().endswith("trigger"))
    return Function(
        name=entry.name,
        id=entry.function_id,
        bindings=bindings,
        trigger=trigger,
        kind=trigger["type"],
        durable_clients=tuple(b["name"] for b in bindings if b["type"] == "durableClient"),
    )
