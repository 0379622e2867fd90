"""Writes the API's description from its parts in docs/openapi/: ``python -m docs.write_openapi``.

The parts are written by hand and say what an operation is about. What follows from rules of the
whole API is added here, so that it is written once: the refusals that every operation may answer
and the headers of every answer. Three files come of it: docs/openapi.yaml for people and tools,
api/openapi.json and api/reference.html as they are served.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from docs.openapi_page import page

PARTS = Path(__file__).with_name("openapi")
YAML_TARGET = Path(__file__).with_name("openapi.yaml")
_SERVED = Path(__file__).parents[1] / "api"
JSON_TARGET = _SERVED / "openapi.json"
PAGE_TARGET = _SERVED / "reference.html"

METHODS = ("get", "put", "post", "delete", "patch")

_HEAD = "# Written by `python -m docs.write_openapi` from docs/openapi/. Do not edit.\n"
_REASONS = {"401": ("WWW-Authenticate", "WWWAuthenticate")} | dict.fromkeys(
    ("409", "429", "503"), ("Retry-After", "RetryAfter")
)
"""The header that a refusal of that status may have, and its component."""


class _Dumper(yaml.SafeDumper):
    """Writes what several operations share out each time: not every tool follows aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def document() -> dict[str, Any]:
    """The whole document, made of all parts in the order of their names after the base."""
    base = yaml.safe_load((PARTS / "base.yaml").read_text(encoding="utf-8"))
    common, of_connection = base.pop("refusals"), base.pop("refusals_of_a_connection")
    of_key = base.pop("refusals_of_a_key")
    order = base.pop("parts")
    for name in order:
        _join(base, yaml.safe_load((PARTS / f"{name}.yaml").read_text(encoding="utf-8")))
    for path, item in base["paths"].items():
        for method in METHODS:
            if method in item:
                needed = of_connection if "{connection_id}" in path else {}
                if item[method].get("x-idempotent"):
                    _take_key(item[method], common, of_key)
                item[method] = _complete(item[method], common | needed)
    made: dict[str, Any] = _with_required(base)
    return made


def written() -> dict[Path, str]:
    """Every file with what it is to hold."""
    made = document()
    dumped = yaml.dump(made, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return {
        YAML_TARGET: _HEAD + dumped,
        JSON_TARGET: json.dumps(made, ensure_ascii=False, separators=(",", ":")) + "\n",
        PAGE_TARGET: page(made),
    }


def _join(base: dict[str, Any], part: dict[str, Any]) -> None:
    """Add a part; raises ``ValueError`` where it says anew what is said already."""
    base["tags"] += part.get("tags", [])
    for path, item in part.get("paths", {}).items():
        _add(base["paths"].setdefault(path, {}), item, ignored={"parameters"})
    for kind, components in part.get("components", {}).items():
        _add(base["components"].setdefault(kind, {}), components)


def _add(
    members: dict[str, Any], more: dict[str, Any], ignored: set[str] | frozenset[str] = frozenset()
) -> None:
    if twice := members.keys() & more.keys() - ignored:
        raise ValueError(f"described twice: {', '.join(sorted(twice))}")
    members.update(more)


def _take_key(operation: dict[str, Any], common: dict[int, str], more: dict[int, str]) -> None:
    """Add what ``Idempotency-Key`` brings: itself, refusals, and the mark of an answer replayed."""
    key = {"$ref": "#/components/parameters/idempotency_key"}
    operation["parameters"] = [*operation.get("parameters", []), key]
    own = operation["refusals"] = dict(operation.get("refusals", {}))
    for status, text in more.items():
        own[status] = f"{own.get(status, common.get(status, ''))} {text}".strip()
    mark = {"Idempotent-Replayed": {"$ref": "#/components/headers/IdempotentReplayed"}}
    # copies: other operations may share what the parts give a name to
    operation["responses"] = {
        status: answer | {"headers": answer.get("headers", {}) | mark}
        for status, answer in operation["responses"].items()
    }


def _complete(operation: dict[str, Any], common: dict[int, str]) -> dict[str, Any]:
    """The operation with its role in words, its refusals, and the headers of all answers."""
    role = operation["x-role"]
    own = operation.pop("refusals", {})
    refusals = own if role == "none" else common | own
    answers = operation.pop("responses")
    answers |= {
        str(status): _refusal(str(status), " ".join(refusals[status].split()))
        for status in sorted(refusals)
    }
    correlation = {"x-correlation-id": {"$ref": "#/components/headers/CorrelationId"}}
    answers = {
        status: answer | {"headers": answer.get("headers", {}) | correlation}
        for status, answer in answers.items()
    }
    if role != "none":
        words = [operation.get("description", "").strip(), f"Needs the role *{role}*."]
        operation["description"] = "\n\n".join(filter(None, words))
    return operation | {"responses": answers}


def _refusal(status: str, text: str) -> dict[str, Any]:
    name, header = _REASONS.get(status, ("", ""))
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        "description": text,
        "headers": {name: {"$ref": f"#/components/headers/{header}"}} if name else {},
        "content": {"application/problem+json": problem},
    }


def _with_required(node: Any) -> Any:
    """The same with every member of an object required where the schema does not say which."""
    if isinstance(node, list):
        return [_with_required(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {name: _with_required(value) for name, value in node.items()}
    if "object" in _types(made) and isinstance(made.get("properties"), dict):
        made.setdefault("required", list(made["properties"]))
    return made


def _types(schema: dict[str, Any]) -> list[Any]:
    named = schema.get("type", [])
    return named if isinstance(named, list) else [named]


if __name__ == "__main__":
    for target, text in written().items():
        target.write_text(text, encoding="utf-8")
