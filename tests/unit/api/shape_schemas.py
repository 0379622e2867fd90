"""JSON Schemas in one form, so that what the code takes and what the description says compare."""

from __future__ import annotations

import dataclasses
import enum
import types
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from web.shapes import MAX_ITEMS, JsonObject, Number, Text

_FOR_PEOPLE = ("description", "example", "examples", "title", "format")


def of_shape(shape: type) -> dict[str, Any]:
    """The schema of a dataclass of ``web.shapes``."""
    hints = get_type_hints(shape, include_extras=True)
    fields = dataclasses.fields(shape)
    return {
        "type": ["object"],
        "additionalProperties": False,
        "required": sorted(one.name for one in fields if _is_required(one)),
        "properties": {one.name: _of_type(hints[one.name]) | _usual(one) for one in fields},
    }


def of_description(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """A schema of the description, without what is for people and without references."""
    if "$ref" in schema:
        named = resolved(schema["$ref"], document)
        rest = {name: value for name, value in schema.items() if name != "$ref"}
        return of_description(named | rest, document)
    made: dict[str, Any] = {}
    for name, value in schema.items():
        if name in _FOR_PEOPLE:
            continue
        if name == "properties":
            made[name] = {each: of_description(value[each], document) for each in value}
        elif name == "items":
            made[name] = of_description(value, document)
        elif name == "allOf":
            for each in value:
                made |= of_description(each, document)
        else:
            made[name] = value
    return _ordered(made)


def opened(told: dict[str, Any], taken: dict[str, Any]) -> dict[str, Any]:
    """What is told, without what is told of members that the shape leaves to another reader."""
    if taken == {"type": ["object"]} == {"type": told.get("type")}:
        return taken
    members = told.get("properties", {})
    known = taken.get("properties", {})
    made = {name: opened(members[name], known.get(name, {})) for name in members}
    return told | ({"properties": made} if members else {})


type Members = dict[str, tuple[bool, "Members"]]
"""Name of a member, whether it must be there, and the members of what it holds."""


def members_of(shape: type) -> Members:
    """The members of a dataclass, those of dataclasses in it below them."""
    hints = get_type_hints(shape)
    return {
        one.name: (_is_required(one), _members_within(hints[one.name]))
        for one in dataclasses.fields(shape)
    }


def _members_within(wanted: Any) -> Members:
    if dataclasses.is_dataclass(wanted) and isinstance(wanted, type):
        return members_of(wanted)
    found: Members = {}
    for each in get_args(wanted):
        found |= _members_within(each)
    return found


def members_told(schema: dict[str, Any], document: dict[str, Any]) -> Members:
    """The members that a schema of the description has, in the same form."""
    if "$ref" in schema:
        return members_told(resolved(schema["$ref"], document), document)
    found: Members = {
        name: (name in schema["required"], members_told(member, document))
        for name, member in schema.get("properties", {}).items()
    }
    inner = [schema["items"]] if "items" in schema else []
    for each in (*inner, *schema.get("anyOf", ()), *schema.get("allOf", ())):
        found |= members_told(each, document)
    return found


def resolved(reference: str, document: dict[str, Any]) -> dict[str, Any]:
    """What a local reference names."""
    node: Any = document
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    return dict(node)


def _ordered(schema: dict[str, Any]) -> dict[str, Any]:
    kinds = schema.get("type", [])
    made = schema | {"type": sorted(kinds if isinstance(kinds, list) else [kinds])}
    for name in ("enum", "required"):
        if name in made:
            made[name] = sorted(made[name], key=str)
    return made


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is field.default_factory is dataclasses.MISSING


def _usual(field: dataclasses.Field[Any]) -> dict[str, Any]:
    """The default, where it is a plain value; an inner dataclass has its own."""
    value = field.default
    if field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    plain = value is not dataclasses.MISSING and value is not None
    return {"default": value} if plain and not dataclasses.is_dataclass(value) else {}


def _of_type(wanted: Any) -> dict[str, Any]:
    rule: object = None
    if get_origin(wanted) is Annotated:
        wanted, rule = get_args(wanted)[:2]
    if get_origin(wanted) in (types.UnionType, Union):
        [only] = [one for one in get_args(wanted) if one is not types.NoneType]
        return _or_null(_of_type(only))
    if get_origin(wanted) in (list, tuple):
        items = _of_type(get_args(wanted)[0])
        return {"type": ["array"], "maxItems": MAX_ITEMS, "items": items}
    if wanted is JsonObject:
        return {"type": ["object"]}
    if dataclasses.is_dataclass(wanted) and isinstance(wanted, type):
        return of_shape(wanted)
    return _scalar(wanted, rule)


def _scalar(wanted: Any, rule: object) -> dict[str, Any]:
    if isinstance(wanted, type) and issubclass(wanted, enum.StrEnum):
        return {"type": ["string"], "enum": sorted(one.value for one in wanted)}
    if wanted is bool:
        return {"type": ["boolean"]}
    if wanted is int:
        number = rule if isinstance(rule, Number) else Number()
        return {"type": ["integer"], "minimum": number.lowest, "maximum": number.highest}
    assert wanted is str, f"a schema of {wanted!r} is not known"
    text = rule if isinstance(rule, Text) else Text()
    pattern = {"pattern": f"^{text.pattern}$"} if text.pattern else {}
    lengths = {"minLength": text.shortest, "maxLength": text.longest}
    return {"type": ["string"]} | lengths | pattern


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    made = schema | {"type": sorted([*schema["type"], "null"])}
    if "enum" in schema:
        made["enum"] = sorted([*schema["enum"], None], key=str)
    return made
