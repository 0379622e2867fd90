"""Conflict policies that a connection has of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from errors import RefusedRequestError
from sync.catalog import DEFAULT_CATALOG
from sync.mapping import DeletionConflict, UpdateConflict
from sync.mappings import MAPPINGS
from sync.policies import NOT_STORED, Policies, PolicyStore, apply, policies_of
from tests.fakes.tables import MemoryAccount
from tests.support.table_jobs import TENANT

CUSTOMER = DEFAULT_CATALOG.named("CUSTOMER")
CHANGED = Policies(
    update_conflict=UpdateConflict.SEND_TO_CRM,
    deletion_conflict=DeletionConflict.RESTORE,
    fields={"telephone1": UpdateConflict.GET_FROM_CRM},
)


@pytest.fixture
def account() -> MemoryAccount:
    return MemoryAccount()


@pytest.fixture
def store(account: MemoryAccount) -> PolicyStore:
    return PolicyStore(account.table("mappings", TENANT), "demo")


def test_a_mapping_whose_policies_nobody_changed_is_the_default_one(store):
    assert store.applied(CUSTOMER) is CUSTOMER
    assert store.load(CUSTOMER).etag == NOT_STORED


def test_changed_policies_come_back_and_are_applied(store):
    saved = store.save(CUSTOMER, CHANGED, NOT_STORED)
    assert store.load(CUSTOMER) == saved
    changed = store.applied(CUSTOMER)
    assert changed.update_conflict is UpdateConflict.SEND_TO_CRM
    assert changed.deletion_conflict is DeletionConflict.RESTORE
    assert {each.crm: each.update_conflict for each in changed.fields if each.update_conflict} == {
        "telephone1": UpdateConflict.GET_FROM_CRM
    }


def test_policies_are_one_connection_s_and_one_mapping_s_alone(account, store):
    store.save(CUSTOMER, CHANGED, NOT_STORED)
    other = PolicyStore(account.table("mappings", TENANT), "other")
    assert other.applied(CUSTOMER) is CUSTOMER
    assert store.applied(DEFAULT_CATALOG.named("CONTACT")) is DEFAULT_CATALOG.named("CONTACT")


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=lambda each: each.name)
def test_a_mapping_s_own_policies_change_nothing_about_it(mapping):
    assert apply(mapping, policies_of(mapping)) == mapping


def test_changed_policies_have_everything_compared_once(store):
    store.save(CUSTOMER, CHANGED, NOT_STORED)
    assert store.applied(CUSTOMER).lineage != CUSTOMER.lineage


def test_of_two_changes_of_the_same_version_one_is_refused(store):
    first = store.save(CUSTOMER, CHANGED, NOT_STORED)
    with pytest.raises(RefusedRequestError) as refused:
        store.save(CUSTOMER, policies_of(CUSTOMER), NOT_STORED)
    assert (refused.value.status, refused.value.code) == (412, "policies-changed")
    store.save(CUSTOMER, policies_of(CUSTOMER), first.etag)
    with pytest.raises(RefusedRequestError):
        store.save(CUSTOMER, CHANGED, first.etag)
    assert store.load(CUSTOMER).policies == policies_of(CUSTOMER)


def only_fields(**fields: UpdateConflict) -> Policies:
    own = policies_of(CUSTOMER)
    return Policies(
        update_conflict=own.update_conflict,
        deletion_conflict=own.deletion_conflict,
        fields=fields,
    )


@pytest.mark.parametrize("column", ["nosuchcolumn", "accountnumber"])
def test_a_field_that_cannot_have_a_conflict_gets_no_policy(store, column):
    with pytest.raises(RefusedRequestError) as refused:
        store.save(CUSTOMER, only_fields(**{column: UpdateConflict.SEND_TO_CRM}), NOT_STORED)
    assert (refused.value.status, refused.value.code) == (422, "policy-field-unknown")
    assert "telephone1" in refused.value.hint


@pytest.mark.parametrize(
    "changes",
    [
        {"update_conflict": UpdateConflict.SEND_TO_CRM},
        {"deletion_conflict": DeletionConflict.RESTORE},
    ],
)
def test_policies_that_could_do_nothing_are_refused(store, changes):
    mapping = replace(
        DEFAULT_CATALOG.named("SALESPEOPLE"), creates_in_bc=False, creates_in_crm=False
    )
    own = policies_of(mapping)
    wanted = Policies(
        update_conflict=changes.get("update_conflict", own.update_conflict),
        deletion_conflict=changes.get("deletion_conflict", own.deletion_conflict),
    )
    with pytest.raises(RefusedRequestError) as refused:
        store.save(mapping, wanted, NOT_STORED)
    assert refused.value.code == "policy-without-effect"
