"""What a message on the queue of passes does: take the table, bring it into step, give it back.

A message names a table mapping, or none for all of a connection's in the order of their
dependencies. Delivered twice, late or for nothing it finds the table held, or nothing to do.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from errors import AuthorizationError, ConfigurationError, CouplerError, ThrottledError
from sync.catalog import CatalogSource
from sync.health import HealthStore
from sync.hints import BEFORE_THE_FIRST, HintStore
from sync.job_model import Counters
from sync.jobs import LeaseHeldError, LeaseLostError
from sync.lease_keeper import LeaseKeeper
from sync.mapping import Direction, TableMapping
from sync.requests import PassRequests
from sync.table_job import summary
from sync.table_pass import TablePass
from sync.table_state import TableState, TableStateStore
from sync.tenant_slots import TenantSlots, delay_seconds
from sync.waking import parents_of
from sync.work import Work

log = logging.getLogger(__name__)

_FIRST_DELAY = timedelta(seconds=5)
_LONGEST_DELAY = timedelta(minutes=15)
_MOST_DOUBLINGS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PassStores:
    """What the passes of one connection keep and where."""

    states: TableStateStore
    hints: HintStore
    requests: PassRequests
    health: HealthStore


class PassWorker:
    """Carries out the passes of one connection."""

    def __init__(
        self,
        *,
        stores: PassStores,
        catalog: CatalogSource,
        slots: TenantSlots,
        open_work: Callable[[str], Work],
        wake_waiting: Callable[[str], None],
        lease_seconds: float,
        slice_seconds: float,
        now: Callable[[], datetime],
    ) -> None:
        """``open_work`` opens a mapping's services; it may raise. ``wake_waiting`` has the records
        looked at that may have waited for those of a mapping."""
        self._stores = stores
        self._catalog = catalog
        self._slots = slots
        self._open_work = open_work
        self._wake_waiting = wake_waiting
        self._lease_seconds = lease_seconds
        self._slice_seconds = slice_seconds
        self._now = now

    def handle(self, mapping: str, *, asked: bool = False, turned_away: int = 0) -> None:
        """Pass over the mapping's table, or over all tables where it is blank; where a person
        asked, without regard to back-off.

        Failures are stored with the table or the connection and tried again by messages of their
        own. Where the tenant has no slot free the message comes again later; ``turned_away`` tells
        how often it has. Raises only what keeps even that from being stored.
        """
        health = self._stores.health.load()
        if not asked and not health.may_try(self._now()):
            return
        with self._slots.one(uuid4().hex) as is_free:
            if is_free:
                self._handle(mapping, asked=asked)
                return
        delay = delay_seconds(turned_away)
        if not mapping:
            # Else the timer would add a message in every period that this one waits.
            sent_at = self._now() + timedelta(seconds=delay)
            self._stores.health.save(replace(health, sent_at=sent_at))
        self._stores.requests.send(
            mapping, delay_seconds=delay, asked=asked, turned_away=turned_away + 1
        )

    def _handle(self, mapping: str, *, asked: bool) -> None:
        until = time.monotonic() + self._slice_seconds
        enabled = self._catalog().enabled
        if mapping and mapping not in enabled:
            return  # disabled, or removed, since the message was sent
        states = [self._stores.states.load(mapping)] if mapping else self._all_tables(enabled)
        for state in states:
            if not self._pass_over(state, lambda: time.monotonic() >= until, asked=asked):
                return

    def _all_tables(self, names: Iterable[str]) -> list[TableState]:
        """The tables as they are now, parents first; those that nobody worked on are left out."""
        states = self._stores.states.load_all()
        return [states[name] for name in names if name in states]

    def _pass_over(self, state: TableState, is_time_up: Callable[[], bool], *, asked: bool) -> bool:
        """Whether the connection's other tables may be passed over as well.

        The state may be as old as the message: what it decides is whether to try now at all.
        """
        stores, now, name = self._stores, self._now(), state.mapping
        if not (state.is_synchronized or self._is_asked(name)):
            return True  # its first full synchronization is still to come, or in process
        if not asked and state.retry_at and state.retry_at > now:
            return True  # the pass that failed has sent the message of the next try
        if is_time_up():
            # Even if there is a marker: a crash may have left it without its message.
            stores.requests.want(name)
            stores.requests.send(name)
            return True
        try:
            held = stores.states.acquire(name, uuid4().hex, now, self._lease_seconds)
        except LeaseHeldError:
            stores.requests.want(name)
            return True
        stores.requests.take(name)
        with LeaseKeeper(
            stores.states, held, now=self._now, lease_seconds=self._lease_seconds
        ) as keeper:
            try:
                goes_on = self._work(name, keeper, is_time_up)
            except LeaseLostError:
                log.info("the table of %s was taken over", name)
                return True
        if stores.requests.is_wanted(name):
            stores.requests.send(name)
        return goes_on

    def _is_asked(self, name: str) -> bool:
        """Whether people want records looked at of a table that was never synchronized wholly."""
        return bool(self._stores.hints.due(name, self._now(), 1, reasons=BEFORE_THE_FIRST))

    def _work(
        self, name: str, keeper: LeaseKeeper[TableState], is_time_up: Callable[[], bool]
    ) -> bool:
        """Work and give the table back; whether other tables may be passed over."""
        try:
            self._pass(name, keeper, is_time_up)
        except LeaseLostError:
            raise
        except (ConfigurationError, AuthorizationError) as error:
            log.warning("passes stop at %s: %s", name, error.message)
            self._stores.health.stop(error, self._now())
            keeper.release(**_told(error))
            return False
        except Exception as error:  # noqa: BLE001 - whatever it is, the table tells of it
            self._failed(name, keeper, error)
        return True

    def _pass(
        self, name: str, keeper: LeaseKeeper[TableState], is_time_up: Callable[[], bool]
    ) -> None:
        work = replace(self._open_work(name), failures=keeper.held.failures)
        table_pass = TablePass(
            work,
            self._stores.hints,
            keeper,
            now=self._now,
            is_time_up=is_time_up,
            parents=lambda: self._couplings_of_parents(work.mapping),
            on_coupled=lambda: self._wake_waiting(name),
        )
        done = table_pass.run()
        self._stores.health.resume()
        changes: dict[str, Any] = {"failures": 0, "retry_at": None}
        if done and keeper.held.is_synchronized:
            changes |= {"succeeded_at": self._now(), "message": "", "hint": ""}
        keeper.release(**changes | _counted(table_pass.counted, self._now()))
        if not done:
            self._stores.requests.send(name)

    def _couplings_of_parents(self, mapping: TableMapping) -> dict[str, int]:
        parents = parents_of(mapping)
        states = self._stores.states.load_all() if parents else {}
        return {name: states[name].couplings for name in parents if name in states}

    def _failed(self, name: str, keeper: LeaseKeeper[TableState], error: Exception) -> None:
        """Store why, and try again once the back-off is over. The cursor stays: nothing that was
        handled is handled again."""
        failures = keeper.held.failures + 1
        delay = min(_FIRST_DELAY * 2 ** min(failures - 1, _MOST_DOUBLINGS), _LONGEST_DELAY)
        if isinstance(error, ThrottledError):
            delay = max(delay, timedelta(seconds=error.retry_after))
        log.warning("pass over %s failed, try %d", name, failures, exc_info=error)
        keeper.release(failures=failures, retry_at=self._now() + delay, **_told(error))
        self._stores.requests.send(name, delay_seconds=int(delay.total_seconds()) + 1)


def _counted(counted: dict[Direction, Counters], now: datetime) -> dict[str, Any]:
    """What the last pass that had anything to do did; a quiet one leaves that standing."""
    if not any(each != Counters() for each in counted.values()):
        return {}
    total = counted[Direction.TO_CRM] + counted[Direction.FROM_CRM]
    return {
        "changed_at": now,
        "to_crm": counted[Direction.TO_CRM],
        "from_crm": counted[Direction.FROM_CRM],
        "message": summary(total),
    }


def _told(error: Exception) -> dict[str, str]:
    """An error in words; what nobody foresaw is told without its details."""
    if isinstance(error, CouplerError):
        return {"message": error.message, "hint": error.hint}
    return {
        "message": f"The pass stopped on an unforeseen {type(error).__name__}.",
        "hint": "It is tried again. If it happens again, give the function app's log to support.",
    }
