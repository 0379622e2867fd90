"""A connection: one Business Central company and one CRM organization of one tenant.

It holds addresses only. The secret of its credentials is in Key Vault under a name that begins with
the tenant it belongs to, so that no tenant can name another's.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

CONNECTION_ID_PATTERN = r"[a-z0-9][a-z0-9-]{1,46}[a-z0-9]"


class ConnectionState(StrEnum):
    DRAFT = "draft"  # being set up: nothing runs but previews
    ACTIVE = "active"  # enabled: full synchronizations and passes may run
    ON_HOLD = "on_hold"  # disabled: nothing runs, everything stays as it is
    DELETING = "deleting"  # what is stored of it is being removed


class Ownership(StrEnum):
    """Who owns the records that Coupler creates in CRM."""

    PERSON = "person"  # the user whom the record's salesperson is coupled with
    TEAM = "team"  # one team, whoever the salesperson is


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServiceKey:
    """A Business Central user with a web service access key: Basic authentication, which
    Business Central accepts on-premises only."""

    user: str
    key_secret_name: str
    """The name of the Key Vault secret that holds the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessCentralSide:
    """A company in an environment of Business Central."""

    url: str
    """The environment's address, below which ``/api/v2.0`` and ``/ODataV4`` are found."""
    company: str
    """The company's name; its id is looked up when the connection is opened."""
    web_service_key: WebServiceKey | None = None
    """How an on-premises installation is called; None: as the connection's application."""


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
class Options:
    """What the administrator chose in the setup guide."""

    ownership: Ownership = Ownership.PERSON
    team_id: str = ""
    """The CRM team that owns new records, where a team does."""
    crm_solution: bool = False
    """Whether Coupler's solution is wanted in CRM: its roles and its company column."""
    separate_companies: bool = False
    """Several companies share the CRM organization: every CRM record carries its company's id, and
    this connection leaves the others' alone. Needs the solution's column."""
    item_availability: bool = False
    """Salespeople in CRM see stock: the setup guide checks that it can be read."""
    sales_orders: bool = False
    """CRM's sales orders become orders in Business Central: the guide checks that they can."""
    sales_order_user: str = ""
    """E-mail address of the CRM user who handles the orders; blank: the synchronization user."""


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
    state: ConnectionState = ConnectionState.DRAFT
    hold_reason: str = ""
    """Why the connection is on hold, in the words of whoever put it there."""
    options: Options = Options()
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
            self.options,
        )

    def document(self) -> dict[str, Any]:
        """The connection as the API shows it, member by member."""
        return {
            "connection_id": self.connection_id,
            "name": self.name,
            "business_central": {
                "url": self.business_central.url,
                "company": self.business_central.company,
                "web_service_key": _web_service_key(self.business_central.web_service_key),
            },
            "crm": {"url": self.crm.url},
            "credentials": {
                "tenant_id": self.credentials.tenant_id,
                "client_id": self.credentials.client_id,
                "client_secret_name": self.credentials.client_secret_name,
            },
            "state": self.state.value,
            "hold_reason": self.hold_reason,
            "options": asdict(self.options),
            "incremental": {
                "enabled": self.incremental.enabled,
                "period_seconds": self.incremental.period_seconds,
            },
            "created_at": self.created_at.isoformat(timespec="seconds"),
            "created_by": self.created_by,
        }


def _web_service_key(key: WebServiceKey | None) -> dict[str, str] | None:
    return asdict(key) if key else None
