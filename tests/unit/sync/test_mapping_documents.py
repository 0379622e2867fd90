"""Table mappings as documents, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.mapping import (
    BcTable,
    Compare,
    Condition,
    Constant,
    CrmTable,
    FieldMapping,
    Lookup,
    MatchField,
    MatchKey,
    Requirement,
    TableMapping,
)
from sync.mapping_documents import MOST_ITEMS, DocumentError, mapping_document, mapping_of
from sync.mappings import MAPPINGS

TEXTS = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Cn")), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers(-99, 99) | st.floats(-9, 9) | TEXTS
LENGTHS = st.none() | st.integers(1, 4000)


def several(each: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(each, max_size=3).map(tuple)


def built(shape: Any, **chosen: Any) -> st.SearchStrategy[Any]:
    """Any value of a shape; texts, flags and choices follow from its types."""
    plain = {name: TEXTS for name, kind in shape.__annotations__.items() if kind == "str"}
    return st.builds(shape, **(plain | chosen))


CONDITIONS = several(built(Condition, values=several(SCALARS)))
REQUIREMENTS = several(built(Requirement, values=several(SCALARS)))
CONSTANTS = several(built(Constant, value=SCALARS))
FIELDS = several(
    built(
        FieldMapping,
        lookup=st.none() | built(Lookup, mappings=several(TEXTS)),
        bc_length=LENGTHS,
        crm_length=LENGTHS,
        constant=SCALARS,
    )
)
TABLES = {
    shape: built(
        shape,
        scope=CONDITIONS,
        requires=REQUIREMENTS,
        also_read=several(TEXTS),
        **({"title": several(TEXTS)} if shape is BcTable else {}),
    )
    for shape in (BcTable, CrmTable)
}
MATCH_FIELD = built(
    MatchField,
    bc=TEXTS,
    crm=TEXTS,
    compare=st.sampled_from(Compare),
    case_sensitive=st.booleans(),
)
ANY_MAPPING = built(
    TableMapping,
    bc=TABLES[BcTable],
    crm=TABLES[CrmTable],
    dependencies=several(TEXTS),
    fields=FIELDS,
    constants_in_crm=CONSTANTS,
    constants_in_bc=CONSTANTS,
    match=several(
        built(
            MatchKey,
            fields=several(
                built(
                    MatchField,
                    bc=TEXTS,
                    crm=TEXTS,
                    compare=st.sampled_from(Compare),
                    case_sensitive=st.booleans(),
                )
            ),
        )
    ),
    not_offered=several(TEXTS),
)


def as_sent(document: dict[str, Any]) -> Any:
    return json.loads(json.dumps(document))


@given(ANY_MAPPING, st.booleans())
def test_a_mapping_comes_back_from_its_document(mapping, brief):
    assert mapping_of(as_sent(mapping_document(mapping, brief=brief))) == mapping


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=lambda each: each.name)
def test_a_default_mapping_comes_back_with_its_lineage(mapping):
    for brief in (False, True):
        again = mapping_of(as_sent(mapping_document(mapping, brief=brief)))
        assert again.lineage == mapping.lineage


def customer(**changes: Any) -> Any:
    return as_sent(mapping_document(MAPPINGS["CUSTOMER"])) | changes


def faults_of(document: object) -> dict[str, str]:
    with pytest.raises(DocumentError) as refused:
        mapping_of(document)
    return {fault.path: fault.code for fault in refused.value.faults}


def test_all_faults_of_a_document_are_told_together_with_their_places():
    document = customer(direction="sideways", creates_in_bc="yes", colour="red")
    document["bc"]["scope"] = [{"field": 7, "suffix": "\x00"}]
    document["match"] = [{"fields": [{"bc": "number"}]}]
    document["fields"][1]["bc_length"] = 0
    del document["fields"][2]["crm"]
    assert faults_of(document) == {
        "colour": "member-unknown",
        "direction": "not-a-choice",
        "creates_in_bc": "not-a-flag",
        "bc.scope[0].field": "not-a-text",
        "bc.scope[0].suffix": "text-not-printable",
        "match[0].fields[0].crm": "member-missing",
        "fields[1].bc_length": "not-a-number",
        "fields[2].crm": "member-missing",
    }


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"fields": {}}, "fields", "not-a-list"),
        ({"bc": []}, "bc", "not-an-object"),
        ({"name": "X" * 501}, "name", "text-too-long"),
        ({"dependencies": ["X"] * (MOST_ITEMS + 1)}, "dependencies", "list-too-long"),
        (
            {"constants_in_bc": [{"name": "n", "value": float("nan")}]},
            "constants_in_bc[0].value",
            "not-a-value",
        ),
        (
            {"constants_in_bc": [{"name": "n", "value": []}]},
            "constants_in_bc[0].value",
            "not-a-value",
        ),
        (
            {"constants_in_bc": [{"name": "n", "value": 2**60}]},
            "constants_in_bc[0].value",
            "not-a-value",
        ),
    ],
)
def test_what_is_no_mapping_is_refused(changes, path, code):
    assert faults_of(customer(**changes)) == {path: code}


@pytest.mark.parametrize("document", [None, [], "mapping", 1])
def test_what_is_no_object_is_refused(document):
    assert faults_of(document) == {"": "not-an-object"}


def test_a_member_left_out_has_its_usual_value():
    document = customer()
    del document["enabled"], document["update_conflict"]
    assert mapping_of(document) == MAPPINGS["CUSTOMER"]


def test_a_constant_need_not_be_named_twice():
    document = customer(fields=[{"crm": "industry", "constant": "x", "direction": "to_crm"}])
    (field,) = mapping_of(document).fields
    assert (field.bc, field.constant) == ("=industry", "x")
