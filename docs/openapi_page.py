"""The API's description as one HTML page for people: no script, nothing from elsewhere."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

_METHODS = ("get", "post", "put", "delete", "patch")
_STYLE = Path(__file__).with_name("openapi_page.css")


def page(document: Mapping[str, Any]) -> str:
    """The page of a whole OpenAPI document whose references are all local."""
    return _Page(document).html()


class _Page:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._schemas = document["components"]["schemas"]

    def html(self) -> str:
        info = self._document["info"]
        title, version = _text(info["title"]), _text(info["version"])
        return "".join(
            (
                '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                f"<title>{title} API</title>",
                f"<style>{_STYLE.read_text(encoding='utf-8')}</style></head>\n<body>",
                self._navigation(),
                f"<main><h1>{title} API <small>{version}</small></h1>",
                f"<p>{_text(info['summary'])} ",
                '<a href="openapi.json">The same for programs (OpenAPI 3.1)</a></p>',
                _prose(info["description"]),
                *(self._section(tag) for tag in self._document["tags"]),
                '<section id="schemas"><h2>Schemas</h2>',
                *(self._named_schema(name) for name in sorted(self._schemas)),
                "</section></main></body></html>\n",
            )
        )

    def _operations(self, tag: str) -> Iterable[tuple[str, str, dict[str, Any], list[Any]]]:
        for path, item in self._document["paths"].items():
            for method in _METHODS:
                operation = item.get(method)
                if operation and tag in operation["tags"]:
                    shared = item.get("parameters", [])
                    yield method, path, operation, shared + operation.get("parameters", [])

    def _navigation(self) -> str:
        parts = ['<nav aria-label="Operations"><ul>']
        for tag in self._document["tags"]:
            parts.append(f'<li><a href="#{_anchor(tag["name"])}">{_text(tag["name"])}</a><ul>')
            for method, _, operation, _ in self._operations(tag["name"]):
                parts.append(
                    f'<li><a href="#{operation["operationId"]}">{_verb(method)} '
                    f"{_text(operation['summary'].rstrip('.'))}</a></li>"
                )
            parts.append("</ul></li>")
        parts.append('<li><a href="#schemas">Schemas</a></li></ul></nav>')
        return "".join(parts)

    def _section(self, tag: Mapping[str, Any]) -> str:
        name = tag["name"]
        operations = "".join(self._operation(*each) for each in self._operations(name))
        about = _prose(tag.get("description", ""))
        return (
            f'<section id="{_anchor(name)}"><h2>{_text(name)}</h2>{about}{operations}</section>\n'
        )

    def _operation(
        self, method: str, path: str, operation: Mapping[str, Any], parameters: list[Any]
    ) -> str:
        role = operation["x-role"]
        return "".join(
            (
                f'<article id="{operation["operationId"]}">',
                f"<h3>{_text(operation['summary'])}</h3>",
                f'<p class="call">{_verb(method)} <code>/api{_text(path)}</code> ',
                f'<span class="role">{"no token" if role == "none" else _text(role)}</span></p>',
                _prose(operation.get("description", "")),
                self._parameters(parameters),
                self._body(operation.get("requestBody")),
                self._answers(operation["responses"]),
                "</article>\n",
            )
        )

    def _parameters(self, parameters: list[Any]) -> str:
        rows = []
        for each in map(self._resolved, parameters):
            needed = "" if each.get("required") else " <small>optional</small>"
            rows.append(
                (
                    f"<code>{_text(each['name'])}</code>{needed}",
                    _text(each["in"]),
                    self._type(each["schema"]),
                    _inline(each.get("description", "")),
                )
            )
        return _table(("Parameter", "In", "Type", ""), rows)

    def _body(self, body: Mapping[str, Any] | None) -> str:
        if not body:
            return ""
        [(media, content)] = body["content"].items()
        needed = "" if body.get("required") else ", optional"
        return f"<h4>Body <small>{_text(media)}{needed}</small></h4>{self._content(content)}"

    def _content(self, content: Mapping[str, Any]) -> str:
        schema = content["schema"]
        example = content.get("example", self._resolved(schema).get("example"))
        shown = self._type(schema) if "$ref" in schema else self._members(schema)
        if example is None:
            return f"<p>{shown}</p>" if "$ref" in schema else shown
        is_text = isinstance(example, str)
        text = _text(example if is_text else json.dumps(example, indent=2, ensure_ascii=False))
        return f"<p>{shown}</p><details><summary>Example</summary><pre>{text}</pre></details>"

    def _answers(self, answers: Mapping[str, Any]) -> str:
        """What is answered when all goes well; refusals, which are much alike, folded below."""
        served = {status: answer for status, answer in answers.items() if status < "400"}
        refused = {status: answer for status, answer in answers.items() if status >= "400"}
        folded = f"<details><summary>Refusals</summary>{self._statuses(refused)}</details>"
        return self._statuses(served) + (folded if refused else "")

    def _statuses(self, answers: Mapping[str, Any]) -> str:
        rows = []
        for status, answer in sorted(answers.items()):
            names = [name for name in answer["headers"] if name != "x-correlation-id"]
            headers = ", ".join(f"<code>{_text(name)}</code>" for name in names)
            types = ", ".join(
                self._answered(content["schema"]) for content in answer.get("content", {}).values()
            )
            rows.append((f"<code>{status}</code>", _inline(answer["description"]), types, headers))
        return _table(("Answer", "", "Body", "Headers"), rows)

    def _answered(self, schema: Mapping[str, Any]) -> str:
        """A schema without a name by its members, for an answer's row has no room for a table."""
        members = schema.get("properties", {})
        shown = (
            f"<code>{_text(name)}</code>: {self._type(each)}" for name, each in members.items()
        )
        return "<br>".join(shown) or self._type(schema)

    def _named_schema(self, name: str) -> str:
        schema = self._schemas[name]
        about = _prose(schema.get("description", ""))
        return (
            f'<article id="schema-{name}"><h3>{name}</h3>{about}{self._members(schema)}</article>\n'
        )

    def _members(self, schema: Mapping[str, Any]) -> str:
        """The members of an object in a table, those of inner objects below theirs."""
        rows = list(self._rows(schema, ""))
        return _table(("Member", "Type", ""), rows) if rows else f"<p>{self._type(schema)}</p>"

    def _rows(self, schema: Mapping[str, Any], prefix: str) -> Iterable[tuple[str, str, str]]:
        for name, member in schema.get("properties", {}).items():
            path = f"{prefix}{name}"
            needed = "" if name in schema.get("required", ()) else " <small>optional</small>"
            about = _inline(member.get("description", ""))
            yield f"<code>{_text(path)}</code>{needed}", self._type(member), about
            if "properties" in member:
                yield from self._rows(member, f"{path}.")
            elif "properties" in member.get("items", {}):
                yield from self._rows(member["items"], f"{path}[].")

    def _type(self, schema: Mapping[str, Any]) -> str:
        """A schema in a few words, with a link where it has a name."""
        if "$ref" in schema:
            name = str(schema["$ref"]).rsplit("/", 1)[1]
            return f'<a href="#schema-{name}">{name}</a>'
        for several in ("anyOf", "allOf", "oneOf"):
            if several in schema:
                return " or ".join(map(self._type, schema[several])) + _limits(schema)
        kinds = schema.get("type", "anything")
        words = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
        if "items" in schema:
            words = f"list of {self._type(schema['items'])}"
        elif isinstance(schema.get("additionalProperties"), dict):
            words += f" of {self._type(schema['additionalProperties'])}"
        return words + _limits(schema)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in schema:
            return schema
        node: Any = self._document
        for step in str(schema["$ref"]).removeprefix("#/").split("/"):
            node = node[step]
        return dict(node)


def _limits(schema: Mapping[str, Any]) -> str:
    """What else a value must keep to, below its type."""
    told = []
    if "enum" in schema:
        told.append(" · ".join(_text(json.dumps(each)) for each in schema["enum"]))
    if "maxLength" in schema:
        told.append(f"{schema.get('minLength', 0)} to {schema['maxLength']} characters")
    if "minimum" in schema and "maximum" in schema:
        told.append(f"{schema['minimum']} to {schema['maximum']}")
    if "pattern" in schema:
        told.append(f"<code>{_text(schema['pattern'])}</code>")
    if "default" in schema:
        told.append(f"usually {_text(json.dumps(schema['default']))}")
    return "".join(f"<br><small>{each}</small>" for each in told)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{each}</th>" for each in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="table">{table}</div>'


def _prose(text: str) -> str:
    """Paragraphs of the little Markdown that descriptions use: ``code``, *emphasis*, **strong**."""
    paragraphs = filter(None, (each.strip() for each in re.split(r"\n\s*\n", text)))
    return "".join(f"<p>{_inline(each)}</p>" for each in paragraphs)


def _inline(text: str) -> str:
    shown = re.sub(r"`([^`]+)`", r"<code>\1</code>", _text(text))
    shown = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", shown)
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", shown)


def _verb(method: str) -> str:
    return f'<span class="{method}">{method.upper()}</span>'


def _anchor(name: str) -> str:
    return "tag-" + re.sub(r"[^a-z0-9]+", "-", name.lower())


def _text(text: object) -> str:
    return html.escape(str(text))
