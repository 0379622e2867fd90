"""What keeps a table mapping from being saved: each thing that can be wrong is made wrong once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sync.mapping import (
    BcTable,
    Condition,
    Constant,
    CrmTable,
    DeletionConflict,
    Direction,
    FieldMapping,
    Lookup,
    LookupBy,
    LookupTarget,
    MatchKey,
    Requirement,
    TableMapping,
    UpdateConflict,
)
from sync.mapping_check import check
from sync.mapping_field_check import MOST_FIELDS
from sync.mappings import MAPPINGS

CUSTOMER = MAPPINGS["CUSTOMER"]
TO_CRM, FROM_CRM, BOTH = Direction.TO_CRM, Direction.FROM_CRM, Direction.BOTH
CONTACT_LOOKUP = Lookup(
    mappings=("CONTACT",), by=LookupBy.KEY, navigation="primarycontactid", entity_set="contacts"
)
REQUIRED = Requirement(field="blocked", values=(False,), code="is-blocked", message="Is blocked.")


def field(bc: str = "taxRegistrationNumber", crm: str = "sic", **options: Any) -> FieldMapping:
    return FieldMapping(**{"bc": bc, "crm": crm, "direction": TO_CRM, **options})


def with_fields(*fields: FieldMapping, of: TableMapping = CUSTOMER) -> TableMapping:
    return replace(of, fields=(*of.fields, *fields))


def vendor(**changes: Any) -> TableMapping:
    """A mapping that a tenant added."""
    mapping = TableMapping(
        name="VENDOR",
        bc=BcTable(name="vendors", key="number", title=("displayName",)),
        crm=CrmTable(
            name="account",
            entity_set="accounts",
            id_column="accountid",
            title="name",
            scope=(Condition(field="customertypecode", values=(11,)),),
        ),
        direction=BOTH,
        dependencies=("CURRENCY",),
        fields=(field("displayName", "name", direction=BOTH, transformation="text"),),
        constants_in_crm=(Constant(name="customertypecode", value=11),),
        match=(MatchKey.of(("displayName", "name")),),
        creates_in_crm=True,
        creates_in_bc=True,
    )
    return replace(mapping, **changes)


def faults_of(
    mapping: TableMapping, known: Mapping[str, TableMapping] = MAPPINGS
) -> list[tuple[str, str]]:
    others = {name: each for name, each in known.items() if name != mapping.name}
    found = check(mapping, others, MAPPINGS.get(mapping.name))
    assert all(fault.message for fault in found)
    return [(fault.path, fault.code) for fault in found]


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=lambda each: each.name)
def test_a_default_mapping_has_no_fault(mapping):
    assert faults_of(mapping) == []


def test_a_mapping_that_a_tenant_added_has_no_fault():
    assert faults_of(vendor()) == []


LAST = len(CUSTOMER.fields)
ADDED = f"fields[{LAST}]"


@pytest.mark.parametrize(
    ("added", "path", "code"),
    [
        (field(transformation="shout"), "transformation", "transformation-unknown"),
        (
            field(transformation="quantity", direction=FROM_CRM),
            "transformation",
            "transformation-one-way",
        ),
        (
            field("currencyCode", "x", lookup=CUSTOMER.fields[11].lookup, transformation="code"),
            "transformation",
            "transformation-of-reference",
        ),
        (field(crm="name"), "crm", "duplicate-target"),
        (field("displayName", direction=FROM_CRM), "bc", "duplicate-target"),
        (field("tax number"), "bc", "name-invalid"),
        (field(crm="sic)or(1"), "crm", "name-invalid"),
        (field(clear_on_failure=True), "clear_on_failure", "not-a-reference"),
        (field(keep_if_blank=True, direction=BOTH), "keep_if_blank", "needs-one-direction"),
        (field(truncate=True), "truncate", "length-missing"),
        (field(constant="x"), "constant", "constant-invalid"),
        (field("=sic", constant="x", direction=FROM_CRM), "constant", "constant-invalid"),
        (field(derived="by magic"), "derived", "not-derived"),
        (field(last=True), "last", "only-in-default-mappings"),
        (
            field(update_conflict=UpdateConflict.SEND_TO_CRM),
            "update_conflict",
            "policy-without-effect",
        ),
        (
            field(lookup=CONTACT_LOOKUP),
            "lookup.mappings[0]",
            "lookup-not-dependency",
        ),
        (
            field(lookup=replace(CONTACT_LOOKUP, mappings=("PEOPLE",))),
            "lookup.mappings[0]",
            "lookup-unknown",
        ),
        (field(lookup=replace(CONTACT_LOOKUP, mappings=())), "lookup.mappings", "lookup-unknown"),
        (
            field(
                lookup=replace(CONTACT_LOOKUP, mappings=("CURRENCY",)),
            ),
            "lookup.entity_set",
            "lookup-of-other-table",
        ),
        (
            field(
                lookup=replace(CONTACT_LOOKUP, target=LookupTarget.BASE_UNIT),
                clear_on_failure=True,
            ),
            "lookup.target",
            "lookup-invalid",
        ),
        (
            field(
                lookup=replace(CONTACT_LOOKUP, blank_is_local_currency=True),
                clear_on_failure=True,
            ),
            "lookup.blank_is_local_currency",
            "lookup-invalid",
        ),
        (
            field(lookup=replace(CONTACT_LOOKUP, navigation="a/b"), clear_on_failure=True),
            "lookup.navigation",
            "name-invalid",
        ),
    ],
)
def test_a_field_s_fault_is_told_with_its_place(added, path, code):
    assert faults_of(with_fields(added)) == [(f"{ADDED}.{path}", code)]


def test_a_reference_that_may_be_cleared_needs_no_dependency():
    assert faults_of(with_fields(field(lookup=CONTACT_LOOKUP, clear_on_failure=True))) == []


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"name": "vendor 7"}, "name", "name-invalid"),
        ({"rule": "product"}, "rule", "only-in-default-mappings"),
        ({"dependencies": ("CURRENCY", "PEOPLE")}, "dependencies[1]", "dependency-unknown"),
        ({"dependencies": ("VENDOR",)}, "dependencies[0]", "dependency-on-itself"),
        ({"dependencies": ("CURRENCY", "CURRENCY")}, "dependencies[1]", "dependency-twice"),
        ({"fields": ()}, "fields", "no-fields"),
        (
            {"match": (MatchKey.of(("number", "accountnumber"), ("fax", "fax")),)},
            "match[0].fields[1].bc",
            "match-field-unread",
        ),
        ({"match": (MatchKey.of(),)}, "match[0].fields", "match-empty"),
        (
            {"constants_in_crm": (Constant(name="name", value="x"),)},
            "constants_in_crm[0]",
            "duplicate-target",
        ),
        (
            {"constants_in_bc": (Constant(name="a", value=1), Constant(name="a", value=2))},
            "constants_in_bc[1]",
            "duplicate-target",
        ),
        (
            {"constants_in_bc": (Constant(name="a", value="1", entity_set="teams"),)},
            "constants_in_bc[0]",
            "constant-invalid",
        ),
        (
            {"constants_in_crm": (Constant(name="a b", value=1),)},
            "constants_in_crm[0].name",
            "name-invalid",
        ),
        (
            {
                "creates_in_bc": False,
                "creates_in_crm": False,
                "deletion_conflict": DeletionConflict.RESTORE,
            },
            "deletion_conflict",
            "policy-without-effect",
        ),
        (
            {"bc": replace(vendor().bc, scope=(Condition(field="a", values=(1,), suffix="b"),))},
            "bc.scope[0]",
            "condition-unclear",
        ),
        (
            {"bc": replace(vendor().bc, scope=(Condition(field="a eq 1 or b"),))},
            "bc.scope[0].field",
            "name-invalid",
        ),
        (
            {"crm": replace(vendor().crm, requires=(replace(REQUIRED, values=()),))},
            "crm.requires[0].values",
            "values-missing",
        ),
        (
            {"crm": replace(vendor().crm, requires=(replace(REQUIRED, code="Not OK"),))},
            "crm.requires[0].code",
            "code-invalid",
        ),
        (
            {"crm": replace(vendor().crm, requires=(replace(REQUIRED, message=""),))},
            "crm.requires[0].message",
            "message-missing",
        ),
        ({"bc": replace(vendor().bc, name="vendors?x")}, "bc.name", "name-invalid"),
        ({"bc": replace(vendor().bc, page=True)}, "direction", "page-read-only"),
        (
            {"bc": replace(vendor().bc, has_stock=True)},
            "bc.has_stock",
            "only-in-default-mappings",
        ),
    ],
)
def test_a_mapping_s_fault_is_told_with_its_place(changes, path, code):
    assert (path, code) in faults_of(vendor(**changes))
    assert len(faults_of(vendor(**changes))) == 1


def test_a_table_flows_both_ways_only_where_fields_do():
    one_way = (field("displayName", "name"),)
    assert faults_of(vendor(fields=one_way)) == [("direction", "no-field-in-direction")]
    assert faults_of(vendor(fields=one_way, direction=TO_CRM)) == [
        ("creates_in_bc", "creates-outside-direction")
    ]
    narrowed = vendor(direction=FROM_CRM, creates_in_crm=False)
    assert faults_of(narrowed) == [("fields[0].direction", "direction-outside-table")]


def test_a_policy_for_conflicts_needs_fields_that_can_have_them():
    mapping = vendor(
        fields=(field("displayName", "name"),),
        direction=TO_CRM,
        creates_in_bc=False,
        update_conflict=UpdateConflict.GET_FROM_CRM,
    )
    assert faults_of(mapping) == [("update_conflict", "policy-without-effect")]


def test_a_circle_of_dependencies_is_told_with_its_path():
    mapping = vendor(dependencies=("CONTACT",))
    known = {**MAPPINGS, "CURRENCY": replace(MAPPINGS["CURRENCY"], dependencies=("VENDOR",))}
    (fault,) = check(mapping, known, None)
    assert (fault.path, fault.code) == ("dependencies", "dependency-cycle")
    assert "VENDOR → " in fault.message


def test_too_many_fields_are_refused():
    fields = [field(f"f{n}", f"c{n}") for n in range(MOST_FIELDS)]
    assert faults_of(with_fields(*fields)) == [("fields", "too-many-fields")]


@pytest.mark.parametrize(
    ("part", "member", "value"),
    [
        ("bc", "name", "vendors"),
        ("bc", "page", True),
        ("bc", "key", "id"),
        ("bc", "derived_from", "contacts"),
        ("bc", "compared_daily", True),
        ("bc", "has_stock", True),
        ("crm", "name", "lead"),
        ("crm", "entity_set", "leads"),
        ("crm", "id_column", "leadid"),
    ],
)
def test_what_makes_a_default_mapping_what_it_is_cannot_be_changed(part, member, value):
    changed = replace(getattr(CUSTOMER, part), **{member: value})
    assert (f"{part}.{member}", "fixed") in faults_of(replace(CUSTOMER, **{part: changed}))


@pytest.mark.parametrize("name", ["CONTACT", "CURRENCY", "ITEM-PRODUCT", "SALESPRC-PRODPRICE"])
def test_what_a_rule_needs_cannot_be_removed(name):
    mapping = MAPPINGS[name]
    left = replace(
        mapping,
        fields=(field("id", "sic", direction=mapping.direction),),
        match=(),
        bc=replace(mapping.bc, also_read=(), requires=()),
    )
    found = faults_of(left)
    assert ("fields", "required-by-rule") in found
    reads = name in ("CONTACT", "CURRENCY", "SALESPRC-PRODPRICE")
    assert (("bc.also_read", "required-by-rule") in found) == reads


def test_what_a_rule_needs_of_a_field_stays_while_the_rest_may_be_changed():
    currency = MAPPINGS["CURRENCY"]
    (symbol,) = (each for each in currency.fields if each.crm == "currencysymbol")
    others = tuple(each for each in currency.fields if each.crm != "currencysymbol")
    cut = replace(symbol, truncate=True, crm_length=5)
    assert faults_of(replace(currency, fields=(*others, cut))) == []
    underived = replace(symbol, derived="")
    assert faults_of(replace(currency, fields=(*others, underived))) == [
        ("fields", "required-by-rule"),
        ("fields[4].derived", "derived"),
    ]


def test_all_faults_are_told_together():
    mapping = with_fields(
        field(transformation="shout"),
        field(crm="name"),
        of=replace(CUSTOMER, dependencies=("PEOPLE", "CURRENCY")),
    )
    assert sorted(faults_of(mapping)) == [
        ("dependencies[0]", "dependency-unknown"),
        ("fields[12].lookup.mappings[0]", "lookup-not-dependency"),
        (f"{ADDED}.transformation", "transformation-unknown"),
        (f"fields[{LAST + 1}].crm", "duplicate-target"),
    ]
