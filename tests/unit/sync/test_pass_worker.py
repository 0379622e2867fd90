"""Messages of passes: never two at one table, none lost, failures told and tried again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from errors import AuthorizationError, ThrottledError, TransientError
from services.records import Record
from tests.support.table_jobs import SyncWorld, bc_customer

CUSTOMER_ID = bc_customer("10000")["id"]
LEASE_SECONDS = 60


@pytest.fixture
def world() -> SyncWorld:
    made = SyncWorld()
    made.queues.pass_time = lambda seconds: None  # a delay is looked at, not waited for
    made.bc.put("customers", bc_customer("10000"))
    made.synchronize("CUSTOMER")
    made.bc.put("customers", {"id": CUSTOMER_ID, "phoneNumber": "123"})
    return made


def accounts(world: SyncWorld) -> list[Record]:
    return list(world.crm.tables["accounts"].values())


def phone(world: SyncWorld) -> str | None:
    (account,) = accounts(world)
    found: str | None = account.get("telephone1")
    return found


def fail(world: SyncWorld, error: Exception, *, times: int = 1) -> None:
    left = [error] * times

    def before(call: str, table: str) -> None:
        del call, table
        if left:
            raise left.pop()

    world.crm.before_call = before


def messages(world: SyncWorld) -> list[str]:
    return [message["mapping"] for message in world.queues.messages]


def test_a_table_that_another_worker_holds_is_left_to_it_and_looked_at_right_after(world):
    held = world.states.acquire("CUSTOMER", "other", world.now(), LEASE_SECONDS)
    world.pass_worker().handle("CUSTOMER")
    assert phone(world) != "123"
    assert messages(world) == []
    assert world.requests.is_wanted("CUSTOMER")
    world.states.release(held)
    world.pass_worker().handle("CUSTOMER")
    assert phone(world) == "123"


def test_whoever_gives_a_table_back_sends_for_the_pass_that_was_asked_for_meanwhile(world):
    def ask(call: str, table: str) -> None:
        del call, table
        world.crm.before_call = lambda call, table: None
        world.pass_worker().handle("CUSTOMER")  # finds the table held
        world.pass_worker().handle("CUSTOMER")

    world.crm.before_call = ask
    world.pass_worker().handle("CUSTOMER")
    assert messages(world) == ["CUSTOMER"]


def test_the_lease_of_a_worker_that_died_runs_out(world):
    world.states.acquire("CUSTOMER", "dead", world.now(), LEASE_SECONDS)
    world.pass_time(LEASE_SECONDS)
    world.pass_worker().handle("")
    assert phone(world) == "123"


def test_a_passing_fault_is_told_on_the_table_and_tried_again_later(world):
    fail(world, TransientError("away", "CRM is away.", hint="Wait."))
    world.pass_worker().handle("CUSTOMER")
    state = world.states.load("CUSTOMER")
    assert (state.failures, state.message, state.hint) == (1, "CRM is away.", "Wait.")
    assert state.retry_at
    assert state.lease.owner == ""
    assert messages(world) == ["CUSTOMER"]
    world.pass_worker().handle("CUSTOMER")  # too early
    assert phone(world) != "123"
    world.pass_time(10)
    world.pass_worker().handle("CUSTOMER")
    assert phone(world) == "123"
    assert (world.states.load("CUSTOMER").failures, world.states.load("CUSTOMER").message) == (
        0,
        "",
    )


def test_a_service_that_says_how_long_to_wait_is_given_that_long(world):
    fail(world, ThrottledError("busy", "CRM is busy.", retry_after=300))
    world.pass_worker().handle("CUSTOMER")
    world.pass_time(299)
    world.pass_worker().handle("CUSTOMER")
    assert phone(world) != "123"
    world.pass_time(2)
    world.pass_worker().handle("CUSTOMER")
    assert phone(world) == "123"


def test_waits_grow_from_failure_to_failure(world):
    waits = []
    for _ in range(12):
        fail(world, TransientError("away", "CRM is away."))
        world.pass_worker().handle("CUSTOMER", asked=True)
        state = world.states.load("CUSTOMER")
        waits.append(round((state.retry_at - world.now()).total_seconds()))
    assert waits[:3] == [5, 10, 20]
    assert max(waits) == 15 * 60


def test_a_person_does_not_wait(world):
    fail(world, TransientError("away", "CRM is away."))
    world.pass_worker().handle("CUSTOMER")
    world.pass_worker().handle("CUSTOMER", asked=True)
    assert phone(world) == "123"


def test_what_an_administrator_must_mend_stops_all_tables_with_one_reason(world):
    world.synchronize("CURRENCY")
    fail(world, AuthorizationError("secret-refused", "The secret is wrong.", hint="Renew it."))
    world.pass_worker().handle("")
    health = world.health.load()
    assert (health.code, health.message) == ("secret-refused", "The secret is wrong.")
    world.pass_worker().handle("CUSTOMER")
    assert phone(world) != "123"
    world.pass_time(61)
    world.pass_worker().handle("CUSTOMER")
    assert phone(world) == "123"
    assert not world.health.load().is_stopped


def test_an_unforeseen_error_is_told_without_its_details_and_tried_again(world):
    fail(world, KeyError("a value of a customer"))
    world.pass_worker().handle("CUSTOMER")
    state = world.states.load("CUSTOMER")
    assert "KeyError" in state.message
    assert "a value" not in state.message
    assert messages(world) == ["CUSTOMER"]


def test_tables_whose_turn_did_not_come_in_time_are_sent_for_singly(world):
    world.pass_worker(slice_seconds=0).handle("")
    assert messages(world) == ["CUSTOMER"]


def test_a_pass_over_many_pages_hands_over_and_the_next_goes_on(world, monkeypatch):
    monkeypatch.setattr("sync.table_pass.PAGE_SIZE", 1)
    for number in ("20000", "30000"):
        world.bc.put("customers", bc_customer(number))
    clock = iter(range(10**6))
    monkeypatch.setattr("sync.pass_worker.time.monotonic", lambda: next(clock))
    world.pass_worker(slice_seconds=3).handle("CUSTOMER")
    first = world.states.load("CUSTOMER")
    assert first.phase
    for _ in range(20):
        if world.queues.messages:
            world.pass_worker(slice_seconds=3).handle(world.queues.messages.pop(0)["mapping"])
    phones = {each["accountnumber"]: each["telephone1"] for each in accounts(world)}
    assert phones.keys() == {"10000", "20000", "30000"}
    assert phones["10000"] == "123"
    assert world.states.load("CUSTOMER").phase == ""


def test_a_mapping_that_was_changed_has_its_table_compared(world):
    state = world.states.acquire("CUSTOMER", "x", world.now(), LEASE_SECONDS)
    world.states.release(replace(state, lineage="another mapping"))
    world.pass_worker().handle("CUSTOMER")
    assert "mapping was changed" in world.states.load("CUSTOMER").compared_because
    assert phone(world) == "123"
