"""Holding a table for the moment in which a person's wish is stored.

Couplings and decisions that people make are stored while no pass is at the table, as a pass's own
are. Without that one that is at these records already would not know of them:

    pass over customers                       person
    reads customer C: not coupled
    creates account A for it
                                              couples C with account B
    couples C with A: refused, and A is left
    over in CRM

With it, whoever comes second finds what the first one stored:

    pass over customers                       person
    holds the table, creates A, couples C~A
                                              waits for the table, takes it
                                              C is coupled with A: refused, and told so

    pass over customers                       person
                                              holds the table, couples C~B
    finds the table held, wants a pass
                                              gives the table back, sends for the pass
    reads C: coupled with B

A person who died holds the table until the lease has run out. One who paused beyond that finds the
lease lost at the checkpoint right before the coupling is stored (``LeaseLostError``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from uuid import uuid4

from errors import RefusedRequestError
from sync.jobs import LeaseHeldError, LeaseLostError
from sync.lease_keeper import LeaseKeeper
from sync.requests import PassRequests
from sync.table_model import TableState
from sync.table_state import TableStateStore

_LEASE_SECONDS = 60.0
_TRIES = 20
_PAUSE_SECONDS = 0.25
_RETRY_AFTER_SECONDS = 15


class TableBusyError(RefusedRequestError):
    """A pass, or a full synchronization, has been at the table for longer than a caller waits."""

    def __init__(self, mapping: str) -> None:
        super().__init__(
            409,
            "table-busy",
            f"The table of {mapping} is being synchronized just now.",
            hint="Ask again in a moment; during a full synchronization of a large table, later.",
        )
        self.headers = {"Retry-After": str(_RETRY_AFTER_SECONDS)}


class TableHold:
    """Takes the tables of one connection for people."""

    def __init__(
        self,
        states: TableStateStore,
        requests: PassRequests,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._states = states
        self._requests = requests
        self._now = now
        self._sleep = sleep

    @contextmanager
    def __call__(self, mapping: str) -> Iterator[LeaseKeeper[TableState]]:
        """Hold the table; raises ``TableBusyError``.

        Afterwards a pass is sent for if anybody wants one: this person (``PassRequests.want``), or
        a pass that found the table held.
        """
        held = self._acquire(mapping)
        with LeaseKeeper(self._states, held, now=self._now, lease_seconds=_LEASE_SECONDS) as keeper:
            try:
                yield keeper
            except Exception:
                self._give_back(mapping, keeper)
                raise
            self._give_back(mapping, keeper)

    def _give_back(self, mapping: str, keeper: LeaseKeeper[TableState]) -> None:
        with suppress(LeaseLostError):  # else whoever took it over gives it back
            keeper.release()
        if self._requests.is_wanted(mapping):
            self._requests.send(mapping)

    def _acquire(self, mapping: str) -> TableState:
        owner = uuid4().hex
        for tries_left in reversed(range(_TRIES)):
            try:
                return self._states.acquire(mapping, owner, self._now(), _LEASE_SECONDS)
            except LeaseHeldError:
                if tries_left:
                    self._sleep(_PAUSE_SECONDS)
        raise TableBusyError(mapping)
