"""The ``/_sim/`` API of every simulator: seed, dump, reset, limits, faults and counters.

It is no part of the imitated API, is not counted, needs no token and is only reachable on loopback.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.simulators.core.counting import TrafficCounter
from local.simulators.core.faults import FaultError, FaultPlan
from local.simulators.core.messages import SimRequest, SimResponse
from local.simulators.core.simulator import LimitedSimulator, SeedError, Simulator

PREFIX = "/_sim/"
_DUMP = PREFIX + "dump/"


class AdminApi:
    """Answers the reserved paths of one simulator."""

    def __init__(self, simulator: Simulator, counter: TrafficCounter, faults: FaultPlan) -> None:
        self._simulator = simulator
        self._counter = counter
        self._faults = faults
        self._routes: dict[tuple[str, str], Callable[[SimRequest], SimResponse]] = {
            ("GET", "health"): lambda _: SimResponse(status=200, body={"status": "ready"}),
            ("POST", "seed"): self._seed,
            ("POST", "reset"): self._reset,
            ("GET", "requests"): lambda _: SimResponse(status=200, body=counter.snapshot()),
            ("DELETE", "requests"): self._clear_requests,
            ("GET", "faults"): lambda _: SimResponse(status=200, body=faults.snapshot()),
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("PUT", "limits"): self._change_limits,
        }

    def handle(self, request: SimRequest) -> SimResponse:
        """Answer a request whose path begins with ``PREFIX``."""
        if request.method == "GET" and request.path.startswith(_DUMP):
            return self._dump(request.path.removeprefix(_DUMP))
        route = self._routes.get((request.method, request.path.removeprefix(PREFIX)))
        if route is None:
            return _error(404, f"There is no {request.method} {request.path}.")
        return route(request)

    def _seed(self, request: SimRequest) -> SimResponse:
        options = dict(request.query)
        if "company" in request.headers:
            options.setdefault("company", request.headers["company"])
        try:
            data = request.json()
        except ValueError as error:
            return _error(400, f"The body is not JSON: {error}")
        if not _is_seed(data):
            return _error(400, "The body is an object of entity sets, each a list of objects.")
        try:
            seeded = self._simulator.seed(data, options)
        except SeedError as error:
            return _error(400, str(error))
        return SimResponse(status=200, body={"seeded": seeded})

    def _dump(self, entity_set: str) -> SimResponse:
        try:
            return SimResponse(status=200, body=self._simulator.dump(entity_set))
        except LookupError:
            return _error(404, f"{self._simulator.name} has no entity set {entity_set!r}.")

    def _reset(self, _: SimRequest) -> SimResponse:
        self._simulator.reset()
        return SimResponse(status=204)

    def _change_limits(self, request: SimRequest) -> SimResponse:
        if not isinstance(self._simulator, LimitedSimulator):
            return _error(404, f"{self._simulator.name} has no limits.")
        try:
            self._simulator.change_limits(request.json())
        except ValueError as error:
            return _error(400, str(error))
        return SimResponse(status=204)

    def _clear_requests(self, _: SimRequest) -> SimResponse:
        self._counter.clear()
        return SimResponse(status=204)

    def _add_fault(self, request: SimRequest) -> SimResponse:
        try:
            self._faults.add(request.json())
        except (FaultError, ValueError) as error:
            return _error(400, str(error))
        return SimResponse(status=200, body=self._faults.snapshot())

    def _clear_faults(self, _: SimRequest) -> SimResponse:
        self._faults.clear()
        return SimResponse(status=204)


def _is_seed(data: Any) -> bool:
    return isinstance(data, dict) and all(
        isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
        for rows in data.values()
    )


def _error(status: int, message: str) -> SimResponse:
    return SimResponse(status=status, body={"error": message})
