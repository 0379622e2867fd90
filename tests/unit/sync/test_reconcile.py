"""Reconciling: whatever does not agree is told, and nothing else; nothing is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from couplings.model import BaseSnapshot
from storage.rows import Operation, OperationKind
from sync.catalog import DEFAULT_CATALOG
from sync.decisions import Decisions
from sync.drift import Drift, DriftKind, Flow
from sync.mapping import DeletionConflict
from sync.outcome_model import SETTLED, OutcomeKind
from sync.reconcile import reconcile_table
from sync.reconcile_judge import AGREED_SO
from tests.support.table_jobs import (
    SyncWorld,
    bc_customer,
    bc_item,
    crm_account,
    crm_contact,
)

CUSTOMER_ID = bc_customer("10000")["id"]


@pytest.fixture
def world() -> SyncWorld:
    """Two coupled customers, fully synchronized."""
    made = SyncWorld()
    made.bc.put("customers", bc_customer("10000"))
    made.bc.put("customers", bc_customer("20000"))
    made.synchronize("CUSTOMER")
    return made


def drift(world: SyncWorld, mapping: str = "CUSTOMER") -> list[Drift]:
    """All drift of a table; nothing may be written while it is looked for."""
    before = (len(world.bc.writes), len(world.crm.writes))
    found = reconcile_table(world.open(DEFAULT_CATALOG.named(mapping)), now=world.now)
    assert (len(world.bc.writes), len(world.crm.writes)) == before
    return found


def only(world: SyncWorld, mapping: str = "CUSTOMER") -> Drift:
    (found,) = drift(world, mapping)
    return found


def account_of(world: SyncWorld, bc_id: str = CUSTOMER_ID) -> dict[str, Any]:
    coupling = world.couplings.find_by_bc("CUSTOMER", [bc_id])[bc_id]
    return world.crm.tables["accounts"][coupling.crm_id]


def edit_crm(world: SyncWorld, **columns: Any) -> None:
    world.crm.put("accounts", {"accountid": account_of(world)["accountid"]} | columns)


def edit_bc(world: SyncWorld, **fields: Any) -> None:
    world.bc.put("customers", {"id": CUSTOMER_ID} | fields)


def test_what_is_in_step_is_no_drift(world):
    assert drift(world) == []


def test_a_change_that_was_not_carried_over_is_told_with_both_values_and_its_way(world):
    edit_bc(world, phoneNumber="123")
    found = only(world)
    assert (found.kind, found.bc_id) == (DriftKind.FIELDS_DIFFER, CUSTOMER_ID)
    (field,) = found.fields
    assert (field.bc_field, field.bc_value, field.crm_value) == ("phoneNumber", "123", "")
    assert field.flow is Flow.TO_CRM
    assert not found.is_explained


def test_a_change_in_crm_flows_the_other_way(world):
    edit_crm(world, telephone1="123")
    assert [each.flow for each in only(world).fields] == [Flow.FROM_CRM]


def test_a_held_conflict_is_explained_by_its_outcome(world):
    edit_bc(world, phoneNumber="1")
    edit_crm(world, telephone1="2")
    assert not only(world).is_explained
    world.synchronize("CUSTOMER")
    found = only(world)
    assert [each.flow for each in found.fields] == [Flow.CONFLICT]
    assert found.explained_by == "update-conflict"


def test_a_conflict_does_not_explain_a_change_of_another_field(world):
    edit_bc(world, phoneNumber="1")
    edit_crm(world, telephone1="2")
    world.synchronize("CUSTOMER")
    edit_bc(world, city="Leeds")
    found = only(world)
    assert {each.flow for each in found.fields} == {Flow.CONFLICT, Flow.TO_CRM}
    assert not found.is_explained


def test_values_that_differ_although_the_bases_call_them_agreed_are_found(world):
    coupling = world.couplings.find_by_bc("CUSTOMER", [CUSTOMER_ID])[CUSTOMER_ID]
    edit_crm(world, telephone1="lost")
    assert coupling.base is not None
    base = BaseSnapshot(bc=coupling.base.bc, crm=coupling.base.crm | {"telephone1": "lost"})
    world.couplings.save_many("CUSTOMER", [replace(coupling, base=base)])
    found = only(world)
    assert [(each.bc_field, each.flow) for each in found.fields] == [("phoneNumber", Flow.AGREED)]
    assert found.explained_by == AGREED_SO


def test_an_uncoupled_customer_is_missing_in_crm(world):
    made = world.bc.put("customers", bc_customer("30000"))
    found = only(world)
    assert (found.kind, found.bc_id, found.crm_id) == (DriftKind.MISSING_IN_CRM, made["id"], "")
    assert not found.is_explained


def test_an_uncoupled_account_is_missing_in_business_central(world):
    made = world.crm.put("accounts", crm_account(7))
    found = only(world)
    assert (found.kind, found.bc_id) == (DriftKind.MISSING_IN_BC, "")
    assert found.crm_id == made["accountid"]


def test_a_record_left_out_by_a_rule_is_explained_once_its_outcome_says_so(world):
    world.bc.put("customers", bc_customer("30000", blocked="All"))
    assert not only(world).is_explained
    world.synchronize("CUSTOMER")
    assert only(world).explained_by == "blocked-in-bc"


def test_records_that_belong_together_and_are_not_coupled_are_told(world):
    world.couplings.uncouple("CUSTOMER", CUSTOMER_ID)
    found = only(world)
    assert (found.kind, found.bc_id) == (DriftKind.UNCOUPLED, CUSTOMER_ID)
    assert found.crm_id


@pytest.mark.parametrize("where", ["bc", "crm", "both"])
def test_a_coupling_whose_record_is_gone_is_an_orphan(world, where):
    crm_id = account_of(world)["accountid"]
    if where != "crm":
        world.bc.delete("customers", CUSTOMER_ID)
    if where != "bc":
        world.crm.delete("accounts", crm_id)
    found = only(world)
    assert (found.kind, found.bc_id, found.crm_id) == (DriftKind.ORPHAN, CUSTOMER_ID, crm_id)
    assert not found.is_explained


def test_a_reported_deletion_is_explained(world):
    world.bc.delete("customers", CUSTOMER_ID)
    world.synchronize("CUSTOMER")
    assert only(world).explained_by == "deleted-in-bc"


def test_a_coupled_record_outside_the_filter_is_told(world):
    edit_crm(world, customertypecode=1)
    found = only(world)
    assert (found.kind, found.bc_id) == (DriftKind.OUT_OF_FILTER, CUSTOMER_ID)


@pytest.mark.parametrize("side", ["bc", "crm"])
def test_half_a_coupling_is_one_sided(world, side):
    crm_id = account_of(world)["accountid"]
    gone = ("crm", crm_id) if side == "bc" else ("bc", CUSTOMER_ID)
    couplings = world.account.table("couplings", world.tenant)
    couplings.transact(
        (world.connection, "CUSTOMER"), [Operation(kind=OperationKind.DELETE, key=gone)]
    )
    found = {each.kind: each for each in drift(world)}[DriftKind.ONE_SIDED]
    assert (found.side, found.bc_id, found.crm_id) == (side, CUSTOMER_ID, crm_id)


def test_an_uncoupled_record_with_the_number_of_another_is_a_duplicate(world):
    twin = world.crm.put("accounts", crm_account(7, accountnumber="10000"))
    found = {each.kind: each for each in drift(world)}[DriftKind.DUPLICATE]
    assert (found.side, found.record_id) == ("crm", twin["accountid"])
    assert [each.record_id for each in found.twins] == [account_of(world)["accountid"]]


def test_records_of_the_same_name_with_numbers_of_their_own_are_no_duplicates(world):
    world.bc.put("customers", bc_customer("30000", displayName="Customer 10000"))
    assert [each.kind for each in drift(world)] == [DriftKind.MISSING_IN_CRM]


def test_a_copy_that_coupler_made_of_a_record_coupled_otherwise_is_a_duplicate(world):
    made = world.ids().of("CUSTOMER", "crm", account_of(world)["accountid"])
    world.bc.put("customers", bc_customer("30000") | {"id": made})
    kinds = {(each.side, each.record_id): each.kind for each in drift(world)}
    assert kinds[("bc", made)] is DriftKind.DUPLICATE


def test_accounts_that_a_customer_cannot_choose_between_are_explained(world):
    world.bc.put("customers", bc_customer("30000", displayName="Twin"))
    for number in (7, 8):
        world.crm.put("accounts", crm_account(number, name="Twin"))
    world.synchronize("CUSTOMER")
    found = drift(world)
    assert {each.explained_by for each in found} == {"ambiguous-match"}
    assert sorted(each.kind for each in found) == ["duplicate", "duplicate", "missing-in-crm"]


def test_products_are_looked_at_one_way():
    world = SyncWorld()
    world.bc.put("items", bc_item("1000"))
    world.synchronize()
    world.crm.put("products", {"productid": "c2222222-0000-4000-8000-000000000001", "name": "x"})
    assert {each.explained_by for each in drift(world, "ITEM-PRODUCT")} <= {"waiting-for-parent"}


def test_records_that_a_person_uncoupled_are_explained_and_stay_apart(world):
    edit_bc(world, phoneNumber="1")
    edit_crm(world, telephone1="2")
    world.synchronize("CUSTOMER")
    decisions = Decisions(world.outcomes, world.hints, world.requests, now=world.now)
    decisions.uncouple("CUSTOMER", ("bc", CUSTOMER_ID))
    world.pass_worker().handle("CUSTOMER")
    assert {each.explained_by for each in drift(world)} == {"uncoupled"}


def test_a_reference_that_waits_is_explained_only_while_it_waits():
    world = SyncWorld()
    account = world.crm.put("accounts", crm_account(7, statecode=1))
    world.crm.put("contacts", crm_contact(1, account["accountid"]))
    world.synchronize("CONTACT")
    assert only(world, "CONTACT").explained_by == "waiting-for-parent"
    world.crm.put("accounts", {"accountid": account["accountid"], "statecode": 0})
    world.references.company_card_of_customer = {
        world.ids().of("CUSTOMER", "crm", account["accountid"]): "CT900"
    }
    world.synchronize("CUSTOMER")
    assert not only(world, "CONTACT").is_explained


def test_an_account_that_coupler_made_of_a_customer_coupled_otherwise_is_a_duplicate(world):
    made = account_of(world)
    assert world.couplings.uncouple("CUSTOMER", CUSTOMER_ID)
    other = world.crm.put("accounts", crm_account(7, accountnumber="10000"))
    coupling = replace(
        next(world.couplings.scan("CUSTOMER")), bc_id=CUSTOMER_ID, crm_id=other["accountid"]
    )
    assert world.couplings.couple_many("CUSTOMER", [coupling]) == []
    found = {(each.side, each.record_id): each.kind for each in drift(world)}
    assert found[("crm", made["accountid"])] is DriftKind.DUPLICATE


def test_the_plan_says_what_the_deletion_policy_does(world):
    world.crm.delete("accounts", account_of(world)["accountid"])
    plans = {}
    for policy in DeletionConflict:
        mapping = replace(DEFAULT_CATALOG.named("CUSTOMER"), deletion_conflict=policy)
        (found,) = reconcile_table(world.open(mapping), now=world.now)
        assert found.kind is DriftKind.ORPHAN
        plans[policy] = found.plan
    assert "reports deleted-in-crm" in plans[DeletionConflict.REPORT]
    assert "creates the deleted record anew" in plans[DeletionConflict.RESTORE]
    assert "removes the coupling" in plans[DeletionConflict.UNCOUPLE]
    assert "deletes the remaining record in Business Central" in plans[DeletionConflict.DELETE]


def test_each_side_is_read_once_and_only_what_differs_once_more(world):
    world.synchronize("CUSTOMER")  # from then on the bases have the values that CRM filled in
    calls: list[tuple[str, str]] = []
    world.bc.before_call = lambda call, table: calls.append(("bc", call))
    world.crm.before_call = lambda call, table: calls.append(("crm", call))
    drift(world)
    assert sorted(calls) == [
        ("bc", "fetch_ids"),
        ("bc", "fetch_pages"),
        ("bc", "peek"),
        ("crm", "fetch_pages"),
    ]
    calls.clear()
    edit_bc(world, city="Ely")
    drift(world)
    assert ("crm", "fetch_many") in calls
    assert len(calls) == 5


def test_a_refusal_explains_drift_although_a_settled_conflict_is_remembered_as_well(world):
    world.bc.refuse = lambda write: "no" if "phoneNumber" in write.values else None
    edit_crm(world, telephone1="123")
    world.pass_worker().handle("CUSTOMER")
    (refused,) = world.outcome_list()
    remembered = replace(refused, code=SETTLED, kind=OutcomeKind.CONFLICT)
    met_from_crm = replace(refused, side="crm", record_id=account_of(world)["accountid"])
    world.outcomes.clear_many("CUSTOMER", [refused.key])
    world.outcomes.record_many([remembered, met_from_crm])
    assert only(world).explained_by == refused.code
