"""Holding a table mapping against what the services say of their tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.table_facts import ColumnFacts, TableFacts, ValueKind
from sync.mapping import Condition, Constant, Direction, Lookup, LookupBy, MatchKey, TableMapping
from sync.mapping import UpdateConflict as Conflict
from sync.mapping_metadata_check import metadata_faults, touches_tables, with_lengths
from tests.unit.sync.test_mapping_check import field, vendor

TEXT, NUMBER = ValueKind.TEXT, ValueKind.NUMBER
FROM_CRM = Direction.FROM_CRM


def column(name: str, kind: ValueKind = TEXT, **more: Any) -> tuple[str, ColumnFacts]:
    return name, ColumnFacts(name=name, kind=kind, **more)


BC = TableFacts(
    name="vendor",
    entity_set="vendors",
    key="id",
    columns=dict(
        [
            column("id", ValueKind.ID, on_update=False),
            column("number", length=20),
            column("displayName", length=100),
            column("balance", NUMBER, on_create=False, on_update=False),
            column("due", ValueKind.DATE),
            column("currencyCode", length=10),
            column("lastModifiedDateTime", ValueKind.TIME, on_create=False, on_update=False),
        ]
    ),
)
CRM = TableFacts(
    name="account",
    entity_set="accounts",
    key="accountid",
    columns=dict(
        [
            column("accountid", ValueKind.ID, on_update=False),
            column("name", length=160),
            column("accountnumber", length=20),
            column("customertypecode", ValueKind.OPTION),
            column("creditlimit", NUMBER),
            column("createdon", ValueKind.TIME, on_update=False, on_create=False),
            column("birthday", ValueKind.TIME),
            column("importid", on_update=False),
            column(
                "transactioncurrencyid",
                ValueKind.LOOKUP,
                navigations=frozenset({"transactioncurrencyid"}),
            ),
        ]
    ),
)
CURRENCY = Lookup(
    mappings=("CURRENCY",),
    by=LookupBy.KEY,
    navigation="transactioncurrencyid",
    entity_set="transactioncurrencies",
)


def faults_of(
    mapping: TableMapping, bc: TableFacts | None = BC, crm: TableFacts | None = CRM
) -> list[tuple[str, str]]:
    found = metadata_faults(mapping, bc, crm)
    assert all(fault.message for fault in found)
    return [(fault.path, fault.code) for fault in found]


def with_field(**options: Any) -> TableMapping:
    return vendor(fields=(*vendor().fields, field(**options)))


def test_a_mapping_that_the_tables_bear_out_has_no_fault():
    assert faults_of(vendor()) == []


def test_tables_that_are_not_there_are_told_together():
    assert faults_of(vendor(), None, None) == [
        ("bc.name", "table-unknown"),
        ("crm.entity_set", "table-unknown"),
    ]


@pytest.mark.parametrize(
    ("options", "path", "code"),
    [
        ({"bc": "size", "crm": "accountnumber"}, "bc", "column-unknown"),
        ({"bc": "number", "crm": "size"}, "crm", "column-unknown"),
        ({"bc": "number", "crm": "creditlimit"}, "transformation", "kinds-differ"),
        (
            {"bc": "number", "crm": "creditlimit", "transformation": "money"},
            "transformation",
            "kinds-differ",
        ),
        ({"bc": "due", "crm": "createdon", "transformation": "date"}, "crm", "column-read-only"),
        ({"bc": "number", "crm": "importid"}, "crm", "column-read-only"),
        (
            {"bc": "balance", "crm": "creditlimit", "direction": FROM_CRM},
            "bc",
            "column-read-only",
        ),
        (
            {"bc": "number", "crm": "accountnumber", "crm_length": 21},
            "crm_length",
            "length-too-long",
        ),
        (
            {"bc": "number", "crm": "accountnumber", "bc_length": 21, "direction": FROM_CRM},
            "bc_length",
            "length-too-long",
        ),
        ({"bc": "currencyCode", "crm": "transactioncurrencyid"}, "lookup", "lookup-missing"),
        (
            {
                "bc": "currencyCode",
                "crm": "transactioncurrencyid",
                "lookup": replace(CURRENCY, navigation="currency"),
            },
            "lookup.navigation",
            "navigation-unknown",
        ),
        (
            {"bc": "currencyCode", "crm": "accountnumber", "lookup": CURRENCY},
            "lookup.navigation",
            "navigation-unknown",
        ),
        (
            {"bc": "=creditlimit", "crm": "creditlimit", "constant": "much"},
            "constant",
            "kinds-differ",
        ),
        (
            {"bc": "number", "crm": "accountnumber", "transformation": "person_name"},
            "transformation",
            "column-unknown",
        ),
    ],
)
def test_what_a_field_s_columns_do_not_bear_out_is_told_with_its_place(options, path, code):
    found = faults_of(with_field(**options))
    assert set(found) == {(f"fields[1].{path}", code)}


@pytest.mark.parametrize(
    "options",
    [
        {"bc": "number", "crm": "accountnumber"},
        {"bc": "number", "crm": "importid", "only_on_insert": True},
        {"bc": "balance", "crm": "creditlimit", "transformation": "not_negative"},
        {"bc": "due", "crm": "birthday", "transformation": "date"},
        {"bc": "due", "crm": "createdon", "direction": FROM_CRM, "transformation": "date"},
        {"bc": "currencyCode", "crm": "transactioncurrencyid", "lookup": CURRENCY},
        {"bc": "=creditlimit", "crm": "creditlimit", "constant": 5},
        {"bc": "derivedElsewhere", "crm": "accountnumber", "derived": "by Coupler"},
    ],
)
def test_what_a_field_s_columns_bear_out_is_no_fault(options):
    assert faults_of(with_field(**options)) == []


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"bc": replace(vendor().bc, title=("fullName",))}, "bc.title[0]", "column-unknown"),
        ({"bc": replace(vendor().bc, key="code")}, "bc.key", "column-unknown"),
        (
            {"bc": replace(vendor().bc, also_read=("x",))},
            "bc.also_read[0]",
            "column-unknown",
        ),
        (
            {"bc": replace(vendor().bc, scope=(Condition(field="x"),))},
            "bc.scope[0].field",
            "column-unknown",
        ),
        (
            {"crm": replace(vendor().crm, scope=(Condition(field="_x_value"),))},
            "crm.scope[0].field",
            "column-unknown",
        ),
        ({"crm": replace(vendor().crm, title="x")}, "crm.title", "column-unknown"),
        ({"crm": replace(vendor().crm, name="lead")}, "crm.name", "table-differs"),
        ({"crm": replace(vendor().crm, id_column="name")}, "crm.id_column", "table-differs"),
        (
            {"match": (MatchKey.of(("number", "vendornumber")),)},
            "match[0].fields[0].crm",
            "column-unknown",
        ),
        (
            {"constants_in_crm": (Constant(name="x", value=1),)},
            "constants_in_crm[0].name",
            "column-unknown",
        ),
        (
            {"constants_in_crm": (Constant(name="createdon", value="2026-01-01"),)},
            "constants_in_crm[0].name",
            "column-read-only",
        ),
        (
            {"constants_in_bc": (Constant(name="balance", value=1),)},
            "constants_in_bc[0].name",
            "column-read-only",
        ),
    ],
)
def test_what_the_tables_do_not_bear_out_is_told_with_its_place(changes, path, code):
    assert faults_of(vendor(**changes)) == [(path, code)]


def test_a_table_whose_changes_cannot_be_followed_is_told():
    columns = {name: each for name, each in BC.columns.items() if name != "lastModifiedDateTime"}
    assert faults_of(vendor(), replace(BC, columns=columns)) == [
        ("bc.name", "system-field-missing")
    ]


def test_a_name_that_is_nearly_right_is_answered_with_those_that_are():
    (fault,) = metadata_faults(with_field(bc="number", crm="accountnr"), BC, CRM)
    assert "accountnumber" in fault.message


def test_lengths_that_are_left_open_are_those_of_the_columns():
    done = with_lengths(with_field(bc="number", crm="accountnumber"), BC, CRM)
    (name, number) = done.fields
    assert (name.bc_length, name.crm_length) == (100, 160)
    assert (number.bc_length, number.crm_length) == (None, 20)
    kept = with_lengths(with_field(bc="number", crm="accountnumber", crm_length=5), BC, CRM)
    assert kept.fields[1].crm_length == 5
    assert with_lengths(vendor(), None, None) == vendor()


def test_only_what_concerns_the_tables_has_the_services_asked():
    mapping = vendor()
    (name,) = mapping.fields
    for changed in (
        replace(mapping, enabled=False),
        replace(mapping, update_conflict=Conflict.SEND_TO_CRM),
        replace(mapping, dependencies=()),
        replace(mapping, fields=(replace(name, update_conflict=Conflict.GET_FROM_CRM),)),
    ):
        assert not touches_tables(changed, mapping)
    assert touches_tables(replace(mapping, fields=(replace(name, crm="fax"),)), mapping)
    assert touches_tables(replace(mapping, bc=replace(mapping.bc, key="id")), mapping)
