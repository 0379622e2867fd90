"""Creating, changing and deleting rows: what every table has in common."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

from local.simulators.dataverse.computed import complete
from local.simulators.dataverse.errors import (
    in_use,
    invalid_argument,
    invalid_payload,
    invalid_status,
    record_not_found,
    undeclared_bind,
    unknown_option,
    unknown_payload_property,
)
from local.simulators.dataverse.events import CREATE, DELETE, UPDATE, Caller, Event
from local.simulators.dataverse.privileges import APPEND, APPEND_TO, ASSIGN, WRITE
from local.simulators.dataverse.privileges import CREATE as CREATE_ACCESS
from local.simulators.dataverse.privileges import DELETE as DELETE_ACCESS
from local.simulators.dataverse.references import parse_reference
from local.simulators.dataverse.rules import Rules
from local.simulators.dataverse.schema import (
    LOOKUP_TABLE,
    Column,
    Row,
    State,
    TableSchema,
)
from local.simulators.dataverse.security import Security, require
from local.simulators.dataverse.store import Store
from local.simulators.dataverse.values import stored_value, utc_text

_BIND = "@odata.bind"
_TYPE = "@odata.type"
_BOOKKEEPING = {"createdby", "modifiedby", "createdonbehalfby", "modifiedonbehalfby"}

Clock = Callable[[], datetime]


class Records:
    """All writes of clients go through here; each is one transaction."""

    def __init__(self, store: Store, rules: Rules, clock: Clock, security: Security) -> None:
        self._store = store
        self._security = security
        self._rules = rules
        self._clock = clock

    def create(self, table: TableSchema, payload: dict[str, Any], caller: Caller) -> Row:
        """Add a row and give it back. The client may choose its id."""
        require(caller, CREATE_ACCESS, table)
        changes = self._read(table, payload, writing="create")
        self._check_references(table, changes, None, caller)
        row = table.defaults | changes
        row.setdefault(table.key, str(uuid4()))
        self._set_initial_state(table, row)
        for column in table.required:
            if row.get(column.row_name) is None:
                raise invalid_argument(
                    f"Required field '{column.name}' of the {table.name} entity is missing."
                )
        with self._store.transaction():
            self._insert(table, row, caller)
            if table.name == "uomschedule":
                unit = self._rules.base_unit_of(row)
                self._insert(self._store.schema.tables["uom"], unit, caller, depth=2)
        return row

    def _insert(self, table: TableSchema, row: Row, caller: Caller, depth: int = 1) -> None:
        now = utc_text(self._clock())
        complete(self._store, table, row, None, caller)
        self._rules.before_create(table.name, row)
        row["createdon"] = row["modifiedon"] = now
        row["_createdby_value"] = row["_modifiedby_value"] = caller.user_id
        self._store.insert(table.name, row)
        self._note(CREATE, table, row, caller, depth=depth)

    def update(
        self, table: TableSchema, row_id: str, payload: dict[str, Any], caller: Caller
    ) -> Row:
        """Change a row and give it back. A change to the same values counts as one."""
        require(caller, WRITE, table)
        former = self._store.row(table.name, row_id)
        if former is None:
            raise record_not_found(table.name, row_id)
        changes = self._read(table, payload, writing="update")
        _check_fixed(table, former, changes)
        self._check_references(table, changes, former, caller)
        row = former | changes
        for column in table.required:
            if column.row_name in changes and changes[column.row_name] is None:
                raise invalid_argument(f"Required field '{column.name}' cannot be empty.")
        self._set_changed_state(table, row, changes)
        complete(self._store, table, row, former, caller)
        self._rules.before_update(table.name, former, row)
        row["modifiedon"] = utc_text(self._clock())
        row["_modifiedby_value"] = caller.user_id
        with self._store.transaction():
            self._store.replace(table.name, row)
            self._note(UPDATE, table, row, caller, attributes=tuple(changes))
        return row

    def delete(self, table: TableSchema, row_id: str, caller: Caller) -> None:
        """Delete a row with the rows that live by it; refused while others need it."""
        require(caller, DELETE_ACCESS, table)
        if self._store.row(table.name, row_id) is None:
            raise record_not_found(table.name, row_id)
        self._rules.before_delete(table.name)
        with self._store.transaction():
            self._delete(table, row_id, caller, leaving={(table.name, row_id)})

    def _delete(
        self,
        table: TableSchema,
        row_id: str,
        caller: Caller,
        leaving: set[tuple[str, str]],
        depth: int = 1,
    ) -> None:
        for other, column in self._store.schema.references_to[table.name]:
            if column.name in _BOOKKEEPING or column.write == "never":
                continue
            for row in list(self._store.tables[other.name].find(column.row_name, row_id)):
                if (other.name, row[other.key]) in leaving:
                    continue
                if column.on_delete == "cascade":
                    leaving.add((other.name, row[other.key]))
                    self._delete(other, row[other.key], caller, leaving, depth + 1)
                elif column.on_delete == "remove":
                    self._clear_lookup(other, column, row, caller)
                else:
                    raise in_use(table.name, row_id, f"{other.name}.{column.name}")
        self._note(DELETE, table, self._store.remove(table.name, row_id), caller, depth=depth)

    def _note(
        self,
        message: str,
        table: TableSchema,
        row: Row,
        caller: Caller,
        *,
        attributes: tuple[str, ...] = (),
        depth: int = 1,
    ) -> None:
        self._store.note(
            Event(
                message=message,
                table=table,
                row=row,
                attributes=attributes,
                caller=caller,
                depth=depth,
            )
        )

    def _clear_lookup(
        self, table: TableSchema, column: Column, former: Row, caller: Caller
    ) -> None:
        row = former | {column.row_name: None}
        complete(self._store, table, row, former, caller)
        row["modifiedon"] = utc_text(self._clock())
        row["_modifiedby_value"] = caller.user_id
        self._store.replace(table.name, row)

    def _read(
        self,
        table: TableSchema,
        payload: dict[str, Any],
        *,
        writing: str,
    ) -> Row:
        """The changes that a payload asks for, by the names of rows."""
        changes: Row = {}
        columns = table.columns
        for name, value in payload.items():
            column = columns.get(name)
            if column is not None and column.type != "lookup":
                _check_writable(table, column, writing)
                changes[name] = stored_value(table.name, column, value)
            elif name.endswith(_BIND):
                self._read_bind(table, name, value, writing, changes)
            elif name == _TYPE:
                _check_type(table, value)
            elif "@" not in name:
                raise _not_settable(table, name)
        return changes

    def _read_bind(
        self, table: TableSchema, name: str, value: Any, writing: str, changes: Row
    ) -> None:
        column, target = table.navigations.get(name.removesuffix(_BIND), (None, ""))
        if column is None:
            raise undeclared_bind(table.name, name.removesuffix(_BIND))
        _check_writable(table, column, writing)
        if value is None:
            changes[column.row_name] = None
            changes.pop(column.row_name + LOOKUP_TABLE, None)
            if column.polymorphic:
                changes[column.row_name + LOOKUP_TABLE] = None
            return
        if not isinstance(value, str):
            raise invalid_payload(table.name, f"'{name}' needs the address of a record, or null.")
        reference = parse_reference(self._store, value)
        if reference.table.name != target and (
            target or reference.table.name not in column.navigation
        ):
            raise invalid_payload(
                table.name, f"'{name}' cannot be set to a record of {reference.table.set_name}."
            )
        changes[column.row_name] = reference.existing(self._store)
        if column.polymorphic:
            changes[column.row_name + LOOKUP_TABLE] = reference.table.name

    def _check_references(
        self, table: TableSchema, changes: Row, former: Row | None, caller: Caller
    ) -> None:
        """Refuse links to other rows, and owners, that the privileges do not allow."""
        for column in table.lookups:
            value = changes.get(column.row_name)
            if value is None or (former or {}).get(column.row_name) == value:
                continue
            target = changes.get(column.row_name + LOOKUP_TABLE) or next(iter(column.navigation))
            if column.name != "ownerid":
                require(caller, APPEND, table)
                require(caller, APPEND_TO, self._store.schema.tables[target])
                continue
            if former is not None or value != caller.user_id:
                require(caller, ASSIGN, table)
            if target == "team":
                self._security.require_of_team(value, table, caller)

    def _set_initial_state(self, table: TableSchema, row: Row) -> None:
        if not table.states:
            return
        state = table.states[self._rules.initial_state(table.name)]
        if row.setdefault("statecode", state.value) != state.value:
            raise invalid_argument(
                f"A new {table.name} is {state.label}: set another statecode by an update."
            )
        status = row.get("statuscode")
        if status is None:
            row["statuscode"] = state.default_status
        elif status not in state.statuses:
            raise invalid_status(table.name, status, state.label, row[table.key])

    def _set_changed_state(self, table: TableSchema, row: Row, changes: Row) -> None:
        if not table.states or not ("statecode" in changes or "statuscode" in changes):
            return
        state = table.states.get(row["statecode"])
        if state is None:
            accepted = ",".join(map(str, table.states))
            raise unknown_option(table.name, "statecode", row["statecode"], accepted)
        _set_status(table, row, state, given="statuscode" in changes)


def _set_status(table: TableSchema, row: Row, state: State, *, given: bool) -> None:
    if not given:
        if row.get("statuscode") not in state.statuses:
            row["statuscode"] = state.default_status
    elif row["statuscode"] not in state.statuses:
        raise invalid_status(table.name, row["statuscode"], state.label, row[table.key])


def _check_writable(table: TableSchema, column: Column, writing: str) -> None:
    """Refuse what clients may not set. (The real service passes over such columns in silence; a
    client that would count on them is told here.)"""
    if column.write in ("always", "create", writing):
        return  # on update, a column that is fixed at creation may come with its old value
    if column.type == "state":
        return  # on create it may name the state in which the row is created anyway
    raise invalid_argument(
        f"The column '{column.name}' of the {table.name} entity cannot be set on {writing}."
    )


def _check_fixed(table: TableSchema, former: Row, changes: Row) -> None:
    """Refuse another value in a column that is fixed at creation."""
    for name, value in changes.items():
        column = table.properties.get(name)
        if column is not None and column.write == "create" and former.get(name) != value:
            raise invalid_argument(
                f"The column '{column.name}' of the {table.name} entity cannot be set on update."
            )


def _check_type(table: TableSchema, value: Any) -> None:
    expected = f"Microsoft.Dynamics.CRM.{table.name}"
    if value not in (expected, f"#{expected}"):
        raise invalid_payload(
            table.name, f"A type named '{value}' is not the expected type '{expected}'."
        )


def _not_settable(table: TableSchema, name: str) -> Exception:
    if name in table.properties or name in table.columns:
        return invalid_payload(
            table.name,
            "CRM do not support direct update of Entity Reference properties, Use Navigation "
            f"properties instead. (property '{name}')",
        )
    return unknown_payload_property(table.name, name)
