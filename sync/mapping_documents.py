"""A table mapping as a JSON document, and back. Pure.

The document has the members of ``TableMapping`` and of what it is made of, under the same names, so
that nothing about a mapping is out of reach and nothing is said twice. Reading one that
``mapping_document`` made gives the same mapping. A member that is left out has its usual value; one
that does not exist is refused, lest a misspelt one be ignored.
"""

from __future__ import annotations

import dataclasses
import math
import re
import types
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any, cast, get_args, get_origin, get_type_hints

from sync.mapping import FieldMapping, TableMapping
from sync.mapping_faults import Fault

MOST_ITEMS = 200
LONGEST_TEXT = 500
_MOST = 2**53
"""Whole numbers up to here are the same in every JSON reader."""
_NOT_PRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

_NOTHING = object()
"""Stands for a value that was refused; its fault is told."""


class DocumentError(ValueError):
    """A document is no table mapping; ``faults`` tells everything that keeps it from being one."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("the document is no table mapping")
        self.faults = tuple(faults)


def mapping_document(mapping: TableMapping, *, brief: bool = False) -> dict[str, Any]:
    """The mapping as JSON; ``brief`` leaves out the members that have their usual value."""
    return cast("dict[str, Any]", _encoded(mapping, brief))


def mapping_of(document: object) -> TableMapping:
    """The mapping that the document describes; raises ``DocumentError``.

    Only whether it is one is judged here; what is wrong with its content ``mapping_check`` tells.
    """
    reader = _Reader()
    made = reader.members(TableMapping, document, "")
    if reader.faults:
        raise DocumentError(reader.faults)
    return cast("TableMapping", made)


def _encoded(value: Any, brief: bool) -> Any:
    if dataclasses.is_dataclass(value):
        return {
            each.name: _encoded(getattr(value, each.name), brief)
            for each in dataclasses.fields(value)
            if not brief or getattr(value, each.name) != _usual(each)
        }
    if isinstance(value, tuple):
        return [_encoded(each, brief) for each in value]
    return value.value if isinstance(value, StrEnum) else value


def _usual(field: dataclasses.Field[Any]) -> Any:
    return _NOTHING if field.default is dataclasses.MISSING else field.default


@cache
def _hints(shape: type) -> dict[str, Any]:
    return get_type_hints(shape)


class _Reader:
    """Collects every fault in place of stopping at the first."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def members(self, shape: type, given: object, path: str) -> object:
        if not isinstance(given, Mapping):
            return self._fault(path, "not-an-object", "must be a JSON object")
        if shape is FieldMapping:
            given = _with_name_of_constant(given)
        fields = {each.name: each for each in dataclasses.fields(shape)}
        known_faults = len(self.faults)
        for name in given:
            if name not in fields:
                shown = _NOT_PRINTABLE.sub("?", str(name))[:80]
                known = ", ".join(fields)
                self._fault(_joined(path, shown), "member-unknown", f"is none of {known}")
        values = {}
        for name, field in fields.items():
            if name in given:
                values[name] = self._value(_hints(shape)[name], given[name], _joined(path, name))
            elif field.default is dataclasses.MISSING:
                self._fault(_joined(path, name), "member-missing", "is missing")
        return shape(**values) if len(self.faults) == known_faults else _NOTHING

    def _value(self, wanted: Any, given: object, path: str) -> object:
        if wanted is Any:
            return self._scalar(given, path)
        if get_origin(wanted) is types.UnionType:
            if given is None:
                return None
            (wanted,) = (each for each in get_args(wanted) if each is not types.NoneType)
        if get_origin(wanted) is tuple:
            return self._items(get_args(wanted), given, path)
        if dataclasses.is_dataclass(wanted):
            return self.members(cast("type", wanted), given, path)
        if issubclass(wanted, StrEnum):
            return self._choice(wanted, given, path)
        return self._simple(wanted, given, path)

    def _simple(self, wanted: type, given: object, path: str) -> object:
        if wanted is bool:
            if isinstance(given, bool):
                return given
            return self._fault(path, "not-a-flag", "must be true or false")
        if wanted is int:
            if isinstance(given, int) and not isinstance(given, bool) and 0 < given < _MOST:
                return given
            return self._fault(path, "not-a-number", "must be a whole number above 0")
        return self._text(given, path)

    def _text(self, given: object, path: str) -> object:
        if not isinstance(given, str):
            return self._fault(path, "not-a-text", "must be a text")
        if len(given) > LONGEST_TEXT:
            message = f"has {len(given)} characters; {LONGEST_TEXT} are allowed"
            return self._fault(path, "text-too-long", message)
        if _NOT_PRINTABLE.search(given):
            return self._fault(path, "text-not-printable", "must not contain control characters")
        return given

    def _scalar(self, given: object, path: str) -> object:
        if isinstance(given, str):
            return self._text(given, path)
        if given is None or isinstance(given, bool):
            return given
        if isinstance(given, int | float) and math.isfinite(given) and abs(given) < _MOST:
            return given
        return self._fault(path, "not-a-value", "must be a text, a number, true, false or null")

    def _choice(self, wanted: type[StrEnum], given: object, path: str) -> object:
        choices = {each.value: each for each in wanted}
        if isinstance(given, str) and given in choices:
            return choices[given]
        return self._fault(path, "not-a-choice", f"must be one of {', '.join(choices)}")

    def _items(self, kinds: tuple[Any, ...], given: object, path: str) -> object:
        if not isinstance(given, list):
            return self._fault(path, "not-a-list", "must be a list")
        if kinds[-1] is Ellipsis:
            if len(given) > MOST_ITEMS:
                message = f"has {len(given)} items; {MOST_ITEMS} are allowed"
                return self._fault(path, "list-too-long", message)
            kinds = (kinds[0],) * len(given)
        elif len(given) != len(kinds):
            return self._fault(path, "list-of-other-length", f"must have {len(kinds)} items")
        each = zip(kinds, given, strict=True)
        return tuple(self._value(kind, one, f"{path}[{n}]") for n, (kind, one) in enumerate(each))

    def _fault(self, path: str, code: str, message: str) -> object:
        self.faults.append(Fault(path=path, code=code, message=message))
        return _NOTHING


def _with_name_of_constant(given: Mapping[str, object]) -> Mapping[str, object]:
    """A constant is known by its column's name, which a document need not say twice."""
    if "bc" in given or given.get("constant") is None or "crm" not in given:
        return given
    return {**given, "bc": f"={given['crm']}"}


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
