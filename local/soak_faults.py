"""What goes wrong in a soak: faults of requests and deliveries, deaths of the host, lost tokens."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from random import Random
from typing import Any

from local.platform import Platform

_FAULTS_PER_SECOND = 0.8
_OF_COUPLER = r"[^)]$"
"""Addresses of collections, batches and actions: users ask for single records, mostly."""

_OF_REQUESTS: tuple[tuple[int, dict[str, Any]], ...] = (
    (4, {"action": "status", "status": 429, "retry_after": 1, "times": 2}),
    (4, {"action": "status", "status": 503, "times": 2}),
    (2, {"action": "status", "status": 500}),
    (3, {"action": "drop", "times": 2}),
    (5, {"action": "commit-then-drop"}),
    (2, {"action": "timeout", "seconds": 3}),
    (3, {"action": "commit-then-timeout", "seconds": 3}),
    (4, {"action": "slow", "seconds": 2}),
    (2, {"action": "unauthorized"}),
    (1, {"action": "wrong-json"}),
    (1, {"action": "page-drift"}),
    (3, {"action": "status", "status": 503, "part": True, "match": {}}),
    (1, {"action": "status", "status": 412, "part": True, "match": {"method": "PATCH"}}),
)
"""Weight and fault; struck once where ``times`` is not given."""

_OF_ENTRA: tuple[tuple[int, dict[str, Any]], ...] = (
    (1, {"action": "status", "status": 503}),
    (1, {"action": "drop"}),
)

_OF_DELIVERIES: tuple[tuple[int, dict[str, Any]], ...] = (
    (4, {"action": "drop", "times": 2}),
    (3, {"action": "duplicate", "times": 2}),
    (3, {"action": "delay", "seconds": 5}),
    (2, {"action": "reorder", "seconds": 2}),
)


class FaultsError(Exception):
    """A simulator does not know a fault; the text says which."""


class Faults:
    """Plans faults, one after the other, until it is told to stop; for one thread at a time."""

    def __init__(self, platform: Platform, random: Random) -> None:
        self._platform = platform
        self._random = random
        addresses = platform.addresses
        services = (addresses.business_central, addresses.crm)
        self._sorts: tuple[tuple[int, tuple[str, ...], str, tuple[Any, ...]], ...] = (
            (70, services, "faults", _OF_REQUESTS),
            (4, (addresses.entra,), "faults", _OF_ENTRA),
            (26, services, "deliveries", _OF_DELIVERIES),
        )
        self._planned = 0
        self._left = 0

    @property
    def struck(self) -> int:
        """How many faults struck; known once they were cleared."""
        return self._planned - self._left

    def run(self, ended: threading.Event) -> None:
        """Plan faults at random moments until the event is set, and clear those that are left."""
        while not ended.wait(self._random.expovariate(_FAULTS_PER_SECOND)):
            self.plan_one()
        self.clear()

    def plan_one(self) -> None:
        """One more fault, of a sort and at a service chosen at random."""
        weights = [sort[0] for sort in self._sorts]
        _, services, route, faults = self._random.choices(self._sorts, weights)[0]
        chosen = self._random.choices(faults, [weight for weight, _ in faults])[0][1]
        fault: dict[str, Any] = {"times": 1} | chosen
        if route == "faults":
            fault = {"match": {"path": _OF_COUPLER}} | fault
        self._ask("POST", self._random.choice(services), route, fault)
        self._planned += fault["times"]

    def invalidate_delta(self, table: str) -> None:
        """Let CRM forget how far the changes of a table (its logical name) were read."""
        self._ask("POST", self._platform.addresses.crm, "invalidate-delta", {"table": table})
        self._planned += 1

    def clear(self) -> None:
        """Forget the faults that did not strike yet."""
        for _, services, route, _ in self._sorts:
            for address in services:
                found = self._ask("GET", address, route)
                self._left += _times_left(found)
                self._ask("DELETE", address, route)

    def _ask(self, method: str, address: str, route: str, body: Any = None) -> Any:
        answer = self._platform.client.request(method, f"{address}/_sim/{route}", body=body)
        if answer.status >= 300:
            raise FaultsError(f"{method} {address}/_sim/{route} answered {answer.body}")
        return answer.body


def _times_left(found: Any) -> int:
    """Of the faults that a simulator still plans: a list, or a member among counters. Pure."""
    faults = found["faults"] if isinstance(found, Mapping) else found
    return sum(fault["times"] or 0 for fault in faults)
