"""Picking among candidates: only what a match offers, and no record twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from errors import RefusedRequestError
from sync.catalog import DEFAULT_CATALOG, MappingCatalog
from sync.matching.model import Fate, MatchKind, RowState
from sync.matching.picks import WantedPick
from sync.matching.stored import pick_key
from tests.support.matching import MatchWorld
from tests.support.table_jobs import bc_customer, crm_account

FIRST, SECOND = (str(bc_customer(number)["id"]) for number in ("10000", "20000"))
ONE, TWO = (str(crm_account(number)["accountid"]) for number in (1, 2))
LONELY = str(bc_customer("30000")["id"])


@pytest.fixture
def world() -> MatchWorld:
    """Two customers and two accounts that fit each other, and a customer that nothing fits."""
    made = MatchWorld()
    for number in (1, 2):
        made.bc.put("customers", bc_customer(f"{number}0000", displayName="Adatum"))
        made.crm.put("accounts", crm_account(number, name="Adatum"))
    made.bc.put("customers", bc_customer("30000"))
    made.match()
    return made


def pick(world: MatchWorld, *pairs: tuple[str, str], by: str = "Ann") -> int:
    wanted = [WantedPick(bc_id=bc_id, crm_id=crm_id) for bc_id, crm_id in pairs]
    return world.picks(by=by).pick(wanted)


def refusal(world: MatchWorld, *pairs: tuple[str, str]) -> RefusedRequestError:
    with pytest.raises(RefusedRequestError) as refused:
        pick(world, *pairs)
    return refused.value


def picked(world: MatchWorld) -> set[tuple[str, str]]:
    return {(each.bc_id, each.crm_id) for each in world.matches.picks(world.result())}


def test_a_pick_is_kept_with_who_made_it(world):
    assert pick(world, (FIRST, TWO)) == 1
    [stored] = world.matches.picks(world.result())
    assert (stored.bc_id, stored.crm_id, stored.by) == (FIRST, TWO, "Ann")
    assert stored.bc_name == "10000 Adatum"


def test_the_last_of_very_many_candidates_may_be_picked(world):
    for number in range(3, 60):
        world.crm.put("accounts", crm_account(number, name="Adatum"))
    world.match()
    [group] = world.rows(MatchKind.AMBIGUOUS)
    last = str(crm_account(59)["accountid"])
    assert group.crm_total == 59
    assert last not in {each.record_id for each in group.crm}
    assert pick(world, (FIRST, last)) == 1
    assert world.accept(picked=True).to_crm.coupled == 1


def test_picking_the_same_again_is_once(world):
    pick(world, (FIRST, TWO))
    assert pick(world, (FIRST, TWO)) == 1


@pytest.mark.parametrize("second", [(FIRST, ONE), (SECOND, TWO)], ids=["bc", "crm"])
def test_a_record_that_is_picked_already_is_refused_with_who_has_it(world, second):
    pick(world, (FIRST, TWO))
    refused = refusal(world, second)
    assert (refused.status, refused.code) == (409, "picked-otherwise")
    assert all(part in refused.message for part in (FIRST, TWO, "by Ann"))
    assert picked(world) == {(FIRST, TWO)}


@pytest.mark.parametrize("second", [(FIRST, ONE), (SECOND, TWO)], ids=["bc", "crm"])
def test_a_record_that_is_in_two_picks_at_once_is_refused_and_nothing_is_kept(world, second):
    assert refusal(world, (FIRST, TWO), second).code == "picked-otherwise"
    assert picked(world) == set()


def test_of_two_people_who_pick_at_once_one_is_refused_by_the_storage(world, monkeypatch):
    """Both looked before either stored."""
    mine = world.picks(by="Ann")
    monkeypatch.setattr(mine, "_require_free", lambda pick, freed: None)
    pick(world, (SECOND, TWO), by="Bob")
    with pytest.raises(RefusedRequestError) as refused:
        mine.pick([WantedPick(bc_id=FIRST, crm_id=TWO)])
    assert "by Bob" in refused.value.message
    assert picked(world) == {(SECOND, TWO)}


@pytest.mark.parametrize("named", [(FIRST, ""), ("", TWO)], ids=["bc", "crm"])
def test_a_pick_is_taken_back_by_either_record(world, named):
    pick(world, (FIRST, TWO))
    assert pick(world, named) == 0
    assert pick(world, (FIRST, ONE), (SECOND, TWO)) == 2


def test_a_pick_is_changed_in_one_request(world):
    pick(world, (FIRST, TWO))
    pick(world, (FIRST, ""), (FIRST, ONE))
    assert picked(world) == {(FIRST, ONE)}


def test_taking_back_what_nobody_picked_does_nothing(world):
    assert pick(world, (FIRST, "")) == 0


def test_a_pick_that_was_coupled_is_not_taken_back(world):
    pick(world, (FIRST, TWO))
    world.matches.tell(world.result(), [(pick_key("bc", FIRST), Fate(state=RowState.COUPLED))])
    assert refusal(world, ("", TWO)).code == "pick-coupled"


@pytest.mark.parametrize(
    "pair", [(LONELY, ONE), (FIRST, "unknown"), ("unknown", ONE)], ids=["unmatched", "crm", "bc"]
)
def test_only_candidates_for_each_other_are_picked(world, pair):
    assert refusal(world, pair).code == "no-candidate"
    assert picked(world) == set()


def test_a_pick_of_nothing_is_refused(world):
    assert refusal(world, ("", "")).code == "pick-unclear"


def test_a_proposal_is_picked():
    mappings = dict(DEFAULT_CATALOG.mappings)
    mappings["CUSTOMER"] = replace(mappings["CUSTOMER"], proposes_from=80)
    world = MatchWorld(catalog=MappingCatalog.of(mappings))
    world.bc.put("customers", bc_customer("10000", displayName="Adatum Corporation"))
    world.crm.put("accounts", crm_account(1, name="Adatum Corporatoin", address1_postalcode=""))
    world.match()
    assert len(world.rows(MatchKind.PROPOSED)) == 1
    assert pick(world, (FIRST, ONE)) == 1
    world.accept(picked=True)
    assert {each.bc_id for each in world.couplings.scan("CUSTOMER")} == {FIRST}


def test_a_proposal_that_nobody_picks_is_never_coupled():
    mappings = dict(DEFAULT_CATALOG.mappings)
    mappings["CUSTOMER"] = replace(mappings["CUSTOMER"], proposes_from=80)
    world = MatchWorld(catalog=MappingCatalog.of(mappings))
    world.bc.put("customers", bc_customer("10000", displayName="Adatum Corporation"))
    world.crm.put("accounts", crm_account(1, name="Adatum Corporatoin", address1_postalcode=""))
    world.match()
    world.accept(exact=True, picked=True, create_in_crm=True, create_in_bc=True)
    assert list(world.couplings.scan("CUSTOMER")) == []
    assert world.hints.due("CUSTOMER", world.now(), limit=10) == []


def test_a_new_match_forgets_picks(world):
    pick(world, (FIRST, TWO))
    world.match()
    assert picked(world) == set()
