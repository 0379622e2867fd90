"""The API's description says what the code does, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis

from docs.write_openapi import METHODS, document, written
from sync.mapping import TableMapping
from tests.unit.api.shape_schemas import (
    members_of,
    members_told,
    of_description,
    of_shape,
    opened,
    resolved,
)
from tests.unit.registered import http_functions
from web.body import JSON
from web.edge import ROUTES
from web.shapes import Nothing

DOCUMENT = document()
OPERATIONS: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    item[method]["operationId"]: (method, path, item, item[method])
    for path, item in DOCUMENT["paths"].items()
    for method in METHODS
    if method in item
}
"""By operation id: method, path, everything about the path, and the operation itself."""

DESCRIBED_ROUTES = sorted(ROUTES.keys() & OPERATIONS.keys())
WITHOUT_A_TOKEN = {"receive_bc_changes", "receive_crm_change", "read_openapi", "read_reference"}


def parameters(name: str, place: str) -> dict[str, dict[str, Any]]:
    """The parameters of an operation that are in the path, the query or the headers."""
    _, _, item, operation = OPERATIONS[name]
    given = item.get("parameters", []) + operation.get("parameters", [])
    whole = [resolved(one["$ref"], DOCUMENT) if "$ref" in one else one for one in given]
    return {one["name"]: one for one in whole if one["in"] == place}


def test_the_files_are_written_from_the_parts():
    outdated = [target.name for target, text in written().items() if target.read_text() != text]
    assert not outdated, "write them anew: python -m docs.write_openapi"


def test_the_document_is_valid():
    schemathesis.openapi.from_dict(DOCUMENT).validate()


def test_every_route_is_described_and_nothing_else():
    bound = {
        (str(method).lower(), "/" + function.get_trigger().route, function.get_function_name())
        for function in http_functions()
        for method in function.get_trigger().methods
    }
    described = {(method, path, name) for name, (method, path, *_) in OPERATIONS.items()}
    assert described == bound


def test_every_role_is_described():
    told = {name: operation["x-role"] for name, (*_, operation) in OPERATIONS.items()}
    needed = {name: route.role.value for name, route in ROUTES.items()}
    assert told == needed | dict.fromkeys(WITHOUT_A_TOKEN, "none")


def test_every_route_that_takes_an_idempotency_key_is_described():
    told = {name for name, (*_, one) in OPERATIONS.items() if one.get("x-idempotent")}
    assert told == {name for name, route in ROUTES.items() if route.idempotent}
    taken = {name for name in OPERATIONS if "Idempotency-Key" in parameters(name, "header")}
    assert told == taken


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_only_what_needs_no_role_needs_no_token(name):
    operation = OPERATIONS[name][-1]
    assert (operation.get("security") == []) == (operation["x-role"] == "none")


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_path_parameter_is_described(name):
    described = parameters(name, "path")
    assert set(described) == set(re.findall(r"\{(\w+)\}", OPERATIONS[name][1]))
    assert all(one["required"] for one in described.values())


@pytest.mark.parametrize("name", DESCRIBED_ROUTES)
def test_every_query_parameter_is_described(name):
    told = {
        one: of_description(parameter["schema"], DOCUMENT)
        for one, parameter in parameters(name, "query").items()
    }
    taken = of_shape(ROUTES[name].query)["properties"]
    assert told == {one: _never_null(schema) for one, schema in taken.items()}


def _never_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query cannot say null."""
    made = schema | {"type": [one for one in schema["type"] if one != "null"]}
    if "enum" in made:
        made["enum"] = [one for one in made["enum"] if one is not None]
    return made


@pytest.mark.parametrize("name", DESCRIBED_ROUTES)
def test_every_body_is_described(name):
    shape, body = ROUTES[name].body, OPERATIONS[name][-1].get("requestBody")
    if ROUTES[name].media_type != JSON:
        assert body
        assert body["required"]
        [(media_type, content)] = body["content"].items()
        told = of_description(content["schema"], DOCUMENT)
        assert (media_type, told) == (ROUTES[name].media_type, {"type": ["string"]})
        return
    if shape is Nothing:
        assert body is None
        return
    assert body, f"{name} takes a body: {of_shape(shape)}"
    taken = of_shape(shape)
    told = of_description(body["content"]["application/json"]["schema"], DOCUMENT)
    assert opened(told, taken) == taken
    assert body.get("required", False) or not taken["required"]


def test_every_member_of_a_table_mapping_is_described():
    told = members_told({"$ref": "#/components/schemas/TableMapping"}, DOCUMENT)
    known = members_of(TableMapping)
    # a constant names no field of Business Central
    known["fields"][1]["bc"] = (False, {})
    assert told == known


def examples() -> list[tuple[str, Any, Any]]:
    """Every example of the document with its schema and where it is."""
    found: list[tuple[str, Any, Any]] = []

    def look(node: Any, place: str) -> None:
        if isinstance(node, list):
            for number, each in enumerate(node):
                look(each, f"{place}/{number}")
        if not isinstance(node, dict):
            return
        if "example" in node and not place.endswith("/properties"):
            found.append((place, node.get("schema", node), node["example"]))
        for name, each in node.items():
            if name not in ("example", "default"):
                look(each, f"{place}/{name}")

    look(DOCUMENT, "#")
    return found


@pytest.mark.parametrize(
    ("schema", "example"),
    [(schema, example) for _, schema, example in examples()],
    ids=[place for place, *_ in examples()],
)
def test_every_example_fits_its_schema(schema, example):
    whole = schema | {"components": DOCUMENT["components"]}
    jsonschema_rs.validate(whole, example)


@pytest.mark.parametrize(
    "name", [name for name, (*_, one) in sorted(OPERATIONS.items()) if "requestBody" in one]
)
def test_every_body_that_must_be_sent_has_an_example(name):
    [content] = OPERATIONS[name][-1]["requestBody"]["content"].values()
    schema = content["schema"]
    assert "$ref" not in schema or "example" in resolved(schema["$ref"], DOCUMENT)


def test_the_page_tells_of_every_operation_and_needs_nothing_from_elsewhere():
    page = (Path(__file__).parents[3] / "api" / "reference.html").read_text()
    assert set(re.findall(r'<article id="([a-z_]+)">', page)) == set(OPERATIONS)
    assert not re.search(r"<script|<link|<img|<iframe|\bsrc=|\bstyle=|\bon[a-z]+=|url\(", page)
    assert {link for link in re.findall(r'href="([^"]*)"', page) if not link.startswith("#")} == {
        "openapi.json"
    }
    targets = set(re.findall(r'href="#([^"]+)"', page))
    assert targets <= set(re.findall(r'id="([^"]+)"', page))
