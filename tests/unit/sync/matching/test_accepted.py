"""What was accepted of a match is coupled, as long as it still holds; every row tells."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from errors import RefusedRequestError
from sync.bulk.model import Action, Want
from sync.by_hand.pairing import First
from sync.jobs import JobState, RunKind
from sync.matching.accepted import Accepted, AcceptedList
from sync.matching.model import MatchKind, RowState
from sync.matching.picks import WantedPick
from tests.support.matching import MatchWorld
from tests.support.table_jobs import bc_customer, crm_account


def customer_id(number: str) -> str:
    return str(bc_customer(number)["id"])


def account_id(number: int) -> str:
    return str(crm_account(number)["accountid"])


@pytest.fixture
def world() -> MatchWorld:
    """Two exact matches, an ambiguous group of one customer and two accounts, and one unmatched
    record on each side."""
    made = MatchWorld()
    for number in (1, 2):
        made.bc.put("customers", bc_customer(f"{number}0000"))
        made.crm.put("accounts", crm_account(number, accountnumber=f"{number}0000"))
    made.bc.put("customers", bc_customer("30000", displayName="Adatum"))
    made.crm.put("accounts", crm_account(3, name="Adatum"))
    made.crm.put("accounts", crm_account(4, name="Adatum"))
    made.bc.put("customers", bc_customer("50000"))
    made.crm.put("accounts", crm_account(6))
    made.match()
    return made


def coupled(world: MatchWorld) -> dict[str, str]:
    return {each.bc_id: each.crm_id for each in world.couplings.scan("CUSTOMER")}


def states(world: MatchWorld, kind: MatchKind) -> list[RowState]:
    return [row.fate.state for row in world.rows(kind)]


def test_all_exact_matches_are_coupled_and_nothing_else(world):
    line = world.accept(exact=True)
    assert coupled(world) == {
        customer_id("10000"): account_id(1),
        customer_id("20000"): account_id(2),
    }
    assert states(world, MatchKind.EXACT) == [RowState.COUPLED] * 2
    assert (line.state, line.to_crm.coupled) == (JobState.FINISHED, 2)


def test_an_ambiguous_match_is_coupled_only_as_a_person_picked(world):
    world.accept(exact=True, picked=True)
    assert customer_id("30000") not in coupled(world)
    pick = WantedPick(bc_id=customer_id("30000"), crm_id=account_id(4))
    world.picks().pick([pick])
    world.accept(picked=True)
    assert coupled(world)[customer_id("30000")] == account_id(4)
    [stored] = world.matches.picks(world.result())
    assert stored.fate.state is RowState.COUPLED


def test_a_pick_couples_although_the_records_do_not_agree_any_more(world):
    world.picks().pick([WantedPick(bc_id=customer_id("30000"), crm_id=account_id(4))])
    world.crm.put("accounts", {"accountid": account_id(4), "name": "Renamed"})
    world.accept(picked=True)
    assert coupled(world)[customer_id("30000")] == account_id(4)


@pytest.mark.parametrize("side", ["bc", "crm"])
def test_a_pair_that_changed_so_that_it_fits_no_more_is_refused_by_name(world, side):
    if side == "bc":
        world.bc.put("customers", {"id": customer_id("10000"), "number": "10001"})
    else:
        world.crm.put("accounts", {"accountid": account_id(1), "accountnumber": "10001"})
    line = world.accept(exact=True)
    assert customer_id("10000") not in coupled(world)
    first, second = world.rows(MatchKind.EXACT)
    assert (first.fate.state, first.fate.code) == (RowState.REFUSED, "match-changed")
    assert "10000 Customer 10000 and Account 1" in first.fate.message
    assert "10001" in first.fate.message
    assert second.fate.state is RowState.COUPLED
    assert (line.state, line.to_crm.failed) == (JobState.FINISHED_WITH_ERRORS, 1)


def test_a_pair_that_changed_in_what_did_not_decide_is_coupled(world):
    world.crm.put("accounts", {"accountid": account_id(1), "name": "Renamed"})
    world.accept(exact=True)
    assert coupled(world)[customer_id("10000")] == account_id(1)


@pytest.mark.parametrize("side", ["bc", "crm"])
def test_a_pair_that_a_third_record_came_to_fit_is_refused_by_name(world, side):
    world.bc.put("customers", bc_customer("80000", displayName="Litware"))
    world.crm.put("accounts", crm_account(8, name="Litware"))
    world.match()
    if side == "bc":
        world.bc.put("customers", bc_customer("90000", displayName="LITWARE"))
    else:
        world.crm.put("accounts", crm_account(9, name="LITWARE"))
    world.accept(exact=True)
    assert list(coupled(world)) == [customer_id("10000"), customer_id("20000")]
    [fate] = [row.fate for row in world.rows(MatchKind.EXACT) if row.bc[0].number == "80000"]
    assert (fate.state, fate.code) == (RowState.REFUSED, "match-ambiguous")
    assert "80000 Litware and Litware" in fate.message
    assert "LITWARE" in fate.message


def test_a_third_record_that_fits_by_a_later_key_only_is_no_rival(world):
    world.crm.put("accounts", crm_account(7, name="Customer 10000"))
    world.accept(exact=True)
    assert coupled(world)[customer_id("10000")] == account_id(1)


def test_only_the_criteria_up_to_the_one_that_decided_are_asked_for(world, monkeypatch):
    """A later one finds whole crowds of namesakes, none of which could be a rival."""
    asked: list[tuple[str, ...]] = []
    fetch = world.crm.fetch_matching

    def fetch_matching(entity_set, columns, values, select):
        asked.append(columns)
        return fetch(entity_set, columns, values, select)

    monkeypatch.setattr(world.crm, "fetch_matching", fetch_matching)
    world.accept(exact=True)
    assert set(asked) == {("accountnumber",)}


def test_a_third_record_that_fits_another_one_better_is_no_rival(world):
    """Matched by name, while a number leads a namesake elsewhere: to a record that shares nothing
    with the two."""
    world.bc.put("customers", bc_customer("80000", displayName="Litware"))
    world.crm.put("accounts", crm_account(8, name="Litware"))
    world.match()
    world.bc.put("customers", bc_customer("90000", displayName="Fabrikam"))
    world.crm.put("accounts", crm_account(9, name="Litware", accountnumber="90000"))
    world.accept(exact=True)
    assert coupled(world)[customer_id("80000")] == account_id(8)


def test_records_that_are_coupled_or_outside_the_filter_are_no_rivals(world):
    world.crm.put("accounts", crm_account(7, accountnumber="10000", customertypecode=11))
    world.accept(exact=True)
    assert coupled(world)[customer_id("10000")] == account_id(1)
    world.bc.put("customers", bc_customer("70000"))
    world.crm.put("accounts", crm_account(8, accountnumber="70000"))
    world.match()
    world.crm.put("accounts", {"accountid": account_id(1), "accountnumber": "70000"})
    world.accept(exact=True)
    assert coupled(world)[customer_id("70000")] == account_id(8)


def test_a_pair_of_which_one_was_deleted_is_refused_by_name(world):
    world.crm.delete("accounts", account_id(1))
    world.accept(exact=True)
    assert world.rows(MatchKind.EXACT)[0].fate.code == "record-gone"


def test_a_pair_that_somebody_coupled_otherwise_meanwhile_is_refused(world):
    world.match()
    world.crm.put("accounts", {"accountid": account_id(6), "accountnumber": "10000"})
    world.crm.put("accounts", {"accountid": account_id(1), "accountnumber": ""})
    world.synchronize("CUSTOMER")
    world.crm.put("accounts", {"accountid": account_id(1), "accountnumber": "10000"})
    before = coupled(world)[customer_id("10000")]
    world.accept(exact=True)
    assert coupled(world)[customer_id("10000")] == before != account_id(1)
    assert world.rows(MatchKind.EXACT)[0].fate.state is RowState.REFUSED


def test_accepting_twice_changes_nothing(world):
    world.accept(exact=True)
    before = coupled(world)
    line = world.accept(exact=True)
    assert coupled(world) == before
    assert states(world, MatchKind.EXACT) == [RowState.COUPLED] * 2
    assert line.records_handled == 0


def test_a_refused_row_is_tried_again_when_it_is_accepted_again(world):
    world.crm.put("accounts", {"accountid": account_id(1), "accountnumber": "10001"})
    world.accept(exact=True)
    world.crm.put("accounts", {"accountid": account_id(1), "accountnumber": "10000"})
    world.accept(exact=True)
    assert states(world, MatchKind.EXACT) == [RowState.COUPLED] * 2


def test_the_rest_of_either_side_gets_partners_where_that_is_chosen(world):
    line = world.accept(create_in_crm=True)
    assert states(world, MatchKind.UNMATCHED) == [RowState.ASKED, RowState.OPEN]
    assert line.to_crm.waiting == 1
    world.accept(create_in_bc=True)
    assert states(world, MatchKind.UNMATCHED) == [RowState.ASKED, RowState.ASKED]


def test_the_rest_is_left_where_nothing_else_is_chosen(world):
    world.accept(exact=True)
    assert states(world, MatchKind.UNMATCHED) == [RowState.OPEN, RowState.OPEN]
    assert {hint.reason.value for hint in world.hints.due("CUSTOMER", world.now(), limit=10)} <= {
        "resolve"
    }


def test_records_that_take_no_part_are_left_out_of_the_rest(world):
    world.bc.put("customers", bc_customer("60000", blocked="All"))
    world.match()
    world.accept(create_in_crm=True)
    [blocked] = [row for row in world.rows(MatchKind.UNMATCHED) if row.code]
    assert blocked.fate.state is RowState.OPEN


def test_the_chosen_side_counts_where_both_differ(world):
    world.bc.put("customers", {"id": customer_id("10000"), "phoneNumber": "1"})
    world.crm.put("accounts", {"accountid": account_id(1), "telephone1": "2"})
    world.accept(exact=True, first=First.TO_CRM)
    world.synchronize("CUSTOMER")
    assert world.crm.tables["accounts"][account_id(1)]["telephone1"] == "1"


def test_what_was_accepted_of_a_result_that_was_replaced_is_not_carried_out(world):
    run = world.order(exact=True)
    result = world.result()
    world.matches.publish(replace(result, id=replace(result.id, epoch=result.id.epoch + 1)))
    lines = world.drain(run)
    assert lines["CUSTOMER"].state is JobState.ERROR
    assert "matched again" in lines["CUSTOMER"].message
    assert coupled(world) == {}


def test_a_worker_that_dies_at_any_page_is_followed_by_one_that_goes_on(world, monkeypatch):
    """Whatever was coupled and not told of is found coupled; nothing is coupled twice."""
    monkeypatch.setattr("sync.bulk.line.PAGE_SIZE", 1)

    class DiedError(BaseException):
        pass

    run = world.order(exact=True)
    world.full_sync.advance(run.run_id, run.generation, by_itself=False)
    for _ in range(2):
        calls = count()

        def dies(*_: object, calls: count[int] = calls) -> None:
            if next(calls) == 0:
                raise DiedError

        with monkeypatch.context() as patched:
            patched.setattr(world.matches.__class__, "tell", dies)
            with pytest.raises(DiedError):
                world.worker().handle(run.run_id, "CUSTOMER")
        world.pass_time(world.lease_seconds + 1)
    world.worker().handle(run.run_id, "CUSTOMER")
    assert len(coupled(world)) == 2
    assert set(states(world, MatchKind.EXACT)) <= {RowState.COUPLED, RowState.ALREADY}


def test_wants_come_in_the_order_exact_picked_rest_whatever_the_page_size(world):
    world.picks().pick([WantedPick(bc_id=customer_id("30000"), crm_id=account_id(3))])
    run = world.start("CUSTOMER", kind=RunKind.MATCH)  # only for a work to read with
    work = world.work(world.catalog.named("CUSTOMER"), run)
    accepted = Accepted(
        exact=True,
        picked=True,
        create_in_crm=True,
        create_in_bc=True,
        first=First.NONE,
        results={"CUSTOMER": world.result().id.text},
    )
    seen = []
    for size in (1, 2, 100):
        wants: list[Want] = []
        after = ""
        listed = AcceptedList(world.matches, work, accepted)
        while page := listed.page(after, size):
            wants += page
            after = page[-1].place
        seen.append([(each.action, each.place) for each in wants])
    assert seen[0] == seen[1] == seen[2]
    assert [action for action, _ in seen[0]] == [
        *[Action.COUPLE] * 3,
        Action.CREATE_IN_CRM,
        Action.CREATE_IN_BC,
    ]
    assert [place for _, place in seen[0]] == sorted(place for _, place in seen[0])
    assert listed.count() == 5


def test_an_order_is_read_as_it_was_made():
    accepted = Accepted(
        exact=True,
        picked=False,
        create_in_crm=True,
        create_in_bc=False,
        first=First.FROM_CRM,
        results={"CUSTOMER": "r-1"},
    )
    assert Accepted.of({"source": "matches"} | accepted.details()) == accepted


def test_a_table_without_a_result_has_no_wants():
    world = MatchWorld()
    run = world.start("CUSTOMER")
    accepted = Accepted(
        exact=True,
        picked=False,
        create_in_crm=False,
        create_in_bc=False,
        first=First.NONE,
        results={},
    )
    with pytest.raises(RefusedRequestError) as refused:
        AcceptedList(world.matches, world.work(world.catalog.named("CUSTOMER"), run), accepted)
    assert refused.value.code == "match-replaced"
