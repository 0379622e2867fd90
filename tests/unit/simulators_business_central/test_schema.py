"""The field tables against the published definitions of the API pages, where these are at hand."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from local.simulators.business_central.fields import Type
from local.simulators.business_central.other_sets import ALL_API_SETS
from local.simulators.business_central.schema import API_SETS, COMPANY_SETS, seed_name

_SHARED = Path(os.environ.get("COUPLER_SHARED", Path(__file__).parents[4] / "shared"))
_METADATA = _SHARED / "reference" / "metadata" / "business-central-api-v2.json"


@pytest.fixture(scope="module")
def metadata():
    if not _METADATA.is_file():
        pytest.skip(f"the published definitions are not at {_METADATA}")
    return json.loads(_METADATA.read_text())


@pytest.mark.parametrize("name", API_SETS)
def test_fields_rights_and_parts_are_those_of_the_api_page(name, metadata):
    page, schema = metadata[name], API_SETS[name]
    assert [(each.name, each.editable) for each in schema.fields] == [
        (each["name"], each["editable"]) for each in page["fields"]
    ]
    rights = {"insert": schema.insert, "modify": schema.modify, "delete": schema.delete}
    assert rights == {right: page[right] == "true" for right in rights}
    assert schema.entity == page["entityName"]
    assert schema.table == page["sourceTable"]
    assert list(schema.parts) == [part["name"] for part in page["parts"]]


def test_every_entity_set_of_the_api_is_known_by_name(metadata):
    sets = {page["entitySetName"] for name, page in metadata.items() if "@" not in name}
    assert sets <= ALL_API_SETS


@pytest.mark.parametrize("schema", COMPANY_SETS.values(), ids=lambda schema: schema.name)
def test_a_field_table_is_consistent(schema):
    names = [each.name for each in schema.fields]
    assert len(names) == len(set(names))
    assert {*schema.key_fields, schema.id_field, *schema.indexed} <= set(names)
    assert not schema.modified_field or schema.by_name[schema.modified_field].stamped
    assert all(each.values for each in schema.fields if each.type is Type.ENUM)
    assert all(each.length for each in schema.fields if each.type is Type.CODE)


def test_files_of_web_services_begin_with_a_small_letter():
    assert seed_name("salesPrices") == "SalesPrices"
    assert seed_name("salesOrders") == "salesOrders"
