"""Taking pairs apart, and looking at them now, because a person asks."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from couplings.model import CouplingState
from errors import RefusedRequestError
from sync.by_hand.pair_requests import Selection
from sync.by_hand.pairing import First
from sync.by_hand.parting import TO_BE_UNCOUPLED
from sync.hints import HintReason, RecordHint
from sync.outcome_model import UNCOUPLED, OutcomeKind
from sync.references import References
from tests.support.by_hand import (
    coupling_by_hand,
    drain_passes,
    pair_requests,
)
from tests.support.crashes import CrashingWorld
from tests.support.table_jobs import SyncWorld, bc_contact, bc_customer, crm_account

FIRST, SECOND = bc_customer("10000"), bc_customer("20000")
PERSON = bc_contact(1)


class Company(SyncWorld):
    """Two customers, and a person of the first one, all in step."""

    def __init__(self) -> None:
        super().__init__()
        self.customers_of_contacts = {PERSON["id"]: FIRST["id"]}
        self.bc.defaults["contacts"] = {"companyName": ""}
        for customer in (FIRST, SECOND):
            self.bc.put("customers", customer)
        self.bc.put("contacts", PERSON)
        self.synchronize("CUSTOMER", "CONTACT")
        drain_passes(self)

    def load_references(self) -> References:
        self.references.company_card_of_customer = {FIRST["id"]: PERSON["companyNumber"]}
        self.references.customer_of_contact = self.customers_of_contacts
        return self.references

    def crm_id(self, bc: dict[str, Any], mapping: str = "CUSTOMER") -> str:
        return self.couplings.find_by_bc(mapping, [bc["id"]])[bc["id"]].crm_id

    def coupled(self, mapping: str = "CUSTOMER") -> list[str]:
        return [each.bc_key for each in self.couplings.scan(mapping)]

    def codes(self, mapping: str = "CUSTOMER") -> set[str]:
        return {each.code for each in self.outcome_list(mapping)}


@pytest.fixture
def company() -> Company:
    return Company()


# taking apart


@pytest.mark.parametrize("named", ["number", "id", "crm"])
def test_a_pair_is_taken_apart_and_both_records_stay_as_they_are(company, named):
    selection = {
        "number": Selection(bc=["10000"]),
        "id": Selection(bc=[FIRST["id"].upper()]),
        "crm": Selection(crm=[company.crm_id(FIRST)]),
    }[named]
    writes = len(company.crm.writes) + len(company.bc.writes)
    assert pair_requests(company).uncouple(selection) == 1
    drain_passes(company)
    company.synchronize("CUSTOMER")  # which meets every record
    drain_passes(company)
    assert company.coupled() == ["20000"]
    assert len(company.crm.writes) + len(company.bc.writes) == writes
    assert {each.code for each in company.outcome_list("CUSTOMER")} == {UNCOUPLED}


def test_a_whole_table_is_taken_apart(company):
    assert pair_requests(company).uncouple(Selection(everything=True)) == 2
    assert company.codes() == {TO_BE_UNCOUPLED}
    drain_passes(company)
    assert company.coupled() == []
    assert len(company.crm.tables["accounts"]) == 2


def test_pairs_of_a_table_that_was_never_synchronized_are_taken_apart():
    world = SyncWorld()
    world.bc.put("customers", FIRST)
    world.crm.put("accounts", crm_account(1))
    by_hand = coupling_by_hand(world)
    by_hand.couple("10000", crm_account(1)["accountid"], First.NONE, replaces=False)
    pair_requests(world).uncouple(Selection(bc=["10000"]))
    drain_passes(world)
    assert list(world.couplings.scan("CUSTOMER")) == []


def test_a_comparison_that_comes_before_the_pass_takes_the_pair_apart(company):
    pair_requests(company).uncouple(Selection(bc=["10000"]))
    company.queues.messages.clear()
    company.synchronize("CUSTOMER")
    assert company.coupled() == ["20000"]
    drain_passes(company)
    assert company.codes() == {UNCOUPLED}


def test_a_record_that_takes_no_part_any_more_is_taken_apart(company):
    company.customers_of_contacts = {}
    company.bc.put("contacts", {"id": PERSON["id"], "jobTitle": "Owner"})
    company.pass_worker().handle("CONTACT")
    assert company.codes("CONTACT") == {"company-is-no-customer"}
    pair_requests(company, "CONTACT").uncouple(Selection(bc=[PERSON["id"]]))
    drain_passes(company)
    company.synchronize("CONTACT")  # which meets every record
    assert company.coupled("CONTACT") == []
    assert company.codes("CONTACT") == {UNCOUPLED}


@pytest.mark.parametrize(
    "selection",
    [
        Selection(bc=["10000", "99999"]),
        Selection(bc=["10000"], crm=["c0000000-0000-4000-8000-000000000099"]),
        Selection(bc=["10000", *(str(number) for number in range(50000, 50050))]),
    ],
)
def test_records_that_are_not_coupled_are_named_and_nothing_is_taken_apart(company, selection):
    with pytest.raises(RefusedRequestError, match=r"99999|0{10}99|50000") as refused:
        pair_requests(company).uncouple(selection)
    assert (refused.value.status, refused.value.code) == (409, "not-coupled")
    assert company.queues.messages == []
    assert company.outcome_list("CUSTOMER") == []


def test_what_depends_on_a_pair_is_told_beforehand(company):
    requests = pair_requests(company)
    told = requests.preview_uncoupling(Selection(bc=["10000"]))
    assert (told.pairs, [each.bc_key for each in told.examples]) == (1, ["10000"])
    assert {name: [each.name for each in some] for name, some in told.dependents.items()} == {
        "CONTACT": ["CT000001 Person 1"]
    }
    alone = requests.preview_uncoupling(Selection(bc=["20000"]))
    assert (alone.pairs, alone.dependents) == (1, {})
    assert company.outcome_list() == []
    assert company.coupled() == ["10000", "20000"]


def test_what_depends_on_a_pair_is_told_to_wait_and_heals_when_it_is_coupled_again(company):
    account = company.crm_id(FIRST)
    pair_requests(company).uncouple(Selection(bc=["10000"]))
    drain_passes(company)
    (waiting,) = company.outcome_list("CONTACT")
    assert (waiting.kind, waiting.waits_for) == (OutcomeKind.WAITING, ("CUSTOMER",))
    coupling_by_hand(company).couple("10000", account, First.NONE, replaces=False)
    drain_passes(company)
    assert company.outcome_list() == []


def test_a_pair_taken_apart_is_coupled_again_by_hand(company):
    account = company.crm_id(FIRST)
    pair_requests(company).uncouple(Selection(bc=["10000"]))
    drain_passes(company)
    coupling_by_hand(company).couple("10000", account, First.NONE, replaces=False)
    drain_passes(company)
    assert company.coupled() == ["10000", "20000"]
    assert company.outcome_list("CUSTOMER") == []


def test_a_pair_taken_apart_with_what_it_refers_to_stays_apart(company):
    for mapping, record in (("CUSTOMER", FIRST), ("CONTACT", PERSON)):
        pair_requests(company, mapping).uncouple(Selection(bc=[record["id"]]))
    drain_passes(company)
    company.pass_time(3600)
    company.requests.send("")
    drain_passes(company)
    assert company.coupled("CONTACT") == []
    assert company.coupled() == ["20000"]


@pytest.mark.parametrize(
    ("reason", "coupled"),
    [
        (HintReason.RETRY, ["20000"]),
        (HintReason.RESOLVE, ["20000"]),
        (HintReason.CHANGED, ["20000"]),
        (HintReason.COUPLE, ["10000", "20000"]),
    ],
)
def test_only_who_wants_a_partner_for_it_has_a_record_coupled_again(company, reason, coupled):
    account = company.crm_id(FIRST)
    pair_requests(company).uncouple(Selection(bc=["10000"]))
    drain_passes(company)
    hint = RecordHint(side="bc", record_id=FIRST["id"], reason=reason, due_at=company.now())
    other = replace(hint, side="crm", record_id=account)
    company.hints.add_many("CUSTOMER", [hint, other])
    company.requests.request("CUSTOMER")
    drain_passes(company)
    assert company.coupled() == coupled


# looking at pairs now


def test_a_pair_is_looked_at_now_parked_or_not(company):
    company.crm.refuse = lambda write: "no"
    for number in range(3):
        company.bc.put("customers", {"id": FIRST["id"], "phoneNumber": "5"})
        company.pass_time(3600 * (number + 1))
        company.pass_worker().handle("CUSTOMER")
    (outcome,) = company.outcome_list("CUSTOMER")
    assert outcome.parked
    company.crm.refuse = lambda write: None
    assert pair_requests(company).synchronize(Selection(bc=["10000"])) == 1
    drain_passes(company)
    assert company.crm.tables["accounts"][company.crm_id(FIRST)]["telephone1"] == "5"
    assert [each.state for each in company.couplings.scan("CUSTOMER")] == [
        CouplingState.COUPLED
    ] * 2


# crashes


def ask_first(world: CrashingWorld) -> None:
    pair_requests(world).uncouple(Selection(bc=["10000"]))


def test_a_process_that_dies_while_it_stores_the_wish_leaves_nothing_half_done():
    dies_at = -1
    survived = False
    while not survived:
        dies_at += 1
        world = CrashingWorld()
        world.points.counts = False
        world.bc.put("customers", FIRST)
        world.synchronize("CUSTOMER")
        world.pass_although_processes_die()
        world.points.begin(dies_at)
        survived = world.survives(partial(ask_first, world))
        if not survived:  # whoever asked got no answer, and asks again
            pair_requests(world).uncouple(Selection(everything=True))
        world.pass_although_processes_die()
        assert list(world.couplings.scan("CUSTOMER")) == [], dies_at
        assert {each.code for each in world.outcome_list("CUSTOMER")} == {UNCOUPLED}, dies_at
        assert len(world.crm.tables["accounts"]) == 1, dies_at
