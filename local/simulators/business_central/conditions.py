"""``$filter`` and ``$orderby`` as Business Central understands them, for one entity set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from operator import itemgetter
from typing import Any

from local.simulators.business_central.errors import BcError, NotSimulatedError, bad_request
from local.simulators.business_central.fields import BLANK, EntitySet, Type
from local.simulators.core.odata import (
    AllTrue,
    AnyOf,
    Comparison,
    Condition,
    Kind,
    Literal,
    Negation,
    ODataError,
    Predicate,
    Property,
    PropertyOf,
    SomeTrue,
    TextMatch,
    UnknownPropertyError,
    UnsupportedFilterError,
    compile_filter,
    joins_distinct_properties_by_or,
    parse_filter,
)

_KINDS = {
    Type.TEXT: Kind.TEXT,
    Type.CODE: Kind.TEXT,
    Type.ENUM: Kind.TEXT,
    Type.GUID: Kind.GUID,
    Type.DECIMAL: Kind.NUMBER,
    Type.INTEGER: Kind.NUMBER,
    Type.BOOLEAN: Kind.BOOLEAN,
    Type.DATE: Kind.DATE,
    Type.MOMENT: Kind.DATETIME,
}


def parse_condition(schema: EntitySet, text: str, *, in_operator: bool) -> Condition:
    """The condition of a filter with its literals in stored form; raises ``BcError``.

    ``in_operator``: whether the request asked for the schema version that knows ``in``.
    """
    try:
        condition = parse_filter(text, in_operator=in_operator)
    except UnsupportedFilterError as error:
        raise NotSimulatedError(f"this $filter: {error}") from error
    except ODataError as error:
        raise bad_request(str(error)) from error
    if joins_distinct_properties_by_or(condition):
        raise BcError(
            501,
            "BadRequest_MethodNotImplemented",
            "The 'OR' operator is not supported on distinct fields on an OData filter.",
        )
    return _stored(condition, schema)


def compiled(schema: EntitySet, condition: Condition) -> Predicate:
    """A function that tells whether a row matches; raises ``BcError``."""
    try:
        return compile_filter(condition, properties(schema), fold_case=False)
    except ODataError as error:
        raise bad_request(str(error)) from error


def least(condition: Condition, path: str) -> Any:
    """What no matching row has less of in that property; None where the condition tells nothing."""
    match condition:
        case Comparison(path=name, operator="gt" | "ge", literal=literal) if name == path:
            return literal.value
        case AllTrue(conditions=parts):
            return next((found for part in parts if (found := least(part, path)) is not None), None)
        case _:
            return None


def properties(schema: EntitySet) -> PropertyOf:
    """How filters and orders read a row; what it gives raises ``BcError`` for unknown names."""
    return _properties(tuple((each.name, each.type) for each in schema.fields))


@cache
def _properties(fields: tuple[tuple[str, Type], ...]) -> PropertyOf:
    known = {name: Property(kind=_KINDS[kind], read=itemgetter(name)) for name, kind in fields}

    def property_of(path: str) -> Property:
        try:
            return known[path]
        except KeyError:
            raise UnknownPropertyError(path) from None

    return property_of


def require_property(schema: EntitySet, name: str) -> None:
    """Refuse a name that the entity set does not have."""
    if name not in schema.by_name:
        raise unknown_property(schema, name)


def unknown_property(schema: EntitySet, name: str) -> BcError:
    """The refusal of a property in ``$select``, ``$filter``, ``$orderby`` or ``$expand``."""
    return bad_request(
        f"Could not find a property named '{name}' on type 'Microsoft.NAV.{schema.entity}'."
    )


def _stored(condition: Condition, schema: EntitySet) -> Condition:
    match condition:
        case Comparison(path=path, literal=literal):
            return replace(condition, literal=_convert(schema, path)(literal))
        case AnyOf(path=path, literals=literals):
            return replace(condition, literals=tuple(map(_convert(schema, path), literals)))
        case TextMatch(path=path):
            require_property(schema, path)
            return condition
        case AllTrue(conditions=parts):
            return AllTrue(tuple(_stored(part, schema) for part in parts))
        case SomeTrue(conditions=parts):
            return SomeTrue(tuple(_stored(part, schema) for part in parts))
        case Negation(condition=inner):
            return Negation(_stored(inner, schema))


def _convert(schema: EntitySet, path: str) -> Callable[[Literal], Literal]:
    require_property(schema, path)
    field = schema.by_name[path]

    def convert(literal: Literal) -> Literal:
        if field.type is Type.MOMENT and literal.kind is Kind.DATE:
            raise bad_request(
                "A binary operator with incompatible types was detected. Found operand types "
                f"'Edm.DateTimeOffset' and 'Edm.Date' (property '{path}')."
            )
        if literal.kind is not Kind.TEXT:
            return literal
        if field.type is Type.CODE:
            return replace(literal, value=literal.value.upper())
        if field.type is Type.ENUM:
            return replace(literal, value=_member(literal.value))
        return literal

    return convert


def _member(name: str) -> str:
    return BLANK if name == " " else name.replace(" ", BLANK)
