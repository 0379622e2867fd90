"""The administrator of webhooks, and a look at what the two services have registered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from local.demo import ENVIRONMENT
from local.http_client import Answer
from local.identities import TENANT
from local.soak_people import PEOPLE
from tests.integration.full_sync.installation import BC, CRM
from tests.integration.incremental.office import Office

type Subscription = dict[str, Any]

_BC_AUDIENCE = "https://api.businesscentral.dynamics.com"


class Registrar:
    """Registers the webhooks of one connection, and calls their receivers as a stranger does."""

    def __init__(self, office: Office) -> None:
        self._installation = office.installation
        self._platform = office.installation.platform
        self._connection = office.connection

    # Coupler's API

    def register(self) -> dict[str, Any]:
        return self._document(self._call("PUT"))

    def rotate(self) -> dict[str, Any]:
        return self._document(self._call("POST", "/rotate"))

    def shown(self) -> dict[str, Any]:
        return self._document(self._call("GET"))

    def remove(self) -> None:
        answer = self._call("DELETE")
        assert answer.status == 204, answer.body

    def _call(self, method: str, rest: str = "") -> Answer:
        path = f"connections/{self._connection}/webhooks{rest}"
        return self._installation.call(method, path)

    @staticmethod
    def _document(answer: Answer) -> dict[str, Any]:
        assert answer.status == 200, answer.body
        document: dict[str, Any] = answer.body
        return document

    def run_timer(self) -> None:
        """Have the timer function run that renews every connection's webhooks."""
        url = f"{self._platform.addresses.function_app}/admin/functions/renew_webhooks"
        answer = self._platform.client.request("POST", url, body={"input": ""})
        assert answer.status == 202, answer.body

    # The receivers

    def call_receiver(self, side: str, query: str = "", body: Any = None) -> Answer:
        """A call without a token, as anybody can make it who knows the address."""
        url = f"{self.address(side)}{query}"
        return self._platform.client.request("POST", url, body=body)

    def address(self, side: str) -> str:
        host = self._platform.addresses.function_app
        return f"{host}/api/webhooks/{side}/{TENANT}/{self._connection}"

    # The services

    def subscriptions(self) -> dict[str, Subscription]:
        """Business Central's subscriptions that call this connection, by entity set."""
        own = [
            row
            for row in self._installation.dump(BC, "subscriptions")
            if row["notificationUrl"] == self.address("bc")
        ]
        found = {str(row["resource"]).rpartition("/")[2]: row for row in own}
        assert len(found) == len(own), "an entity set is subscribed to twice"
        return found

    def expiries(self) -> dict[str, datetime]:
        return {
            name: datetime.fromisoformat(row["expirationDateTime"])
            for name, row in self.subscriptions().items()
        }

    def steps(self) -> list[str]:
        """The names of CRM's steps that call this connection."""
        endpoints = {
            row["serviceendpointid"]
            for row in self._installation.dump(CRM, "serviceendpoints")
            if row["url"] == self.address("crm")
        }
        steps = self._installation.dump(CRM, "sdkmessageprocessingsteps")
        return sorted(str(row["name"]) for row in steps if row["_eventhandler_value"] in endpoints)

    def lose_subscription(self, entity_set: str) -> None:
        """End a subscription, as Business Central does after too many failed calls."""
        base = f"{self._platform.addresses.business_central}/v2.0/{TENANT}/{ENVIRONMENT}"
        lost = self.subscriptions()[entity_set]
        answer = self._platform.client.request(
            "DELETE",
            f"{base}/api/v2.0/subscriptions('{lost['subscriptionId']}')",
            headers={
                "Authorization": f"Bearer {self._platform.token(PEOPLE, _BC_AUDIENCE)}",
                "If-Match": "*",
            },
        )
        assert answer.status == 204, answer.body

    def set_clock_of_bc(self, skew_seconds: int) -> None:
        url = f"{self._platform.addresses.business_central}/_sim/clock"
        answer = self._platform.client.request("PUT", url, body={"skew_seconds": skew_seconds})
        assert answer.status < 300, answer.body
