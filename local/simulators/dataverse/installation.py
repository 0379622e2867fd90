"""Putting what a solution brings into the organization, and taking it away again."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

from local.simulators.dataverse.privileges import INTEGRATION_ROLES, KNOWN
from local.simulators.dataverse.schema import Row
from local.simulators.dataverse.solution_package import Package, PackagedColumn, PackagedRole
from local.simulators.dataverse.standard_roles import STANDARD_ROLES, SYSTEM_ROLES, role_row
from local.simulators.dataverse.state import State
from local.simulators.dataverse.values import utc_text


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a component cannot be imported."""

    component: str
    text: str


class Installation:
    """The organization's solutions."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._store = state.store
        self._installed: dict[str, Package] = {}

    def problems(self, package: Package) -> list[Problem]:
        """What in a package does not fit this organization."""
        return [*self._column_problems(package), *_role_problems(package)]

    def install(self, package: Package) -> None:
        """Bring in roles, columns and the solution's own row; in place of an earlier version's."""
        for added in package.columns:
            self._add_column(added)
        with self._store.transaction():
            for role in package.roles:
                self._add_role(role, managed=package.managed)
            self._add_solution(package)
        self._installed[package.unique_name] = package

    def remove(self, unique_name: str) -> bool:
        """Take a solution away, with its roles (from their holders, too) and columns."""
        package = self._installed.pop(unique_name, None)
        if package is None:
            return False
        for added in package.columns:
            table = self._store.schema.tables[added.table]
            table.remove_column(added.column.name)
            self._store.invalidate_tokens(table.name)
        with self._store.transaction():
            for role in package.roles:
                self._remove_role(role.role_id)
            row = next(self._store.tables["solution"].find("uniquename", unique_name))
            self._store.remove("solution", row["solutionid"])
        return True

    def make_bare(self) -> None:
        """Take every solution away, and the roles that the organization began with."""
        for name in list(self._installed):
            self.remove(name)
        with self._store.transaction():
            for role_id in INTEGRATION_ROLES.values():
                self._remove_role(role_id)
        self._state.organization.standard_roles = SYSTEM_ROLES

    def _remove_role(self, root_id: str) -> None:
        """Take a root role away from every business unit, and from whoever holds it."""
        for role in list(self._store.tables["role"].rows.values()):
            if root_id in (role["roleid"], role.get("_parentrootroleid_value")):
                self._store.associations.forget(role["roleid"])
                self._store.remove("role", role["roleid"])

    def _column_problems(self, package: Package) -> Iterator[Problem]:
        for added in package.columns:
            table = self._store.schema.tables.get(added.table)
            if table is None:
                yield Problem(added.table, f"The entity {added.table} does not exist.")
            elif (
                added.column.name in table.columns
                and table.columns[added.column.name].type != added.column.type
            ):
                text = (
                    f"Attribute {added.column.name} is a {table.columns[added.column.name].type}, "
                    f"but a {added.column.type} type was specified."
                )
                yield Problem(added.table, text)

    def _add_column(self, added: PackagedColumn) -> None:
        table = self._store.schema.tables[added.table]
        if table.columns.get(added.column.name) != added.column:
            table.add_column(added.column)
            self._store.invalidate_tokens(table.name)  # what every change of metadata does

    def _add_role(self, role: PackagedRole, *, managed: bool) -> None:
        now = utc_text(self._state.clock())
        for unit in list(self._store.tables["businessunit"].rows.values()):
            row = role_row(unit, role.name, role.role_id, None)
            former = self._store.row("role", row["roleid"]) or {"createdon": now}
            stored: Row = former | row | {"ismanaged": managed, "modifiedon": now}
            stored["organizationid"] = next(iter(self._store.tables["organization"].rows))
            self._store.replace("role", stored)
        self._state.security.set_role_privileges(role.role_id, role.privileges)

    def _add_solution(self, package: Package) -> None:
        now = utc_text(self._state.clock())
        former = next(self._store.tables["solution"].find("uniquename", package.unique_name), None)
        fresh: Row = {"solutionid": str(uuid4()), "createdon": now, "installedon": now}
        told: Row = {
            "uniquename": package.unique_name,
            "friendlyname": package.friendly_name,
            "version": package.version,
            "ismanaged": package.managed,
            "isvisible": True,
            "modifiedon": now,
            "updatedon": now,
            "organizationid": next(iter(self._store.tables["organization"].rows)),
        }
        self._store.replace("solution", (former or fresh) | told)


def _role_problems(package: Package) -> Iterator[Problem]:
    for role in package.roles:
        unknown = sorted(set(role.privileges) - KNOWN)
        if unknown:
            yield Problem(role.name, f"The privilege {unknown[0]} does not exist.")
        taken = {name: role_id for name, role_id in STANDARD_ROLES.items() if name == role.name}
        if taken and role.role_id not in taken.values():
            yield Problem(role.name, f"A role named {role.name} exists with another id.")
