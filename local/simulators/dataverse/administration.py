"""What `/_sim/` makes wrong in an organization, one thing at a time, and right again."""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from local.simulators.core.descriptions import described
from local.simulators.core.simulator import SeedError
from local.simulators.dataverse.associations import USER_ROLES
from local.simulators.dataverse.errors import DataverseError
from local.simulators.dataverse.privileges import NAMES
from local.simulators.dataverse.schema import Row, TableSchema
from local.simulators.dataverse.solutions import Solutions
from local.simulators.dataverse.state import State

_ACCESS = {
    "read": "Read",
    "create": "Create",
    "write": "Write",
    "delete": "Delete",
    "append": "Append",
    "appendto": "AppendTo",
    "assign": "Assign",
}
_USER_COLUMNS = {"isdisabled": bool, "islicensed": bool, "accessmode": int}


class Administration:
    """Carries out the demands."""

    def __init__(self, state: State, solutions: Solutions) -> None:
        self._state = state
        self._solutions = solutions
        self._store = state.store

    def run(self, name: str, values: Any) -> dict[str, Any] | None:
        """Carry out a demand by its name; raises `SeedError`, changing nothing."""
        return WORKS[name](self, values)

    def invalidate_delta(self, values: Any) -> None:
        """Do what a change of a table's metadata does to its delta tokens."""
        given = described(values, {"table"}, "what to invalidate")
        self._store.invalidate_tokens(self._table(given).name)

    def privileges(self, values: Any) -> None:
        """Take kinds of access to a table from everybody, or give them back."""
        given = described(values, {"table", *_ACCESS}, "privileges")
        table = self._table(given)
        changes = {name: given[name] for name in _ACCESS if name in given}
        if not changes or not all(isinstance(value, bool) for value in changes.values()):
            raise SeedError(f"privileges: {', '.join(_ACCESS)} are true or false, at least one")
        for name, granted in changes.items():
            privilege = NAMES[table.name].get(_ACCESS[name])
            if privilege is None:
                raise SeedError(f"{table.name} has no privilege {name}")
            self._state.security.grant(privilege, granted=granted)

    def user(self, values: Any) -> dict[str, Any]:
        """Change a user, their roles, or remove them; tell what they are now."""
        given = described(values, {"user", "roles", "remove", *_USER_COLUMNS}, "a user")
        row = self._user(given)
        if given.get("remove") is True:
            with self._store.transaction():
                self._store.remove("systemuser", row["systemuserid"])
            return {"removed": row["systemuserid"]}
        changes = {name: given[name] for name in _USER_COLUMNS if name in given}
        for name, value in changes.items():
            if type(value) is not _USER_COLUMNS[name]:
                raise SeedError(f"a user: {name} is no {_USER_COLUMNS[name].__name__}")
        roles = self._roles(row, given["roles"]) if "roles" in given else None
        if changes:
            with self._store.transaction():
                self._store.replace("systemuser", row | changes)
        if roles is not None:
            self._store.associations.put(USER_ROLES, row["systemuserid"], roles)
        row = self._store.tables["systemuser"].rows[row["systemuserid"]]
        return {
            "systemuserid": row["systemuserid"],
            "roles": [role["name"] for role in self._state.security.roles_of(row)],
            **{name: row.get(name) for name in _USER_COLUMNS},
        }

    def change_tracking(self, values: Any) -> None:
        """Switch a table's change tracking on or off."""
        given = described(values, {"table", "enabled"}, "change tracking")
        table = self._table(given)
        if not isinstance(given.get("enabled"), bool):
            raise SeedError("change tracking: enabled is true or false")
        untracked = self._state.untracked
        (untracked.discard if given["enabled"] else untracked.add)(table.name)

    def organization(self, values: Any) -> dict[str, Any]:
        """Change the organization's version or its administration mode; tell both."""
        switches = self._state.switches
        given = described(values, {"version", "administration_mode"}, "the organization")
        version = given.get("version", switches.version)
        mode = given.get("administration_mode", self._state.security.administration_mode)
        if not isinstance(version, str) or not isinstance(mode, bool):
            raise SeedError("the organization: version is a text, administration_mode is a boolean")
        switches.version = version
        self._state.security.administration_mode = mode
        return {"version": version, "administration_mode": mode}

    def imports(self, values: Any) -> dict[str, Any]:
        """Plan how the next imports of solutions go; tell what is planned."""
        self._solutions.plan.change(values)
        return self._solutions.plan.snapshot()

    def solution(self, values: Any) -> dict[str, Any] | None:
        """Install a package (`package`, base64) as if it had long been there, or `remove` one."""
        given = described(values, {"package", "remove"}, "a solution")
        if "remove" in given:
            if not self._solutions.remove(str(given["remove"])):
                raise SeedError(f"there is no solution {given['remove']!r}")
            return None
        try:
            package = self._solutions.install(base64.b64decode(str(given.get("package"))))
        except (DataverseError, binascii.Error) as error:
            raise SeedError(f"a solution: {error}") from error
        return {"uniquename": package.unique_name, "version": package.version}

    def bare(self, values: Any) -> None:
        """Take every solution and the integration roles away, from whoever holds them too."""
        described(values, set(), "a bare organization")
        self._solutions.make_bare()

    def delete(self, values: Any) -> dict[str, int]:
        """Remove rows by set and ids as if they had never been, whoever refers to them."""
        sets = described(values, set(self._store.schema.sets), "what to delete")
        wanted = list(self._rows(sets))
        with self._store.transaction():
            for table, row_id in wanted:
                self._store.remove(table.name, row_id)
        return {name: len(ids) for name, ids in sets.items()}

    def _rows(self, sets: Mapping[str, Any]) -> Iterator[tuple[TableSchema, str]]:
        for name, ids in sets.items():
            table = self._store.schema.sets[name]
            for row_id in ids if isinstance(ids, list) else [ids]:
                if self._store.row(table.name, row_id) is None:
                    raise SeedError(f"{name} has no row {row_id!r}")
                yield table, row_id

    def _table(self, given: Mapping[str, Any]) -> TableSchema:
        table = self._store.schema.tables.get(str(given.get("table")))
        if table is None:
            raise SeedError(f"there is no table {given.get('table')!r}")
        return table

    def _user(self, given: Mapping[str, Any]) -> Row:
        """The user of an id, an application's id or an e-mail address."""
        wanted = str(given.get("user", "")).casefold()
        for row in self._store.tables["systemuser"].rows.values():
            names = ("systemuserid", "applicationid", "internalemailaddress", "domainname")
            if wanted and wanted in {str(row.get(name) or "").casefold() for name in names}:
                return row
        raise SeedError(f"there is no user {given.get('user')!r}")

    def _roles(self, user: Row, names: Any) -> list[str]:
        if not isinstance(names, list):
            raise SeedError("a user: roles is a list of names")
        unit = user["_businessunitid_value"]
        known = {
            role["name"]: role["roleid"]
            for role in self._store.tables["role"].rows.values()
            if role["_businessunitid_value"] == unit
        }
        unknown = [name for name in names if name not in known]
        if unknown:
            raise SeedError(f"the user's business unit has no role {unknown}, only {sorted(known)}")
        return [known[name] for name in names]


WORKS: Mapping[str, Callable[[Administration, Any], dict[str, Any] | None]] = {
    "invalidate-delta": Administration.invalidate_delta,
    "privileges": Administration.privileges,
    "user": Administration.user,
    "change-tracking": Administration.change_tracking,
    "organization": Administration.organization,
    "delete": Administration.delete,
    "imports": Administration.imports,
    "solution": Administration.solution,
    "bare": Administration.bare,
}
"""What `POST /_sim/{name}` does."""
