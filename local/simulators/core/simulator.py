"""What a simulator has to be, so that the core can serve it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol, runtime_checkable

from local.simulators.core.clock import ShiftedClock
from local.simulators.core.deliveries import Deliveries
from local.simulators.core.messages import SimRequest, SimResponse


class SeedError(ValueError):
    """Rows to seed break the imitated schema; the message names set, row and column."""


class Simulator(Protocol):
    """One imitated service: pure request handling over its own store, no server, no TLS."""

    @property
    def name(self) -> str:
        """What logs and messages call it."""

    async def handle(self, request: SimRequest) -> SimResponse:
        """Answer one request of the imitated API."""

    def audiences(self, request: SimRequest) -> Collection[str]:
        """The audiences of which the request's token must carry one; empty: it needs no token."""

    def unauthorized(self, request: SimRequest, reason: str) -> SimResponse:
        """The imitated service's answer to a missing or refused token."""

    def seed(
        self, data: dict[str, list[dict[str, Any]]], options: Mapping[str, str]
    ) -> dict[str, int]:
        """Load rows by entity set and tell how many each; raises ``SeedError``, loading nothing."""

    def dump(self, entity_set: str) -> list[dict[str, Any]]:
        """All rows of a set as they would be read; raises ``LookupError`` for an unknown set."""

    def reset(self) -> None:
        """Empty every set."""


@runtime_checkable
class LimitedSimulator(Protocol):
    """A simulator whose service limits can be changed while it runs, by ``PUT /_sim/limits``."""

    def change_limits(self, values: Mapping[str, Any]) -> None:
        """Replace some limits by name; raises ``SeedError`` for what is no limit."""


@runtime_checkable
class NotifyingSimulator(Protocol):
    """A simulator that sends webhooks; the server starts and stops sending them."""

    @property
    def deliveries(self) -> Deliveries:
        """Its outbox: one for its whole life."""


@runtime_checkable
class ClockedSimulator(Protocol):
    """A simulator whose time can be shifted, by ``PUT /_sim/clock``."""

    @property
    def time_of_day(self) -> ShiftedClock:
        """The clock that it stamps records with."""


type Command = Callable[[Any, Mapping[str, str]], dict[str, Any] | None]
"""What a demand does with its JSON body and the parameters of its address, and answers (None: no
content); raises ``SeedError`` for what it cannot do."""


@runtime_checkable
class CommandedSimulator(Protocol):
    """A simulator with demands of its own below ``/_sim/``."""

    @property
    def commands(self) -> Mapping[str, Command]:
        """What ``POST /_sim/{name}`` does, by name."""
