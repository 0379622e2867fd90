"""Running activity functions, a limited number at a time."""

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from local.host.durable.history import Event, task_answer
from local.host.durable.protocol import activity_failure
from local.host.durable.store import MAX_TEXT
from local.host.rpc import TypedData
from local.host.worker import FunctionError, Worker, typed

_log = logging.getLogger("host.durable")


class Activities:
    """The app's activity functions."""

    def __init__(
        self, worker: Worker, client_binding: Callable[[], str], max_concurrent: int
    ) -> None:
        """`client_binding` makes the value for Durable client parameters."""
        self._worker = worker
        self._client_binding = client_binding
        self._slots = asyncio.Semaphore(max_concurrent)

    async def run(self, scheduled: Event, is_wanted: Callable[[], bool]) -> Event | None:
        """Call the activity that `scheduled` asks for and return the answer for the history.

        None if nobody wants it any more when its turn has come. Whatever the activity raises
        becomes an answer, for without one its orchestration would wait forever.
        """
        async with self._slots:
            if not is_wanted():
                return None
            name = scheduled["Name"]
            try:
                result = await self._call(name, scheduled["Input"])
            except FunctionError as error:
                return _failed(scheduled, error.message, error.stack)
            except Exception as error:  # noqa: BLE001 - see above
                _log.exception("activity %s could not be called", name)
                return _failed(scheduled, f"{type(error).__name__}: {error}", "")
        if len(result) > MAX_TEXT:
            message = f"its result takes {len(result)} characters as JSON; the local host stores "
            return _failed(scheduled, f"ValueError: {message}up to {MAX_TEXT}", "")
        return task_answer(scheduled, datetime.now(UTC), result=result)

    async def _call(self, name: str, argument: str) -> str:
        function = self._worker.functions.get(name)
        if function is None or function.kind != "activityTrigger":
            raise FunctionError(
                f"The function '{name}' doesn't exist, is disabled, or is not an activity function."
            )
        inputs = {function.trigger["name"]: typed(string=argument)}
        for parameter in function.durable_clients:
            inputs[parameter] = typed(string=self._client_binding())
        return _as_json((await self._worker.invoke(function, inputs)).return_value)


def _as_json(value: TypedData | None) -> str:
    if value is None or value.kind is None:
        return "null"
    return str(value.content) if value.kind == "json" else json.dumps(value.content)


def _failed(scheduled: Event, message: str, stack: str) -> Event:
    reason = activity_failure(scheduled["Name"], message)
    return task_answer(
        scheduled,
        datetime.now(UTC),
        failure=reason[: MAX_TEXT // 8],
        details=stack[: MAX_TEXT // 8],
    )
