"""Webhook subscriptions of one environment: what is kept of them, and which records they watch."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from local.simulators.business_central.errors import BcError, NotSimulatedError, bad_request
from local.simulators.business_central.fields import (
    EntitySet,
    Field,
    Row,
    Type,
    guid,
    stamp,
    text,
)
from local.simulators.business_central.schema import API_SETS
from local.simulators.business_central.store import Environment
from local.simulators.business_central.values import checked, moment_text

LIFETIME = timedelta(days=3)

SUBSCRIPTIONS = EntitySet(
    name="subscriptions",
    entity="subscription",
    table="Webhook Subscription",
    key=(("subscriptionId", "Subscription Id"),),
    id_field="subscriptionId",
    fields=(
        text("subscriptionId", 150, editable=False),
        text("notificationUrl", 0),
        text("resource", 0),
        Field(name="timestamp", type=Type.INTEGER, editable=False),
        guid("userId", editable=False),
        stamp("lastModifiedDateTime", editable=False),
        text("clientState", 2048),
        stamp("expirationDateTime", editable=False),
        stamp("systemCreatedAt", editable=False),
        guid("systemCreatedBy", editable=False),
        stamp("systemModifiedAt", editable=False),
        guid("systemModifiedBy", editable=False),
    ),
)

# contacts, salespeople, variants and opportunities are among those that cannot be watched
_WATCHABLE = frozenset(
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
_RESOURCE = re.compile(
    r"(?:https?://[^?#]+?/|/)?api/v2\.0/companies\((?P<company>[0-9a-f-]{36})\)/(?P<set>\w+)/?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Resource:
    """What can be watched: an entity set of a company."""

    company_id: str
    entity_set: str

    def __str__(self) -> str:
        return f"api/v2.0/companies({self.company_id})/{self.entity_set}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One subscription: its row, and what follows from it."""

    row: Row
    version: int
    resource: Resource
    expires: datetime

    @property
    def address(self) -> str:
        """Where its notifications go."""
        return str(self.row["notificationUrl"])


class Subscriptions:
    """The subscriptions of one environment; those that expired are gone.

    ``now`` is the service's clock.
    """

    def __init__(self, environment: Environment, now: Callable[[], datetime]) -> None:
        self._environment = environment
        self._now = now
        self._by_id: dict[str, Subscription] = {}

    def active(self) -> list[Subscription]:
        """All of them, oldest first."""
        now = self._now()
        self._by_id = {key: each for key, each in self._by_id.items() if each.expires > now}
        return list(self._by_id.values())

    def get(self, subscription_id: str) -> Subscription | None:
        """The subscription of that id."""
        self.active()
        return self._by_id.get(subscription_id)

    def remove(self, subscription_id: str) -> None:
        """End a subscription, should there be one of that id."""
        self._by_id.pop(subscription_id, None)

    def prepare(self, body: Any, user_id: str, old: Subscription | None) -> Subscription:
        """What ``body`` makes of ``old``, or a new subscription; neither is kept yet.

        It lives for ``LIFETIME`` from now. Raises ``BcError`` or ``NotSimulatedError``.
        """
        now = self._now().astimezone(UTC)
        stamped = moment_text(now)
        row = _changed(SUBSCRIPTIONS.empty_row() if old is None else old.row, body)
        resource = self._resource(row["resource"])
        version = self._environment.journal.next_version()
        if old is None:
            row |= {"subscriptionId": uuid4().hex, "userId": user_id}
            row |= {"systemCreatedAt": stamped, "systemCreatedBy": user_id}
        row |= {
            "timestamp": version,
            "lastModifiedDateTime": stamped,
            "expirationDateTime": f"{now + LIFETIME:%Y-%m-%dT%H:%M:%SZ}",
            "systemModifiedAt": stamped,
            "systemModifiedBy": user_id,
        }
        return Subscription(row=row, version=version, resource=resource, expires=now + LIFETIME)

    def keep(self, subscription: Subscription) -> None:
        """Keep a prepared subscription."""
        self._by_id[subscription.row["subscriptionId"]] = subscription

    def _resource(self, given: str) -> Resource:
        match = _RESOURCE.fullmatch(given)
        company = self._environment.companies.get(match["company"].lower()) if match else None
        if match is None or company is None or match["set"] not in _WATCHABLE:
            raise bad_request(f"The resource '{given}' is not supported for webhook notifications.")
        if match["set"] not in API_SETS:
            raise NotSimulatedError(f"webhooks of '{match['set']}'")
        return Resource(company.id, match["set"])


def _changed(row: Row, body: Any) -> Row:
    """The row with the values of a body; unset ones may stand in it as null."""
    if not isinstance(body, dict):
        raise bad_request("Invalid Request Body")
    row = dict(row)
    for name, value in body.items():
        field = SUBSCRIPTIONS.by_name.get(name)
        if field is None and not name.startswith("@odata."):
            raise bad_request(
                f"The property '{name}' does not exist on type 'Microsoft.NAV.subscription'."
            )
        if field is None or value is None or value == row[name]:
            continue
        if not field.editable:
            raise BcError(400, "BadRequest_InvalidOperation", f"'{name}' is read-only.")
        row[name] = checked(field, value)
    for name in ("notificationUrl", "resource"):
        if not row[name]:
            raise bad_request(f"The property '{name}' must have a value.")
    return row
