"""Who calls, and what they may do: users, roles, teams and the privileges that follow from them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from local.simulators.dataverse.associations import TEAM_MEMBERS, TEAM_ROLES, USER_ROLES
from local.simulators.dataverse.errors import (
    DataverseError,
    LackedPrivilege,
    administration_mode,
    missing_privilege,
    no_roles,
    not_a_member,
    user_disabled,
)
from local.simulators.dataverse.events import Caller
from local.simulators.dataverse.privileges import (
    GLOBAL,
    INTEGRATION_ROLES,
    NAMES,
    OF_INTEGRATION,
    OF_TEMPLATES,
    READ,
    SYSTEM_ADMINISTRATOR,
    SYSTEM_CUSTOMIZER,
    TYPE_CODES,
    privilege_id,
)
from local.simulators.dataverse.schema import Row, TableSchema
from local.simulators.dataverse.store import Store

_ACCESS_MODES = {
    0: "Read-Write",
    1: "Administrative",
    2: "Read",
    3: "Support User",
    4: "Non-interactive",
    5: "Delegated Admin",
}
_USER, _TEAM = 8, 9  # the types of principals


@dataclass(frozen=True, slots=True)
class _Known:
    """A caller as worked out before: holds while the user's row and all roles are the same."""

    row: Row
    version: int
    caller: Caller


class Security:
    """Answers who a token stands for and what they may do; remembers it between requests."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._associations = store.associations
        self._of_roles: dict[str, dict[str, str]] = {}
        self._denied: set[str] = set()
        self._version = 0
        self._known: dict[str, _Known] = {}
        self.administration_mode = False
        """Whether only administrators and customizers are let in."""

    # --- callers

    def caller_of(self, claims: Mapping[str, object], client: str) -> Caller:
        """The user that a token stands for; raises `DataverseError` for one who is not let in.

        A person is known by their object id or sign-in name, an application by its id.
        """
        row = self._person(claims) if "scp" in claims else self._application(client)
        if row is None:
            raise not_a_member()
        if row.get("isdisabled"):
            raise user_disabled(row["systemuserid"], self._organization_id())
        if self.administration_mode and not self._is_administrator(row):
            raise administration_mode()
        return self._caller(row)

    def _application(self, client: str) -> Row | None:
        return next(self._store.tables["systemuser"].find("applicationid", client.lower()), None)

    def _person(self, claims: Mapping[str, object]) -> Row | None:
        wanted = {str(claims.get(name) or "").lower() for name in ("oid", "preferred_username")}
        for row in self._store.tables["systemuser"].rows.values():
            names = (row.get("azureactivedirectoryobjectid"), row.get("domainname"))
            if row.get("applicationid") is None and wanted & {str(n).lower() for n in names if n}:
                return row
        return None

    def _is_administrator(self, row: Row) -> bool:
        templates = {role.get("_roletemplateid_value") for role in self.roles_of(row)}
        return bool(templates & {SYSTEM_ADMINISTRATOR, SYSTEM_CUSTOMIZER})

    def _caller(self, row: Row) -> Caller:
        user_id = row["systemuserid"]
        version = self._version + self._associations.version
        known = self._known.get(user_id)
        if known is not None and known.row is row and known.version == version:
            return known.caller
        privileges = self.privileges_of_user(row)
        roles = list(self.roles_of(row))
        mode = row.get("accessmode") or 0
        caller = Caller(
            user_id=user_id,
            business_unit_id=row["_businessunitid_value"],
            privileges=privileges,
            description=f"roleCount={len(roles)}, privilegeCount={len(privileges)}, "
            f"accessMode='{mode} {_ACCESS_MODES.get(mode, '')}', "
            f"AADObjectId='{row.get('azureactivedirectoryobjectid') or ''}', "
            f"businessUnitId={row['_businessunitid_value']}",
            has_roles=bool(roles),
        )
        self._known[user_id] = _Known(row, version, caller)
        return caller

    def _organization_id(self) -> str:
        return next(iter(self._store.tables["organization"].rows))

    # --- roles and privileges

    def require_of_team(self, team_id: str, table: TableSchema, caller: Caller) -> None:
        """Refuse a team as owner of a row that its roles would not let it read."""
        name = NAMES[table.name][READ]
        if name not in self.privileges_of_team(team_id):
            raise team_lacking(caller, team_id, name, table.name)

    def roles_of(self, user: Row) -> Iterator[Row]:
        """The roles of a user, those of the user's teams included."""
        user_id = user["systemuserid"]
        ids = dict.fromkeys(self._associations.of(USER_ROLES, user_id))
        for team_id in self._associations.to(TEAM_MEMBERS, user_id):
            ids |= dict.fromkeys(self._associations.of(TEAM_ROLES, team_id))
        found = (self._store.row("role", role_id) for role_id in ids)
        return (row for row in found if row is not None)

    def privileges_of_user(self, user: Row) -> dict[str, str]:
        """Name -> depth of what a user holds by all roles."""
        return self._joined(self.roles_of(user))

    def privileges_of_team(self, team_id: str) -> dict[str, str]:
        """Name -> depth of what a team holds by its roles."""
        ids = self._associations.of(TEAM_ROLES, team_id)
        found = (self._store.row("role", role_id) for role_id in ids)
        return self._joined(row for row in found if row is not None)

    def _joined(self, roles: Iterator[Row]) -> dict[str, str]:
        held: dict[str, str] = {}
        for role in roles:
            for name, depth in self.privileges_of_role(role).items():
                if name not in self._denied and held.get(name) != GLOBAL:
                    held[name] = depth
        return held

    def privileges_of_role(self, role: Row) -> Mapping[str, str]:
        """Name -> depth of what a role holds: what its root role does."""
        root = str(role.get("_parentrootroleid_value") or role["roleid"])
        if root in self._of_roles:
            return self._of_roles[root]
        names = OF_TEMPLATES.get(str(role.get("_roletemplateid_value")), frozenset())
        if root in INTEGRATION_ROLES.values():
            names = OF_INTEGRATION
        return dict.fromkeys(names, GLOBAL)

    def set_role_privileges(self, role_id: str, privileges: Mapping[str, str]) -> None:
        """Replace what a root role holds."""
        self._of_roles[role_id] = dict(privileges)
        self._version += 1

    def grant(self, privilege: str, *, granted: bool) -> None:
        """Take a privilege from everybody, whatever their roles, or give it back."""
        (self._denied.discard if granted else self._denied.add)(privilege)
        self._version += 1


def require(caller: Caller, access: str, table: TableSchema) -> None:
    """Refuse what the caller's roles do not allow; raises `DataverseError`."""
    name = NAMES[table.name].get(access)
    if name is None or name in caller.privileges:
        return
    raise lacking(caller, name, table.name)


def require_all_rows(caller: Caller, table: TableSchema) -> None:
    """Refuse change tracking where the caller may not read the whole organization's rows."""
    if caller.privileges.get(NAMES[table.name][READ]) != GLOBAL:
        raise lacking(caller, NAMES[table.name][READ], table.name)


def require_named(caller: Caller, privilege: str, table: str) -> None:
    """Refuse a caller without a privilege that belongs to no kind of access."""
    if privilege not in caller.privileges:
        raise lacking(caller, privilege, table)


def lacking(caller: Caller, privilege: str, table: str) -> DataverseError:
    """The refusal of a caller without a privilege."""
    if not caller.has_roles:
        return no_roles(caller.user_id, privilege)
    principal = f"user (Id={caller.user_id}, type={_USER}, {caller.description})"
    return missing_privilege(principal, caller.user_id, _lacked(privilege, table))


def team_lacking(caller: Caller, team_id: str, privilege: str, table: str) -> DataverseError:
    """The refusal of a team as owner that could not read its own record."""
    principal = f"team (Id={team_id}, type={_TEAM})"
    return missing_privilege(principal, caller.user_id, _lacked(privilege, table))


def _lacked(privilege: str, table: str) -> LackedPrivilege:
    return LackedPrivilege(
        name=privilege,
        privilege_id=privilege_id(privilege),
        table=table,
        type_code=TYPE_CODES.get(table, 0),
    )
