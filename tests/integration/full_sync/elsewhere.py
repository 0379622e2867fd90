"""A platform whose services are other processes on other ports, CRM's away for a while."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from local.identities import SERVICE, TENANT
from local.platform import Platform
from local.processes import Processes, ProcessSpec
from local.sample_data.model import Rows, SampleData
from tests.integration.full_sync.installation import (
    ENVIRONMENT,
    Installation,
    company,
    free_port,
    options,
    running,
    simulator_configuration,
)

MAPPINGS = ("SALESPEOPLE", "CUSTOMER")


def local_customers() -> SampleData:
    """A company that sells in its local currency only, so that no other table is needed."""
    data = company(24)
    customers = [row for row in data.business_central["customers"] if row["currencyCode"] == "GBP"]
    names = ("companies", "companyInformation", "salespeoplePurchasers")
    rows = {name: data.business_central[name] for name in names} | {"customers": customers}
    return replace(data, business_central=rows)


class Elsewhere:
    """An installation that began a run while its CRM could not be reached."""

    def __init__(self, platform: Platform, processes: Processes, ports: tuple[int, int]) -> None:
        self._installation = Installation(platform)
        self._processes = processes
        self._bc_port, self._crm_port = ports
        self._data = local_customers()
        self._serve("business_central", self._bc_port, self._data.business_central)
        self._serve("dataverse", self._crm_port, self._data.crm)
        self._connection = self._installation.connect(self._data.company)
        processes.stop("other dataverse")
        self._installation.start(self._connection, MAPPINGS)
        self._unreachable_review: dict[str, Any] = {}
        self._review_after_restart: dict[str, Any] = {}

    def unreachable_review(self) -> dict[str, Any]:
        """The review when the service was given up; CRM stays away until then."""
        if not self._unreachable_review:
            self._unreachable_review = self._installation.ended(self._connection, seconds=180.0)
        return self._unreachable_review

    def review_after_restart(self) -> dict[str, Any]:
        """The review after CRM came up and the line was restarted."""
        if not self._review_after_restart:
            self._serve("dataverse", self._crm_port, self._data.crm)
            path = f"connections/{self._connection}/full-sync/lines/SALESPEOPLE/restart"
            assert self._installation.call("POST", path).status == 202
            self._review_after_restart = self._installation.ended(self._connection)
        return self._review_after_restart

    def numbers(self) -> tuple[list[str], list[str]]:
        """The customers' numbers in Business Central, and the accounts' in CRM."""
        customers = self._dump(self._bc_port, "customers")
        accounts = self._dump(self._crm_port, "accounts")
        return (
            sorted(row["number"] for row in customers),
            sorted(row["accountnumber"] for row in accounts),
        )

    def _serve(self, name: str, port: int, rows: Rows) -> None:
        """Start a simulator as somebody else would, and fill it."""
        platform = self._installation.platform
        certificates = platform.certificates
        known = {"clients": [SERVICE.client_id]} if name == "dataverse" else {}
        settings = simulator_configuration(platform.options.state, f"other_{name}", known)
        self._processes.start(
            ProcessSpec(
                name=f"other {name}",
                command=[
                    *(sys.executable, "-m", f"local.simulators.{name}", "--port", str(port)),
                    *("--certificate", str(certificates.certificate)),
                    *("--key", str(certificates.key), "--entra", platform.addresses.entra),
                    *("--configuration", str(settings)),
                ],
                ports=(port,),
                environment={"REQUESTS_CA_BUNDLE": str(certificates.bundle)},
            )
        )
        url = f"https://127.0.0.1:{port}/_sim/seed"
        seeded = platform.client.request("POST", url, body=rows)
        assert seeded.status == 200, seeded.body

    def _dump(self, port: int, entity_set: str) -> list[dict[str, Any]]:
        url = f"https://127.0.0.1:{port}/_sim/dump/{entity_set}"
        rows: list[dict[str, Any]] = self._installation.platform.client.request("GET", url).body
        return rows


@contextmanager
def begun(state: Path) -> Iterator[Elsewhere]:
    """Such an installation, its run under way."""
    bc_port, crm_port = free_port(), free_port()
    chosen = replace(
        options(state),
        crm_url=f"https://127.0.0.1:{crm_port}",
        bc_url=f"https://127.0.0.1:{bc_port}/v2.0/{TENANT}/{ENVIRONMENT}",
    )
    with (state / "other.log").open("w", encoding="utf-8") as log:
        processes = Processes(lambda name, line: print(name, line, file=log, flush=True))
        with running(chosen) as platform, processes:
            yield Elsewhere(platform, processes, (bc_port, crm_port))
