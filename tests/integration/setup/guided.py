"""A tenant's administrator who sets connections up, and can make each thing wrong."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local.http_client import Answer
from local.identities import ADMINISTRATOR, SERVICE, TENANT
from local.platform import Platform
from local.sample_data.model import SampleData
from solution.pack import packed
from solution.roles import INTEGRATION_ADMINISTRATOR, INTEGRATION_USER
from tests.integration.full_sync.installation import BC, CRM, Installation, company

ROLES = [INTEGRATION_USER, INTEGRATION_ADMINISTRATOR]
PACKAGE = base64.b64encode(packed()).decode()
ALL_OPTIONS = {
    "crm_solution": True,
    "separate_companies": True,
    "item_availability": True,
    "sales_orders": True,
}

_SHORT_LIVED_SECONDS = 200
"""Less than the five minutes that the sign-in library keeps a token before it ends."""

type Findings = dict[tuple[str, str, str], str]
"""The result by step, check and subject."""


class Guided:
    """Calls of the administrator, and demands on the simulators."""

    def __init__(self, platform: Platform) -> None:
        self.installation = Installation(platform)
        self.platform = platform
        self.data: SampleData = company(10)

    def begin_anew(self, *, base_currency: str = "") -> None:
        """Both systems hold a company; CRM is prepared, with an administrator of its own.

        CRM counts in the company's local currency, or in another one. No earlier connection is
        enabled any more: two may not connect the same company and organization.
        """
        for each in self.call("GET", "connections?state=active").body["connections"]:
            disabled = self.call("POST", f"connections/{each['connection_id']}/disable", {})
            assert disabled.status == 200, disabled.body
        data = self.data
        if base_currency:
            data = replace(data, crm={**data.crm, "organization": [_counting(data, base_currency)]})
        self.installation.begin_anew(data)
        self.installation.world.add_administrator(ADMINISTRATOR)
        self.installation.world.install_solution(packed())
        self.demand(CRM, "user", {"user": SERVICE.client_id, "roles": ROLES})
        self.demand(CRM, "imports", {"seconds": 0.2, "fault": None})

    # The administrator

    def connect(self, **members: Any) -> str:
        """A new connection's id; ``members`` replace those of its document."""
        document = self.installation.document(self.data.company, **members)
        created = self.installation.client.create_connection(document)
        return str(created["connection_id"])

    def call(self, method: str, path: str, body: Any = None) -> Answer:
        return self.installation.call(method, path, body)

    def set_up(self, connection: str) -> dict[str, Any]:
        """Look at every step; the guide."""
        return self._ok("POST", f"connections/{connection}/setup")

    def guide(self, connection: str) -> dict[str, Any]:
        return self._ok("GET", f"connections/{connection}/setup")

    def look(self, connection: str, step: str) -> dict[str, Any]:
        """Look at one step."""
        return self._ok("POST", f"connections/{connection}/setup/{step}")

    def sign_in(self, connection: str) -> dict[str, Any]:
        """Begin a sign-in."""
        return self._ok("POST", f"connections/{connection}/solution/sign-in")

    def signed_in(self, connection: str, person: str = ADMINISTRATOR.sign_in_name) -> str:
        """The device code of a sign-in that a person has finished."""
        begun = self.sign_in(connection)
        self.play(user_code=begun["user_code"], user=person)
        return str(begun["device_code"])

    def import_solution(
        self, connection: str, administrator: Mapping[str, str], **more: Any
    ) -> Answer:
        body = {"administrator": dict(administrator)} | more
        return self.call("POST", f"connections/{connection}/solution", body)

    def _ok(self, method: str, path: str) -> dict[str, Any]:
        answer = self.call(method, path, {} if method == "POST" else None)
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.body
        return found

    # The world

    def demand(self, side: str, name: str, values: Mapping[str, Any]) -> None:
        """Make something wrong, or right again, in one of the services."""
        addresses = self.platform.addresses
        address = {BC: addresses.business_central, CRM: addresses.crm}[side]
        self._post(f"{address}/_sim/{name}", values)

    def play(self, **what: Any) -> None:
        """Do what a person does who signs in."""
        self._post(f"{self.platform.addresses.entra}/_sim/sign-in", what)

    def store_secret(self, name: str, value: str) -> str:
        """Put a secret into Key Vault; its whole name."""
        whole = f"{TENANT}--{name}"
        secret = {"name": whole, "value": value}
        self._post(f"{self.platform.addresses.key_vault}/_sim/seed", {"secrets": [secret]})
        return whole

    def set_secrets_of_service(self, *secrets: str) -> None:
        """Which secrets of Coupler's application are good; its tokens live so short from now on
        that each is asked for anew."""
        client = {
            "tenant": TENANT,
            "client_id": SERVICE.client_id,
            "secrets": list(secrets),
            "expires_in": _SHORT_LIVED_SECONDS,
        }
        self._post(f"{self.platform.addresses.entra}/_sim/seed", {"clients": [client]})

    def _post(self, url: str, body: Mapping[str, Any]) -> None:
        answer = self.platform.client.request("POST", url, body=dict(body))
        assert answer.status in (200, 204), f"{url}: {answer.body}"


def _counting(data: SampleData, base_currency: str) -> dict[str, Any]:
    """The company's organization, whose base currency is that one."""
    [currency] = [
        row for row in data.crm["transactioncurrencies"] if row["isocurrencycode"] == base_currency
    ]
    [organization] = data.crm["organization"]
    return organization | {"_basecurrencyid_value": currency["transactioncurrencyid"]}


def findings(guide: Mapping[str, Any], *results: str) -> Findings:
    """The findings of a guide or of one step, all or those with these results."""
    steps = guide.get("steps", [guide])
    return {
        (step["step"], finding["check"], finding["subject"]): finding["result"]
        for step in steps
        for finding in step["findings"]
        if not results or finding["result"] in results
    }


def failures(guide: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Step, check and subject of everything that failed."""
    return list(findings(guide, "failed"))


def told(guide: Mapping[str, Any], step: str, check: str, subject: str) -> dict[str, str]:
    """One finding whole."""
    steps = guide.get("steps", [guide])
    [found] = [
        finding
        for each in steps
        if each["step"] == step
        for finding in each["findings"]
        if (finding["check"], finding["subject"]) == (check, subject)
    ]
    return dict(found)
