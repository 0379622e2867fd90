"""From draft to enabled, on hold, and away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connections.model import ConnectionState, Incremental
from connections.store import TABLE, ConnectionStore, StoredConnection
from errors import RefusedRequestError
from setup.lifecycle import Lifecycle, SetupIncompleteError
from setup.model import Finding, Result, Step, StepResult
from tests.fakes.tables import MemoryAccount
from tests.unit.connections.examples import NOW, TENANT, body, connection


def result_of(*results: Result, step: Step = Step.TABLES) -> StepResult:
    findings = tuple(
        Finding(check=f"check-{number}", result=each, message="Wrong.", hint="Mend it.")
        for number, each in enumerate(results)
    )
    return StepResult(step=step, findings=findings, checked_at=NOW, settings_mark="1")


PASSED = [result_of(Result.PASSED, Result.WARNING), result_of(Result.NOT_CHECKED)]


class Office:
    """A connection and what goes on around it."""

    def __init__(self) -> None:
        self.connections = ConnectionStore(MemoryAccount().table(TABLE, TENANT))
        self.run_active = False
        self.orders: list[str] = []
        self.refusal = ""
        self.lifecycle = Lifecycle(
            self.connections,
            is_run_active=lambda: self.run_active,
            waiting_orders=lambda: self.orders,
            refusal=lambda: self.refusal,
            forget_refusal=self.forget_refusal,
        )

    def forget_refusal(self) -> None:
        self.refusal = ""

    def stored(self, state: ConnectionState, **changes) -> StoredConnection:
        asked = replace(connection(**changes), state=state)
        return self.connections.add(asked)[0]

    @property
    def state(self) -> ConnectionState:
        return self.connections.load("cronus").connection.state


@pytest.fixture
def office() -> Office:
    return Office()


def refusal(call, *arguments) -> RefusedRequestError:
    with pytest.raises(RefusedRequestError) as refused:
        call(*arguments)
    return refused.value


@pytest.mark.parametrize("state", [ConnectionState.DRAFT, ConnectionState.ON_HOLD])
def test_a_connection_whose_checks_passed_is_enabled(office, state):
    stored = office.stored(state)
    enabled = office.lifecycle.enable(stored, PASSED)
    assert enabled.connection.state is office.state is ConnectionState.ACTIVE


def test_enabling_ends_the_reason_for_the_hold(office):
    held = office.lifecycle.disable(office.stored(ConnectionState.ACTIVE), "stocktaking")
    assert held.connection.hold_reason == "stocktaking"
    assert office.lifecycle.enable(held, PASSED).connection.hold_reason == ""


def test_an_enabled_connection_stays_as_it_is(office):
    stored = office.stored(ConnectionState.ACTIVE)
    assert office.lifecycle.enable(stored, PASSED).connection == stored.connection


def test_failed_checks_are_told_all_together(office):
    stored = office.stored(ConnectionState.DRAFT)
    results = [
        result_of(Result.PASSED, Result.FAILED),
        result_of(Result.FAILED, step=Step.CURRENCIES),
    ]
    with pytest.raises(SetupIncompleteError) as refused:
        office.lifecycle.enable(stored, results)
    assert [each["member"] for each in refused.value.errors] == [
        "tables/check-1",
        "currencies/check-0",
    ]
    assert refused.value.errors[0]["message"] == "Wrong. Mend it."
    assert office.state is ConnectionState.DRAFT


def test_a_connection_that_was_changed_while_it_was_checked_is_not_enabled(office):
    stored = office.stored(ConnectionState.DRAFT)
    office.connections.change(stored, stored.connection)
    assert refusal(office.lifecycle.enable, stored, PASSED).status == 412


def test_disabling_is_refused_while_a_run_is_in_process(office):
    stored = office.stored(ConnectionState.ACTIVE)
    office.run_active = True
    assert refusal(office.lifecycle.disable, stored, "").code == "run-active"
    assert office.state is ConnectionState.ACTIVE


def test_a_run_that_is_stored_after_the_state_was_written_is_seen(office):
    stored = office.stored(ConnectionState.ACTIVE)
    seen: list[ConnectionState] = []

    def is_run_active() -> bool:
        seen.append(office.state)
        return False

    lifecycle = Lifecycle(
        office.connections,
        is_run_active=is_run_active,
        waiting_orders=list,
        refusal=str,
        forget_refusal=office.forget_refusal,
    )
    lifecycle.disable(stored, "")
    assert seen == [ConnectionState.ON_HOLD]


def test_disabling_is_refused_where_it_would_strand_orders(office):
    stored = office.stored(ConnectionState.ACTIVE, options={"sales_orders": True})
    office.orders = [f"ORD-{number}" for number in range(7)]
    refused = refusal(office.lifecycle.disable, stored, "")
    assert refused.code == "orders-waiting"
    assert "7 submitted orders" in refused.message
    assert "ORD-4 …" in refused.message
    assert office.state is ConnectionState.ACTIVE


def test_orders_are_nothing_to_a_connection_without_them(office):
    office.orders = ["ORD-1"]
    office.lifecycle.disable(office.stored(ConnectionState.ACTIVE), "")
    assert office.state is ConnectionState.ON_HOLD


def test_settings_are_changed_and_the_rest_is_kept(office):
    stored = office.stored(ConnectionState.DRAFT)
    slow = replace(stored.connection, incremental=Incremental(period_seconds=900))
    stored = office.connections.change(stored, slow)
    wanted = connection(name="Other", crm={"url": "https://other.crm.dynamics.com"})
    changed = office.lifecycle.change(stored, wanted).connection
    assert (changed.name, changed.crm.url) == ("Other", "https://other.crm.dynamics.com")
    assert (changed.state, changed.incremental.period_seconds) == (ConnectionState.DRAFT, 900)


def test_an_enabled_connection_is_not_changed(office):
    stored = office.stored(ConnectionState.ACTIVE)
    assert refusal(office.lifecycle.change, stored, connection()).code == "connection-active"


@pytest.mark.parametrize(
    "changes",
    [
        {"crm": {"url": "https://other.crm.dynamics.com"}},
        {"business_central": body()["business_central"] | {"company": "Other"}},
    ],
)
def test_couplings_keep_their_company_and_organization(office, changes):
    stored = office.stored(ConnectionState.ON_HOLD)
    refused = refusal(office.lifecycle.change, stored, connection(**changes))
    assert refused.code == "connection-has-couplings"
    assert office.lifecycle.change(stored, connection(name="Other")).connection.name == "Other"


def test_an_enabled_connection_is_not_removed(office):
    stored = office.stored(ConnectionState.ACTIVE)
    assert refusal(office.lifecycle.begin_removal, stored).code == "connection-active"


@pytest.mark.parametrize("state", [ConnectionState.DRAFT, ConnectionState.ON_HOLD])
def test_a_connection_that_is_being_removed_can_do_nothing_else(office, state):
    removed = office.lifecycle.begin_removal(office.stored(state))
    assert office.state is ConnectionState.DELETING
    assert office.lifecycle.begin_removal(removed) == removed
    for call, argument in (
        (office.lifecycle.enable, PASSED),
        (office.lifecycle.disable, ""),
        (office.lifecycle.change, connection()),
    ):
        assert refusal(call, removed, argument).code == "connection-deleting"


# refused for good


def test_what_a_service_refuses_for_good_is_put_on_hold_with_the_reason(office):
    stored = office.stored(ConnectionState.ACTIVE, options={"sales_orders": True})
    office.orders, office.refusal = ["SO-1"], "Refused since noon."
    assert office.lifecycle.is_to_be_held(stored)
    held = office.lifecycle.hold_refused(stored)
    assert held.connection.state is office.state is ConnectionState.ON_HOLD
    assert held.connection.hold_reason == "Refused since noon."


@pytest.mark.parametrize("state", [ConnectionState.DRAFT, ConnectionState.ON_HOLD])
def test_what_is_not_enabled_is_not_put_on_hold(office, state):
    stored = office.stored(state)
    office.refusal = "Refused since noon."
    assert not office.lifecycle.is_to_be_held(stored)
    assert office.lifecycle.hold_refused(stored) is None
    assert office.state is state


def test_nothing_is_put_on_hold_while_a_run_is_in_process(office):
    stored = office.stored(ConnectionState.ACTIVE)
    office.refusal, office.run_active = "Refused since noon.", True
    assert not office.lifecycle.is_to_be_held(stored)
    assert refusal(office.lifecycle.hold_refused, stored).code == "run-active"
    assert office.state is ConnectionState.ACTIVE


@pytest.mark.parametrize("mend", ["enable", "rotate"])
def test_who_mends_a_connection_first_keeps_it_enabled(office, mend):
    """The look read the connection and the refusal before the administrator, and writes after."""
    stored = office.stored(ConnectionState.ACTIVE)
    office.refusal = "Refused since noon."

    seen_before = office.refusal
    if mend == "enable":
        office.lifecycle.enable(stored, PASSED)
    else:
        office.lifecycle.rotate(stored, stored.connection)
    assert office.refusal == ""
    office.refusal = seen_before
    assert refusal(office.lifecycle.hold_refused, stored).code == "connection-changed"
    assert office.state is ConnectionState.ACTIVE


@pytest.mark.parametrize("mend", ["enable", "rotate"])
def test_who_mends_a_connection_that_was_just_put_on_hold_is_told_to_look_again(office, mend):
    stored = office.stored(ConnectionState.ACTIVE)
    office.refusal = "Refused since noon."
    office.lifecycle.hold_refused(stored)
    argument = PASSED if mend == "enable" else stored.connection
    assert refusal(getattr(office.lifecycle, mend), stored, argument).code == "connection-changed"
    assert office.state is ConnectionState.ON_HOLD


@pytest.mark.parametrize("mend", ["enable", "rotate"])
def test_the_refusal_is_forgotten_before_the_connection_is_written(office, mend, monkeypatch):
    """Or a look in between would find the new version together with the old refusal."""
    stored = office.stored(ConnectionState.ACTIVE)
    office.refusal = "Refused since noon."
    refusals = []
    whole = office.connections.change

    def change(*arguments):
        refusals.append(office.refusal)
        return whole(*arguments)

    monkeypatch.setattr(office.connections, "change", change)
    argument = PASSED if mend == "enable" else stored.connection
    getattr(office.lifecycle, mend)(stored, argument)
    assert refusals == [""]


def test_a_pass_that_works_while_its_connection_is_put_on_hold_has_it_enabled_again(
    office, monkeypatch
):
    stored = office.stored(ConnectionState.ACTIVE)
    office.refusal = "Refused since noon."
    whole = office.connections.change

    def change(*arguments):
        office.forget_refusal()
        return whole(*arguments)

    monkeypatch.setattr(office.connections, "change", change)
    assert office.lifecycle.hold_refused(stored) is None
    assert office.state is ConnectionState.ACTIVE
    assert office.connections.load("cronus").connection.hold_reason == ""
