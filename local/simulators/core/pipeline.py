"""The way of one request through a simulator: admin API, faults, token, handling, counting."""

from __future__ import annotations

import asyncio
import dataclasses
import logging

from local.simulators.core.admin import PREFIX, AdminApi
from local.simulators.core.counting import TrafficCounter
from local.simulators.core.faults import Fault, FaultAction, FaultPlan
from local.simulators.core.messages import SimRequest, SimResponse
from local.simulators.core.page_drift import PageDrift
from local.simulators.core.simulator import NotifyingSimulator, Simulator
from local.simulators.core.tokens import TokenError, TokenVerifier

_log = logging.getLogger(__name__)


class Pipeline:
    """Answers requests to one simulator.

    Without a ``verifier`` no token is asked for and ``claims`` stay empty: for tests of a
    simulator alone, never for the running platform.
    """

    def __init__(self, simulator: Simulator, verifier: TokenVerifier | None) -> None:
        self._simulator = simulator
        self._verifier = verifier
        self._counter = TrafficCounter()
        self._faults = FaultPlan()
        self._drift = PageDrift()
        self._admin = AdminApi(simulator, self._counter, self._faults)

    async def start(self) -> None:
        """Begin what runs beside the requests; in the event loop that serves them."""
        if isinstance(self._simulator, NotifyingSimulator):
            await self._simulator.deliveries.start()

    async def stop(self) -> None:
        """End what ``start`` began."""
        if isinstance(self._simulator, NotifyingSimulator):
            await self._simulator.deliveries.stop()

    async def answer(self, request: SimRequest) -> SimResponse | None:
        """The answer, or None where the connection is to be closed without one."""
        if request.path.startswith(PREFIX):
            return self._admin.handle(request)
        fault = self._faults.take(request.method, request.path)
        if fault is not None:
            return await self._faulty(request, fault)
        response = await self._counted(request)
        return self._drifted(request, response) if self._faults.drifts else response

    async def _faulty(self, request: SimRequest, fault: Fault) -> SimResponse | None:
        injected = fault.answer()
        if fault.action is FaultAction.UNAUTHORIZED:
            injected = self._simulator.unauthorized(request, "The token has expired.")
        if injected is not None:
            self._counter.count(request.method, injected)
            return injected
        if fault.action in (FaultAction.SLOW, FaultAction.TIMEOUT):
            await asyncio.sleep(fault.seconds)
        if fault.action in (FaultAction.DROP, FaultAction.TIMEOUT):
            self._counter.count_unanswered(request.method)
            return None
        response = await self._counted(request)
        if fault.action is FaultAction.COMMIT_THEN_TIMEOUT:
            await asyncio.sleep(fault.seconds)
        return response if fault.action is FaultAction.SLOW else None

    def _drifted(self, request: SimRequest, response: SimResponse) -> SimResponse:
        """The answer with the fault page-drift where it strikes."""
        self._drift.remember(response)
        if self._drift.is_next_page(request) and self._faults.takes_drift(
            request.method, request.path
        ):
            return self._drift.repeat(request, response)
        return response

    async def _counted(self, request: SimRequest) -> SimResponse:
        response = await self._authorized(request)
        self._counter.count(request.method, response)
        return response

    async def _authorized(self, request: SimRequest) -> SimResponse:
        audiences = self._simulator.audiences(request)
        if self._verifier is not None and audiences:
            try:
                claims = await self._verifier.verify(
                    request.headers.get("Authorization"), audiences
                )
            except TokenError as error:
                return self._simulator.unauthorized(request, str(error))
            request = dataclasses.replace(request, claims=claims)
        request = dataclasses.replace(request, part_fault=self._faults.take_part)
        try:
            return await self._simulator.handle(request)
        except Exception as error:  # noqa: BLE001 - a defect of the simulator is answered and shown
            _log.exception("%s failed on %s %s", self._simulator.name, request.method, request.path)
            message = f"The simulator failed: {type(error).__name__}: {error}"
            return SimResponse(
                status=500, body={"error": {"code": "SimulatorDefect", "message": message}}
            )
