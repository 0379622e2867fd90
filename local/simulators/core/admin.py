"""The ``/_sim/`` API of every simulator: seed, dump, reset, limits, clock, faults, counters.

It is no part of the imitated API, is not counted, needs no token and is only reachable on loopback.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.simulators.core.counting import TrafficCounter
from local.simulators.core.faults import FaultPlan
from local.simulators.core.messages import SimRequest, SimResponse
from local.simulators.core.simulator import (
    ClockedSimulator,
    Command,
    CommandedSimulator,
    LimitedSimulator,
    NotifyingSimulator,
    SeedError,
    Simulator,
)

PREFIX = "/_sim/"
_DUMP = PREFIX + "dump/"


class AdminApi:
    """Answers the reserved paths of one simulator."""

    def __init__(self, simulator: Simulator, counter: TrafficCounter, faults: FaultPlan) -> None:
        self._simulator = simulator
        self._counter = counter
        self._faults = faults
        self._routes: dict[tuple[str, str], Callable[[SimRequest], SimResponse]] = {
            ("GET", "health"): lambda _: _answer({"status": "ready"}),
            ("POST", "seed"): self._seed,
            ("POST", "reset"): lambda _: _done(simulator.reset),
            ("GET", "requests"): lambda _: _answer(counter.snapshot()),
            ("DELETE", "requests"): lambda _: _done(counter.clear),
            ("GET", "faults"): lambda _: _answer(faults.snapshot()),
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): lambda _: _done(faults.clear),
        }
        if isinstance(simulator, LimitedSimulator):
            self._routes["PUT", "limits"] = _command(simulator.change_limits)
        if isinstance(simulator, ClockedSimulator):
            self._add_clock(simulator)
        if isinstance(simulator, NotifyingSimulator):
            self._add_deliveries(simulator)
        if isinstance(simulator, CommandedSimulator):
            for name, command in simulator.commands.items():
                self._routes["POST", name] = _demand(command)

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

    def _add_fault(self, request: SimRequest) -> SimResponse:
        try:
            self._faults.add(request.json())
        except ValueError as error:
            return _error(400, str(error))
        return _answer(self._faults.snapshot())

    def _add_clock(self, simulator: ClockedSimulator) -> None:
        clock = simulator.time_of_day

        def shift(values: Any) -> dict[str, Any]:
            clock.shift(values)
            return clock.snapshot()

        self._routes["GET", "clock"] = lambda _: _answer(clock.snapshot())
        self._routes["PUT", "clock"] = _command(shift)

    def _add_deliveries(self, simulator: NotifyingSimulator) -> None:
        deliveries = simulator.deliveries

        def plan(description: Any) -> dict[str, Any]:
            deliveries.plan.add(description)
            return deliveries.snapshot()

        self._routes["GET", "deliveries"] = lambda _: _answer(deliveries.snapshot())
        self._routes["POST", "deliveries"] = _command(plan)
        self._routes["DELETE", "deliveries"] = lambda _: _done(deliveries.clear)


def _command(
    command: Callable[[Any], dict[str, Any] | None],
) -> Callable[[SimRequest], SimResponse]:
    def answer(request: SimRequest) -> SimResponse:
        try:
            result = command(request.json())
        except ValueError as error:  # no JSON, or refused by its own words
            return _error(400, str(error))
        return SimResponse(status=204) if result is None else _answer(result)

    return answer


def _demand(command: Command) -> Callable[[SimRequest], SimResponse]:
    def answer(request: SimRequest) -> SimResponse:
        return _command(lambda body: command(body, dict(request.query)))(request)

    return answer


def _is_seed(data: Any) -> bool:
    return isinstance(data, dict) and all(
        isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
        for rows in data.values()
    )


def _answer(body: dict[str, Any] | list[Any]) -> SimResponse:
    return SimResponse(status=200, body=body)


def _done(act: Callable[[], None]) -> SimResponse:
    act()
    return SimResponse(status=204)


def _error(status: int, message: str) -> SimResponse:
    return SimResponse(status=status, body={"error": message})
