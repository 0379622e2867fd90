"""Filling the simulators, and keeping what is in them between two starts.

The simulators hold their records in memory, while couplings lie in Azurite's files. So that both
fit together after a restart, the records are saved when the platform stops and loaded again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.identities import SERVICE, Person
from local.platform import Platform
from local.sample_data.model import Rows, SampleData

_ROWS_PER_REQUEST = 5000
_ADMINISTRATIVE = 1  # CRM's accessmode

_APPLICATION = Path(__file__).parent.parent
_NOT_DEPLOYED = frozenset({"cli", "docs", "local", "tests"})

_SETS = {
    "business_central": (
        "companies",
        "companyInformation",
        "salespeoplePurchasers",
        "currencies",
        "currencyExchangeRates",
        "unitsOfMeasure",
        "customers",
        "contacts",
        "contactsInformation",
        "items",
        "resources",
        "customerPriceGroups",
        "salesPrices",
    ),
    "crm": (
        "organizations",
        "businessunits",
        "systemusers",
        "teams",
        "transactioncurrencies",
        "uomschedules",
        "uoms",
        "accounts",
        "contacts",
        "pricelevels",
        "products",
        "productpricelevels",
    ),
}
"""The sets that a synchronization reads or writes, parents before children."""


class SeedError(Exception):
    """A simulator refused its data; the text says which rows and why."""


def fingerprint(data: SampleData) -> str:
    """Tells whether two worlds grew from the same sample data under the same application, whose
    rows may have another shape after it was changed."""
    text = json.dumps([data.company, data.business_central, data.crm], sort_keys=True)
    digest = hashlib.sha256(text.encode())
    for package in sorted(_APPLICATION.glob("[!.]*/")):
        if package.name not in _NOT_DEPLOYED:
            for module in sorted(package.rglob("*.py")):
                digest.update(module.read_bytes())
    return digest.hexdigest()[:16]


class SimulatedWorld:
    """The records of one platform's simulators. A real service in one's place is left alone."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._folder = platform.options.state / "world" / str(platform.options.ports.base)

    @property
    def saved_mark(self) -> str:
        """Fingerprint of the sample data that the saved world grew from, empty where none is."""
        mark = self._folder / "mark"
        return mark.read_text(encoding="utf-8") if mark.exists() else ""

    def forget(self) -> None:
        """Remove the saved records."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def fill(self, data: SampleData) -> None:
        """Seed both simulators with sample data."""
        self._seed_bc(data.business_central)
        self._seed_crm(_with_service_user(data.crm))

    def save(self, mark: str) -> None:
        """Keep what is in the simulators now; ``mark`` as ``saved_mark`` will tell it."""
        self.forget()
        self._folder.mkdir(parents=True)
        for name in self._simulators():
            rows = {entity_set: self.dump(name, entity_set) for entity_set in _SETS[name]}
            path = self._folder / f"{name}.json"
            path.write_text(json.dumps(rows), encoding="utf-8")
        (self._folder / "mark").write_text(mark, encoding="utf-8")

    def restore(self) -> bool:
        """Load what was saved; False where nothing was."""
        if not self.saved_mark:
            return False
        for name, address in self._simulators().items():
            path = self._folder / f"{name}.json"
            if path.exists():
                self._seed(address, json.loads(path.read_text(encoding="utf-8")))
        return True

    def forget_mark(self) -> None:
        """From here on couplings change: after an end without ``save`` they would not fit what
        was saved."""
        (self._folder / "mark").unlink(missing_ok=True)

    def add_administrator(self, person: Person) -> None:
        """Let a person in to CRM as System Administrator and System Customizer, who imports
        solutions; in the root business unit."""
        units = self.dump("crm", "businessunits")
        root = next(unit for unit in units if not unit["_parentbusinessunitid_value"])
        first, _, last = person.name.partition(" ")
        user = {
            "firstname": first,
            "lastname": last,
            "internalemailaddress": person.sign_in_name,
            "domainname": person.sign_in_name,
            "_businessunitid_value": root["businessunitid"],
            "accessmode": _ADMINISTRATIVE,
        }
        self._seed_crm({"systemusers": [user]})
        roles = ["System Administrator", "System Customizer"]
        self._demand_of_crm("user", {"user": person.sign_in_name, "roles": roles})

    def make_crm_bare(self) -> None:
        """Make CRM an organization that nobody has prepared for the service: no solution, no
        integration roles, its application user without any role."""
        self._demand_of_crm("bare", {})

    def install_solution(self, package: bytes) -> None:
        """Have CRM hold a solution as if it had long been imported."""
        self._demand_of_crm("solution", {"package": base64.b64encode(package).decode()})

    def count(self, side: str, entity_set: str) -> int:
        """How many records a simulator holds in a set."""
        return len(self.dump(side, entity_set))

    def dump(self, side: str, entity_set: str) -> list[dict[str, Any]]:
        """All records of a set, or none where a real service stands in the simulator's place."""
        address = self._simulators().get(side)
        return self._get(f"{address}/_sim/dump/{entity_set}") if address else []

    def requests(self) -> dict[str, Any]:
        """Requests and operations that each simulator counted."""
        return {
            side: self._get(f"{address}/_sim/requests")
            for side, address in self._simulators().items()
        }

    def forget_requests(self) -> None:
        """Begin counting requests anew."""
        for address in self._simulators().values():
            self._platform.client.request("DELETE", f"{address}/_sim/requests")

    def _simulators(self) -> dict[str, str]:
        options, addresses = self._platform.options, self._platform.addresses
        found = {}
        if options.bc_url is None:
            found["business_central"] = addresses.business_central
        if options.crm_url is None:
            found["crm"] = addresses.crm
        return found

    def _seed_bc(self, rows: Rows) -> None:
        if self._platform.options.bc_url is None:
            self._seed(self._platform.addresses.business_central, rows)

    def _seed_crm(self, rows: Rows) -> None:
        if self._platform.options.crm_url is None:
            self._seed(self._platform.addresses.crm, rows)

    def _demand_of_crm(self, name: str, values: Mapping[str, Any]) -> None:
        address = f"{self._platform.addresses.crm}/_sim/{name}"
        answer = self._platform.client.request("POST", address, body=values)
        if answer.status not in (200, 204):
            raise SeedError(f"{address} answered {answer.body}")

    def _seed(self, address: str, rows: Rows) -> None:
        """Small sets together, since they refer to each other; large ones in parts after them."""
        small = {name: some for name, some in rows.items() if len(some) <= _ROWS_PER_REQUEST}
        self._post(address, small)
        for name, some in rows.items():
            if name not in small:
                for start in range(0, len(some), _ROWS_PER_REQUEST):
                    self._post(address, {name: some[start : start + _ROWS_PER_REQUEST]})

    def _post(self, address: str, rows: Rows) -> None:
        client = self._platform.client
        answer = client.request("POST", f"{address}/_sim/seed", body=rows, seconds=300)
        if answer.status != 200:
            raise SeedError(f"{address} refused its data: {answer.body}")

    def _get(self, url: str) -> Any:
        return self._platform.client.request("GET", url, seconds=300).body


def storage_folder(platform: Platform) -> Path:
    """Where Azurite keeps the tables and queues of this platform."""
    return platform.options.state / "storage" / str(platform.options.ports.base)


def _with_service_user(rows: Rows) -> Rows:
    """The rows with the connection's application as an application user of the organization."""
    users = rows.get("systemusers", [])
    if not users or any(user.get("applicationid") == SERVICE.client_id for user in users):
        return rows
    service = {
        "systemuserid": SERVICE.client_id,
        "fullname": "# Coupler",
        "lastname": "# Coupler",
        "internalemailaddress": "coupler@localhost",
        "domainname": "coupler@localhost",
        "_businessunitid_value": users[0]["_businessunitid_value"],
        "accessmode": 4,
        "islicensed": False,
        "isdisabled": False,
        "isintegrationuser": True,
        "applicationid": SERVICE.client_id,
    }
    return rows | {"systemusers": [*users, service]}
