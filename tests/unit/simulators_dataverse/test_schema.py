"""The tables' descriptions against themselves and against the published definitions."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from local.simulators.dataverse.schema import load_schema

REPOSITORY = Path(__file__).parents[3]
SHARED = Path(os.environ.get("COUPLER_SHARED", REPOSITORY.parent / "shared"))
DEFINITIONS = SHARED / "reference/metadata/dataverse-tables.json"
SCHEMA = load_schema()
PUBLISHED = sorted(name for name, table in SCHEMA.tables.items() if not table.platform)

WRITE = {"": "always", "Insert": "create", "Modify": "update", "Read": "never"}
# Columns whose access differs on purpose from the definitions, which describe another client's
# view: keys can be chosen, computed currencies may be sent where they agree, and lookups to tables
# that are not imitated cannot be set.
OTHER_ACCESS = {
    ("salesorder", "opportunityid"),
    ("salesorder", "quoteid"),
    ("organization", "organizationid"),
    ("productpricelevel", "transactioncurrencyid"),
}
TYPES = {
    "text": {"String"},
    "memo": {"Memo"},
    "integer": {"Integer"},
    "bigint": {"BigInt"},
    "decimal": {"Decimal"},
    "double": {"Double"},
    "money": {"Money"},
    "boolean": {"Boolean"},
    "datetime": {"DateTime"},
    "date": {"DateTime"},
    "guid": {"Uniqueidentifier"},
    "choice": {"Picklist"},
    "state": {"State"},
    "status": {"Status"},
    "lookup": {"Lookup", "Owner", "Customer"},
}


@pytest.fixture(scope="module")
def definitions() -> dict[str, dict[str, Any]]:
    if not DEFINITIONS.is_file():
        pytest.skip(f"the published definitions are not at {DEFINITIONS}")
    found = json.loads(DEFINITIONS.read_bytes())
    return {
        name: {field["logicalName"]: field for field in table["fields"]}
        for name, table in found.items()
    }


@pytest.mark.parametrize("name", PUBLISHED)
def test_types_lengths_and_access_are_the_published_ones(definitions, name):
    differences: list[tuple[Any, ...]] = []
    for column in SCHEMA.tables[name].columns.values():
        field = definitions[name].get(column.name)
        if field is None:
            continue
        if field["type"] not in TYPES[column.type]:
            differences.append((column.name, column.type, field["type"]))
        length = re.fullmatch(r"Text\[(\d+)\]", field["alType"])
        if length and column.length != int(length[1]):
            differences.append((column.name, column.length, field["alType"]))
        if column.write != WRITE[field["access"]] and (name, column.name) not in OTHER_ACCESS:
            differences.append((column.name, column.write, field["access"]))
    assert differences == []


@pytest.mark.parametrize("name", PUBLISHED)
def test_options_are_the_published_ones(definitions, name):
    table = SCHEMA.tables[name]
    for column in table.columns.values():
        ordinals = definitions[name].get(column.name, {}).get("ordinals")
        if column.type != "choice" or not ordinals:
            continue
        published = {int(value) for value in re.findall(r"-?\d+", str(ordinals))} - {-1}
        # newer services have options that the definitions do not list
        assert published <= set(column.options), column.name
    states = definitions[name].get("statecode", {}).get("ordinals")
    if states:
        assert set(table.states) == {int(value) for value in re.findall(r"-?\d+", str(states))}


@pytest.mark.parametrize("name", sorted(SCHEMA.tables))
def test_lookups_lead_to_known_tables(name):
    for column in SCHEMA.tables[name].lookups:
        assert set(column.navigation) <= set(SCHEMA.tables), column.name


def test_navigation_properties_of_several_targets_are_told_apart():
    contact, account = SCHEMA.tables["contact"], SCHEMA.tables["account"]
    assert contact.navigations["parentcustomerid_account"][1] == "account"
    assert contact.navigations["parentcustomerid_contact"][1] == "contact"
    assert account.navigations["ownerid"] == (account.columns["ownerid"], "")


def test_bulk_messages_exist_for_the_documented_tables():
    assert {name for name, table in SCHEMA.tables.items() if table.multiple} == {
        "account",
        "contact",
        "product",
        "pricelevel",
        "uomschedule",
        "salesorder",
        "salesorderdetail",
    }
