"""From records to planned values, and back to what is sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from couplings.model import BaseSnapshot
from errors import RecordError
from sync.catalog import DEFAULT_CATALOG
from sync.mapping import Constant, Direction, FieldMapping, Lookup, LookupBy
from sync.plan import ABSENT, FieldState, WaitingFor
from sync.projection import (
    bc_constants,
    crm_body,
    crm_constants,
    field_states,
    insertion_in_bc,
    insertion_in_crm,
    project_bc,
    project_crm,
)

OWNER = Lookup(
    mappings=("SALESPEOPLE",), by=LookupBy.KEY, navigation="ownerid", entity_set="systemusers"
)
CURRENCY = replace(OWNER, navigation="transactioncurrencyid", blank_is_local_currency=True)
MISSING = WaitingFor(mappings=("SALESPEOPLE",), key="JO")


class OnePair:
    """A resolver that knows AL and amy, and the local currency."""

    local_currency = "gbp"

    def to_crm(self, lookup: Lookup, value: Any) -> str | WaitingFor:
        return "amy" if value == "AL" else MISSING

    def to_bc(self, lookup: Lookup, crm_id: str) -> Any:
        return "AL" if crm_id == "amy" else MISSING


def field(direction: Direction = Direction.BOTH, **options: Any) -> FieldMapping:
    return FieldMapping(bc="b", crm="c", direction=direction, **options)


def mapping_of(*fields: FieldMapping):
    return replace(DEFAULT_CATALOG.named("CUSTOMER"), fields=fields)


def state_of(mapped: FieldMapping, bc: Any, crm: Any, base: Any = None) -> FieldState:
    column = mapped.crm_column
    (state,) = field_states(mapping_of(mapped), {"b": bc}, {column: crm}, base, OnePair())
    return state


def test_projections_hold_the_mapped_fields_only_and_absent_text_as_empty():
    mapping = mapping_of(field(transformation="text", bc_length=5, crm_length=5))
    assert project_bc(mapping, {"b": "x", "other": 1}) == {"b": "x"}
    assert project_crm(mapping, {"c": None, "other": 1}) == {"c": ""}


def test_a_lookup_is_read_as_an_id():
    mapping = mapping_of(field(lookup=OWNER))
    assert project_crm(mapping, {"_c_value": "amy"}) == {"c": "amy"}


def test_a_value_is_known_in_both_sides_forms():
    state = state_of(field(lookup=OWNER), "AL", "amy")
    assert (state.bc_as_crm, state.crm_as_bc, state.agree) == ("amy", "AL", True)


@pytest.mark.parametrize(
    ("direction", "unknown"),
    [(Direction.TO_CRM, "crm_as_bc"), (Direction.FROM_CRM, "bc_as_crm")],
)
def test_a_value_does_not_flow_against_its_direction(direction, unknown):
    assert getattr(state_of(field(direction), "x", "y"), unknown) is ABSENT


@pytest.mark.parametrize(("bc", "crm"), [("JO", "amy"), ("AL", "joe")])
def test_a_reference_to_an_uncoupled_record_waits_for_it(bc, crm):
    assert state_of(field(lookup=OWNER), bc, crm).waiting_for == MISSING


def test_a_missing_record_is_named_as_people_know_it():
    mapping = mapping_of(field(lookup=replace(OWNER, named_by="company")))
    bc = {"b": "JO", "company": "Fabrikam"}
    (state,) = field_states(mapping, bc, {"_c_value": None}, None, OnePair())
    assert state.waiting_for
    assert state.waiting_for.key == "Fabrikam"


def test_a_blank_currency_is_the_local_one_and_any_other_blank_reference_none():
    assert state_of(field(lookup=CURRENCY), "", None).bc_as_crm == "gbp"
    assert state_of(field(lookup=OWNER), "", None).bc_as_crm is None


def test_a_field_that_was_never_agreed_on_has_no_base():
    base = BaseSnapshot(bc={"b": "x"}, crm={})
    state = state_of(field(), "x", "y", base)
    assert (state.base_bc, state.base_crm) == ("x", ABSENT)
    assert not state.agreed_before


@pytest.mark.parametrize("direction", [Direction.TO_CRM, Direction.BOTH])
def test_a_value_that_does_not_fit_fails_the_record_with_field_value_and_length(direction):
    with pytest.raises(RecordError, match="has 6 characters, 5 fit") as error:
        state_of(field(direction, transformation="text", crm_length=5), "sixsix", "")
    assert (error.value.field, error.value.value) == ("b", "sixsix")


def test_a_value_is_cut_where_the_mapping_says_so():
    mapped = field(transformation="text", crm_length=5, truncate=True)
    assert state_of(mapped, "four x", "").bc_as_crm == "four"


def test_what_was_not_derived_clears_nothing():
    mapped = field(Direction.TO_CRM, lookup=OWNER, derived="from elsewhere")
    (state,) = field_states(mapping_of(mapped), {}, {"_c_value": "amy"}, None, OnePair())
    assert state.bc_as_crm is ABSENT


def test_a_new_crm_record_gets_what_flows_there_last_things_apart():
    mapping = mapping_of(
        FieldMapping(bc="name", crm="name", direction=Direction.BOTH),
        FieldMapping(bc="blocked", crm="statecode", direction=Direction.TO_CRM, last=True),
        FieldMapping(bc="from", crm="from", direction=Direction.FROM_CRM),
        FieldMapping(bc="owner", crm="owner", direction=Direction.TO_CRM, keep_if_blank=True),
        FieldMapping(bc="sales", crm="sales", direction=Direction.TO_CRM, lookup=OWNER),
    )
    bc = {"name": "N", "blocked": 0, "from": "x", "owner": "", "sales": "JO"}
    insertion = insertion_in_crm(mapping, bc, OnePair())
    assert insertion.values == {"name": "N", "statecode": 0}
    assert insertion.later == {"statecode": 0}
    assert [state.waiting_for for state in insertion.waiting] == [MISSING]


def test_a_new_bc_record_gets_what_flows_there_and_nothing_that_says_nothing():
    mapping = mapping_of(
        FieldMapping(bc="name", crm="name", direction=Direction.BOTH),
        FieldMapping(bc="to", crm="to", direction=Direction.TO_CRM),
        FieldMapping(
            bc="blocked",
            crm="statecode",
            direction=Direction.FROM_CRM,
            transformation="inactive_blocks",
        ),
    )
    crm = {"name": "N", "to": "x", "statecode": 0}
    assert insertion_in_bc(mapping, crm, OnePair()).values == {"name": "N"}


def test_what_is_sent_to_crm_is_bound_and_spread_out():
    mapping = mapping_of(
        FieldMapping(bc="sales", crm="ownerid", direction=Direction.BOTH, lookup=OWNER),
        FieldMapping(
            bc="n", crm="fullname", direction=Direction.BOTH, transformation="person_name"
        ),
    )
    assert crm_body(mapping, {"ownerid": "amy", "fullname": "Ann Lee"}) == {
        "ownerid@odata.bind": "/systemusers(amy)",
        "firstname": "Ann",
        "middlename": None,
        "lastname": "Lee",
    }
    assert crm_body(mapping, {"ownerid": None}) == {"ownerid@odata.bind": None}
    assert crm_body(mapping, {}) == {}


def test_constants_are_sent_as_they_are_and_the_local_currency_is_bound():
    constants = (
        Constant(name="customertypecode", value=3),
        Constant(name="transactioncurrencyid", value=None, lookup_local_currency=True),
    )
    assert crm_constants(constants, OnePair()) == {
        "customertypecode": 3,
        "transactioncurrencyid@odata.bind": "/transactioncurrencies(gbp)",
    }
    assert bc_constants((Constant(name="type", value="Person"),)) == {"type": "Person"}


def test_a_reference_that_may_be_cleared_is_blank_until_its_record_is_coupled():
    mapped = field(lookup=OWNER, clear_on_failure=True)
    missing = state_of(mapped, bc="JO", crm="bob")
    assert (missing.bc_as_crm, missing.crm_as_bc) == (None, "")
    assert missing.is_cleared
    known = state_of(mapped, bc="AL", crm="amy")
    assert (known.bc_as_crm, known.is_cleared) == ("amy", False)


def test_a_record_is_created_without_a_reference_that_may_be_cleared():
    mapping = mapping_of(field(lookup=OWNER, clear_on_failure=True))
    for made in (
        insertion_in_crm(mapping, {"b": "JO"}, OnePair()),
        insertion_in_bc(mapping, {"_c_value": "bob"}, OnePair()),
    ):
        assert (made.values, made.waiting, len(made.cleared)) == ({}, (), 1)


def test_a_constant_is_the_value_of_every_bc_record():
    mapping = mapping_of(replace(field(Direction.TO_CRM), bc="=c", constant="CRONUS"))
    assert "=c" not in mapping.bc_select()
    assert project_bc(mapping, {}) == {"=c": "CRONUS"}
    (state,) = field_states(mapping, {}, {"c": "other"}, None, OnePair())
    assert (state.bc_as_crm, state.agree) == ("CRONUS", False)
    assert insertion_in_crm(mapping, {}, OnePair()).values == {"c": "CRONUS"}


def test_a_constant_may_be_a_record_of_another_table():
    owner = Constant(name="ownerid", value="42", entity_set="teams")
    assert crm_constants([owner], OnePair()) == {"ownerid@odata.bind": "/teams(42)"}
