"""A running platform with an administrator at it: what every test of this folder works with."""

from __future__ import annotations

import json
import random
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from local.coupler_client import CouplerClient
from local.http_client import Answer
from local.identities import SERVICE, SERVICE_SECRET_NAME, TENANT
from local.platform import REPOSITORY, Platform, PlatformOptions
from local.ports import Ports
from local.sample_data.generator import generate
from local.sample_data.model import Rows, SampleData
from local.simulated_world import SimulatedWorld

ENVIRONMENT = "Production"
BC, CRM = "business_central", "crm"
POLL_SECONDS = 0.1
REVIEW_POLL_SECONDS = 0.3
"""Longer, because a review costs the function host time that the run needs."""

SETS = {
    BC: (
        "salespeoplePurchasers",
        "currencies",
        "unitsOfMeasure",
        "customers",
        "contacts",
        "items",
        "resources",
        "customerPriceGroups",
        "salesPrices",
    ),
    CRM: (
        "systemusers",
        "transactioncurrencies",
        "uomschedules",
        "uoms",
        "accounts",
        "contacts",
        "products",
        "pricelevels",
        "productpricelevels",
    ),
}
"""All sets that a synchronization may write, by side."""

CRM_KEY = {
    "systemusers": "systemuserid",
    "transactioncurrencies": "transactioncurrencyid",
    "uomschedules": "uomscheduleid",
    "accounts": "accountid",
    "contacts": "contactid",
    "products": "productid",
    "pricelevels": "pricelevelid",
    "productpricelevels": "productpricelevelid",
}

TABLES = {
    "SALESPEOPLE": ("salespeoplePurchasers", "id", "systemusers"),
    "CURRENCY": ("currencies", "id", "transactioncurrencies"),
    "UNIT OF MEASURE": ("unitsOfMeasure", "id", "uomschedules"),
    "CUSTOMER": ("customers", "id", "accounts"),
    "CONTACT": ("contacts", "id", "contacts"),
    "ITEM-PRODUCT": ("items", "id", "products"),
    "RESOURCE-PRODUCT": ("resources", "SystemId", "products"),
    "CUSTPRCGRP-PRICE": ("customerPriceGroups", "SystemId", "pricelevels"),
    "SALESPRC-PRODPRICE": ("salesPrices", "SystemId", "productpricelevels"),
}
"""Of each table mapping: BC's set, the member with its id, CRM's set."""


def free_ports() -> Ports:
    """Ports of a base on which nothing listens just now, another one each time."""
    bases = range(11070, 31070, 50)
    for base in random.sample(bases, len(bases)):
        ports = Ports.from_base(base)
        with ExitStack() as held:
            try:
                for port in astuple(ports):
                    held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return ports
    raise AssertionError("no base has all its ports free")


def free_port() -> int:
    """A port on which nothing listens just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def options(state: Path, ports: Ports | None = None) -> PlatformOptions:
    """A platform that forgets everything, quick to notice that a worker died.

    It shares only Azurite's installation with the clone's own.
    """
    state.mkdir(exist_ok=True)
    installed = REPOSITORY / ".local" / "azurite"
    installed.mkdir(parents=True, exist_ok=True)
    (state / "azurite").symlink_to(installed)
    return PlatformOptions(
        ports=ports or free_ports(),
        state=state,
        settings_file=state / "local.settings.json",
        in_memory=True,
        settings={
            "TABLE_JOB_LEASE_SECONDS": "3",
            "RUN_WATCH_SECONDS": "1",
            "TENANT_STARTS_PER_HOUR": "0",  # all tests are one tenant's
        },
    )


def company(customers: int) -> SampleData:
    """A generated company whose CRM agrees with it as far as it knows it already.

    The generator also makes accounts of another currency than their customer: they are conflicts,
    and left out here.
    """
    data = generate(customers)
    currency = {row["number"]: row["currencyCode"] for row in data.business_central["customers"]}
    accounts = [row for row in data.crm["accounts"] if currency[row["accountnumber"]] == "GBP"]
    return replace(data, crm=data.crm | {"accounts": accounts})


def until[T](
    condition: Callable[[], T], what: str, *, seconds: float = 60.0, every: float = POLL_SECONDS
) -> T:
    """Wait for a condition and return what it found; fails after the deadline."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(every)
    return found


class Installation:
    """Calls of the administrator, and looks behind the scenes of both systems."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.world = SimulatedWorld(platform)
        self.client = CouplerClient(platform)
        self.token = platform.caller_token()
        self._addresses = {
            BC: platform.addresses.business_central,
            CRM: platform.addresses.crm,
        }
        self._enabled: list[str] = []
        """Connections that were enabled since the systems were filled."""

    def call(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> Answer:
        """One call of Coupler's API, whatever it answers."""
        return self.platform.client.request(
            method,
            f"{self.platform.addresses.function_app}/api/{path}",
            body=body,
            headers={"Authorization": f"Bearer {token or self.token}"},
        )

    def begin_anew(self, data: SampleData) -> None:
        """Empty both systems and fill them; faults, counts and connections are forgotten."""
        self.clear_faults()
        while self._enabled:
            self._put_on_hold(self._enabled.pop())
        for address in self._addresses.values():
            assert self.platform.client.request("POST", f"{address}/_sim/reset").status == 204
        self.world.fill(data)
        self.world.forget_requests()

    def document(self, company_name: str, **sides: Any) -> dict[str, Any]:
        """What creating a connection takes; ``sides`` replace members."""
        address = self.platform.addresses.business_central
        return {
            "connection_id": f"test-{uuid4().hex[:12]}",
            "name": "A connection of the tests",
            "business_central": {
                "url": self.platform.options.bc_url or f"{address}/v2.0/{TENANT}/{ENVIRONMENT}",
                "company": company_name,
            },
            "crm": {"url": self.platform.addresses.crm},
            "credentials": {
                "tenant_id": TENANT,
                "client_id": SERVICE.client_id,
                "client_secret_name": SERVICE_SECRET_NAME,
            },
        } | sides

    def connect(self, company_name: str, **sides: Any) -> str:
        """An enabled connection's id; no pass by the timer comes between what a test looks at."""
        connection_id = self.draft(company_name, **sides)
        self.client.enable(connection_id)
        self._enabled.append(connection_id)
        self.client.set_incremental(connection_id, {"enabled": False})
        self.world.forget_requests()  # those of the setup guide
        return connection_id

    def draft(self, company_name: str, **sides: Any) -> str:
        """The id of a connection that is not enabled: only previews run."""
        created = self.client.create_connection(self.document(company_name, **sides))
        return str(created["connection_id"])

    def start(
        self, connection: str, mappings: Sequence[str] = (), *, action: str = "start"
    ) -> Answer:
        path = f"connections/{connection}/full-sync/{action}"
        everything = {"mode": "full-synchronization"}  # whatever is recommended
        return self.call("POST", path, {"mappings": list(mappings), **everything})

    def review(self, connection: str) -> dict[str, Any]:
        return self.client.review(connection)

    def lines(self, connection: str) -> dict[str, dict[str, Any]]:
        """The review's lines by name."""
        return {line["name"]: line for line in self.review(connection)["lines"]}

    def ended(self, connection: str, *, seconds: float = 60.0) -> dict[str, Any]:
        """The review as soon as the run is over."""

        def over() -> dict[str, Any] | None:
            review = self.review(connection)
            return review if review["run"]["state"] != "in-process" else None

        what = f"the end of the run of {connection}"
        return until(over, what, seconds=seconds, every=REVIEW_POLL_SECONDS) or {}

    def synchronize(self, connection: str, mappings: Sequence[str] = ()) -> dict[str, Any]:
        """Start a run and wait for its end; the review."""
        started = self.start(connection, mappings)
        assert started.status == 202, started.body
        return self.ended(connection)

    def forget(self, connection: str) -> None:
        """Leave putting it on hold to the test that had it."""
        self._enabled.remove(connection)

    def _put_on_hold(self, connection: str) -> None:
        """End whatever a test left running; the company is connected anew by the next one."""
        if self.call("POST", f"connections/{connection}/full-sync/cancel").status == 202:
            self.ended(connection)
        held = self.call("POST", f"connections/{connection}/disable")
        assert held.status == 200, held.body

    def preview(self, connection: str, mappings: Sequence[str] = ()) -> dict[str, Any]:
        """Count what a run would do and wait for the end; the lines."""
        started = self.start(connection, mappings, action="preview")
        assert started.status == 202, started.body

        def over() -> dict[str, Any] | None:
            path = f"connections/{connection}/full-sync/preview"
            lines: dict[str, Any] = self.call("GET", path).body
            return lines if lines["run"]["state"] != "in-process" else None

        return until(over, f"the end of the preview of {connection}") or {}

    def dump(self, side: str, entity_set: str) -> list[dict[str, Any]]:
        return self.world.dump(side, entity_set)

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """All records of both systems that a synchronization may write."""
        return {
            f"{side} {name}": self.dump(side, name)
            for side, names in SETS.items()
            for name in names
        }

    def plan_fault(
        self, side: str, action: str, *, method: str = "", path: str = "", **how: Any
    ) -> None:
        """Let a simulator misbehave; until ``clear_faults`` unless ``times`` is given."""
        fault = {"match": {"method": method, "path": path}, "action": action, "times": None} | how
        url = f"{self._addresses[side]}/_sim/faults"
        assert self.platform.client.request("POST", url, body=fault).status == 200

    def clear_faults(self) -> None:
        for address in self._addresses.values():
            self.platform.client.request("DELETE", f"{address}/_sim/faults")

    def couplings_not_on_both_sides(self, connection: str) -> list[str]:
        """Couplings that name a record which one of the systems does not have."""
        found = []
        for mapping, (bc_set, bc_key, crm_set) in TABLES.items():
            bc_ids = {row[bc_key] for row in self.dump(BC, bc_set)}
            crm_ids = {row[CRM_KEY[crm_set]] for row in self.dump(CRM, crm_set)}
            found += [
                f"{mapping} {coupling['name']}"
                for coupling in self.client.couplings(connection, mapping)
                if coupling["bc_id"] not in bc_ids or coupling["crm_id"] not in crm_ids
            ]
        return found

    def duplicates(self) -> list[str]:
        """Numbers and names that must be unique and are not, on either side."""
        found = []
        for side, entity_set, member in (
            (CRM, "accounts", "accountnumber"),
            (CRM, "products", "productnumber"),
            (CRM, "pricelevels", "name"),
            (CRM, "uomschedules", "name"),
            (CRM, "transactioncurrencies", "isocurrencycode"),
            (CRM, "contacts", "emailaddress1"),
            (BC, "customers", "number"),
            (BC, "contacts", "number"),
            (BC, "salespeoplePurchasers", "code"),
        ):
            values = Counter(row[member] for row in self.dump(side, entity_set))
            found += [f"{entity_set} {value}" for value, n in values.items() if value and n > 1]
        return found


def writes(requests: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Those of the counted requests that are not GET, by side."""
    return {
        side: {kind: n for kind, n in counted["by_kind"].items() if not kind.startswith("GET ")}
        for side, counted in requests.items()
    }


def statuses(review: dict[str, Any]) -> dict[str, str]:
    """Job queue entry status by line."""
    return {line["name"]: line["job_queue_entry_status"] for line in review["lines"]}


def only(data: SampleData, *, bc: Iterable[str], crm: Iterable[str]) -> SampleData:
    """The data without the rows of other sets than these."""

    def kept(rows: Rows, names: Iterable[str]) -> Rows:
        return {name: rows[name] for name in names if name in rows}

    return replace(data, business_central=kept(data.business_central, bc), crm=kept(data.crm, crm))


@contextmanager
def running(chosen: PlatformOptions) -> Iterator[Platform]:
    """A platform that is up; its log lies beside its settings."""
    log = (chosen.state / "platform.log").open("w", encoding="utf-8")
    with log, Platform(chosen, lambda name, line: print(name, line, file=log, flush=True)) as made:
        made.start()
        yield made


def simulator_configuration(folder: Path, name: str, configuration: dict[str, Any]) -> Path:
    """A simulator's own settings as a file."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps(configuration), encoding="utf-8")
    return path
