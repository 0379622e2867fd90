"""Running orchestrator functions for their turns."""

import logging
from datetime import datetime

from local.host.durable.history import Event
from local.host.durable.instance import Instance
from local.host.durable.protocol import (
    OrchestratorState,
    ProtocolError,
    orchestrator_input,
    read_failure,
    read_state,
)
from local.host.durable.turn import Turn, close_turn, failed_turn
from local.host.worker import FunctionError, Worker, typed

_log = logging.getLogger("host.durable")


class Orchestrators:
    """The app's orchestrator functions."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def __contains__(self, name: str) -> bool:
        function = self._worker.functions.get(name)
        return function is not None and function.kind == "orchestrationTrigger"

    @staticmethod
    def unknown(name: str) -> str:
        """What to say of a name that no orchestrator has, worded as in Azure."""
        return (
            f"The function '{name}' doesn't exist, is disabled, or is not an orchestrator function."
        )

    async def run(self, instance: Instance, history: list[Event], now: datetime) -> Turn:
        """The outcome of the turn that `history`, its opening included, leads to."""
        if instance.name not in self:
            return failed_turn(instance, self.unknown(instance.name), now)
        try:
            state = await self._call(instance, history)
        except ProtocolError as error:
            return failed_turn(instance, str(error), now)
        turn = close_turn(instance, history, state, now)
        if turn.status.is_final:
            _log.info("%s %s (%s)", instance.name, turn.status.value.lower(), instance.id)
        return turn

    async def _call(self, instance: Instance, history: list[Event]) -> OrchestratorState:
        function = self._worker.functions[instance.name]
        argument = typed(string=orchestrator_input(instance, history))
        try:
            invocation = await self._worker.invoke(function, {function.trigger["name"]: argument})
        except FunctionError as error:
            return read_failure(error.message)
        value = invocation.return_value
        return read_state("" if value is None else str(value.content))
