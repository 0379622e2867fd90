"""The rows that a new organization has, and loading rows into it from outside.

Seeded organizations, business units, users, currencies and unit groups take the place of the rows
that a new organization has of these tables.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from local.simulators.core.simulator import SeedError
from local.simulators.dataverse.associations import RELATIONSHIPS, TEAM_ROLES, USER_ROLES
from local.simulators.dataverse.computed import complete, organization_of
from local.simulators.dataverse.errors import DataverseError
from local.simulators.dataverse.events import Caller
from local.simulators.dataverse.messages import message_rows
from local.simulators.dataverse.rules import Rules
from local.simulators.dataverse.schema import LOOKUP_TABLE, Column, Row, TableSchema
from local.simulators.dataverse.standard_roles import STANDARD_ROLES, missing_roles
from local.simulators.dataverse.store import Store
from local.simulators.dataverse.values import is_guid, stored_value, utc_text

_SET_ALIASES = {"organization": "organizations"}
_BASE_CURRENCY = "_basecurrencyid_value"

# Parents first, so that computed columns find what they are computed from.
_ORDER = (
    "organization",
    "businessunit",
    "transactioncurrency",
    "role",
    "systemuser",
    "team",
    "uomschedule",
    "uom",
    "pricelevel",
    "product",
    "account",
    "contact",
    "productpricelevel",
    "salesorder",
    "salesorderdetail",
)
# The rows of a new organization that go when rows of a table are seeded.
_GIVES_WAY = {
    "organization": ("organization",),
    "businessunit": ("businessunit", "role"),
    "role": ("role",),
    "transactioncurrency": ("transactioncurrency",),
    "systemuser": ("systemuser",),
    "uomschedule": ("uomschedule", "uom"),
    "uom": ("uomschedule", "uom"),
}


class Organization:
    """Fills a store with a new organization and seeds it.

    `clients` are the ids of the applications that have an application user, whatever is seeded.
    `base_currency` is code, name and symbol of a new organization's currency. `client_roles` are
    the names of the roles of application users of whose roles nothing is said.
    """

    def __init__(
        self,
        store: Store,
        rules: Rules,
        clock: Callable[[], datetime],
        *,
        clients: Iterable[str],
        client_roles: tuple[str, ...],
        base_currency: tuple[str, str, str],
    ) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self._clients = tuple(client.lower() for client in clients)
        self._client_roles = client_roles
        self.standard_roles: Mapping[str, str] = STANDARD_ROLES
        """The roles that every business unit has."""
        self._base_currency = base_currency
        self._defaults: set[tuple[str, str]] = set()
        self._make_new()

    def seed(self, data: Mapping[str, list[dict[str, Any]]]) -> dict[str, int]:
        """Load rows, all or none, and tell how many of each set; raises `SeedError`."""
        by_table: dict[str, tuple[str, list[dict[str, Any]]]] = {}
        for name, rows in data.items():
            table = self._store.schema.sets.get(_SET_ALIASES.get(name, name))
            if table is None or table.platform:
                raise SeedError(f"There is no entity set '{name}' to be seeded.")
            by_table[table.name] = (name, rows)
        defaults = set(self._defaults)
        links = self._store.associations.copied()
        try:
            with self._store.transaction():
                self._load(by_table)
        except BaseException:
            self._defaults = defaults
            self._store.associations.restore(links)
            raise
        return {name: len(rows) for name, rows in data.items()}

    def _load(self, by_table: dict[str, tuple[str, list[dict[str, Any]]]]) -> None:
        former_currency = self._store.row(
            "transactioncurrency", organization_of(self._store).get(_BASE_CURRENCY)
        )
        for name in by_table:
            self._remove_defaults(name)
        loaded: list[tuple[str, int, TableSchema, Row]] = []
        for name in _ORDER:
            set_name, rows = by_table.get(name, (name, []))
            table = self._store.schema.tables[name]
            for number, given in enumerate(rows, start=1):
                row = self._load_row(set_name, number, table, given)
                loaded.append((set_name, number, table, row))
            if name == "transactioncurrency":
                self._join_defaults(former_currency)
            if name == "role":
                self._add_roles()
            if name == "systemuser":
                self._add_application_users()
        for _, _, table, row in loaded:
            self._give_roles(table, row)
        self._add_base_units()
        for set_name, number, table, row in loaded:
            self._check_references(set_name, number, table, row)

    def _load_row(
        self, set_name: str, number: int, table: TableSchema, given: dict[str, Any]
    ) -> Row:
        try:
            row = _read_row(table, given)
            self._link(table, row, given)
            return self._insert(table, row)
        except DataverseError as error:
            raise SeedError(f"{set_name}, row {number}: {error.message}") from error

    def _link(self, table: TableSchema, row: Row, given: dict[str, Any]) -> None:
        for name, relationship in RELATIONSHIPS.items():
            if name in given and table.name == relationship.left:
                key = self._store.schema.tables[relationship.right].key
                ids = [str(each[key]).lower() for each in given[name]]
                self._store.associations.put(name, row[table.key], ids)

    def _insert(self, table: TableSchema, row: Row) -> Row:
        """Add a row as it is; what it leaves open gets its default or is computed."""
        now = utc_text(self._clock())
        computed = table.defaults | row
        for name in ("createdon", "modifiedon"):
            if name in table.columns:
                computed.setdefault(name, now)
        if table.states and computed.get("statecode") is None:
            computed["statecode"] = self._rules.initial_state(table.name)
        if table.states and computed.get("statuscode") is None:
            computed["statuscode"] = table.states[computed["statecode"]].default_status
        complete(self._store, table, computed, None, self._any_user())
        computed |= {name: value for name, value in row.items() if value is not None}
        self._store.insert(table.name, computed)
        return computed

    def _any_user(self) -> Caller:
        row = next(iter(self._store.tables["systemuser"].rows.values()), None)
        if row is None:
            return Caller(user_id="", business_unit_id="")
        return Caller(user_id=row["systemuserid"], business_unit_id=row["_businessunitid_value"])

    def _make_new(self) -> None:
        code, name, symbol = self._base_currency
        currency_id, organization_id, unit_group_id = (str(uuid4()) for _ in range(3))
        rows: dict[str, Row] = {
            "organization": {
                "organizationid": organization_id,
                "name": "organization",
                _BASE_CURRENCY: currency_id,
                "basecurrencyprecision": 2,
                "basecurrencysymbol": symbol,
                "currencydecimalprecision": 2,
                "pricingdecimalprecision": 2,
                "createproductswithoutparentinactivestate": False,
                "expirechangetrackingindays": 7,
                "fullnameconventioncode": 1,
                "languagecode": 1033,
            },
            "businessunit": {"businessunitid": str(uuid4()), "name": "organization"},
            "transactioncurrency": {
                "transactioncurrencyid": currency_id,
                "isocurrencycode": code,
                "currencyname": name,
                "currencysymbol": symbol,
                "currencyprecision": 2,
                "exchangerate": 1.0,
            },
            "uomschedule": {
                "uomscheduleid": unit_group_id,
                "name": "Default Unit",
                "baseuomname": "Primary Unit",
            },
        }
        with self._store.transaction():
            for table_name, row in rows.items():
                self._insert_default(table_name, row)
            self._add_roles()
            self._add_application_users()
            self._insert_default("uom", self._rules.base_unit_of(rows["uomschedule"]))
            for table_name, row in message_rows(self._store):
                self._insert(self._store.schema.tables[table_name], row)

    def _insert_default(self, table_name: str, row: Row) -> None:
        table = self._store.schema.tables[table_name]
        self._insert(table, row)
        self._defaults.add((table_name, row[table.key]))

    def _remove_defaults(self, seeded: str) -> None:
        for name in _GIVES_WAY.get(seeded, ()):
            for entry in [entry for entry in self._defaults if entry[0] == name]:
                self._store.remove(*entry)
                self._defaults.discard(entry)

    def _join_defaults(self, former_currency: Row | None) -> None:
        """Point the default rows that stayed to the seeded rows that replaced others."""
        organization = organization_of(self._store)
        currencies = self._store.tables["transactioncurrency"].rows
        if organization.get(_BASE_CURRENCY) not in currencies:
            code = former_currency["isocurrencycode"] if former_currency else None
            base = next(
                (row for row in currencies.values() if row["isocurrencycode"] == code),
                next((row for row in currencies.values() if row["exchangerate"] == 1), None),
            )
            if base is None:
                raise SeedError("The organization's base currency is not among the currencies.")
            self._store.replace(
                "organization", organization | {_BASE_CURRENCY: base["transactioncurrencyid"]}
            )
        units = self._store.tables["businessunit"].rows
        for user in list(self._store.tables["systemuser"].rows.values()):
            if user["_businessunitid_value"] not in units:
                root = {"_businessunitid_value": self._root_unit()}
                self._store.replace("systemuser", user | root)

    def _root_unit(self) -> str:
        for row in self._store.tables["businessunit"].rows.values():
            if row.get("_parentbusinessunitid_value") is None:
                return str(row["businessunitid"])
        raise SeedError("There is no root business unit (one without a parent).")

    def _add_application_users(self) -> None:
        users = self._store.tables["systemuser"]
        for client in self._clients:
            if next(users.find("applicationid", client), None) is not None:
                continue
            row = {
                "systemuserid": str(uuid5(NAMESPACE_URL, f"application-user:{client}")),
                "_businessunitid_value": self._root_unit(),
                "applicationid": client,
                "firstname": "#",
                "lastname": "Application",
                "domainname": f"{client}@application",
                "accessmode": 4,
            }
            self._insert_default("systemuser", row)
            self._give_roles(users.schema, row)

    def _add_roles(self) -> None:
        for row in list(missing_roles(self._store, self.standard_roles)):
            self._insert_default("role", row)

    def _give_roles(self, table: TableSchema, row: Row) -> None:
        """Give an application user or a team of whose roles nothing was said those that let the
        service work."""
        name = {"systemuser": USER_ROLES, "team": TEAM_ROLES}.get(table.name)
        if name is None or (name == USER_ROLES and not row.get("applicationid")):
            return
        if self._store.associations.knows(name, row[table.key]):
            return
        unit_id = row.get("_businessunitid_value")
        ids = [
            role["roleid"]
            for role in self._store.tables["role"].rows.values()
            if role["name"] in self._client_roles and role["_businessunitid_value"] == unit_id
        ]
        self._store.associations.put(name, row[table.key], ids)

    def _add_base_units(self) -> None:
        units = self._store.tables["uom"]
        for schedule in list(self._store.tables["uomschedule"].rows.values()):
            if next(units.find("_uomscheduleid_value", schedule["uomscheduleid"]), None) is None:
                if not schedule.get("baseuomname"):
                    raise SeedError(f"The unit group '{schedule.get('name')}' has no baseuomname.")
                self._insert(units.schema, self._rules.base_unit_of(schedule))

    def _check_references(self, set_name: str, number: int, table: TableSchema, row: Row) -> None:
        for column in table.lookups:
            value = row.get(column.row_name)
            if value is None or not column.navigation:
                continue
            target = row.get(column.row_name + LOOKUP_TABLE) if column.polymorphic else None
            targets = (target,) if target else tuple(column.navigation)
            if not any(value in self._store.tables[name].rows for name in targets):
                raise SeedError(
                    f"{set_name}, row {number}: {column.row_name} {value} is no record of "
                    f"{' or '.join(targets)}."
                )


def _read_row(table: TableSchema, given: dict[str, Any]) -> Row:
    row: Row = {}
    for name, value in given.items():
        column = table.properties.get(name)
        if column is not None:
            row[name] = _read_value(table, column, value)
        elif name.endswith(LOOKUP_TABLE):
            _read_target(table, name, value, row)
        elif name not in RELATIONSHIPS and "@" not in name:
            raise DataverseError(400, "", f"there is no column '{name}'")
    row.pop("versionnumber", None)
    row.setdefault(table.key, str(uuid4()))
    for column in table.lookups:
        if column.polymorphic and row.get(column.row_name) is not None:
            row.setdefault(column.row_name + LOOKUP_TABLE, next(iter(column.navigation)))
    return row


def _read_value(table: TableSchema, column: Column, value: Any) -> Any:
    if column.type != "lookup":
        return stored_value(table.name, column, value)
    if value is not None and not (isinstance(value, str) and is_guid(value)):
        raise DataverseError(400, "", f"{column.row_name} '{value}' is no GUID")
    return value.lower() if value else None


def _read_target(table: TableSchema, name: str, value: Any, row: Row) -> None:
    column = table.properties.get(name.removesuffix(LOOKUP_TABLE))
    if column is None or (value is not None and value not in column.navigation):
        raise DataverseError(400, "", f"'{name}' cannot be '{value}'")
    if column.polymorphic:
        row[name] = value
