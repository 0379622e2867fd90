"""The API's description as a referee of answers, stricter than callers may be."""

from __future__ import annotations

from typing import Any

import schemathesis
from schemathesis import Config

from docs.write_openapi import METHODS, document


def closed(node: Any) -> Any:
    """The same with no room for members that are not described."""
    if isinstance(node, list):
        return [closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {name: closed(value) for name, value in node.items()}
    if isinstance(made.get("properties"), dict) and "type" in made:
        made.setdefault("additionalProperties", False)
    return made


DOCUMENT = closed(document())

SCHEMA = schemathesis.openapi.from_dict(
    DOCUMENT,
    config=Config.from_dict({"generation": {"with-security-parameters": False}}),
)

OPERATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    item[method]["operationId"]: (method.upper(), path, item[method])
    for path, item in DOCUMENT["paths"].items()
    for method in METHODS
    if method in item
}
"""By operation id: method, path, and the operation itself."""


def operation(name: str) -> Any:
    """The operation as the referee knows it."""
    method, path, _ = OPERATIONS[name]
    return SCHEMA[path][method]
