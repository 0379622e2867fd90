"""When a connection is put on hold because a service refuses it, and what is told of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from audit.trail import TABLE as AUDIT
from audit.trail import AuditTrail, Sought
from connections.model import ConnectionState
from connections.store import TABLE, ConnectionStore
from errors import AuthorizationError, ConfigurationError, CouplerError
from setup.lifecycle import Lifecycle
from setup.refusals import hold_if_refused, refusal_of
from sync.health import FEWEST_REFUSALS, ConnectionHealth, HealthStore
from tests.fakes.tables import MemoryAccount
from tests.unit.connections.examples import NOW, TENANT, connection

REFUSED = AuthorizationError("privilege-missing", "CRM refuses to read account.", hint="Grant it.")
WRONG = ConfigurationError("company-unknown", "There is no such company.")
HOURS = 6


class World:
    """An enabled connection whose passes are refused, and what looks after it."""

    def __init__(self) -> None:
        account = MemoryAccount()
        self.time = NOW
        self.health = HealthStore(account.table("watermarks", TENANT), "cronus")
        self.connections = ConnectionStore(account.table(TABLE, TENANT))
        self.trail = AuditTrail(account.table(AUDIT, TENANT))
        self.connections.add(connection())
        stored = self.connections.load("cronus")
        self.run_active = False
        self.lifecycle = Lifecycle(
            self.connections,
            is_run_active=lambda: self.run_active,
            waiting_orders=list,
            refusal=lambda: refusal_of(self.health.load(), HOURS, self.time),
            forget_refusal=self.health.resume,
        )
        self.lifecycle.enable(stored, [])

    def look(self) -> bool:
        stored = self.connections.load("cronus")
        return hold_if_refused(stored, lifecycle=self.lifecycle, trail=self.trail, now=self.time)

    def stop_for(self, error: CouplerError, period: timedelta) -> None:
        """Every pass that is tried within this time is stopped by the error; looked after as the
        timer does."""
        end = self.time + period
        while self.time < end:
            if self.health.load().may_try(self.time):
                self.health.stop(error, self.time)
            self.look()
            self.time += timedelta(minutes=5)

    @property
    def state(self) -> ConnectionState:
        return self.connections.load("cronus").connection.state

    def acts(self) -> list[tuple[str, str, int | None, str]]:
        page = self.trail.list_page(Sought(), limit=100, continuation=None)
        return [(each.name, each.action, each.status, each.code) for each in page.entries]


@pytest.fixture
def world() -> World:
    return World()


def test_a_connection_that_is_refused_for_hours_is_put_on_hold_as_the_services_own_act(world):
    world.stop_for(REFUSED, timedelta(hours=HOURS, minutes=10))
    held = world.connections.load("cronus").connection
    assert held.state is ConnectionState.ON_HOLD
    assert "CRM refuses to read account. Grant it." in held.hold_reason
    assert NOW.isoformat(timespec="minutes") in held.hold_reason
    assert world.acts() == [("Coupler", "hold_refused_connections", 200, "")]


def test_a_refusal_that_is_over_before_is_forgotten(world):
    world.stop_for(REFUSED, timedelta(hours=HOURS - 1))
    world.health.resume()
    world.stop_for(REFUSED, timedelta(hours=HOURS - 1))
    assert world.state is ConnectionState.ACTIVE
    assert world.acts() == []


def test_faults_that_pass_never_put_a_connection_on_hold(world):
    """They do not stop passes at all; here they keep a few refusals from being followed by more."""
    world.stop_for(REFUSED, timedelta(minutes=20))
    assert 0 < world.health.load().refusals < FEWEST_REFUSALS
    world.time += timedelta(days=3)
    world.look()
    assert world.state is ConnectionState.ACTIVE


def test_another_reason_to_stop_does_not_count_and_breaks_the_row(world):
    world.stop_for(REFUSED, timedelta(hours=HOURS - 1))
    world.stop_for(WRONG, timedelta(hours=HOURS))
    assert world.state is ConnectionState.ACTIVE
    assert world.health.load().refusals == 0


@pytest.mark.parametrize("code", ["secret-forbidden", "storage-forbidden"])
def test_what_refuses_the_installation_itself_is_no_tenants_fault(world, code):
    ours = AuthorizationError(code, "Key Vault does not let this application read.")
    world.stop_for(ours, timedelta(hours=3 * HOURS))
    assert world.state is ConnectionState.ACTIVE


def test_a_run_in_process_is_waited_for_without_a_word_in_the_audit_trail(world):
    world.run_active = True
    world.stop_for(REFUSED, timedelta(hours=HOURS + 2))
    assert (world.state, world.acts()) == (ConnectionState.ACTIVE, [])
    world.run_active = False
    assert world.look()


def test_what_changed_meanwhile_stays_and_the_audit_trail_says_so(world):
    world.run_active = True
    world.stop_for(REFUSED, timedelta(hours=HOURS + 1))
    world.run_active = False
    stale = world.connections.load("cronus")
    world.connections.change(stale, stale.connection)
    assert not hold_if_refused(stale, lifecycle=world.lifecycle, trail=world.trail, now=world.time)
    assert world.state is ConnectionState.ACTIVE
    assert world.acts() == [("Coupler", "hold_refused_connections", 412, "connection-changed")]


def test_enabling_it_again_begins_anew(world):
    world.stop_for(REFUSED, timedelta(hours=HOURS + 1))
    world.lifecycle.enable(world.connections.load("cronus"), [])
    assert not world.health.load().is_stopped
    world.stop_for(REFUSED, timedelta(hours=1))
    assert world.state is ConnectionState.ACTIVE


def test_no_hours_are_for_ever():
    health = ConnectionHealth(code="x", refused_at=NOW, refusals=1000)
    assert refusal_of(health, 0, NOW + timedelta(days=1000)) == ""
    assert refusal_of(health, 1, NOW + timedelta(hours=1))
