"""The OData `$filter` language: text to conditions.

The grammar is that of the `odata-query` library; what it parses is translated into the few
conditions below, so that a simulator can look at them (to use an index, to refuse a combination).
Everything else of the language is refused with `UnsupportedFilterError`: a simulator never guesses.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, assert_never

import orjson
from odata_query import ast
from odata_query.exceptions import FunctionCallException, ODataException
from odata_query.grammar import ODataLexer, ODataParser


class ODataError(ValueError):
    """A query that the imitated service would refuse, or that the simulator does not know."""


class FilterSyntaxError(ODataError):
    """The text is not a filter of the OData language."""


class UnsupportedFilterError(ODataError):
    """Valid OData, but a function or operator that the simulators do not implement."""


class Kind(Enum):
    """What a property holds; each is named after its Edm type."""

    TEXT = "Edm.String"
    GUID = "Edm.Guid"
    NUMBER = "Edm.Decimal"
    BOOLEAN = "Edm.Boolean"
    DATETIME = "Edm.DateTimeOffset"
    DATE = "Edm.Date"
    NULL = "null"


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant of a filter: its type and its value in the form in which rows hold it."""

    kind: Kind
    value: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """`path operator literal`; the operator is one of eq ne gt ge lt le."""

    path: str
    operator: str
    literal: Literal


@dataclass(frozen=True, slots=True)
class TextMatch:
    """`function(path,'text')`; the function is contains, startswith or endswith."""

    path: str
    function: str
    text: str


@dataclass(frozen=True, slots=True)
class AnyOf:
    """`path` equals one of the literals (the `in` operator, Dataverse's `In` function)."""

    path: str
    literals: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class AllTrue:
    """Conditions joined by `and`."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class SomeTrue:
    """Conditions joined by `or`."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """`not condition`."""

    condition: "Condition"


Condition = Comparison | TextMatch | AnyOf | AllTrue | SomeTrue | Negation

_OPERATORS: Mapping[type[ast._Comparator], str] = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.Lt: "lt",
    ast.LtE: "le",
}
_MIRRORED = {"eq": "eq", "ne": "ne", "gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}
_TEXT_FUNCTIONS = frozenset({"contains", "startswith", "endswith"})

# Dataverse's In function takes a JSON array, which the grammar does not know. Quoted text is
# matched first, so that a call inside a text literal stays text.
_IN_FUNCTION = re.compile(
    r"'(?:[^']|'')*'"
    r"|Microsoft\.Dynamics\.CRM\.In\(\s*PropertyName\s*=\s*'(?P<path>\w+)'\s*,"
    r"\s*PropertyValues\s*=\s*(?P<values>\[(?:[^\]\"]|\"(?:[^\"\\]|\\.)*\")*\])\s*\)"
)
_PLACEHOLDER = "in_function_{}_"


@dataclass(frozen=True, slots=True)
class _Translator:
    """Turns the library's tree into conditions."""

    allow_in_operator: bool
    in_functions: Mapping[str, AnyOf] = field(default_factory=dict)

    def condition(self, node: Any) -> Condition:
        match node:
            case ast.BoolOp(op=operator):
                parts = tuple(self.condition(part) for part in _chain(node, type(operator)))
                return AllTrue(parts) if isinstance(operator, ast.And) else SomeTrue(parts)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Negation(self.condition(operand))
            case ast.Compare():
                return self.comparison(node)
            case ast.Call():
                return _text_match(node)
            case ast.Identifier() | ast.Attribute():
                return Comparison(_path(node), "eq", Literal(Kind.BOOLEAN, True))
            case _:
                raise UnsupportedFilterError(f"{type(node).__name__} is not implemented in $filter")

    def comparison(self, node: ast.Compare) -> Condition:
        if isinstance(node.comparator, ast.In):
            return self.any_of(node)
        operator = _OPERATORS[type(node.comparator)]
        left, right = node.left, node.right
        if isinstance(left, ast._Literal):
            left, right, operator = right, left, _MIRRORED[operator]
        if not isinstance(right, ast._Literal):
            raise UnsupportedFilterError("a comparison of two properties is not implemented")
        path = _path(left)
        return self.in_functions.get(path) or Comparison(path, operator, _literal(right))

    def any_of(self, node: ast.Compare) -> AnyOf:
        if not self.allow_in_operator:
            raise UnsupportedFilterError("the operator 'in' is not implemented in $filter")
        if not isinstance(node.right, ast.List):
            raise FilterSyntaxError("the operator 'in' needs a list of values")
        return AnyOf(_path(node.left), tuple(_literal(item) for item in node.right.val))


def _chain(node: ast.BoolOp, operator: type[ast._BoolOpToken]) -> Iterator[Any]:
    """The operands of `a or b or c …`, which nests to the left: a loop, not a recursion, because
    real filters have hundreds of operands."""
    operands = []
    current: Any = node
    while isinstance(current, ast.BoolOp) and isinstance(current.op, operator):
        operands.append(current.right)
        current = current.left
    operands.append(current)
    return reversed(operands)


def _path(node: Any) -> str:
    match node:
        case ast.Identifier():
            return ".".join((*node.namespace, node.name))
        case ast.Attribute(owner=owner, attr=attribute):
            return f"{_path(owner)}/{attribute}"
        case ast.Call(func=function):
            raise UnsupportedFilterError(f"the function '{function.name}' is not implemented")
        case _:
            raise UnsupportedFilterError(f"{type(node).__name__} is not implemented in $filter")


def _text_match(node: ast.Call) -> TextMatch:
    name = str(node.func.name)
    if name not in _TEXT_FUNCTIONS:
        raise UnsupportedFilterError(f"the function '{name}' is not implemented in $filter")
    target, text = node.args
    if not isinstance(text, ast.String):
        raise FilterSyntaxError(f"the second argument of '{name}' must be text")
    return TextMatch(_path(target), name, text.val)


def _literal(node: Any) -> Literal:
    match node:
        case ast.Null():
            return Literal(Kind.NULL, None)
        case ast.String(val=text):
            return Literal(Kind.TEXT, text)
        case ast.Integer() | ast.Float():
            return Literal(Kind.NUMBER, node.py_val)
        case ast.Boolean():
            return Literal(Kind.BOOLEAN, node.py_val)
        case ast.GUID(val=text):
            return Literal(Kind.GUID, text.lower())
        case ast.Date(val=text):
            return Literal(Kind.DATE, text)
        case ast.DateTime(val=text):
            return Literal(Kind.DATETIME, datetime_key(utc_text(text)))
        case _:
            raise UnsupportedFilterError(f"a {type(node).__name__} literal is not implemented")


def utc_text(text: str) -> str:
    """A date-time literal in UTC, without zone mark. Raises `FilterSyntaxError`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise FilterSyntaxError(f"'{text}' is not a date and time") from error
    if moment.tzinfo is None:
        raise FilterSyntaxError(f"the date and time '{text}' needs a time zone, such as Z")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat()


def datetime_key(text: str) -> str:
    """A date-time as text that sorts by time: without zone mark and trailing zeros."""
    text = text.removesuffix("Z")
    return text.rstrip("0").removesuffix(".") if "." in text else text


def _with_placeholders(text: str) -> tuple[str, dict[str, AnyOf]]:
    found: dict[str, AnyOf] = {}

    def replace(match: re.Match[str]) -> str:
        if match["path"] is None:
            return match[0]
        try:
            values = orjson.loads(match["values"])
        except orjson.JSONDecodeError as error:
            raise FilterSyntaxError("PropertyValues must be an array of values") from error
        name = _PLACEHOLDER.format(len(found))
        literals = tuple(Literal(Kind.TEXT, str(value)) for value in values)
        found[name] = AnyOf(match["path"], literals)
        return f"{name} eq true"

    return _IN_FUNCTION.sub(replace, text), found


@lru_cache(maxsize=256)
def parse_filter(text: str, *, in_operator: bool = False, in_function: bool = False) -> Condition:
    """The condition that a `$filter` text means.

    `in_operator` allows OData 4.01's `path in (…)` with two values or more (the library's grammar
    knows no list of one); `in_function` allows Dataverse's
    `Microsoft.Dynamics.CRM.In(PropertyName='x',PropertyValues=["a"])`.
    Raises `FilterSyntaxError` and `UnsupportedFilterError`.
    """
    in_functions: dict[str, AnyOf] = {}
    source = text.strip()
    if in_function:
        source, in_functions = _with_placeholders(source)
    try:
        tree = ODataParser().parse(ODataLexer().tokenize(source))
    except FunctionCallException as error:
        raise UnsupportedFilterError(str(error)) from error
    except ODataException as error:
        raise FilterSyntaxError(f"Syntax error in the filter '{text}'") from error
    return _Translator(in_operator, in_functions).condition(tree)


def paths_of(condition: Condition) -> frozenset[str]:
    """The properties that a condition looks at."""
    match condition:
        case Comparison(path=path) | TextMatch(path=path) | AnyOf(path=path):
            return frozenset({path})
        case AllTrue(conditions=parts) | SomeTrue(conditions=parts):
            return frozenset().union(*map(paths_of, parts))
        case Negation(condition=inner):
            return paths_of(inner)
        case _:
            assert_never(condition)


def joins_distinct_properties_by_or(condition: Condition) -> bool:
    """Whether an `or` stands between conditions on different properties."""
    match condition:
        case SomeTrue(conditions=parts):
            return len(paths_of(condition)) > 1 or any(map(joins_distinct_properties_by_or, parts))
        case AllTrue(conditions=parts):
            return any(map(joins_distinct_properties_by_or, parts))
        case Negation(condition=inner):
            return joins_distinct_properties_by_or(inner)
        case _:
            return False


def required_values(condition: Condition) -> dict[str, frozenset[Any]]:
    """Per property the values of which every matching row must have one (as written: fold case
    before using them as keys of a case-insensitive index). Empty where nothing is known."""
    match condition:
        case Comparison(path=path, operator="eq", literal=literal):
            return {path: frozenset({literal.value})}
        case AnyOf(path=path, literals=literals):
            return {path: frozenset(literal.value for literal in literals)}
        case AllTrue(conditions=parts):
            found: dict[str, frozenset[Any]] = {}
            for part in parts:
                for path, values in required_values(part).items():
                    found[path] = found[path] & values if path in found else values
            return found
        case SomeTrue(conditions=parts):
            return _required_by_each([required_values(part) for part in parts])
        case _:
            return {}


def _required_by_each(parts: list[dict[str, frozenset[Any]]]) -> dict[str, frozenset[Any]]:
    shared = set(parts[0]).intersection(*parts[1:])
    return {path: frozenset().union(*(part[path] for part in parts)) for path in shared}
