"""The webhooks of a connection, bound to this process's storage and settings."""

from __future__ import annotations

from connections.services import open_connections
from connections.store import StoredConnection
from errors import RefusedRequestError
from identity.model import TenantId
from settings import settings
from storage.accounts import storage_account
from sync.connected import catalog_source
from sync.opening import now
from web import answers
from webhooks.registration import Addresses, Registrar
from webhooks.store import TABLE, WebhookStore


def webhook_store(tenant: TenantId, connection_id: str) -> WebhookStore:
    return WebhookStore(storage_account().table(TABLE, tenant), connection_id)


def endpoint_name(tenant: TenantId, connection_id: str) -> str:
    """The name of the connection's service endpoint in Dataverse."""
    return f"Coupler {tenant} {connection_id}"


def registrar_of(tenant: TenantId, stored: StoredConnection) -> Registrar:
    """What registers a connection's webhooks.

    Raises ``RefusedRequestError`` (422) where this application has no public address, and as
    opening the connection does.
    """
    connection_id = stored.connection.connection_id
    public_url = settings().public_url
    if not public_url:
        raise RefusedRequestError(
            422,
            "public-address-missing",
            "The services cannot reach this application, so they cannot call it.",
            hint="Ask its operators to set PUBLIC_URL; until then every table is polled.",
        )

    def address(side: str) -> str:
        return public_url + answers.address("webhooks", side, tenant, connection_id)

    opened = open_connections().services(tenant, stored)
    return Registrar(
        addresses=Addresses(
            name=endpoint_name(tenant, connection_id), crm=address("crm"), bc=address("bc")
        ),
        store=webhook_store(tenant, connection_id),
        crm=opened.crm_webhooks,
        bc=opened.subscriptions,
        catalog=catalog_source(tenant, connection_id),
        now=now,
    )
