"""A good request for a connection, its parts replaceable."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from connections.model import Connection
from connections.request import NewConnection, connection_of
from identity.model import Caller, Role, TenantId
from web.shapes import read

TENANT = TenantId("11111111-1111-4111-8111-111111111111")
OTHER_TENANT = TenantId("22222222-2222-4222-8222-222222222222")
CALLER = Caller(
    tenant=TENANT,
    subject="33333333-3333-4333-8333-333333333333",
    role=Role.ADMINISTRATOR,
    is_application=False,
    name="administrator@cronus.example",
)
HOSTS = ("api.businesscentral.dynamics.com", "*.dynamics.com")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def body(**changes: Any) -> dict[str, Any]:
    """The body of a request; a member changed to None is left out."""
    tenant = "44444444-4444-4444-8444-444444444444"
    good = {
        "connection_id": "cronus",
        "name": "CRONUS",
        "business_central": {
            "url": f"https://api.businesscentral.dynamics.com/v2.0/{tenant}/Production",
            "company": "CRONUS International Ltd.",
        },
        "crm": {"url": "https://cronus.crm.dynamics.com"},
        "credentials": {
            "tenant_id": tenant,
            "client_id": "55555555-5555-4555-8555-555555555555",
            "client_secret_name": f"{TENANT}--services",
        },
    } | changes
    return {name: value for name, value in good.items() if value is not None}


def connection(*, caller: Caller = CALLER, **changes: Any) -> Connection:
    asked = read(NewConnection, body(**changes))
    return connection_of(asked, caller, allowed_hosts=HOSTS, now=NOW)
