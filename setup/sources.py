"""Where the setup guide's facts come from: both services as the connection reaches them, Key Vault,
and what is stored of its webhooks."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from connections.model import Connection, ConnectionState
from connections.services import BUSINESS_CENTRAL, ways_of
from connections.store import StoredConnection, connections_of
from identity.model import TenantId
from services import business_central
from services.business_central import BusinessCentral
from services.business_central_administration import BusinessCentralAdministration
from services.business_central_subscriptions import BusinessCentralSubscriptions
from services.dataverse_administration import DataverseAdministration
from services.dataverse_webhooks import DataverseWebhooks
from services.records import Record, Traffic
from services.transport import Limits, Transport
from settings import Settings, settings
from storage.secrets import SecretReader
from sync.catalog import MappingCatalog
from sync.connected import catalog_source
from sync.opening import now
from webhooks.mapped_tables import crm_tables
from webhooks.opening import endpoint_name, webhook_store
from webhooks.store import Registration

IMPATIENT = Limits(
    attempts=2,
    first_backoff=0.5,
    longest_throttle_wait=20.0,
    connect_timeout=5.0,
    read_timeout=30.0,
    whole_answer=60.0,
)
"""Somebody waits for the answer: what does not come soon is a finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What looking at one connection asks. Every callable may raise the families of ``errors``."""

    connection: Connection
    neighbours: Callable[[], list[Connection]]
    """The tenant's other enabled connections to the same CRM organization."""
    catalog: MappingCatalog
    allowed_hosts: tuple[str, ...]
    has_public_address: bool
    read_secret: Callable[[str], object]
    bc_token: Callable[[], object]
    crm_token: Callable[[], object]
    companies: Callable[[], list[Record]]
    bc: BusinessCentralAdministration
    bc_by_key: BusinessCentralAdministration | None
    """As the web service user, where the connection names one."""
    bc_records: Callable[[str, str], BusinessCentral]
    """The records of a company, by its id and name."""
    told_sets: Callable[[str], frozenset[str]]
    """The entity sets that Business Central can tell of, of the company with that id."""
    crm: DataverseAdministration
    missing_steps: Callable[[], list[tuple[str, str]]]
    registration: Callable[[], Registration]
    now: Callable[[], datetime]
    close: Callable[[], None]


def sources_of(tenant: TenantId, stored: StoredConnection) -> Sources:
    """The sources of one connection in this process; close them after use."""
    chosen, connection = settings(), stored.connection
    secrets = SecretReader(chosen)  # its own: what was mended in Key Vault is seen at once
    catalog = catalog_source(tenant, connection.connection_id)()
    ways = ways_of(tenant, connection, chosen, secrets, IMPATIENT)
    by_key = _way_by_key(tenant, connection, chosen, secrets)

    def close() -> None:
        ways.close()
        if by_key is not None:
            by_key.close()

    def missing_steps() -> list[tuple[str, str]]:
        name = endpoint_name(tenant, connection.connection_id)
        return DataverseWebhooks(ways.crm).missing(name, crm_tables(catalog))

    def told_sets(company: str) -> frozenset[str]:
        return BusinessCentralSubscriptions(ways.business_central, company).supported_resources()

    def neighbours() -> list[Connection]:
        present = (each.connection for each in connections_of(tenant).load_all())
        return [each for each in present if _is_beside(each, connection)]

    return Sources(
        connection=connection,
        neighbours=neighbours,
        catalog=catalog,
        allowed_hosts=chosen.allowed_service_hosts,
        has_public_address=bool(chosen.public_url),
        read_secret=lambda name: secrets.read(tenant, name),
        bc_token=ways.business_central_token,
        crm_token=ways.crm_token,
        companies=lambda: business_central.companies(ways.business_central),
        bc=BusinessCentralAdministration(ways.business_central),
        bc_by_key=None if by_key is None else BusinessCentralAdministration(by_key),
        bc_records=lambda company, name: BusinessCentral(ways.business_central, company, name),
        told_sets=told_sets,
        crm=DataverseAdministration(ways.crm),
        missing_steps=missing_steps,
        registration=webhook_store(tenant, connection.connection_id).load,
        now=now,
        close=close,
    )


def _is_beside(other: Connection, connection: Connection) -> bool:
    is_other = other.connection_id != connection.connection_id
    return is_other and other.crm == connection.crm and other.state is ConnectionState.ACTIVE


def _way_by_key(
    tenant: TenantId, connection: Connection, chosen: Settings, secrets: SecretReader
) -> Transport | None:
    """Business Central as its web service user reaches it: Basic authentication."""
    key = connection.business_central.web_service_key
    if key is None:
        return None

    def basic() -> str:
        value = secrets.read(tenant, key.key_secret_name).reveal()
        return base64.b64encode(f"{key.user}:{value}".encode()).decode()

    return Transport(
        BUSINESS_CENTRAL,
        connection.business_central.url,
        basic,
        concurrency=1,
        traffic=Traffic(),
        ca_bundle=chosen.ca_bundle,
        scheme="Basic",
        limits=IMPATIENT,
    )
