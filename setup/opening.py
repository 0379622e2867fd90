"""Putting together what changes a connection. Reads settings and the clock."""

from __future__ import annotations

from connections.model import Connection
from connections.services import open_connections
from connections.store import connections_of
from identity.model import TenantId
from settings import settings
from setup.lifecycle import Lifecycle
from setup.refusals import refusal_of
from sync.opening import job_store, now, pass_stores

_SUBMITTED = 1
"""``statecode`` of a CRM order that Business Central is to have."""


def lifecycle_of(tenant: TenantId, connection: Connection) -> Lifecycle:
    """The lifecycle of a connection of this tenant."""
    health = pass_stores(tenant, connection.connection_id).health

    def waiting_orders() -> list[str]:
        stored = connections_of(tenant).load(connection.connection_id)
        pages = (
            open_connections()
            .services(tenant, stored)
            .crm.fetch_pages(
                "salesorders", select=("ordernumber",), filter=f"statecode eq {_SUBMITTED}"
            )
        )
        return [str(order["ordernumber"]) for page in pages for order in page.records]

    return Lifecycle(
        connections_of(tenant),
        is_run_active=lambda: job_store(tenant, connection.connection_id).active_run() is not None,
        waiting_orders=waiting_orders,
        refusal=lambda: refusal_of(health.load(), settings().refused_hold_hours, now()),
        forget_refusal=health.resume,
    )
