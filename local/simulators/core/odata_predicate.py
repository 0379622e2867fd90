"""The OData `$filter` language: conditions to a fast predicate over rows.

Two-valued logic, as the imitated services have it: a comparison with an empty value is false,
except `eq null` and `ne` (an empty value differs from every other value).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from local.simulators.core.odata_filter import (
    AllTrue,
    AnyOf,
    Comparison,
    Condition,
    Kind,
    Literal,
    Negation,
    ODataError,
    SomeTrue,
    TextMatch,
    datetime_key,
    utc_text,
)

Row = Mapping[str, Any]
Predicate = Callable[[Row], bool]


class UnknownPropertyError(ODataError):
    """A property that the queried type does not have. `name` is its path as written."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Could not find a property named '{name}'.")
        self.name = name


class IncompatibleTypesError(ODataError):
    """A property is compared with a literal of another type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """How a filter reads one property of a row.

    GUIDs are kept as lower-case text, date-times as `yyyy-MM-ddTHH:mm:ss[.fff]Z`, dates as
    `yyyy-MM-dd`: the forms in which both services send them.
    """

    kind: Kind
    read: Callable[[Row], Any]


PropertyOf = Callable[[str], Property]
"""Gives the property of a path (`name`, `parent/name`); raises `UnknownPropertyError`."""


def compile_filter(condition: Condition, property_of: PropertyOf, *, fold_case: bool) -> Predicate:
    """A function that tells whether a row matches.

    `fold_case`: compare text without regard to case. Raises the errors of `property_of`, and
    `IncompatibleTypesError` where a literal does not fit its property.
    """
    match condition:
        case Comparison():
            return _compile_comparison(condition, property_of(condition.path), fold_case)
        case TextMatch():
            return _compile_text_match(condition, property_of(condition.path), fold_case)
        case AnyOf(path=path, literals=literals):
            return _compile_any_of(property_of(path), literals, fold_case)
        case AllTrue(conditions=parts):
            return _compile_all(
                [compile_filter(part, property_of, fold_case=fold_case) for part in parts]
            )
        case SomeTrue(conditions=parts):
            return _compile_some(parts, property_of, fold_case)
        case Negation(condition=inner):
            negated = compile_filter(inner, property_of, fold_case=fold_case)
            return lambda row: not negated(row)
        case _:
            assert_never(condition)


def _compile_all(parts: list[Predicate]) -> Predicate:
    if len(parts) == 2:
        first, second = parts
        return lambda row: first(row) and second(row)
    return lambda row: all(part(row) for part in parts)


def _compile_some(
    parts: tuple[Condition, ...], property_of: PropertyOf, fold_case: bool
) -> Predicate:
    equal: dict[str, list[Literal]] = {}
    others: list[Predicate] = []
    for part in parts:
        # a chain of `id eq …` becomes one look into a set: such chains are long
        if isinstance(part, Comparison) and part.operator == "eq":
            equal.setdefault(part.path, []).append(part.literal)
        else:
            others.append(compile_filter(part, property_of, fold_case=fold_case))
    for path, literals in equal.items():
        for literal in literals:
            _comparable(path, property_of(path), literal, "eq")
        others.append(_compile_any_of(property_of(path), tuple(literals), fold_case))
    return others[0] if len(others) == 1 else lambda row: any(part(row) for part in others)


def _key_of(kind: Kind, fold_case: bool) -> Callable[[Any], Any] | None:
    """What makes stored values comparable; None where they are as they stand."""
    if kind is Kind.DATETIME:
        return datetime_key
    if kind is Kind.TEXT and fold_case:
        return str.casefold
    return None


def _compile_any_of(prop: Property, literals: tuple[Literal, ...], fold_case: bool) -> Predicate:
    key, read = _key_of(prop.kind, fold_case), prop.read
    keys = {_converted(prop.kind, literal, fold_case) for literal in literals}
    if key is None:
        return lambda row: read(row) in keys
    return lambda row: (None if (value := read(row)) is None else key(value)) in keys


def _converted(kind: Kind, literal: Literal, fold_case: bool) -> Any:
    """A literal as a comparable value of a property's kind; text (the form of the values of
    Dataverse's In function) is read as that kind."""
    value = literal.value
    if value is None:
        return None
    if kind is Kind.TEXT:
        return str(value).casefold() if fold_case else value
    if literal.kind is not Kind.TEXT:
        return f"{value}T00:00:00" if (kind, literal.kind) == (Kind.DATETIME, Kind.DATE) else value
    try:
        return _READ_TEXT[kind](value)
    except (KeyError, ValueError) as error:
        raise IncompatibleTypesError(f"'{value}' is not a value of type {kind.value}") from error


_READ_TEXT: Mapping[Kind, Callable[[str], Any]] = {
    Kind.GUID: str.lower,
    Kind.NUMBER: float,
    Kind.BOOLEAN: {"true": True, "false": False}.__getitem__,
    Kind.DATE: str,
    Kind.DATETIME: lambda text: datetime_key(utc_text(text)),
}

_COMPARERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": lambda value, literal: value > literal,
    "ge": lambda value, literal: value >= literal,
    "lt": lambda value, literal: value < literal,
    "le": lambda value, literal: value <= literal,
}
_OPERATOR_KINDS = {
    "eq": "Equal",
    "ne": "NotEqual",
    "gt": "GreaterThan",
    "ge": "GreaterThanOrEqual",
    "lt": "LessThan",
    "le": "LessThanOrEqual",
}


def _comparable(path: str, prop: Property, literal: Literal, operator: str) -> None:
    compatible = literal.kind in (Kind.NULL, prop.kind) or (
        prop.kind is Kind.DATETIME and literal.kind is Kind.DATE
    )
    if not compatible:
        raise IncompatibleTypesError(
            "A binary operator with incompatible types was detected. Found operand types "
            f"'{prop.kind.value}' and '{literal.kind.value}' for operator kind "
            f"'{_OPERATOR_KINDS[operator]}' (property '{path}')."
        )


def _compile_comparison(comparison: Comparison, prop: Property, fold_case: bool) -> Predicate:
    _comparable(comparison.path, prop, comparison.literal, comparison.operator)
    expected = _converted(prop.kind, comparison.literal, fold_case)
    read, key = prop.read, _key_of(prop.kind, fold_case)
    if comparison.operator in ("eq", "ne"):
        equals = comparison.operator == "eq"
        if key is None or expected is None:
            return lambda row: (read(row) == expected) is equals
        return lambda row: ((value := read(row)) is not None and key(value) == expected) is equals
    if expected is None:
        return lambda _row: False
    return _compile_order(read, key, _COMPARERS[comparison.operator], expected)


def _compile_order(
    read: Callable[[Row], Any],
    key: Callable[[Any], Any] | None,
    compare: Callable[[Any, Any], bool],
    expected: Any,
) -> Predicate:
    if key is None:
        return lambda row: (value := read(row)) is not None and compare(value, expected)
    return lambda row: (value := read(row)) is not None and compare(key(value), expected)


_MATCHERS: Mapping[str, Callable[[str, str], bool]] = {
    "contains": lambda value, text: text in value,
    "startswith": lambda value, text: value.startswith(text),
    "endswith": lambda value, text: value.endswith(text),
}


def _compile_text_match(match: TextMatch, prop: Property, fold_case: bool) -> Predicate:
    if prop.kind is not Kind.TEXT:
        raise IncompatibleTypesError(
            f"No function signature for the function with name '{match.function}' matches the "
            f"specified arguments: '{match.path}' is {prop.kind.value}."
        )
    read, matches = prop.read, _MATCHERS[match.function]
    if fold_case:
        folded = match.text.casefold()
        return lambda row: (value := read(row)) is not None and matches(value.casefold(), folded)
    text = match.text
    return lambda row: (value := read(row)) is not None and matches(value, text)
