"""Requests to what a row is linked to: the roles of a user, the members of a team; and to what
follows from it, a user's privileges."""

from typing import Any

from local.simulators.core.messages import SimResponse
from local.simulators.dataverse.associations import (
    RELATIONSHIPS,
    TEAM_MEMBERS,
    other_table,
)
from local.simulators.dataverse.errors import (
    DataverseError,
    duplicate_key,
    invalid_argument,
    not_implemented,
    record_not_found,
)
from local.simulators.dataverse.paths import Segment
from local.simulators.dataverse.preferences import parse_preferences
from local.simulators.dataverse.privileges import ASSIGN_ROLE, READ, WRITE, privilege_id
from local.simulators.dataverse.projection import Projection, query_options, refuse_unknown_options
from local.simulators.dataverse.references import parse_key, parse_reference
from local.simulators.dataverse.schema import Row, TableSchema
from local.simulators.dataverse.security import require, require_named
from local.simulators.dataverse.state import Call, State, json_response, no_content

_REF = "$ref"
_BOUND = "Microsoft.Dynamics.CRM."
_USER_PRIVILEGES = _BOUND + "RetrieveUserPrivileges"
_TEAM_PRIVILEGES = _BOUND + "RetrieveTeamPrivileges"
_ROLE_PRIVILEGES = _BOUND + "RetrieveRolePrivilegesRole"
_FUNCTIONS = {
    _USER_PRIVILEGES: "systemuser",
    _TEAM_PRIVILEGES: "team",
    _ROLE_PRIVILEGES: "role",
}
_OPTIONS = frozenset({"$select"})


class LinkedRows:
    """Answers requests to `/{set}({key})/{relationship}` and to the functions about privileges."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._store = state.store
        self._associations = state.store.associations

    @staticmethod
    def concerns(table: TableSchema, segment: Segment) -> bool:
        """Whether a segment behind a row is one of these."""
        return (
            other_table(segment.name, table.name) is not None
            or _FUNCTIONS.get(segment.name) == table.name
        )

    def of_row(self, table: TableSchema, row_id: str) -> dict[str, list[dict[str, str]]]:
        """What a row of a left table is linked to, as it is seeded."""
        found = {}
        for name, relationship in RELATIONSHIPS.items():
            if relationship.left == table.name:
                key = self._store.schema.tables[relationship.right].key
                found[name] = [{key: each} for each in self._associations.of(name, row_id)]
        return found

    def handle(
        self, table: TableSchema, key: str, segments: list[Segment], call: Call
    ) -> SimResponse:
        """Answer a request to what is behind a row."""
        require(call.caller, READ, table)
        row_id = parse_key(self._store, table, key).existing(self._store)
        first, rest = segments[0], segments[1:]
        if first.name in _FUNCTIONS:
            if rest or first.key or call.request.method != "GET":
                raise not_implemented(f"{call.request.method} {first.name}")
            return self._privileges(first.name, table, row_id, call)
        if call.request.method == "GET" and not rest and first.key is None:
            return self._list(table, row_id, first.name, call)
        if [segment.name for segment in rest] != [_REF]:
            raise not_implemented(f"{call.request.method} {first.name}")
        return self._reference(table, row_id, first, call)

    def _list(self, table: TableSchema, row_id: str, name: str, call: Call) -> SimResponse:
        target = self._target(table, name)
        require(call.caller, READ, target)
        options = query_options(call.request.query_string)
        refuse_unknown_options(options, _OPTIONS)
        projection = Projection(self._store, target, options, parse_preferences(call.request))
        ids = self._associations.linked(name, table.name, row_id)
        rows = [row for each in ids if (row := self._store.row(target.name, each)) is not None]
        context = call.url(f"$metadata#{target.set_name}")
        return json_response(
            {"@odata.context": context, "value": projection.rows(rows)},
            operations=max(1, len(rows)),
        )

    def _reference(
        self, table: TableSchema, row_id: str, segment: Segment, call: Call
    ) -> SimResponse:
        target = self._target(table, segment.name)
        match call.request.method:
            case "POST" if segment.key is None:
                address = call.record_payload(table.set_name).get("@odata.id")
            case "DELETE" if segment.key is not None:
                address = f"{target.set_name}({segment.key})"
            case "DELETE":
                address = query_options(call.request.query_string).get("$id")
            case method:
                raise DataverseError(405, "0x80060888", f"{method} is not allowed on {_REF}.")
        if not isinstance(address, str):
            raise invalid_argument("The other record is named by '@odata.id', or by '$id'.")
        reference = parse_reference(self._store, address)
        if reference.table.name != target.name:
            raise invalid_argument(f"{segment.name} does not lead to {reference.table.set_name}.")
        other_id = reference.existing(self._store)
        swapped = RELATIONSHIPS[segment.name].left != table.name
        left, right = (other_id, row_id) if swapped else (row_id, other_id)
        self._check(segment.name, left, right, call)
        return self._change(segment.name, left, right, call)

    def _change(self, name: str, left: str, right: str, call: Call) -> SimResponse:
        if call.request.method == "POST":
            if not self._associations.add(name, left, right):
                raise duplicate_key()
        elif not self._associations.remove(name, left, right):
            raise record_not_found(name, right)
        return no_content()

    def _check(self, name: str, left: str, right: str, call: Call) -> None:
        """Only who may assign roles may, only what they hold themselves, only within a unit."""
        relationship = RELATIONSHIPS[name]
        tables = self._store.schema.tables
        if name == TEAM_MEMBERS:
            require(call.caller, WRITE, tables[relationship.left])
            return
        require_named(call.caller, ASSIGN_ROLE, relationship.right)
        principal = self._store.row(relationship.left, left) or {}
        role = self._store.row("role", right) or {}
        if call.request.method == "POST":
            self._check_role(principal, role, call)

    def _check_role(self, principal: Row, role: Row, call: Call) -> None:
        unit = principal.get("_businessunitid_value")
        if role.get("_businessunitid_value") != unit:
            raise invalid_argument(
                "The role does not belong to the business unit of the user or team: "
                f"RoleBusinessUnitId = {role.get('_businessunitid_value')}, "
                f"BusinessUnitId = {unit}."
            )
        for privilege in self._state.security.privileges_of_role(role):
            require_named(call.caller, privilege, "role")

    def _privileges(self, name: str, table: TableSchema, row_id: str, call: Call) -> SimResponse:
        security = self._state.security
        row = self._store.tables[table.name].rows[row_id]
        if name == _USER_PRIVILEGES:
            held = security.privileges_of_user(row)
        elif name == _TEAM_PRIVILEGES:
            held = security.privileges_of_team(row_id)
        else:
            held = dict(security.privileges_of_role(row))
        found: list[dict[str, Any]] = [
            {
                "Depth": depth,
                "PrivilegeId": privilege_id(privilege),
                "BusinessUnitId": row["_businessunitid_value"],
                "PrivilegeName": privilege,
                "RecordFilterId": "00000000-0000-0000-0000-000000000000",
                "RecordFilterUniqueName": "",
            }
            for privilege, depth in sorted(held.items())
        ]
        context = call.url(f"$metadata#{name}Response")
        return json_response({"@odata.context": context, "RolePrivileges": found})

    def _target(self, table: TableSchema, name: str) -> TableSchema:
        return self._store.schema.tables[other_table(name, table.name) or ""]
