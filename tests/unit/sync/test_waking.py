"""When the records that wait for others are looked at, and what looking costs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.hints import HintReason
from sync.mappings import MAPPINGS
from sync.outcomes import OutcomeKind
from sync.table_model import TableState
from sync.waking import has_news, parents_of, ready_hints
from tests.fakes.tables import MemoryAccount, StorageCall
from tests.support.table_jobs import SyncWorld, bc_contact, bc_customer, crm_account, crm_contact

FIRST = bc_customer("10000")


@dataclass
class Requests:
    """The storage requests of a world, by table."""

    seen: Counter[str] = field(default_factory=Counter)

    def watch(self, moment: str, call: StorageCall) -> bool:
        if moment == "before":
            self.seen[call.table] += 1
        return False


@pytest.fixture
def requests() -> Requests:
    return Requests()


@pytest.fixture
def world(requests: Requests) -> SyncWorld:
    return company_with_waiting(requests, 3)


def company_with_waiting(requests: Requests, number: int) -> SyncWorld:
    """A company in step, but for so many contacts of an account that is not coupled."""
    world = SyncWorld(MemoryAccount(requests.watch))
    world.bc.defaults["contacts"] = {"companyName": "", "companyNumber": "CT900"}
    world.bc.put("customers", FIRST)
    account = world.crm.put("accounts", crm_account(7, statecode=1))
    for each in range(number):
        world.crm.put("contacts", crm_contact(each, account["accountid"]))
    world.synchronize("CUSTOMER", "CONTACT")
    assert waiting(world) == number
    for name in ("CUSTOMER", "CONTACT"):
        one_pass(world, name)
    world.queues.messages.clear()
    return world


def waiting(world: SyncWorld) -> int:
    return sum(each.kind is OutcomeKind.WAITING for each in world.outcome_list("CONTACT"))


def one_pass(world: SyncWorld, mapping: str) -> None:
    world.pass_time(20 * 60)
    world.pass_worker().handle(mapping)


def activate(world: SyncWorld) -> None:
    """Have the account coupled by the next pass over customers, and its contacts' relations be
    known as Business Central then has them."""
    account = crm_account(7)["accountid"]
    world.crm.put("accounts", {"accountid": account, "statecode": 0})
    customer = world.ids().of("CUSTOMER", "crm", account)
    world.references.company_card_of_customer = {customer: "CT900"}
    world.references.customer_of_contact = {
        world.ids().of("CONTACT", "crm", each): customer for each in world.crm.tables["contacts"]
    }


@pytest.mark.parametrize("mapping", ["CUSTOMER", "CONTACT"])
def test_a_quiet_pass_costs_the_same_however_many_records_wait(mapping):
    cost = []
    for number in (2, 200):
        requests = Requests()
        world = company_with_waiting(requests, number)
        one_pass(world, mapping)
        requests.seen.clear()
        one_pass(world, mapping)
        cost.append(dict(requests.seen))
    assert cost[0] == cost[1]
    assert sum(cost[0].values()) <= 14


def test_an_edit_of_a_parent_has_nobody_looked_at(world, requests):
    world.bc.put("customers", {"id": FIRST["id"], "city": "Leeds"})
    one_pass(world, "CUSTOMER")
    requests.seen.clear()
    one_pass(world, "CONTACT")
    assert requests.seen["outcomes"] == 0


def test_a_coupled_parent_has_its_children_looked_at_at_once(world):
    activate(world)
    one_pass(world, "CUSTOMER")
    assert "CONTACT" in [each.get("mapping") for each in world.queues.messages]
    one_pass(world, "CONTACT")
    assert waiting(world) == 0


def test_a_parent_that_nobody_waits_for_asks_for_no_pass(requests):
    world = company_with_waiting(requests, 0)
    world.bc.put("customers", bc_customer("20000"))
    one_pass(world, "CUSTOMER")
    assert world.couplings.count("CUSTOMER") == 2
    assert "CONTACT" not in [each.get("mapping") for each in world.queues.messages]


def test_a_parent_that_another_run_coupled_is_noticed(world):
    activate(world)
    world.synchronize("CUSTOMER")
    world.queues.messages.clear()
    one_pass(world, "CONTACT")
    assert waiting(world) == 0


def test_a_parent_that_a_comparison_coupled_is_noticed(world):
    activate(world)
    world.crm.expire_watermarks("accounts")
    for _ in range(2):
        one_pass(world, "CUSTOMER")
    assert world.states.load("CUSTOMER").compared_because
    one_pass(world, "CONTACT")
    assert waiting(world) == 0


class DiedError(BaseException):
    """The process is gone."""


def test_a_parent_coupled_by_a_process_that_died_right_then_is_noticed(world, monkeypatch):
    """Nobody but the number on the parent's row tells of it: its next pass finds the pair coupled
    already."""
    activate(world)
    store = world.couplings.couple_many

    def couple_and_die(*args: Any) -> None:
        store(*args)
        raise DiedError

    monkeypatch.setattr(world.couplings, "couple_many", couple_and_die)
    with pytest.raises(DiedError):
        one_pass(world, "CUSTOMER")
    monkeypatch.undo()
    assert world.states.load("CUSTOMER").couplings % 2 == 1
    world.pass_time(7200)
    one_pass(world, "CUSTOMER")
    world.queues.messages.clear()
    one_pass(world, "CONTACT")
    assert waiting(world) == 0


def test_a_parent_coupled_after_its_children_were_looked_at_is_noticed(world, monkeypatch):
    """The children are passed over between the parent's mark and its couplings."""
    activate(world)
    store = world.couplings.couple_many

    def couple_late(*args: Any) -> Any:
        if args[0] == "CUSTOMER":
            one_pass(world, "CONTACT")
            assert waiting(world) == 3
        return store(*args)

    monkeypatch.setattr(world.couplings, "couple_many", couple_late)
    one_pass(world, "CUSTOMER")
    world.queues.messages.clear()
    one_pass(world, "CONTACT")
    assert waiting(world) == 0


def test_a_look_whose_hints_were_not_stored_is_repeated(world, monkeypatch):
    activate(world)
    one_pass(world, "CUSTOMER")

    def die(*args: Any) -> None:
        raise DiedError

    monkeypatch.setattr(world.hints, "add_many", die)
    with pytest.raises(DiedError):
        one_pass(world, "CONTACT")
    monkeypatch.undo()
    world.pass_time(7200)
    one_pass(world, "CONTACT")
    assert waiting(world) == 0


@pytest.mark.parametrize("number", [3, 60])
def test_waiting_records_are_hinted_at_once_their_parent_is_coupled(requests, number):
    world = company_with_waiting(requests, number)
    assert ready_hints(world.outcomes, world.couplings, "CONTACT", world.now()) == []
    activate(world)
    one_pass(world, "CUSTOMER")
    requests.seen.clear()
    hints = ready_hints(world.outcomes, world.couplings, "CONTACT", world.now())
    assert {each.record_id for each in hints} == set(world.crm.tables["contacts"])
    assert {each.reason for each in hints} == {HintReason.PARENT}
    assert requests.seen["couplings"] <= 3 * 3  # singly of a few, else all at once


def test_a_contact_whose_company_was_no_customer_is_looked_at_once_there_is_a_new_one(requests):
    world = company_with_waiting(requests, 0)
    contact = world.bc.put("contacts", bc_contact(1))
    one_pass(world, "CONTACT")
    assert [each.code for each in world.outcome_list("CONTACT")] == ["company-is-no-customer"]
    new = world.bc.put("customers", bc_customer("20000"))
    world.references.customer_of_contact = {contact["id"]: new["id"]}
    one_pass(world, "CUSTOMER")
    one_pass(world, "CONTACT")
    assert world.outcome_list("CONTACT") == []


@given(st.integers(0, 9), st.integers(0, 9))
def test_an_even_number_is_news_once_and_an_odd_one_always(number, seen):
    assert has_news({"P": number}, {}) is True
    assert has_news({"P": number}, {"P": seen}) is (number % 2 == 1 or number != seen)


@given(st.integers(0, 9))
def test_work_that_couples_leaves_a_higher_even_number(number):
    begun = TableState(
        mapping="P", couplings=TableState(mapping="P", couplings=number).couplings_begun
    )
    assert begun.couplings % 2 == 1
    assert begun.couplings_ended % 2 == 0
    assert number <= begun.couplings < begun.couplings_ended


def test_nobody_has_news_without_parents():
    assert not has_news({}, {})


def test_a_mapping_waits_for_all_that_its_lookups_name():
    for mapping in MAPPINGS.values():
        named = {name for each in mapping.fields if each.lookup for name in each.lookup.mappings}
        assert named <= set(parents_of(mapping))
    assert "UNIT OF MEASURE" in parents_of(MAPPINGS["SALESPRC-PRODPRICE"])
