"""Conflict policies of a table mapping."""

from __future__ import annotations

from dataclasses import replace

import pytest

from errors import RefusedRequestError
from sync.catalog import DEFAULT_CATALOG
from sync.mapping import DeletionConflict, UpdateConflict
from sync.mappings import MAPPINGS
from sync.policies import Policies, apply, check, policies_of

CUSTOMER = DEFAULT_CATALOG.named("CUSTOMER")
CHANGED = Policies(
    update_conflict=UpdateConflict.SEND_TO_CRM,
    deletion_conflict=DeletionConflict.RESTORE,
    fields={"telephone1": UpdateConflict.GET_FROM_CRM},
)


def test_changed_policies_are_those_of_the_mapping():
    changed = apply(CUSTOMER, CHANGED)
    assert policies_of(changed) == CHANGED
    assert {each.crm: each.update_conflict for each in changed.fields if each.update_conflict} == {
        "telephone1": UpdateConflict.GET_FROM_CRM
    }


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=lambda each: each.name)
def test_a_mapping_s_own_policies_change_nothing_about_it(mapping):
    assert apply(mapping, policies_of(mapping)) == mapping
    check(mapping, policies_of(mapping))


def test_changed_policies_have_everything_compared_once():
    assert apply(CUSTOMER, CHANGED).lineage != CUSTOMER.lineage


@pytest.mark.parametrize("column", ["nosuchcolumn", "accountnumber"])
def test_a_field_that_cannot_have_a_conflict_gets_no_policy(column):
    own = policies_of(CUSTOMER)
    with pytest.raises(RefusedRequestError) as refused:
        check(CUSTOMER, replace(own, fields={column: UpdateConflict.SEND_TO_CRM}))
    assert (refused.value.status, refused.value.code) == (422, "policy-field-unknown")
    assert "telephone1" in refused.value.hint


@pytest.mark.parametrize(
    "changes",
    [
        {"update_conflict": UpdateConflict.SEND_TO_CRM},
        {"deletion_conflict": DeletionConflict.RESTORE},
    ],
)
def test_policies_that_could_do_nothing_are_refused(changes):
    mapping = replace(
        DEFAULT_CATALOG.named("SALESPEOPLE"), creates_in_bc=False, creates_in_crm=False
    )
    with pytest.raises(RefusedRequestError) as refused:
        check(mapping, replace(policies_of(mapping), **changes))
    assert refused.value.code == "policy-without-effect"
