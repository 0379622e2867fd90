"""Reading a JSON object or a query into a dataclass that says what is allowed, and nothing else.

The dataclass is the whole contract: its fields are the members, a field without a default is
required, its type is the type, and a member that it does not name is refused. Refusing unknown
members keeps a misspelt one from being ignored silently and a secret from being taken in.
"""

from __future__ import annotations

import dataclasses
import enum
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Union, cast, get_args, get_origin, get_type_hints

from errors import RefusedRequestError

MAX_ITEMS = 1000
"""The most items that a list may have."""
_MAX_FAULTS = 20
_NOT_PRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class JsonObject(dict[str, Any]):
    """A member that is any JSON object: a reader of its own judges what is in it."""


_NO_VALUE = object()
"""Stands in for a value that was refused; never leaves this module, for its fault is raised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The rule of a text member, given as ``Annotated[str, Text(...)]``; a plain ``str`` has the
    defaults. Control characters and broken Unicode are never allowed."""

    longest: int = 250
    shortest: int = 1
    pattern: str = ""
    """Regular expression that the whole text must match, empty for any text."""
    says: str = ""
    """The pattern in words, completing "must be …"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """The rule of a whole-number member, given as ``Annotated[int, Number(...)]``."""

    lowest: int = 0
    highest: int = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """The shape of a body or a query that has no members."""


class InvalidMembersError(RefusedRequestError):
    """Members are unknown, missing or wrong; ``errors`` names each."""

    def __init__(self, where: str, faults: list[tuple[str, str]]) -> None:
        named = [{"member": member, "message": message} for member, message in faults]
        first = f"{faults[0][0]!r} {faults[0][1]}" if faults[0][0] else faults[0][1]
        rest = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
        super().__init__(400, f"invalid-{where}", f"The {where} is not valid: {first}{rest}.")
        self.errors = tuple(named)


def read[T](shape: type[T], document: object, *, where: str = "body") -> T:
    """Make a ``shape`` of a parsed JSON document; raises ``InvalidMembersError`` for all faults."""
    reader = _Reader()
    made = reader.members(shape, document, "")
    if reader.faults:
        raise InvalidMembersError(where, reader.faults[:_MAX_FAULTS])
    return cast("T", made)


def read_query[T](shape: type[T], parameters: Mapping[str, str]) -> T:
    """Make a flat ``shape`` of a query; numbers and true/false are read from their texts."""
    hints = get_type_hints(shape)
    typed = {name: _from_text(hints.get(name), text) for name, text in parameters.items()}
    return read(shape, typed, where="query")


def _from_text(wanted: Any, text: str) -> object:
    kinds = get_args(wanted) or (wanted,)
    if bool in kinds and text in ("true", "false"):
        return text == "true"
    if int in kinds and re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    return text


def _shown(name: str) -> str:
    """A caller's member name as far as it is fit to be told back."""
    return _NOT_PRINTABLE.sub("?", name)[:80]


class _Reader:
    """Collects every fault instead of stopping at the first."""

    def __init__(self) -> None:
        self.faults: list[tuple[str, str]] = []

    def members(self, shape: type, given: object, path: str) -> object:
        if not isinstance(given, dict):
            return self._fault(path, "must be a JSON object")
        fields = {field.name: field for field in dataclasses.fields(shape)}
        hints = get_type_hints(shape, include_extras=True)
        known_faults = len(self.faults)
        for name in given:
            if name not in fields:
                self._fault(_joined(path, _shown(str(name))), "is not a known member")
        values = {}
        for name, field in fields.items():
            if name in given:
                values[name] = self._value(hints[name], given[name], _joined(path, name))
            elif field.default is field.default_factory is dataclasses.MISSING:
                self._fault(_joined(path, name), "is missing")
        return shape(**values) if len(self.faults) == known_faults else _NO_VALUE

    def _value(self, wanted: Any, given: object, path: str) -> object:
        rule: object = None
        if get_origin(wanted) is Annotated:
            wanted, rule = get_args(wanted)[:2]
        if get_origin(wanted) in (types.UnionType, Union):  # Annotated makes the latter
            if given is None:
                return None
            only = [choice for choice in get_args(wanted) if choice is not types.NoneType]
            return self._value(only[0], given, path)
        if get_origin(wanted) in (tuple, list):
            items = self._items(get_args(wanted)[0], given, path)
            return list(items) if get_origin(wanted) is list else items
        if wanted is JsonObject:
            is_one = isinstance(given, dict)
            made = JsonObject(cast("dict[str, Any]", given)) if is_one else None
            return self._fault(path, "must be a JSON object") if made is None else made
        if dataclasses.is_dataclass(wanted):
            return self.members(cast("type", wanted), given, path)
        return self._scalar(wanted, rule, given, path)

    def _scalar(self, wanted: Any, rule: object, given: object, path: str) -> object:
        if wanted is str:
            return self._text(rule if isinstance(rule, Text) else Text(), given, path)
        if wanted is bool:
            return given if isinstance(given, bool) else self._fault(path, "must be true or false")
        if wanted is int:
            return self._number(rule if isinstance(rule, Number) else Number(), given, path)
        if isinstance(wanted, type) and issubclass(wanted, enum.StrEnum):
            choices = {choice.value: choice for choice in wanted}
            if isinstance(given, str) and given in choices:
                return choices[given]
            return self._fault(path, f"must be one of {', '.join(choices)}")
        raise TypeError(f"a shape cannot hold {wanted!r}")

    def _text(self, rule: Text, given: object, path: str) -> object:
        if not isinstance(given, str):
            return self._fault(path, "must be a text")
        if not rule.shortest <= len(given) <= rule.longest:
            return self._fault(path, f"must have {rule.shortest} to {rule.longest} characters")
        if _NOT_PRINTABLE.search(given):
            return self._fault(path, "must not contain control characters or broken Unicode")
        if rule.pattern and not re.fullmatch(rule.pattern, given):
            return self._fault(path, f"must be {rule.says or 'in the expected form'}")
        return given

    def _number(self, rule: Number, given: object, path: str) -> object:
        if not isinstance(given, int) or isinstance(given, bool):
            return self._fault(path, "must be a whole number")
        if not rule.lowest <= given <= rule.highest:
            return self._fault(path, f"must be from {rule.lowest} to {rule.highest}")
        return given

    def _items(self, wanted: Any, given: object, path: str) -> tuple[object, ...]:
        if not isinstance(given, list):
            self._fault(path, "must be a list")
            return ()
        if len(given) > MAX_ITEMS:
            self._fault(path, f"must have at most {MAX_ITEMS} items")
            return ()
        return tuple(self._value(wanted, item, f"{path}[{n}]") for n, item in enumerate(given))

    def _fault(self, path: str, message: str) -> object:
        self.faults.append((path, message))
        return _NO_VALUE


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
