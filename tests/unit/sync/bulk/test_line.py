"""What people want about many pairs, as a line of a run in the background."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from couplings.model import CouplingState
from sync.bulk import line
from sync.bulk.model import Told, ToldState, Want
from sync.bulk.whole_table import WholeTable
from sync.by_hand.pairing import First
from sync.job_model import RunKind
from sync.jobs import ActiveRunError, JobState, RunState
from sync.outcome_model import UNCOUPLED
from tests.support.bulk import ListInMemory, carry_out, coupling_slices
from tests.support.table_jobs import SyncWorld, bc_customer
from tests.unit.sync.bulk.office import (
    NOWHERE,
    bc,
    couple,
    couple_by_hand,
    create_account,
    create_customer,
    crm,
    fill,
    follow,
    pairs,
    phones,
    uncouple,
)

COUPLED, ALREADY, ASKED, REFUSED, FIT = (
    ToldState.COUPLED,
    ToldState.ALREADY,
    ToldState.ASKED,
    ToldState.REFUSED,
    ToldState.FIT,
)


@pytest.fixture
def office() -> SyncWorld:
    world = SyncWorld()
    fill(world, 4)
    return world


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "PAGE_SIZE", 2)


# Coupling


@pytest.mark.usefixtures("small_pages")
def test_many_pairs_are_coupled_and_the_next_pass_synchronizes_them(office):
    wants = ListInMemory([couple(str(n), n, n, First.TO_CRM) for n in (1, 2, 3, 4)])
    job = carry_out(office, wants)
    assert job.state is JobState.FINISHED
    assert (job.to_crm.coupled, job.records_handled, job.records_expected) == (4, 4, 4)
    assert job.message == "Rows: 4 coupled."
    assert set(wants.states.values()) == {COUPLED}
    assert pairs(office) == {bc(n): crm(n) for n in (1, 2, 3, 4)}
    follow(office)
    assert [phones(office, n) for n in (1, 4)] == [("+44 1", "+44 1"), ("+44 4", "+44 4")]


def test_each_row_chooses_whose_values_count_first(office):
    firsts = {1: First.TO_CRM, 2: First.FROM_CRM, 3: First.NONE}
    carry_out(office, ListInMemory([couple(str(n), n, n, each) for n, each in firsts.items()]))
    states = {each.bc_id: each.state for each in office.couplings.scan("CUSTOMER")}
    assert states[bc(3)] is CouplingState.CONFLICT
    follow(office)
    assert phones(office, 1) == ("+44 1", "+44 1")
    assert phones(office, 2) == ("+1 2", "+1 2")


def test_a_page_of_pairs_is_read_by_one_request_of_each_system(office, monkeypatch):
    asked: list[object] = []
    for service in (office.bc, office.crm):
        fetch_many = service.fetch_many

        def counted(*what, fetch_many=fetch_many, **options):
            asked.append(what)
            return fetch_many(*what, **options)

        monkeypatch.setattr(service, "fetch_many", counted)
    carry_out(office, ListInMemory([couple(str(n), n, n) for n in (1, 2, 3, 4)]))
    assert len(asked) == 2


def test_what_stands_in_the_way_of_a_row_is_told_and_the_others_are_coupled(office):
    couple_by_hand(office, 1, 1)
    office.bc.put("customers", {"id": bc(3), "salespersonCode": "JO"})
    nowhere = Want(place="c", action=couple("", 1, 1).action, bc_id=NOWHERE, crm_id=crm(3))
    blank = Want(place="f", action=nowhere.action, bc_id=bc(2), crm_id="")
    wants = ListInMemory(
        [
            couple("a", 2, 1),
            couple("b", 4, 1),
            nowhere,
            couple("d", 3, 2),
            couple("e", 4, 4),
        ]
    )
    job = carry_out(office, wants)
    assert wants.codes == {
        "a": "coupled-otherwise",
        "b": "named-twice",
        "c": "record-unknown",
        "d": "parent-not-coupled",
        "e": "",
    }
    assert wants.told["d"].hint == "Couple SALESPEOPLE 'JO' first."
    assert "10000" in wants.told["a"].message
    assert job.state is JobState.FINISHED_WITH_ERRORS
    assert (job.to_crm.coupled, job.to_crm.failed) == (1, 4)
    assert pairs(office) == {bc(1): crm(1), bc(4): crm(4)}
    nameless = ListInMemory([blank])
    carry_out(office, nameless)
    assert nameless.codes == {"f": "record-unknown"}


def test_a_pair_that_is_coupled_already_takes_the_choice_of_a_side(office):
    couple_by_hand(office, 1, 1)
    office.crm.put("accounts", {"accountid": crm(1), "telephone1": "+1 1"})
    office.bc.put("customers", {"id": bc(1), "phoneNumber": "+44 9"})
    wants = ListInMemory([couple("1", 1, 1, First.FROM_CRM)])
    assert carry_out(office, wants).to_crm.unchanged == 1
    assert wants.states == {"1": ALREADY}
    follow(office)
    assert phones(office, 1) == ("+1 1", "+1 1")


def test_replacing_says_what_was_replaced(office):
    couple_by_hand(office, 1, 1)
    couple_by_hand(office, 2, 2)
    wants = ListInMemory([couple("1", 1, 2, replaces=True), couple("2", 2, 1, replaces=True)])
    carry_out(office, wants)
    assert pairs(office) == {bc(1): crm(2), bc(2): crm(1)}
    assert set(wants.states.values()) == {COUPLED}
    assert crm(1) in wants.told["1"].replaced[0]
    assert office.outcome_list("CUSTOMER") == []


def test_records_that_lose_their_partners_are_left_alone_by_passes(office):
    couple_by_hand(office, 1, 1)
    carry_out(office, ListInMemory([couple("1", 1, 2, First.TO_CRM, replaces=True)]))
    follow(office)
    codes = {(each.side, each.record_id): each.code for each in office.outcome_list("CUSTOMER")}
    assert codes[("crm", crm(1))] == UNCOUPLED
    assert pairs(office) == {bc(1): crm(2)}


# Taking apart, and creating partners


def test_pairs_are_taken_apart_by_the_next_pass(office):
    for number in (1, 2, 3):
        couple_by_hand(office, number, number)
    wants = ListInMemory([uncouple("1", 1, 1), uncouple("2", 2, 3), uncouple("3", 4, 4)])
    job = carry_out(office, wants)
    assert wants.states == {"1": ASKED, "2": REFUSED, "3": ALREADY}
    assert (job.to_crm.uncoupled, job.to_crm.failed, job.to_crm.unchanged) == (1, 1, 1)
    follow(office)
    assert pairs(office) == {bc(2): crm(2), bc(3): crm(3)}


@pytest.mark.usefixtures("small_pages")
def test_a_whole_table_is_taken_apart(office):
    for number in (1, 2, 3):
        couple_by_hand(office, number, number)
    job = carry_out(office, WholeTable(office.couplings, "CUSTOMER"))
    assert (job.state, job.records_expected, job.to_crm.uncoupled) == (JobState.FINISHED, 3, 3)
    assert job.message == "Rows: 3 to be taken apart by the next pass."
    follow(office)
    assert pairs(office) == {}
    assert len(office.crm.tables["accounts"]) == 4


def test_partners_are_created_by_the_next_pass(office):
    couple_by_hand(office, 1, 1)
    office.bc.put("customers", bc_customer("90000"))
    wants = ListInMemory(
        [
            create_account("1", 1),
            create_account("2", 9),
            create_customer("3", 3),
            Want(place="4", action=create_account("", 1).action, bc_id=NOWHERE),
        ]
    )
    job = carry_out(office, wants)
    assert wants.states == {"1": ALREADY, "2": ASKED, "3": ASKED, "4": REFUSED}
    assert job.to_crm.waiting == 2
    follow(office)
    coupled = pairs(office)
    assert bc(9) in coupled
    assert crm(3) in coupled.values()
    assert bc(2) not in coupled


# Strict lists


@pytest.mark.usefixtures("small_pages")
def test_one_refused_row_of_a_strict_list_keeps_all_from_being_done(office):
    rows = [couple("1", 1, 1), couple("2", 2, 2), couple("3", 3, 3), uncouple("4", 4, 4)]
    wants = ListInMemory([*rows, Want(place="5", action=rows[0].action, bc_id=bc(4), crm_id="")])
    wants.strict = True
    job = carry_out(office, wants)
    assert job.state is JobState.ERROR
    assert job.message == "1 of 5 rows cannot be carried out; nothing was done."
    assert wants.states == {"1": FIT, "2": FIT, "3": FIT, "4": ALREADY, "5": REFUSED}
    assert pairs(office) == {}
    assert office.outcome_list("CUSTOMER") == []


@pytest.mark.usefixtures("small_pages")
def test_a_strict_list_without_faults_is_carried_out(office):
    wants = ListInMemory([couple(str(n), n, n) for n in (1, 2, 3)], strict=True)
    job = carry_out(office, wants)
    assert (job.state, job.to_crm.coupled, job.records_handled) == (JobState.FINISHED, 3, 3)
    assert set(wants.states.values()) == {COUPLED}


def test_a_list_that_is_only_checked_is_not_carried_out(office):
    wants = ListInMemory([couple("1", 1, 1)], strict=True, check_only=True)
    job = carry_out(office, wants)
    assert job.state is JobState.FINISHED
    assert job.message == "Nothing stands in the way; nothing was done."
    assert wants.states == {"1": FIT}
    assert pairs(office) == {}


# Runs


@pytest.mark.usefixtures("small_pages")
def test_work_is_divided_into_slices(office):
    wants = ListInMemory([couple(str(n), n, n) for n in (1, 2, 3, 4)], strict=True)
    job = carry_out(office, wants, slice_seconds=0)
    assert (job.state, job.to_crm.coupled, job.records_handled) == (JobState.FINISHED, 4, 4)


@pytest.mark.usefixtures("small_pages")
def test_a_cancelled_run_ends_at_the_next_page(office):
    class Cancelling(ListInMemory):
        def tell(self, told: Sequence[Told]) -> None:
            super().tell(told)
            office.full_sync.cancel()

    wants = Cancelling([couple(str(n), n, n) for n in (1, 2, 3, 4)])
    job = carry_out(office, wants)
    assert (job.state, job.records_handled) == (JobState.CANCELLED, 2)
    assert len(pairs(office)) == 2
    assert office.jobs.get_run(job.run_id).state is RunState.CANCELLED


def test_a_run_takes_the_place_of_any_other_one_of_the_connection(office):
    office.further_slices[RunKind.COUPLING] = coupling_slices(office, ListInMemory([]))
    run = office.start("CUSTOMER", kind=RunKind.COUPLING)
    with pytest.raises(ActiveRunError) as refused:
        office.start("CUSTOMER")
    assert refused.value.run_id == run.run_id
    job = office.drain(run)["CUSTOMER"]
    assert job.message == "There was nothing to do."


def test_what_is_ordered_is_stored_with_the_run(office):
    run = office.full_sync.begin(RunKind.COUPLING, ["CUSTOMER"], "test", order='{"source": "x"}')
    assert office.jobs.get_run(run.run_id).order == '{"source": "x"}'
