from __future__ import annotations

from dataclasses import replace

import pytest

from services.dataverse_administration import TableDefinition
from setup.checks.findings import Trouble
from setup.checks.tables import TableFacts, check_tables
from setup.model import Result
from setup.needs import Access, crm_needs
from solution.roles import INTEGRATION_USER, PRIVILEGES
from sync.mappings import MAPPINGS
from tests.unit.setup.checks.telling import TROUBLE, failures, only_passed, the

NEEDS = tuple(crm_needs(MAPPINGS.values()))

# how CRM names the privileges of these tables ("Privileges by entity")
_OF_PRODUCTS = ("pricelevel", "product", "productpricelevel", "uom", "uomschedule")
PRIVILEGED_AS = dict.fromkeys(_OF_PRODUCTS, "Product") | {
    "account": "Account",
    "contact": "Contact",
    "organization": "Organization",
    "systemuser": "User",
    "transactioncurrency": "TransactionCurrency",
}


def definition(table: str, *, tracks_changes: bool = True) -> TableDefinition:
    return TableDefinition(
        name=table,
        entity_set=f"{table}s",
        tracks_changes=tracks_changes,
        privileges={each.value: f"prv{each.value}{PRIVILEGED_AS[table]}" for each in Access},
    )


def without_owner(table: TableDefinition) -> TableDefinition:
    """The table as the organization's own: there is nobody to assign its records to."""
    kinds = {kind: name for kind, name in table.privileges.items() if kind != "Assign"}
    return replace(table, privileges=kinds)


DEFINED = {each.table: definition(each.table) for each in NEEDS}
TABLES: dict[str, TableDefinition | Trouble | None] = {**DEFINED}
HELD_BY_ROLE = frozenset(PRIVILEGES[INTEGRATION_USER])
GOOD = TableFacts(needs=NEEDS, tables=TABLES, privileges=HELD_BY_ROLE)
HELD = sorted(
    {f"prv{access.value}{PRIVILEGED_AS[need.table]}" for need in NEEDS for access in need.access}
)


def test_the_role_of_the_solution_has_all_that_the_default_mappings_need():
    assert only_passed(check_tables(GOOD))


@pytest.mark.parametrize("privilege", HELD)
def test_each_privilege_that_is_missing_is_named_with_its_tables(privilege):
    findings = check_tables(replace(GOOD, privileges=HELD_BY_ROLE - {privilege}))
    lacking = {
        need.table
        for need in NEEDS
        for access in need.access
        if f"prv{access.value}{PRIVILEGED_AS[need.table]}" == privilege
    }
    assert {subject for _, subject in failures(findings)} == lacking
    for table in lacking:
        assert privilege in the(findings, "privileges", table).message


@pytest.mark.parametrize("need", [each for each in NEEDS if each.is_mapped], ids=lambda n: n.table)
def test_a_table_whose_changes_are_not_tracked_is_a_warning(need):
    untracked = definition(need.table, tracks_changes=False)
    findings = check_tables(replace(GOOD, tables=TABLES | {need.table: untracked}))
    assert failures(findings) == []
    assert the(findings, "change-tracking", need.table).result is Result.WARNING


@pytest.mark.parametrize("found", [None, TROUBLE], ids=["absent", "unreadable"])
def test_a_table_that_is_not_there_or_not_readable_is_named(found):
    findings = check_tables(replace(GOOD, tables=TABLES | {"product": found}))
    assert failures(findings) == [("table-exists", "product")]


def test_what_a_table_has_no_privilege_for_is_not_asked():
    bare = replace(definition("account"), privileges={"Read": "prvReadAccount"})
    facts = replace(
        GOOD,
        tables=TABLES | {"account": bare},
        privileges=HELD_BY_ROLE - {"prvAssignAccount"},
    )
    assert failures(check_tables(facts)) == []


def test_unknown_privileges_are_told_once():
    assert failures(check_tables(replace(GOOD, privileges=TROUBLE))) == [("privileges", "")]


READS = frozenset({"prvReadAccount", "prvReadContact"})
OWNED = {
    name: table if name in ("account", "contact") else without_owner(table)
    for name, table in DEFINED.items()
}


@pytest.mark.parametrize(
    ("team", "privileges", "failed"),
    [
        ("Sales", READS, []),
        ("Sales", READS - {"prvReadContact"}, [("owning-team", "Sales")]),
        ("Sales", TROUBLE, [("owning-team", "Sales")]),
        (None, TROUBLE, [("owning-team", "t1")]),
        (TROUBLE, READS, [("owning-team", "t1")]),
    ],
)
def test_the_team_that_is_to_own_records_must_be_there_and_may_read_them(team, privileges, failed):
    facts = replace(GOOD, tables=OWNED, team_id="t1", team=team, team_privileges=privileges)
    findings = check_tables(facts)
    assert failures(findings) == failed
    if failed and team == "Sales" and privileges is not TROUBLE:
        assert "prvReadContact" in the(findings, "owning-team").message
