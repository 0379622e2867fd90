"""The default mappings, held against the published definitions of both systems."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from docs.write_mappings import TARGET, document
from sync.mapping import Direction, TableMapping
from sync.mappings import MAPPINGS
from sync.rules import RULES
from sync.transformations import TRANSFORMATIONS

_REPOSITORY = Path(__file__).resolve().parents[3]
_SHARED = Path(os.environ.get("COUPLER_SHARED", _REPOSITORY.parent / "shared"))
_METADATA = _SHARED / "reference" / "metadata"

# columns that the platform has and the published table definitions leave out
_CRM_EXTRA = {"isocurrencycode": 5}
_DERIVED_BY_RULE = {
    "unitGroupName",
    "parentAccountId",
    "priceListId",
    "productId",
    "unitId",
}

each_mapping = pytest.mark.parametrize(
    "mapping", MAPPINGS.values(), ids=[name.replace(" ", "-") for name in MAPPINGS]
)


def metadata(name: str) -> dict[str, Any]:
    path = _METADATA / name
    if not path.exists():
        pytest.skip(f"{path} is not there; COUPLER_SHARED names the folder that has it")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@each_mapping
def test_names_of_transformations_rules_and_lookups_exist(mapping: TableMapping):
    assert mapping.rule in RULES
    for field in mapping.fields:
        assert field.transformation in TRANSFORMATIONS
        if field.lookup:
            assert set(field.lookup.mappings) <= set(MAPPINGS)


@each_mapping
def test_a_lookup_s_parent_comes_first(mapping: TableMapping):
    """A table's lookups go to tables that it depends on, directly or through others."""
    parents: set[str] = set()
    frontier = set(mapping.dependencies)
    while frontier:
        parents |= frontier
        frontier = {p for name in frontier for p in MAPPINGS[name].dependencies} - parents
    for field in mapping.fields:
        if field.lookup:
            assert set(field.lookup.mappings) <= parents, field.bc


@each_mapping
def test_a_field_flows_only_where_its_table_does(mapping: TableMapping):
    if mapping.direction is not Direction.BOTH:
        assert {field.direction for field in mapping.fields} == {mapping.direction}


@each_mapping
def test_match_keys_are_mapped_or_derived(mapping: TableMapping):
    mapped = {field.bc for field in mapping.fields}
    for key in mapping.match:
        for bc, _ in key.pairs:
            assert bc in mapped | _DERIVED_BY_RULE


@each_mapping
def test_every_bc_field_is_one_of_the_api(mapping: TableMapping):
    if mapping.bc.page:
        rows = _SHARED / "data" / "cronus" / "business_central"
        name = mapping.bc.name[0].lower() + mapping.bc.name[1:]
        path = rows / f"{name}.json"
        if not path.exists():
            pytest.skip(f"{path} is not there; COUPLER_SHARED names the folder that has it")
        known = set(json.loads(path.read_text(encoding="utf-8"))[0])
    else:
        page = metadata("business-central-api-v2.json")[mapping.bc.name]
        known = {field["name"] for field in page["fields"]}
        writable = {field["name"] for field in page["fields"] if field["editable"]}
        written = {
            field.bc for field in mapping.fields if field.direction.writes_bc and not field.derived
        }
        assert written <= writable
    assert set(mapping.bc_select()) <= known


@each_mapping
def test_every_crm_column_exists_with_the_length_that_the_mapping_says(mapping: TableMapping):
    columns = {
        c["logicalName"]: c for c in metadata("dataverse-tables.json")[mapping.crm.name]["fields"]
    }
    for field in mapping.fields:
        column = columns[field.crm]
        text = re.fullmatch(r"(?:Text|Code)\[(\d+)\]", column["alType"])
        if text and not field.lookup:
            assert field.crm_length == int(text[1]), field.crm
        if field.direction.writes_crm and not field.only_on_insert and field.crm != "fullname":
            assert column["access"] in ("", "Modify"), field.crm
    read = {re.fullmatch(r"_(.+)_value|(.+)", name) for name in mapping.crm_select()}
    assert {match[1] or match[2] for match in read if match} <= set(columns)


def test_the_mapping_document_is_current():
    assert TARGET.read_text(encoding="utf-8") == document(), (
        "docs/mappings.md is not what the mapping data say: run python -m docs.write_mappings"
    )
