"""What the imitated tables are: columns, lengths, ranges, lookups, states; read from `tables/`.

Rows are dictionaries in the shape of the API: a lookup column `x` is the property `_x_value`, its
target table the annotation beside it. Each table is one JSON file, so that the facts can be
compared with the published definitions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from local.simulators.core.odata import Kind

LOOKUP_TABLE = "@Microsoft.Dynamics.CRM.lookuplogicalname"

Row = dict[str, Any]

_TABLES = Path(__file__).parent / "tables"

_KINDS = {
    "text": Kind.TEXT,
    "memo": Kind.TEXT,
    "guid": Kind.GUID,
    "lookup": Kind.GUID,
    "boolean": Kind.BOOLEAN,
    "datetime": Kind.DATETIME,
    "date": Kind.DATE,
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table.

    `write` tells when a client may set it: always, create, update or never. `minimum` and
    `maximum` are inclusive. `precision` is a number of decimals, or for money whose setting gives
    it: `pricing` (the organization) or `currency`.
    """

    name: str
    type: str
    write: str = "always"
    required: bool = False
    length: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    precision: int | str | None = None
    options: Mapping[int, str] = MappingProxyType({})
    navigation: Mapping[str, str] = MappingProxyType({})
    """Of a lookup: target table -> navigation property."""
    default: Any = None
    indexed: bool = False
    secret: bool = False
    """Whether clients can set it and never read it."""
    on_delete: str = "restrict"
    """Of a lookup, when the row it points to is deleted: restrict, remove or cascade."""

    @cached_property
    def row_name(self) -> str:
        """The name that the column has in rows."""
        return f"_{self.name}_value" if self.type == "lookup" else self.name

    @property
    def kind(self) -> Kind:
        """How `$filter` compares it."""
        return _KINDS.get(self.type, Kind.NUMBER)

    @property
    def polymorphic(self) -> bool:
        """Whether it is a lookup to more than one table."""
        return len(self.navigation) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A value of `statecode` with its values of `statuscode`; the first of them is its default."""

    value: int
    label: str
    statuses: Mapping[int, str]

    @property
    def default_status(self) -> int:
        """The status that a row gets where only the state is set."""
        return next(iter(self.statuses))


@dataclass(frozen=True, kw_only=True)
class TableSchema:
    """One table."""

    name: str
    set_name: str
    key: str
    title: str | None
    """The primary name column, where there is one."""
    multiple: bool
    """Whether CreateMultiple, UpdateMultiple and UpsertMultiple exist for it."""
    tracking: bool
    platform: bool
    """Whether it holds what the platform itself goes by (messages, registered steps): it is not
    seeded, and no step can be registered for it."""
    states: Mapping[int, State]
    unique: tuple[tuple[str, ...], ...]
    """Combinations of properties that no two rows share."""
    columns: Mapping[str, Column]

    def add_column(self, column: Column) -> None:
        """Add a column, or put one in the place of that of its name."""
        self._change_columns({**self.columns, column.name: column})

    def remove_column(self, name: str) -> None:
        """Take a column away."""
        self._change_columns({key: each for key, each in self.columns.items() if key != name})

    def _change_columns(self, columns: Mapping[str, Column]) -> None:
        """Columns change with imported solutions only; what follows from them is forgotten."""
        members = vars(self)
        members["columns"] = columns
        for name in ("properties", "property_names", "navigations", "defaults", "required"):
            members.pop(name, None)

    @cached_property
    def properties(self) -> Mapping[str, Column]:
        """Columns by the name they have in rows."""
        return {column.row_name: column for column in self.columns.values()}

    @cached_property
    def property_names(self) -> tuple[str, ...]:
        """The names of all columns in rows that can be read."""
        return tuple(name for name, column in self.properties.items() if not column.secret)

    @cached_property
    def navigations(self) -> Mapping[str, tuple[Column, str]]:
        """Navigation property -> the lookup and the table it leads to. One that leads to several
        tables (`ownerid`) has the table "" here."""
        found: dict[str, tuple[Column, str]] = {}
        for column in self.columns.values():
            for target, name in column.navigation.items():
                found[name] = (column, "" if name in found else target)
        return found

    @cached_property
    def defaults(self) -> Row:
        """The values that a new row has where the client gives none."""
        return {
            column.row_name: column.default
            for column in self.columns.values()
            if column.default is not None
        }

    @cached_property
    def required(self) -> tuple[Column, ...]:
        """The columns that the platform wants a value of."""
        return tuple(column for column in self.columns.values() if column.required)

    @cached_property
    def lookups(self) -> tuple[Column, ...]:
        """The lookup columns."""
        return tuple(column for column in self.columns.values() if column.type == "lookup")

    @cached_property
    def money(self) -> tuple[Column, ...]:
        """The money columns that have a copy in the base currency."""
        return tuple(
            column
            for column in self.columns.values()
            if column.type == "money" and f"{column.name}_base" in self.columns
        )

    def state_of_status(self, status: int) -> State | None:
        """The state that a status belongs to."""
        return next((state for state in self.states.values() if status in state.statuses), None)


@dataclass(frozen=True, kw_only=True)
class Schema:
    """All tables."""

    tables: Mapping[str, TableSchema]
    sets: Mapping[str, TableSchema]

    @cached_property
    def references_to(self) -> Mapping[str, tuple[tuple[TableSchema, Column], ...]]:
        """Per table the lookups of all tables that may point to it."""
        return {
            name: tuple(
                (table, column)
                for table in self.tables.values()
                for column in table.lookups
                if name in column.navigation
            )
            for name in self.tables
        }


def load_schema() -> Schema:
    """The tables of the folder `tables`."""
    tables = [_table(orjson.loads(path.read_bytes())) for path in sorted(_TABLES.glob("*.json"))]
    return Schema(
        tables={table.name: table for table in tables},
        sets={table.set_name: table for table in tables},
    )


def _table(data: dict[str, Any]) -> TableSchema:
    columns = {name: _column(name, facts) for name, facts in data["columns"].items()}
    return TableSchema(
        name=data["name"],
        set_name=data["set"],
        key=data["key"],
        title=data["title"],
        multiple=data["multiple"],
        tracking=data["tracking"],
        platform=data.get("platform", False),
        states={
            int(value): State(
                value=int(value), label=facts["label"], statuses=_by_number(facts["statuses"])
            )
            for value, facts in data.get("states", {}).items()
        },
        unique=tuple(tuple(columns[name].row_name for name in names) for names in data["unique"]),
        columns=columns,
    )


def _column(name: str, facts: dict[str, Any]) -> Column:
    return Column(
        name=name,
        type=facts["type"],
        write=facts.get("write", "always"),
        required=facts.get("required", False),
        length=facts.get("length"),
        minimum=facts.get("min"),
        maximum=facts.get("max"),
        precision=facts.get("precision"),
        options=_by_number(facts.get("options", {})),
        navigation=facts.get("navigation", {}),
        default=facts.get("default"),
        indexed=facts.get("index", False),
        secret=facts.get("secret", False),
        on_delete=facts.get("on_delete", "restrict"),
    )


def _by_number(labels: Mapping[str, str]) -> dict[int, str]:
    return {int(value): label for value, label in labels.items()}
