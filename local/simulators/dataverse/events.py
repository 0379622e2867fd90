"""What clients' writes did to rows: what registered steps are told of."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from local.simulators.dataverse.schema import Row, TableSchema

CREATE, UPDATE, DELETE = "Create", "Update", "Delete"
MESSAGES = (CREATE, UPDATE, DELETE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The user on whose behalf a request runs."""

    user_id: str
    business_unit_id: str
    privileges: Mapping[str, str] = MappingProxyType({})
    """Name -> depth."""
    description: str = ""
    """What refusals tell of the user."""
    has_roles: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row was created, updated or deleted."""

    message: str
    table: TableSchema
    row: Row
    """The row after the write; a deleted row as it was."""
    attributes: tuple[str, ...]
    """Of an update: the names in rows of the columns that the client sent, changed or not."""
    caller: Caller
    depth: int
    """1 for what the client asked for, more for what followed from it."""

    @property
    def row_id(self) -> str:
        """The id of the row."""
        return str(self.row[self.table.key])
