"""What a service says of one of its tables, in words that both services share. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ValueKind(StrEnum):
    """What a field or column holds."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    DATE = "date"
    TIME = "time"  # a moment: day and time of day
    OPTION = "option"  # one of CRM's numbered choices
    ID = "id"
    LOOKUP = "lookup"  # a reference to a record of another table
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFacts:
    """One field or column."""

    name: str
    kind: ValueKind
    length: int | None = None
    """Longest text that it takes, None where the service names none."""
    on_create: bool = True
    """Whether it can be set when a record is created."""
    on_update: bool = True
    navigations: frozenset[str] = frozenset()
    """Of a lookup: its navigation properties, one for each kind of table that it leads to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """One table."""

    name: str
    """CRM's logical name, Business Central's entity type."""
    entity_set: str
    key: str
    """The field or column that holds a record's id."""
    columns: Mapping[str, ColumnFacts]
