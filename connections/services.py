"""Opening a connection: its two services, ready to read and write.

An opened connection holds access tokens and HTTP sessions, so it is kept for the life of the
process and shared by every job of that connection; a changed connection is opened anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Protocol

from connections.model import Connection, Credentials
from connections.store import StoredConnection, connections_of
from errors import ConfigurationError, CouplerError
from identity.model import TenantId
from services import business_central, dataverse
from services.business_central import BusinessCentral
from services.business_central_metadata import BusinessCentralMetadata
from services.business_central_subscriptions import BusinessCentralSubscriptions
from services.dataverse import Dataverse
from services.dataverse_metadata import DataverseMetadata
from services.dataverse_webhooks import DataverseWebhooks
from services.records import Record, Traffic
from services.tokens import Authority, ClientCredentials, ServiceToken
from services.transport import Limits, Transport
from settings import Settings, settings
from storage.secrets import SecretReader, SecretText

BUSINESS_CENTRAL_SCOPE = "https://api.businesscentral.dynamics.com/.default"
"""The same for every environment, whatever its address."""

BUSINESS_CENTRAL = "Business Central"
CRM = "Dynamics 365 Sales"
"""What messages call the services."""

_COMPANIES_SHOWN = 20


class Secrets(Protocol):
    """What opening needs of ``storage.secrets.SecretReader``."""

    def read(self, tenant: TenantId, name: str) -> SecretText: ...

    def forget(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenServices:
    """Both services of one connection, and what was sent to each since it was opened."""

    business_central: BusinessCentral
    crm: Dataverse
    subscriptions: BusinessCentralSubscriptions
    crm_webhooks: DataverseWebhooks
    business_central_metadata: BusinessCentralMetadata
    crm_metadata: DataverseMetadata
    business_central_traffic: Traffic
    crm_traffic: Traffic
    close: Callable[[], None]
    """Closes connections that are not in use; work under way is not disturbed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How one connection reaches its two services; nothing is sent before it is used."""

    business_central: Transport
    crm: Transport
    business_central_token: ServiceToken
    crm_token: ServiceToken

    def close(self) -> None:
        """Close connections that are not in use."""
        self.business_central.close()
        self.crm.close()


def ways_of(
    tenant: TenantId,
    connection: Connection,
    chosen: Settings,
    secrets: Secrets,
    limits: Limits | None = None,
    current: Callable[[], Credentials] | None = None,
) -> Ways:
    """The ways to a connection's services, as patient as ``limits`` say.

    ``current`` tells the connection's credentials where those it was opened with are refused; else
    they are what counts.
    """

    def token(scope: str) -> ServiceToken:
        return ServiceToken(
            authority=authority_of(chosen),
            credentials=_FreshCredentials(tenant, connection.credentials, secrets, current),
            scope=scope,
        )

    def transport(name: str, url: str, access: ServiceToken, concurrency: int) -> Transport:
        return Transport(
            name,
            url,
            access,
            concurrency=concurrency,
            traffic=Traffic(),
            ca_bundle=chosen.ca_bundle,
            forget_token=access.forget,
            limits=limits,
        )

    bc_token = token(BUSINESS_CENTRAL_SCOPE)
    crm_token = token(f"{connection.crm.url}/.default")
    return Ways(
        business_central=transport(
            BUSINESS_CENTRAL,
            connection.business_central.url,
            bc_token,
            business_central.CONCURRENCY,
        ),
        crm=transport(CRM, connection.crm.url, crm_token, dataverse.CONCURRENCY),
        business_central_token=bc_token,
        crm_token=crm_token,
    )


def authority_of(chosen: Settings) -> Authority:
    """Where tokens for the connected services come from."""
    return Authority(
        address=chosen.service_authority,
        instance_discovery=chosen.service_instance_discovery,
        ca_bundle=chosen.ca_bundle,
    )


def open_services(
    tenant: TenantId,
    connection: Connection,
    chosen: Settings,
    secrets: Secrets,
    current: Callable[[], Credentials] | None = None,
) -> OpenServices:
    """Open a connection; asks Business Central for the company's id. ``current`` as in ``ways_of``.

    Raises ``ConfigurationError`` where the company is not there (naming those that are) or the
    secret is missing, ``AuthorizationError`` where Entra ID or a service refuses the credentials,
    ``TransientError`` where one cannot be reached.
    """
    ways = ways_of(tenant, connection, chosen, secrets, current=current)
    bc, crm = ways.business_central, ways.crm
    try:
        company = _company(connection, business_central.companies(bc))
    except CouplerError:
        ways.close()
        raise

    return OpenServices(
        business_central=BusinessCentral(bc, str(company["id"]), str(company["name"])),
        crm=Dataverse(crm),
        subscriptions=BusinessCentralSubscriptions(bc, str(company["id"])),
        crm_webhooks=DataverseWebhooks(crm),
        business_central_metadata=BusinessCentralMetadata(bc),
        crm_metadata=DataverseMetadata(crm),
        business_central_traffic=bc.traffic,
        crm_traffic=crm.traffic,
        close=ways.close,
    )


def try_services(tenant: TenantId, connection: Connection) -> None:
    """See whether both services take the connection's credentials; raises as ``open_services``."""
    chosen = settings()
    opened = open_services(tenant, connection, chosen, SecretReader(chosen))
    try:
        for _ in opened.crm.fetch_pages("organizations", select=("organizationid",)):
            pass
    finally:
        opened.close()


class OpenConnections:
    """The connections opened in this process; safe to share between threads.

    ``opening`` is ``open_services`` bound to settings and secrets.
    """

    def __init__(self, opening: Callable[[TenantId, Connection], OpenServices]) -> None:
        self._opening = opening
        self._lock = Lock()
        self._locks: dict[tuple[TenantId, str], Lock] = {}
        self._opened: dict[tuple[TenantId, str], tuple[str, OpenServices]] = {}

    def services(self, tenant: TenantId, stored: StoredConnection) -> OpenServices:
        """The services of this version of a connection; raises as ``open_services``."""
        key = (tenant, stored.connection.connection_id)
        # One lock for each connection: an unreachable service keeps no other connection waiting.
        with self._lock:
            lock = self._locks.setdefault(key, Lock())
        with lock:
            etag, opened = self._opened.get(key, ("", None))
            if opened is not None and etag == stored.etag:
                return opened
            renewed = self._opening(tenant, stored.connection)
            if opened is not None:
                opened.close()
            self._opened[key] = (stored.etag, renewed)
            return renewed


@cache
def open_connections() -> OpenConnections:
    """The opened connections of this process."""
    chosen = settings()
    secrets = SecretReader(chosen)

    def opening(tenant: TenantId, connection: Connection) -> OpenServices:
        def current() -> Credentials:
            stored = connections_of(tenant).load(connection.connection_id)
            return stored.connection.credentials

        return open_services(tenant, connection, chosen, secrets, current)

    return OpenConnections(opening)


class _FreshCredentials:
    """The credentials for one token. They are asked for again only after they were refused, so
    every call but the first looks which ones the connection has by now, and passes by the reader's
    cache: whether another secret was named or the same one got another value, it is taken up at
    once."""

    def __init__(
        self,
        tenant: TenantId,
        opened_with: Credentials,
        secrets: Secrets,
        current: Callable[[], Credentials] | None,
    ) -> None:
        self._tenant = tenant
        self._opened_with = opened_with
        self._secrets = secrets
        self._current = current
        self._asked = False

    def __call__(self) -> ClientCredentials:
        credentials = self._opened_with
        if self._asked:
            credentials = self._current() if self._current else credentials
            self._secrets.forget(credentials.client_secret_name)
        self._asked = True
        secret = self._secrets.read(self._tenant, credentials.client_secret_name)
        return ClientCredentials(
            tenant=credentials.tenant_id, client=credentials.client_id, secret=secret.reveal()
        )


def _company(connection: Connection, companies: list[Record]) -> Record:
    wanted = connection.business_central.company
    for company in companies:
        if company.get("name") == wanted and company.get("id"):
            return company
    names = [f'"{company.get("name")}"' for company in companies]
    shown = ", ".join(names[:_COMPANIES_SHOWN]) or "none"
    more = f" and {len(names) - _COMPANIES_SHOWN} more" if len(names) > _COMPANIES_SHOWN else ""
    raise ConfigurationError(
        "company-unknown",
        f"Business Central has no company {wanted!r} in the environment at "
        f"{connection.business_central.url}.",
        hint=f"Companies that are there: {shown}{more}. Correct the connection's company; its "
        "name is written as in Business Central, capital letters and blanks included.",
    )
