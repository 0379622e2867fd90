"""What the setup guide asks a CRM organization about itself: who calls, users, roles, privileges,
tables, currencies, solutions. Nothing here writes; see ``services.dataverse_solutions``.

Every method raises the families of ``services.transport`` and ``services.answers``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from services import answers, faults, odata
from services.dataverse_api import ROOT, get
from services.faults import Meaning
from services.records import Record
from services.transport import Response, Transport

SYSTEM_ADMINISTRATOR = "627090ff-40a3-4053-8790-584edc5be201"
SYSTEM_CUSTOMIZER = "119f245c-3cc8-4b62-b31c-d1a046ced15d"
"""The templates of these roles: their names are translated, and each business unit has its own."""

_NON_INTERACTIVE = 4  # ``accessmode``
_USER_COLUMNS = (
    "systemuserid",
    "fullname",
    "internalemailaddress",
    "applicationid",
    "isdisabled",
    "islicensed",
    "accessmode",
    "_businessunitid_value",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the organization takes the caller for."""

    user_id: str
    business_unit_id: str
    organization_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    name: str
    base_currency_id: str
    orders_are_integrated: bool
    """``issopintegrationenabled``: CRM leaves fulfilling and invoicing orders to another system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    user_id: str
    name: str
    email: str
    application_id: str
    """Of an application user; empty for a person."""
    is_disabled: bool
    is_licensed: bool
    is_interactive: bool
    """A person's user with an access mode that takes a licence."""
    business_unit_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    role_id: str
    name: str
    template_id: str
    """Of the role it was made from, empty for a customer's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDefinition:
    """A table as the organization defines it."""

    name: str
    """Logical name."""
    entity_set: str
    tracks_changes: bool
    privileges: Mapping[str, str] = field(default_factory=dict)
    """The privilege for each kind of access: ``{"Read": "prvReadOrder"}``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    unique_name: str
    version: str
    is_managed: bool


class DataverseAdministration:
    """One organization, as the user of the transport's token sees it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._service = transport.service_name

    def who_am_i(self) -> Identity:
        """The user that the token stands for."""
        response = self._get("WhoAmI", "WhoAmI")
        answer = answers.json_object(self._service, response)

        def told(name: str) -> str:
            return str(answers.member(self._service, response.request, answer, name, str)).lower()

        return Identity(
            user_id=told("UserId"),
            business_unit_id=told("BusinessUnitId"),
            organization_id=told("OrganizationId"),
        )

    def version(self) -> str:
        """The organization's version, such as ``9.2.24044.195``."""
        response = self._get("RetrieveVersion", "RetrieveVersion()")
        answer = answers.json_object(self._service, response)
        return str(answers.member(self._service, response.request, answer, "Version", str))

    def organization(self) -> Organization:
        columns = ("name", "_basecurrencyid_value", "issopintegrationenabled")
        row = next(self._rows("organizations", select=columns))
        return Organization(
            name=str(row["name"]),
            base_currency_id=str(row["_basecurrencyid_value"]),
            orders_are_integrated=bool(row.get("issopintegrationenabled")),
        )

    def currencies(self) -> dict[str, str]:
        """The ISO codes of the organization's currencies by their ids."""
        rows = self._rows(
            "transactioncurrencies", select=("transactioncurrencyid", "isocurrencycode")
        )
        return {str(row["transactioncurrencyid"]): str(row["isocurrencycode"]) for row in rows}

    def user(self, user_id: str) -> User | None:
        """The user of that id, None where there is none."""
        query = odata.query(select=_USER_COLUMNS)
        response = self._get("systemusers", f"{odata.by_id('systemusers', user_id)}{query}")
        row = self._row_or_none(response)
        return None if row is None else _user(row)

    def application_user(self, client_id: str) -> User | None:
        """The user of an application, None where it was not made one."""
        rows = self._rows(
            "systemusers",
            select=_USER_COLUMNS,
            condition=odata.compare("applicationid", "eq", UUID(client_id)),
        )
        return next(map(_user, rows), None)

    def user_of_email(self, address: str) -> User | None:
        """The user with that e-mail address, a person's one before others."""
        rows = self._rows(
            "systemusers",
            select=_USER_COLUMNS,
            condition=odata.compare("internalemailaddress", "eq", address),
        )
        users = sorted(map(_user, rows), key=lambda each: (bool(each.application_id), each.user_id))
        return users[0] if users else None

    def team_name(self, team_id: str) -> str | None:
        """The team's name, None where there is no such team."""
        query = odata.query(select=("name",))
        row = self._row_or_none(self._get("teams", f"{odata.by_id('teams', team_id)}{query}"))
        return None if row is None else str(row["name"])

    def roles_of(self, user_id: str) -> list[Role]:
        """The roles assigned to the user itself, not to its teams."""
        path = f"{odata.by_id('systemusers', user_id)}/systemuserroles_association"
        columns = ("roleid", "name", "_roletemplateid_value")
        return [_role(row) for row in self._collection("roles", path, odata.query(select=columns))]

    def roles_named(self, names: Collection[str], business_unit_id: str) -> dict[str, str]:
        """The ids of those of these roles that the business unit has, by name."""
        condition = odata.all_of(
            [
                odata.any_equal("name", sorted(names)),
                odata.compare("_businessunitid_value", "eq", UUID(business_unit_id)),
            ]
        )
        rows = self._rows("roles", select=("roleid", "name"), condition=condition)
        return {str(row["name"]): str(row["roleid"]) for row in rows}

    def privileges_of(self, user_id: str) -> frozenset[str]:
        """The names of the privileges that the user has by its roles and its teams' roles."""
        return self._privileges("systemusers", user_id, "RetrieveUserPrivileges")

    def privileges_of_team(self, team_id: str) -> frozenset[str]:
        """The names of the privileges that the team has by its own roles."""
        return self._privileges("teams", team_id, "RetrieveTeamPrivileges")

    def table(self, name: str) -> TableDefinition | None:
        """The table of that logical name, None where the organization has none."""
        columns = ("LogicalName", "EntitySetName", "ChangeTrackingEnabled", "Privileges")
        path = f"{_definition(name)}{odata.query(select=columns)}"
        row = self._row_or_none(self._get("EntityDefinitions", path))
        if row is None:
            return None
        return TableDefinition(
            name=str(row["LogicalName"]),
            entity_set=str(row["EntitySetName"]),
            tracks_changes=bool(row["ChangeTrackingEnabled"]),
            privileges={
                str(each["PrivilegeType"]): str(each["Name"]) for each in row["Privileges"] or ()
            },
        )

    def has_column(self, table: str, column: str) -> bool:
        """Whether the table has that column."""
        path = (
            f"{_definition(table)}/Attributes(LogicalName={odata.literal(odata.name(column))})"
            f"{odata.query(select=('LogicalName',))}"
        )
        return self._row_or_none(self._get("EntityDefinitions/Attributes", path)) is not None

    def solution(self, unique_name: str) -> Solution | None:
        """The installed solution of that name, None where it is not installed."""
        rows = self._rows(
            "solutions",
            select=("uniquename", "version", "ismanaged"),
            condition=odata.compare("uniquename", "eq", unique_name),
        )
        return next(map(_solution, rows), None)

    def _privileges(self, entity_set: str, row_id: str, function: str) -> frozenset[str]:
        path = f"{odata.by_id(entity_set, row_id)}/Microsoft.Dynamics.CRM.{function}()"
        response = self._get(entity_set, path)
        answer = answers.json_object(self._service, response)
        found = answers.member(self._service, response.request, answer, "RolePrivileges", list)
        return frozenset(str(each["PrivilegeName"]) for each in found)

    def _rows(
        self, entity_set: str, *, select: Sequence[str], condition: str = ""
    ) -> Iterator[Record]:
        query = odata.query(select=select, filter=condition or None)
        return iter(self._collection(entity_set, entity_set, query))

    def _collection(self, kind: str, path: str, query: str) -> list[Record]:
        found: list[Record] = []
        link: str | None = f"{ROOT}/{path}{query}"
        while link:
            response = get(self._transport, kind, link)
            answer = answers.json_object(self._service, response)
            found += answers.rows(self._service, response.request, answer)
            link = answers.next_link(self._service, response.request, answer)
        return found

    def _get(self, kind: str, path: str) -> Response:
        return get(self._transport, kind, f"{ROOT}/{path}")

    def _row_or_none(self, response: Response) -> Record | None:
        if not response.ok:
            said = faults.words(response.body)
            absent = (Meaning.MISSING, Meaning.NO_SUCH_PLACE)
            if response.status == 404 and faults.judge(response.status, said.code) in absent:
                return None
        return answers.json_object(self._service, response)


def _definition(table: str) -> str:
    return f"EntityDefinitions(LogicalName={odata.literal(odata.name(table))})"


def _user(row: Record) -> User:
    application = str(row.get("applicationid") or "").lower()
    return User(
        user_id=str(row["systemuserid"]),
        name=str(row.get("fullname") or ""),
        email=str(row.get("internalemailaddress") or ""),
        application_id=application,
        is_disabled=bool(row.get("isdisabled")),
        is_licensed=bool(row.get("islicensed")),
        is_interactive=not application and row.get("accessmode") != _NON_INTERACTIVE,
        business_unit_id=str(row["_businessunitid_value"]),
    )


def _role(row: Record) -> Role:
    return Role(
        role_id=str(row["roleid"]),
        name=str(row["name"]),
        template_id=str(row.get("_roletemplateid_value") or "").lower(),
    )


def _solution(row: Record) -> Solution:
    return Solution(
        unique_name=str(row["uniquename"]),
        version=str(row["version"]),
        is_managed=bool(row.get("ismanaged")),
    )
