"""A connection: one Business Central company and one CRM organization of one tenant.

It holds addresses only. The secret of its credentials is in Key Vault under a name that begins with
the tenant it belongs to, so that no tenant can name another's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

CONNECTION_ID_PATTERN = r"[a-z0-9][a-z0-9-]{1,46}[a-z0-9]"


class ConnectionState(StrEnum):
    ACTIVE = "active"  # table jobs may run


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessCentralSide:
    """A company in an environment of Business Central."""

    url: str
    """The environment's address, below which ``/api/v2.0`` and ``/ODataV4`` are found."""
    company: str
    """The company's name; its id is looked up when the connection is opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmSide:
    """A CRM organization."""

    url: str
    """The organization's address, below which ``/api/data`` is found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The application as which both services are called."""

    tenant_id: str
    """The Entra ID tenant that the services belong to; it need not be the caller's own."""
    client_id: str
    client_secret_name: str
    """The name of the Key Vault secret that holds the application's secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incremental:
    """How a connection is kept in step after its first full synchronization."""

    enabled: bool = True
    period_seconds: int = 300
    """How often every table is looked at, webhooks or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What a tenant set up. Equal settings make equal connections apart from how they came about;
    compare with ``same_settings``."""

    connection_id: str
    """Unique within the tenant; a slug of ``CONNECTION_ID_PATTERN``."""
    name: str
    business_central: BusinessCentralSide
    crm: CrmSide
    credentials: Credentials
    created_at: datetime
    created_by: str
    """Subject of the caller who created it."""
    state: ConnectionState = ConnectionState.ACTIVE
    incremental: Incremental = Incremental()

    def same_settings(self, other: Connection) -> bool:
        """Whether both were asked for with the same content."""
        return self._settings() == other._settings()

    def _settings(self) -> tuple[object, ...]:
        return (
            self.connection_id,
            self.name,
            self.business_central,
            self.crm,
            self.credentials,
        )

    def document(self) -> dict[str, Any]:
        """The connection as the API shows it, member by member."""
        return {
            "connection_id": self.connection_id,
            "name": self.name,
            "business_central": {
                "url": self.business_central.url,
                "company": self.business_central.company,
            },
            "crm": {"url": self.crm.url},
            "credentials": {
                "tenant_id": self.credentials.tenant_id,
                "client_id": self.credentials.client_id,
                "client_secret_name": self.credentials.client_secret_name,
            },
            "state": self.state.value,
            "incremental": {
                "enabled": self.incremental.enabled,
                "period_seconds": self.incremental.period_seconds,
            },
            "created_at": self.created_at.isoformat(timespec="seconds"),
            "created_by": self.created_by,
        }
