"""Coupling two records by hand: what is shown, refused and stored, and what the next pass does."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest

from couplings.model import CouplingState
from errors import RefusedRequestError
from sync.by_hand.coupling import (
    Coupled,
    CoupledOtherwiseError,
    ManualCoupling,
    NotCoupleableError,
)
from sync.by_hand.pair_requests import Selection
from sync.by_hand.pairing import First
from sync.by_hand.table_hold import TableBusyError, TableHold
from sync.decisions import Decisions
from sync.drift import Flow
from sync.outcome_model import SETTLED, UNCOUPLED
from tests.fakes.tables import MemoryAccount, StorageCall
from tests.support.by_hand import coupling_by_hand, drain_passes, hold_of, pair_requests
from tests.support.table_jobs import (
    SyncWorld,
    bc_contact,
    bc_customer,
    crm_account,
    crm_contact,
    crm_user,
)

CUSTOMER = bc_customer("10000")
OTHER = bc_customer("20000")
ACCOUNT = crm_account(1)
RIVAL = crm_account(2)


class Office(SyncWorld):
    """Two customers and two accounts that nobody coupled."""

    def __init__(self, account: MemoryAccount | None = None) -> None:
        super().__init__(account)
        for customer in (CUSTOMER, OTHER):
            self.bc.put("customers", customer)
        for each in (ACCOUNT, RIVAL):
            self.crm.put("accounts", each)

    def coupling_by_hand(self, mapping: str = "CUSTOMER") -> ManualCoupling:
        return coupling_by_hand(self, mapping, lambda: self.sleep())

    def sleep(self) -> object:
        """What happens while somebody waits for the table."""
        return None

    def couple(
        self,
        bc: str = "10000",
        crm: str = ACCOUNT["accountid"],
        first: First = First.NONE,
        *,
        replaces: bool = False,
        mapping: str = "CUSTOMER",
    ) -> Coupled:
        return self.coupling_by_hand(mapping).couple(bc, crm, first, replaces=replaces)

    def decisions(self) -> Decisions:
        return Decisions(self.outcomes, self.hints, self.requests, now=self.now)

    def drain_passes(self) -> None:
        drain_passes(self)

    def pairs(self, mapping: str = "CUSTOMER") -> set[tuple[str, str]]:
        assert list(self.couplings.halves(mapping)) == []
        return {(each.bc_id, each.crm_id) for each in self.couplings.scan(mapping)}

    def phones(self) -> tuple[Any, Any]:
        return (
            self.bc.tables["customers"][CUSTOMER["id"]]["phoneNumber"],
            self.crm.tables["accounts"][ACCOUNT["accountid"]]["telephone1"],
        )


PAIR = (CUSTOMER["id"], ACCOUNT["accountid"])


@pytest.fixture
def office() -> Office:
    return Office()


def edit(office: Office, *, bc: str, crm: str | None) -> None:
    office.bc.put("customers", {"id": CUSTOMER["id"], "phoneNumber": bc})
    office.crm.put("accounts", {"accountid": ACCOUNT["accountid"], "telephone1": crm})


# comparing


def test_both_records_are_shown_side_by_side_and_nothing_is_written(office):
    edit(office, bc="111", crm="999")
    seen = office.coupling_by_hand().compare("10000", ACCOUNT["accountid"])
    assert (seen.name, seen.crm_name) == ("10000 Customer 10000", "Account 1")
    fields = {each.bc_field: each for each in seen.fields}
    phone, city = fields["phoneNumber"], fields["city"]
    assert (phone.bc_value, phone.crm_value, phone.flow) == ("111", "999", Flow.CONFLICT)
    assert (city.same, city.flow) == (True, None)
    assert (fields["number"].flow, fields["number"].crm_value) == (Flow.TO_CRM, "")
    assert (seen.obstacles, seen.others) == ((), ())
    assert office.pairs() == set()
    assert office.hints.due("CUSTOMER", office.now(), 10) == []


@pytest.mark.parametrize("named", ["10000", CUSTOMER["id"], CUSTOMER["id"].upper()])
def test_a_bc_record_is_named_by_its_number_or_id(office, named):
    assert office.coupling_by_hand().compare(named, ACCOUNT["accountid"]).bc_id == CUSTOMER["id"]


@pytest.mark.parametrize(
    ("bc", "crm"),
    [
        ("99999", ACCOUNT["accountid"]),
        ("bc000000-0000-4000-8000-000000099999", ACCOUNT["accountid"]),
        ("10000", "c0000000-0000-4000-8000-000000000099"),
        ("10000", "Account 1"),
    ],
)
def test_a_record_that_does_not_exist_is_told(office, bc, crm):
    with pytest.raises(RefusedRequestError) as refused:
        office.coupling_by_hand().compare(bc, crm)
    assert (refused.value.status, refused.value.code) == (404, "record-unknown")


def test_a_value_that_cannot_become_the_other_sides_is_told_with_its_field(office):
    office.bc.put("customers", {"id": CUSTOMER["id"], "displayName": "x" * 200})
    office.crm.put("accounts", {"accountid": ACCOUNT["accountid"], "name": "y" * 200})
    seen = office.coupling_by_hand().compare("10000", ACCOUNT["accountid"])
    (name,) = [each for each in seen.fields if each.problem]
    assert name.crm_column == "name"
    assert "200 characters" in name.problem


# coupling


def test_a_pair_is_coupled_and_in_step_after_the_next_pass(office):
    coupled = office.couple()
    assert (coupled.before, coupled.replaced) == (False, ())
    assert office.pairs() == {PAIR}
    office.drain_passes()
    (coupling,) = office.couplings.scan("CUSTOMER")
    assert coupling.state is CouplingState.CONFLICT  # both have a name of their own
    assert coupling.base is not None
    assert office.crm.tables["accounts"][ACCOUNT["accountid"]]["accountnumber"] == "10000"
    assert len(office.crm.tables["accounts"]) == len(office.bc.tables["customers"]) == 2


@pytest.mark.parametrize("first", [First.TO_CRM, First.FROM_CRM])
@pytest.mark.parametrize("when", ["before the first synchronization", "by it", "after it"])
def test_the_chosen_side_wins_what_differs_and_the_losing_value_is_kept(office, first, when):
    edit(office, bc="111", crm="999")
    if when == "after it":
        for account in (ACCOUNT, RIVAL):
            office.crm.delete("accounts", account["accountid"])
        office.synchronize("CUSTOMER")
        for pair in list(office.couplings.scan("CUSTOMER")):
            office.couplings.uncouple("CUSTOMER", pair.bc_id)
            office.crm.delete("accounts", pair.crm_id)
        office.crm.put("accounts", ACCOUNT | {"telephone1": "999"})
        office.queues.messages.clear()
    office.couple(first=first)
    if when == "by it":
        office.queues.messages.clear()  # the whole table is compared before the hint is followed
        office.synchronize("CUSTOMER")
    office.drain_passes()
    winner = "111" if first is First.TO_CRM else "999"
    assert office.phones() == (winner, winner)
    pair = [each for each in office.couplings.scan("CUSTOMER") if each.bc_id == CUSTOMER["id"]]
    assert [each.state for each in pair] == [CouplingState.COUPLED]
    settled = office.outcomes.find("CUSTOMER", [("bc", CUSTOMER["id"])])["bc", CUSTOMER["id"]]
    assert (settled.code, settled.decision) == (SETTLED, None)
    phone = next(each for each in settled.fields if each.bc_field == "phoneNumber")
    assert (phone.bc_value, phone.crm_value) == ("111", "999")


def test_where_no_side_is_chosen_what_differs_is_reported(office):
    edit(office, bc="111", crm="999")
    office.couple()
    office.drain_passes()
    (outcome,) = office.outcome_list("CUSTOMER")
    assert outcome.code == "update-conflict"
    assert {each.bc_field for each in outcome.fields} == {"displayName", "phoneNumber"}
    assert office.phones() == ("111", "999")


@pytest.mark.parametrize("first", list(First))
def test_a_blank_takes_the_other_sides_value_whoever_is_chosen(office, first):
    edit(office, bc="", crm="999")
    office.couple(first=first)
    office.drain_passes()
    assert office.phones() == ("999", "999")


def test_the_choice_counts_only_for_the_values_that_were_seen(office):
    edit(office, bc="111", crm="999")
    office.couple(first=First.TO_CRM)
    office.crm.put("accounts", {"accountid": ACCOUNT["accountid"], "telephone1": "777"})
    office.drain_passes()
    assert office.phones() == ("111", "777")
    (outcome,) = office.outcome_list("CUSTOMER")
    assert outcome.code == "update-conflict"
    assert office.crm.tables["accounts"][ACCOUNT["accountid"]]["name"] == "Customer 10000"


def test_a_pair_that_is_coupled_already_takes_the_choice(office):
    edit(office, bc="111", crm="999")
    office.couple()
    office.drain_passes()
    coupled = office.couple(first=First.FROM_CRM)
    assert coupled.before
    office.drain_passes()
    assert office.phones() == ("999", "999")


def test_what_was_decided_about_a_record_before_does_not_touch_its_new_pair(office):
    office.couple()
    office.drain_passes()
    (outcome,) = office.outcome_list("CUSTOMER")
    office.decisions().uncouple("CUSTOMER", outcome.key)
    office.queues.messages.clear()
    office.couple(crm=RIVAL["accountid"], replaces=True)
    office.drain_passes()
    assert office.pairs() == {(CUSTOMER["id"], RIVAL["accountid"])}


def test_a_pair_that_was_to_be_taken_apart_stays_when_it_is_coupled_again(office):
    office.couple(first=First.TO_CRM)
    office.drain_passes()
    pair_requests(office).uncouple(Selection(bc=["10000"]))
    office.couple()
    office.drain_passes()
    assert office.pairs() == {PAIR}
    assert [each.state for each in office.couplings.scan("CUSTOMER")] == [CouplingState.COUPLED]


def test_records_that_waited_for_the_coupled_one_go_on(office):
    office.bc.put("customers", {"id": OTHER["id"], "blocked": "All"})
    office.crm.put("accounts", {"accountid": RIVAL["accountid"], "statecode": 1})
    contact = office.crm.put("contacts", crm_contact(1, ACCOUNT["accountid"]))
    office.bc.put("customers", {"id": CUSTOMER["id"], "blocked": "All"})
    office.crm.put("accounts", {"accountid": ACCOUNT["accountid"], "statecode": 1})
    office.synchronize("CUSTOMER", "CONTACT")
    office.drain_passes()
    assert [each.kind for each in office.outcome_list("CONTACT")] == ["waiting"]
    office.bc.put("customers", {"id": CUSTOMER["id"], "blocked": "_x0020_"})
    office.crm.put("accounts", {"accountid": ACCOUNT["accountid"], "statecode": 0})
    office.references.company_card_of_customer = {CUSTOMER["id"]: "CT900"}
    made = office.ids().of("CONTACT", "crm", contact["contactid"])
    office.references.customer_of_contact = {made: CUSTOMER["id"]}
    office.bc.defaults["contacts"] = {"companyName": "", "companyNumber": "CT900"}
    office.couple()
    office.drain_passes()
    assert office.pairs("CONTACT") == {(made, contact["contactid"])}


# refusals


def test_a_parent_is_coupled_first_and_named(office):
    office.bc.put("customers", {"id": CUSTOMER["id"], "salespersonCode": "JO"})
    with pytest.raises(NotCoupleableError) as refused:
        office.couple()
    assert (refused.value.status, refused.value.code) == (409, "parent-not-coupled")
    assert refused.value.hint == "Couple SALESPEOPLE 'JO' first."
    assert office.pairs() == set()
    office.bc.put("salespeoplePurchasers", {"id": "s", "code": "JO", "displayName": "Jo"})
    user = office.crm.put("systemusers", crm_user("00000000-0000-4000-8000-00000000000a"))
    office.couple("JO", user["systemuserid"], mapping="SALESPEOPLE")
    assert office.couple().before is False


def test_a_contact_cannot_be_coupled_before_its_customer(office):
    office.references.customer_of_contact = {bc_contact(1)["id"]: CUSTOMER["id"]}
    office.references.company_card_of_customer = {CUSTOMER["id"]: "CT900001"}
    office.bc.put("contacts", bc_contact(1))
    contact = office.crm.put("contacts", crm_contact(1, ACCOUNT["accountid"]))
    with pytest.raises(NotCoupleableError) as refused:
        office.couple("CT000001", contact["contactid"], mapping="CONTACT")
    assert refused.value.code == "parent-not-coupled"
    office.couple()
    assert office.couple("CT000001", contact["contactid"], mapping="CONTACT").before is False


@pytest.mark.parametrize(
    ("bc", "crm", "told"),
    [
        ({"blocked": "All"}, {}, "blocked in Business Central"),
        ({}, {"statecode": 1}, "inactive in Dynamics 365 Sales"),
        ({}, {"customertypecode": 11}, "outside the filter of CUSTOMER"),
    ],
)
def test_a_record_that_takes_no_part_is_refused(office, bc, crm, told):
    office.bc.put("customers", {"id": CUSTOMER["id"], **bc})
    office.crm.put("accounts", {"accountid": ACCOUNT["accountid"], **crm})
    with pytest.raises(NotCoupleableError, match=told) as refused:
        office.couple(replaces=True)
    assert (refused.value.status, refused.value.code) == (409, "not-coupleable")
    assert office.pairs() == set()


def test_a_direction_that_the_mapping_does_not_have_is_refused(office):
    with pytest.raises(RefusedRequestError) as refused:
        office.couple("JO", ACCOUNT["accountid"], First.TO_CRM, mapping="SALESPEOPLE")
    assert (refused.value.status, refused.value.code) == (422, "direction-impossible")


_WITH_ANOTHER = {"bc": {"crm": RIVAL["accountid"]}, "crm": {"bc": "20000"}}
"""By the side whose record is coupled already: what it is to be coupled with."""


@pytest.mark.parametrize("side", ["bc", "crm"])
def test_a_record_with_another_partner_is_refused_naming_it(office, side):
    office.couple()
    with pytest.raises(CoupledOtherwiseError) as refused:
        office.couple(**_WITH_ANOTHER[side])
    partner = "Account 1" if side == "bc" else "10000 Customer 10000"
    assert (refused.value.status, refused.value.code) == (409, "coupled-otherwise")
    assert [each["member"] for each in refused.value.errors] == [side]
    assert partner in refused.value.message
    assert office.pairs() == {PAIR}


@pytest.mark.parametrize("side", ["bc", "crm"])
def test_a_partner_that_is_gone_is_named_and_not_dropped_silently(office, side):
    office.couple()
    if side == "bc":
        office.crm.delete("accounts", ACCOUNT["accountid"])
    else:
        office.bc.delete("customers", CUSTOMER["id"])
    with pytest.raises(CoupledOtherwiseError, match="which was deleted in"):
        office.couple(**_WITH_ANOTHER[side])
    assert office.pairs() == {PAIR}


# replacing


def coupled_across(office: Office) -> None:
    """Customer 10000 with the rival, customer 20000 with the account; both in step."""
    office.couple(crm=RIVAL["accountid"], first=First.TO_CRM)
    office.couple(bc="20000", first=First.TO_CRM)
    office.drain_passes()
    assert office.pairs() == {
        (CUSTOMER["id"], RIVAL["accountid"]),
        (OTHER["id"], ACCOUNT["accountid"]),
    }


def test_recoupling_says_what_it_replaced_and_leaves_those_records_alone(office):
    coupled_across(office)
    coupled = office.couple(first=First.TO_CRM, replaces=True)
    assert {each.name for each in coupled.replaced} == {"Customer 10000", "20000 Customer 20000"}
    assert office.pairs() == {PAIR}
    office.drain_passes()
    office.synchronize("CUSTOMER")  # which meets every record
    assert office.pairs() == {PAIR}
    assert len(office.crm.tables["accounts"]) == len(office.bc.tables["customers"]) == 2
    apart = {each.key for each in office.outcome_list("CUSTOMER") if each.code == UNCOUPLED}
    assert apart == {("crm", RIVAL["accountid"]), ("bc", OTHER["id"])}


def test_what_recoupling_left_over_can_be_coupled_again(office):
    coupled_across(office)
    office.couple(first=First.TO_CRM, replaces=True)
    office.couple(bc="20000", crm=RIVAL["accountid"], first=First.TO_CRM)
    office.drain_passes()
    assert office.pairs() == {PAIR, (OTHER["id"], RIVAL["accountid"])}
    assert {each.code for each in office.outcome_list("CUSTOMER")} == {SETTLED}


# others at the same moment


def test_a_table_at_work_for_long_is_refused_and_a_short_pass_is_waited_for(office):
    held = office.states.acquire("CUSTOMER", "a pass", office.now(), 3600)
    with pytest.raises(TableBusyError):
        office.couple()
    assert office.pairs() == set()
    naps = iter(range(3))
    office.sleep = lambda: next(naps) and office.states.release(held)
    assert office.couple().before is False


def test_a_pass_that_found_the_table_held_comes_after(office):
    office.synchronize("CUSTOMER")
    office.queues.messages.clear()
    with hold_of(office)("CUSTOMER"):
        office.pass_worker().handle("CUSTOMER")
        assert office.queues.messages == []
    assert [each["mapping"] for each in office.queues.messages] == ["CUSTOMER"]


def fail(hold: TableHold) -> None:
    with hold("CUSTOMER"):
        raise RefusedRequestError(409, "any", "Whatever.")


def test_a_table_is_given_back_after_a_refusal_without_a_pass_that_nobody_wants(office):
    with pytest.raises(RefusedRequestError, match="Whatever"):
        fail(hold_of(office))
    assert office.states.load("CUSTOMER").lease.owner == ""
    assert office.queues.messages == []


@pytest.mark.parametrize(
    "pairs",
    [
        [("10000", ACCOUNT["accountid"]), ("10000", RIVAL["accountid"])],
        [("10000", ACCOUNT["accountid"]), ("20000", ACCOUNT["accountid"])],
    ],
    ids=["of one customer", "of one account"],
)
def test_of_two_persons_who_click_at_once_one_is_refused_naming_the_others_partner(office, pairs):
    both_looked, one_is_done = Barrier(2, timeout=10), Event()
    office.sleep = lambda: one_is_done.wait(10)

    def click(pair: tuple[str, str]) -> Coupled | CoupledOtherwiseError:
        coupling: Any = office.coupling_by_hand()
        hold = coupling._hold

        def hold_after_both_looked(mapping: str) -> Any:
            both_looked.wait()
            return hold(mapping)

        coupling._hold = hold_after_both_looked
        try:
            done: Coupled = coupling.couple(*pair, First.NONE, replaces=False)
        except CoupledOtherwiseError as refused:
            return refused
        else:
            return done
        finally:
            one_is_done.set()

    with ThreadPoolExecutor(2) as persons:
        results = list(persons.map(click, pairs))
    (refused,) = [each for each in results if isinstance(each, CoupledOtherwiseError)]
    (winner,) = [each for each in results if isinstance(each, Coupled)]
    partner = winner.seen.crm_name if pairs[0][0] == pairs[1][0] else winner.seen.name
    assert partner in refused.message
    assert office.pairs() == {(winner.seen.bc_id, winner.seen.crm_id)}


class Paused(MemoryAccount):
    """Lets a test act right before a call on a table."""

    def __init__(self) -> None:
        super().__init__(self._at)
        self.armed: tuple[str, str, Callable[[], None]] | None = None

    def _at(self, moment: str, call: StorageCall) -> bool:
        if moment == "before" and self.armed and (call.table, call.verb) == self.armed[:2]:
            action, self.armed = self.armed[2], None
            action()
        return False


def test_the_storage_refuses_a_person_who_paused_beyond_the_lease(office):
    account = Paused()
    office = Office(account)

    def overtake() -> None:
        office.pass_time(120)
        office.couple(crm=RIVAL["accountid"])

    account.armed = ("couplings", "transact", overtake)
    with pytest.raises(CoupledOtherwiseError, match=RIVAL["accountid"]):
        office.couple()
    assert office.pairs() == {(CUSTOMER["id"], RIVAL["accountid"])}
