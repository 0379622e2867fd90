"""How an entity set of Business Central is described: fields, keys and rights, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

type Row = dict[str, Any]

ZERO_GUID = "00000000-0000-0000-0000-000000000000"
BLANK = "_x0020_"
"""How the blank member of an enum is written."""
EMPTY_DATE = "0001-01-01"
EMPTY_MOMENT = "0001-01-01T00:00:00Z"


class Type(StrEnum):
    """AL types, as far as the simulated tables use them."""

    TEXT = "Text"
    CODE = "Code"  # upper case, without blanks around it
    GUID = "Guid"
    DECIMAL = "Decimal"
    INTEGER = "Integer"
    BOOLEAN = "Boolean"
    DATE = "Date"
    MOMENT = "DateTime"
    ENUM = "Enum"


_EMPTY: dict[Type, Any] = {
    Type.TEXT: "",
    Type.CODE: "",
    Type.GUID: ZERO_GUID,
    Type.DECIMAL: 0,
    Type.INTEGER: 0,
    Type.BOOLEAN: False,
    Type.DATE: EMPTY_DATE,
    Type.MOMENT: EMPTY_MOMENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of an entity set."""

    name: str
    type: Type
    length: int = 0
    """Most characters of a text or code; 0 where it is not limited."""
    editable: bool = True
    """As the API page declares it."""
    stamped: bool = False
    """The server sets it on every write, so that a caller's value is refused."""
    flow: bool = False
    """Calculated from other tables: its change is no change of the record."""
    values: tuple[str, ...] = ()
    """Members of an enum as the JSON has them; the first is the default."""

    def empty(self) -> Any:
        """The value of a new record."""
        return self.values[0] if self.type is Type.ENUM else _EMPTY[self.type]


@dataclass(frozen=True, kw_only=True)
class EntitySet:
    """One entity set, that is one table as its API page or web service shows it."""

    name: str
    entity: str
    """Type name in messages: ``customer`` for ``Microsoft.NAV.customer``."""
    table: str
    """Table name in messages: ``Customer``."""
    fields: tuple[Field, ...]
    key: tuple[tuple[str, str], ...]
    """The table's primary key: field names with the captions that messages use."""
    insert: bool = False
    modify: bool = False
    delete: bool = False
    """What the API page allows."""
    writes_simulated: bool = False
    """Whether the simulator carries these writes out; where not, they answer 501."""
    id_field: str = "id"
    modified_field: str = "lastModifiedDateTime"
    """Empty where the set shows no time of the last modification."""
    hidden: dict[str, Field] = field(default_factory=dict)
    """Fields of the table that the API does not show, but seed data may carry."""
    blank_keys: tuple[str, ...] = ()
    """Fields of the primary key that may be empty."""
    indexed: tuple[str, ...] = ()
    """Fields by which records are looked up often."""
    parts: tuple[str, ...] = ()
    """Names of the API page's sub-pages: navigation properties."""

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """The shown fields by name."""
        return {each.name: each for each in self.fields}

    @cached_property
    def key_fields(self) -> tuple[str, ...]:
        """Names of the primary key's fields."""
        return tuple(name for name, _ in self.key)

    def key_of(self, row: Row) -> tuple[Any, ...]:
        """The record's primary key."""
        return tuple(row[name] for name in self.key_fields)

    def key_text(self, row: Row) -> str:
        """The record's primary key as messages show it: ``No.='10000'``."""
        return ",".join(f"{caption}='{row[name]}'" for name, caption in self.key)

    def empty_row(self) -> Row:
        """A new record before anything is validated."""
        return dict(self._empty_values)

    @cached_property
    def _empty_values(self) -> Row:
        return {each.name: each.empty() for each in self.fields}


def text(name: str, length: int, *, editable: bool = True) -> Field:
    """A text field of at most ``length`` characters."""
    return Field(name=name, type=Type.TEXT, length=length, editable=editable)


def code(name: str, length: int, *, editable: bool = True) -> Field:
    """A code field of at most ``length`` characters."""
    return Field(name=name, type=Type.CODE, length=length, editable=editable)


def guid(name: str, *, editable: bool = True) -> Field:
    """A reference to, or the id of, a record."""
    return Field(name=name, type=Type.GUID, editable=editable)


def decimal(name: str, *, editable: bool = True, flow: bool = False) -> Field:
    """An amount, price, percentage or quantity."""
    return Field(name=name, type=Type.DECIMAL, editable=editable, flow=flow)


def integer(name: str, *, editable: bool = True) -> Field:
    """A whole number."""
    return Field(name=name, type=Type.INTEGER, editable=editable)


def boolean(name: str, *, editable: bool = True) -> Field:
    """A yes or no."""
    return Field(name=name, type=Type.BOOLEAN, editable=editable)


def date(name: str, *, editable: bool = True) -> Field:
    """A day."""
    return Field(name=name, type=Type.DATE, editable=editable)


def stamp(name: str, *, editable: bool = True) -> Field:
    """A moment that the server sets."""
    return Field(name=name, type=Type.MOMENT, editable=editable, stamped=True)


def enum(name: str, *values: str, editable: bool = True) -> Field:
    """One of several names; blanks in them are written ``_x0020_``."""
    return Field(name=name, type=Type.ENUM, values=values, editable=editable)
