"""Repairing drift: hints at records, and passes that follow them; nothing past the engine."""

from __future__ import annotations

from typing import Any

import pytest

from storage.rows import Operation, OperationKind
from sync.drift import DriftKind
from sync.job_model import RunKind
from sync.reconcile_repair import DriftId, Repair, Repaired, Selection
from tests.support.table_jobs import SyncWorld, bc_customer, crm_account

CUSTOMER_ID = bc_customer("10000")["id"]
EVERYTHING = Selection()


@pytest.fixture
def world() -> SyncWorld:
    """Two coupled customers, fully synchronized."""
    made = SyncWorld()
    made.bc.put("customers", bc_customer("10000"))
    made.bc.put("customers", bc_customer("20000"))
    made.synchronize("CUSTOMER")
    return made


def look(world: SyncWorld) -> dict[DriftKind, int]:
    """Look for drift as a run does; how much of it nobody knew of."""
    world.drain(world.start("CUSTOMER", kind=RunKind.RECONCILE))
    return {each.kind: each.drift for each in world.drift.summary() if each.drift}


def repair(world: SyncWorld, selection: Selection = EVERYTHING) -> Repaired:
    return Repair(
        drift=world.drift,
        couplings=world.couplings,
        hints=world.hints,
        requests=world.requests,
        states=world.states,
        now=world.now,
    )(selection)


def passes(world: SyncWorld) -> None:
    while world.queues.messages:
        world.pass_worker().handle(world.queues.messages.pop(0)["mapping"])


def account_id(world: SyncWorld) -> str:
    return world.couplings.find_by_bc("CUSTOMER", [CUSTOMER_ID])[CUSTOMER_ID].crm_id


def edit_crm(world: SyncWorld, **columns: Any) -> None:
    world.crm.put("accounts", {"accountid": account_id(world)} | columns)


def break_coupling(world: SyncWorld, side: str) -> None:
    """Remove one of the two rows of the customer's coupling."""
    key = (side, CUSTOMER_ID if side == "bc" else account_id(world))
    world.account.table("couplings", world.tenant).transact(
        (world.connection, "CUSTOMER"), [Operation(kind=OperationKind.DELETE, key=key)]
    )


def drifting(world: SyncWorld) -> None:
    """One record of every kind that a pass can do something about."""
    edit_crm(world, telephone1="123")
    world.bc.put("customers", bc_customer("30000"))
    world.crm.put("accounts", crm_account(7))


def test_repairing_everything_leaves_nothing_for_the_next_look(world):
    drifting(world)
    assert look(world) == {
        DriftKind.FIELDS_DIFFER: 1,
        DriftKind.MISSING_IN_CRM: 1,
        DriftKind.MISSING_IN_BC: 1,
    }
    repaired = repair(world)
    assert repaired.begun == look_counts(world)
    passes(world)
    assert look(world) == {}


def look_counts(world: SyncWorld) -> dict[DriftKind, int]:
    return {each.kind: each.drift for each in world.drift.summary()}


def test_repairing_twice_does_no_more_than_once(world):
    drifting(world)
    look(world)
    assert repair(world).begun == repair(world).begun
    passes(world)
    accounts, customers = len(world.crm.tables["accounts"]), len(world.bc.tables["customers"])
    repair(world)
    passes(world)
    assert len(world.crm.tables["accounts"]) == accounts == 4
    assert len(world.bc.tables["customers"]) == customers == 4


def test_only_what_was_selected_is_hinted_at(world):
    drifting(world)
    look(world)
    (missing,) = world.drift.list_page(kind=DriftKind.MISSING_IN_CRM).drift
    assert repair(world, Selection(ids=frozenset({DriftId.of(missing)}))).begun.total() == 1
    hints = world.hints.due("CUSTOMER", world.now(), 10)
    assert [(each.side, each.record_id) for each in hints] == [("bc", missing.bc_id)]


def test_kinds_and_mappings_narrow_the_selection(world):
    drifting(world)
    look(world)
    kinds = frozenset({DriftKind.MISSING_IN_BC})
    assert repair(world, Selection(kinds=kinds)).begun == {DriftKind.MISSING_IN_BC: 1}
    assert repair(world, Selection(mappings=frozenset({"CONTACT"}))).begun == {}


@pytest.mark.parametrize("side", ["bc", "crm"])
def test_half_a_coupling_is_mended(world, side):
    partner = account_id(world)
    break_coupling(world, side)
    assert DriftKind.ONE_SIDED in look(world)
    repair(world)
    passes(world)
    assert look(world) == {}
    assert list(world.couplings.halves("CUSTOMER")) == []
    assert account_id(world) == partner
    assert len(world.crm.tables["accounts"]) == len(world.bc.tables["customers"]) == 2


def test_a_half_whose_record_is_coupled_otherwise_is_removed(world):
    other = bc_customer("20000")["id"]
    partner = world.couplings.find_by_bc("CUSTOMER", [other])[other].crm_id
    break_coupling(world, "crm")
    couplings = world.account.table("couplings", world.tenant)
    row = couplings.get((world.connection, "CUSTOMER"), ("bc", CUSTOMER_ID))
    assert row is not None
    couplings.transact(
        row.partition,
        [Operation(kind=OperationKind.MERGE, key=row.key, values={"crm_id": partner})],
    )
    look(world)
    repair(world)
    assert list(world.couplings.halves("CUSTOMER")) == []
    assert world.couplings.find_by_crm("CUSTOMER", [partner])[partner].bc_id == other


def test_an_orphan_is_reported_where_the_deletion_policy_says_so(world):
    world.crm.delete("accounts", account_id(world))
    assert look(world) == {DriftKind.ORPHAN: 1}
    repair(world)
    passes(world)
    assert look(world) == {}
    assert world.outcomes.list_page(mapping="CUSTOMER").outcomes[0].code == "deleted-in-crm"


def test_duplicates_are_left_to_people(world):
    world.crm.put("accounts", crm_account(7, accountnumber="10000"))
    look(world)
    repaired = repair(world, Selection(kinds=frozenset({DriftKind.DUPLICATE})))
    assert (repaired.begun, repaired.for_people) == ({}, 1)
    assert world.hints.due("CUSTOMER", world.now(), 10) == []


def test_what_outcomes_explain_is_not_repaired(world):
    world.bc.put("customers", {"id": CUSTOMER_ID, "phoneNumber": "1"})
    edit_crm(world, telephone1="2")
    world.synchronize("CUSTOMER")
    assert look(world) == {}
    assert repair(world).explained == 1


def test_a_table_that_was_never_synchronized_is_to_be_synchronized_first():
    world = SyncWorld()
    world.bc.put("customers", bc_customer("10000"))
    assert look(world) == {DriftKind.MISSING_IN_CRM: 1}
    repaired = repair(world)
    assert (repaired.unsynchronized, repaired.begun) == (["CUSTOMER"], {})


def test_a_look_forgets_what_the_one_before_found(world):
    world.bc.put("customers", bc_customer("30000"))
    assert look(world) == {DriftKind.MISSING_IN_CRM: 1}
    world.bc.delete("customers", bc_customer("30000")["id"])
    assert look(world) == {}


def test_a_look_in_slices_finds_what_one_in_one_go_does(world, monkeypatch):
    monkeypatch.setattr("sync.comparison.PAGE_SIZE", 1)
    drifting(world)
    world.crm.put("accounts", crm_account(8, accountnumber="20000"))
    world.crm.put("accounts", crm_account(9, name="Twin", address1_postalcode="X"))
    whole = look(world)
    run = world.start("CUSTOMER", kind=RunKind.RECONCILE)
    lines = world.drain(run, world.worker(slice_seconds=0))
    assert {each.kind: each.drift for each in world.drift.summary() if each.drift} == whole
    assert lines["CUSTOMER"].records_handled >= 3
