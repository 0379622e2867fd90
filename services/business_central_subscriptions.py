"""Subscriptions to Business Central's webhooks.

A subscription is of one entity set of a company and lives for three days unless renewed. Making and
renewing one both have Business Central call the address at once, which must answer with the token
it is given. Not every entity set can be subscribed to. Source: "Working with webhooks".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from errors import AuthorizationError, ConcurrencyError, ConfigurationError
from services import answers, faults, odata
from services.faults import Meaning
from services.records import Record
from services.transport import Response, Transport

_SUBSCRIPTIONS = "api/v2.0/subscriptions"
_HEADERS = {"Accept": "application/json"}
_HANDSHAKE = re.compile(r"validat|handshake", re.IGNORECASE)

DOCUMENTED_RESOURCES = frozenset(
    {
        "accounts",
        "companyInformation",
        "countriesRegions",
        "currencies",
        "customerPaymentJournals",
        "customers",
        "dimensions",
        "employees",
        "generalLedgerEntries",
        "itemCategories",
        "items",
        "journals",
        "paymentMethods",
        "paymentTerms",
        "purchaseInvoices",
        "salesCreditMemos",
        "salesInvoices",
        "salesOrders",
        "salesQuotes",
        "shipmentMethods",
        "unitsOfMeasure",
        "vendors",
    }
)
"""Entity sets of API v2.0 that can be subscribed to, as documented."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One subscription as Business Central keeps it."""

    id: str
    url: str
    resource: str
    """Path of the entity set, such as ``/api/v2.0/companies(…)/customers``."""
    expires: datetime
    version: str
    """ETag, by which renewing it is guarded."""

    @property
    def entity_set(self) -> str:
        return self.resource.rstrip("/").rpartition("/")[2]


class BusinessCentralSubscriptions:
    """The webhook subscriptions of one environment, made for one company's tables.

    Safe to use from several threads. Every method raises the families of ``services.transport``
    and ``services.answers``.
    """

    def __init__(self, transport: Transport, company_id: str) -> None:
        self._transport = transport
        self._service = transport.service_name
        self._company = odata.by_id("companies", company_id)

    def resource(self, entity_set: str) -> str:
        """The resource path of the company's entity set."""
        return f"/api/v2.0/{self._company}/{odata.name(entity_set)}"

    def supported_resources(self) -> frozenset[str]:
        """Entity sets that can be subscribed to.

        Business Central is asked; the documented ones where it does not tell.
        """
        only_v2 = quote("resource eq 'v2.0*'", safe="'*")
        path = f"api/microsoft/runtime/beta/{self._company}/webhookSupportedResources"
        try:
            rows = self._read(f"{path}?$filter={only_v2}", "webhookSupportedResources")
        except (AuthorizationError, ConfigurationError):
            return DOCUMENTED_RESOURCES  # this API is not offered, or not to us
        told = {str(row.get("resource")).rpartition("/")[2] for row in rows}
        return frozenset(told) or DOCUMENTED_RESOURCES

    def list_subscriptions(self) -> list[Subscription]:
        """All subscriptions of the environment, also those of other companies and addresses."""
        return [self._subscription(row) for row in self._read(_SUBSCRIPTIONS, "subscriptions")]

    def subscribe(self, url: str, resource: str, client_state: str) -> Subscription:
        """Have Business Central call ``url`` about changes of ``resource``.

        ``client_state`` (a secret of at most 2048 characters) comes back in every call. Not
        idempotent, since Business Central chooses the id: look at ``list_subscriptions`` before.
        ``TransientError`` with code ``answer-lost`` may have made one, too.

        Raises ``ConfigurationError`` ``webhook-handshake-failed`` where the address did not answer
        Business Central as it must, ``webhook-refused`` where the resource or the number of
        subscriptions is refused.
        """
        values = {"notificationUrl": url, "resource": resource, "clientState": client_state}
        response = self._send("POST", _SUBSCRIPTIONS, values=values, idempotent=False)
        self._check(response, resource)
        return self._subscription(answers.json_object(self._service, response))

    def renew(self, subscription: Subscription) -> Subscription | None:
        """Prolong it to three days from now; None where it does not exist any more.

        Raises ``ConcurrencyError`` where it was changed since it was read, by somebody else or by
        an earlier try whose answer was lost; otherwise as ``subscribe`` does.
        """
        response = self._send(
            "PATCH",
            _path(subscription.id),
            values={"notificationUrl": subscription.url, "resource": subscription.resource},
            version=subscription.version,
        )
        match _meaning(response):
            case Meaning.MISSING:
                return None
            case Meaning.STALE:
                raise ConcurrencyError(
                    "subscription-changed",
                    f"The subscription to {subscription.entity_set} was changed meanwhile.",
                    hint="Read the subscriptions again.",
                )
        self._check(response, subscription.resource)
        return self._subscription(answers.json_object(self._service, response))

    def unsubscribe(self, subscription_id: str) -> None:
        """End a subscription; idempotent."""
        response = self._send("DELETE", _path(subscription_id))
        if _meaning(response) is not Meaning.MISSING:
            answers.checked(self._service, response)

    def _read(self, path: str, what: str) -> list[Record]:
        rows: list[Record] = []
        link: str | None = path
        while link:
            response = self._transport.send(
                "GET", link, headers=_HEADERS, idempotent=True, kind=f"GET {what}"
            )
            answer = answers.json_object(self._service, response)
            rows += answers.rows(self._service, response.request, answer)
            link = answers.next_link(self._service, response.request, answer)
        self._transport.traffic.add_operations(len(rows))
        return rows

    def _send(
        self,
        method: str,
        path: str,
        *,
        values: Record | None = None,
        version: str = "",
        idempotent: bool = True,
    ) -> Response:
        headers = dict(_HEADERS)
        if values is not None:
            headers["Content-Type"] = "application/json"
        if version:
            headers["If-Match"] = version
        self._transport.traffic.add_operations(1)
        return self._transport.send(
            method,
            path,
            headers=headers,
            body=None if values is None else json.dumps(values).encode(),
            idempotent=idempotent,
            kind=f"{method} subscriptions",
        )

    def _check(self, response: Response, resource: str) -> None:
        """Explain a refused subscription."""
        if _meaning(response) is not Meaning.REFUSED:
            return  # the caller reads it, or raises what it means
        said = faults.words(response.body)
        if _HANDSHAKE.search(said.message):
            raise ConfigurationError(
                "webhook-handshake-failed",
                f"{self._service} called the address for notifications of {resource} and did not "
                f"get the answer it needs: {said.message}",
                hint="The address must be reachable from Business Central over HTTPS, with a "
                "trusted certificate, and answer its call with the token in it.",
            )
        raise ConfigurationError(
            "webhook-refused",
            f"{self._service} refused a subscription to {resource}: {said.code} {said.message}",
            hint="Subscribe only to resources that it supports, and remove subscriptions that are "
            "no longer needed: an environment has at most 200.",
        )

    def _subscription(self, row: Record) -> Subscription:
        def text(name: str) -> Any:
            return answers.member(self._service, "a request for subscriptions", row, name, str)

        return Subscription(
            id=text("subscriptionId"),
            url=text("notificationUrl"),
            resource=text("resource"),
            expires=datetime.fromisoformat(text("expirationDateTime")),
            version=text("@odata.etag"),
        )


def _path(subscription_id: str) -> str:
    return f"api/v2.0/{odata.by_name('subscriptions', subscription_id)}"


def _meaning(response: Response) -> Meaning | None:
    """What a refusal means; None for a success."""
    if response.ok:
        return None
    return faults.judge(response.status, faults.words(response.body).code)
