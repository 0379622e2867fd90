"""A small Business Central company and requests to it without a server."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote
from uuid import NAMESPACE_OID, uuid5

from local.simulators.business_central.fields import ZERO_GUID, EntitySet
from local.simulators.business_central.schema import COMPANY_SETS, seed_name
from local.simulators.business_central.simulator import BusinessCentralSimulator
from local.simulators.core.messages import Headers, SimRequest, SimResponse

TENANT = "11111111-2222-4333-8444-555555555555"
COMPANY = "b5d5f715-1cc8-5020-b308-34048209d941"
COMPANY_NAME = "CRONUS International Ltd."
OTHER_COMPANY = "1d45e5c4-efc4-55c1-a8ed-7bae4331e4b9"
ROOT = f"/v2.0/{TENANT}/production/api/v2.0"
BASE = f"{ROOT}/companies({COMPANY})"
SERVICES = f"/v2.0/{TENANT}/production/ODataV4/Company('{COMPANY_NAME}')"
MODIFIED = "2026-01-07T11:47:49.884Z"


class Clock:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 6, 26, 8, 0, 0, 123456, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        return self.now.timestamp()


def identity(*parts: object) -> str:
    """The same id for the same parts."""
    return str(uuid5(NAMESPACE_OID, "/".join(map(str, parts))))


def row(entity_set: str, **values: Any) -> dict[str, Any]:
    """A whole record with the given values; its id follows from its primary key."""
    schema: EntitySet = COMPANY_SETS[seed_name(entity_set)]
    record = schema.empty_row() | values
    if schema.id_field not in values:
        record[schema.id_field] = identity(entity_set, *schema.key_of(record))
    if schema.modified_field and schema.modified_field not in values:
        record[schema.modified_field] = MODIFIED
    return record


def company(record_id: str, name: str) -> dict[str, Any]:
    return {
        "id": record_id,
        "systemVersion": "28.0",
        "timestamp": 1,
        "name": name,
        "displayName": name,
        "businessProfileId": "",
        "systemCreatedAt": MODIFIED,
        "systemCreatedBy": ZERO_GUID,
        "systemModifiedAt": MODIFIED,
        "systemModifiedBy": ZERO_GUID,
    }


def customer(number: str, **values: Any) -> dict[str, Any]:
    given = {"displayName": f"Customer {number}", "currencyCode": "GBP"} | values
    return row("customers", number=number, **given)


def world() -> dict[str, list[dict[str, Any]]]:
    """Two customers, one with a card and a person, and what they refer to."""
    card = row(
        "contacts",
        number="CT1",
        displayName="Cannon Group",
        companyNumber="CT1",
        companyName="Cannon Group",
        contactBusinessRelation="Customer",
        searchName="CANNON GROUP",
    )
    person = row(
        "contacts",
        number="CT2",
        type="Person",
        displayName="Andy Teal",
        companyNumber="CT1",
        companyName="Cannon Group",
        contactBusinessRelation="Customer",
        searchName="ANDY TEAL",
    )
    cannon = customer("10000", displayName="Cannon Group", salespersonCode="JO")
    pieces = row("unitsOfMeasure", code="PCS", displayName="Piece")
    return {
        "companies": [company(COMPANY, COMPANY_NAME), company(OTHER_COMPANY, "My Company")],
        "salespeoplePurchasers": [row("salespeoplePurchasers", code="JO", displayName="Jim")],
        "currencies": [row("currencies", code=each) for each in ("EUR", "USD")],
        "unitsOfMeasure": [pieces, row("unitsOfMeasure", code="BOX", displayName="Box")],
        "paymentTerms": [row("paymentTerms", code="1M(8D)", displayName="1 month")],
        "customers": [cannon, customer("20000", blocked="All", creditLimit=12.5)],
        "contacts": [card, person],
        "contactsInformation": [
            {"contactId": each["id"], "relatedId": cannon["id"], "relatedType": "Customer"}
            for each in (card, person)
        ],
        "items": [
            row(
                "items",
                number="70000",
                displayName="Side Panel",
                inventory=5,
                baseUnitOfMeasureId=pieces["id"],
                baseUnitOfMeasureCode="PCS",
            )
        ],
        "itemUnitsOfMeasure": [row("itemUnitsOfMeasure", Item_No="70000", Code="PCS")],
        "customerPriceGroups": [row("customerPriceGroups", Code="RETAIL", Description="Shops")],
    }


CANNON = customer("10000")["id"]


def simulator(clock: Clock | None = None, **options: Any) -> BusinessCentralSimulator:
    """A simulator with the small world in it."""
    clock = clock or Clock()
    found = BusinessCentralSimulator(now=clock, clock=clock.monotonic, **options)
    found.seed(world(), {})
    return found


def request(
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    claims: dict[str, Any] | None = None,
) -> SimRequest:
    """A request as the core hands it to the simulator."""
    raw_path, _, query_string = path.partition("?")
    return SimRequest(
        method=method,
        path=unquote(raw_path),
        raw_path=raw_path,
        query_string=query_string,
        query=parse_qsl(query_string, keep_blank_values=True),
        headers=Headers(headers or {}),
        body=b"" if body is None else json.dumps(body).encode(),
        claims=claims or {},
        base_url="https://127.0.0.1:7093",
    )


async def send(
    target: BusinessCentralSimulator,
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> SimResponse:
    return await target.handle(request(method, path, body, headers))
