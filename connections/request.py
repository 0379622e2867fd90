"""What a caller may ask for when creating a connection, and the connection it makes."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

from connections.model import (
    CONNECTION_ID_PATTERN,
    BusinessCentralSide,
    Connection,
    Credentials,
    CrmSide,
    Options,
    Ownership,
    WebServiceKey,
)
from errors import RefusedRequestError
from identity.model import Caller, TenantId
from services.addresses import check_address
from storage.secrets import check_secret_name
from web.shapes import Number, Text

_GENERATED_IDS = uuid.UUID("4f6dbb2e-6f6f-5b0a-9a0e-5c1b8e0c7d11")

_Slug = Annotated[
    str,
    Text(
        pattern=CONNECTION_ID_PATTERN,
        says="3 to 48 lower-case letters, digits and inner hyphens",
    ),
]
_Guid = Annotated[
    str,
    Text(
        pattern=r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
        says="a GUID",
    ),
]
_Url = Annotated[str, Text(longest=500)]
_SecretName = Annotated[
    str,
    Text(longest=127, pattern=r"[0-9A-Za-z-]+", says="a Key Vault secret's name"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServiceKeyMembers:
    user: Annotated[str, Text(longest=50)]  # BC's own limit of User."User Name"
    key_secret_name: _SecretName


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessCentralMembers:
    url: _Url
    company: Annotated[str, Text(longest=30)]  # BC's own limit of Company.Name
    web_service_key: WebServiceKeyMembers | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmMembers:
    url: _Url


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialsMembers:
    tenant_id: _Guid
    client_id: _Guid
    client_secret_name: _SecretName


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionsMembers:
    """What the guide asks for; what is left out is as usual."""

    ownership: Ownership = Ownership.PERSON
    team_id: _Guid | None = None
    crm_solution: bool = False
    separate_companies: bool = False
    item_availability: bool = False
    sales_orders: bool = False
    sales_order_user: Annotated[str, Text(longest=100)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConnection:
    """The body of ``POST connections``. No member takes a secret: one sent is an unknown member."""

    name: Annotated[str, Text(longest=100)]
    business_central: BusinessCentralMembers
    crm: CrmMembers
    credentials: CredentialsMembers
    connection_id: _Slug | None = None
    options: OptionsMembers = OptionsMembers()


@dataclass(frozen=True, slots=True, kw_only=True)
class IncrementalSettings:
    """The body of ``PUT connections/{id}/incremental``; what is left out is as usual."""

    enabled: bool = True
    period_seconds: Annotated[int, Number(lowest=15, highest=86_400)] = 300


def connection_of(
    asked: NewConnection, caller: Caller, *, allowed_hosts: Iterable[str], now: datetime
) -> Connection:
    """The connection that a caller asks for.

    Without a chosen id the id follows from the tenant and the pair of services, so that a request
    repeated after its answer was lost makes no second connection.

    Raises ``RefusedRequestError`` (422) for an address or a secret's name that this tenant may not
    use.
    """
    hosts = tuple(allowed_hosts)
    business_central = BusinessCentralSide(
        url=check_address(asked.business_central.url, hosts),
        company=asked.business_central.company,
        web_service_key=_web_service_key_of(asked.business_central, caller.tenant),
    )
    crm = CrmSide(url=check_address(asked.crm.url, hosts))
    _require_no_path(crm.url)
    check_secret_name(caller.tenant, asked.credentials.client_secret_name)
    return Connection(
        connection_id=asked.connection_id or _generated_id(caller.tenant, business_central, crm),
        name=asked.name,
        business_central=business_central,
        crm=crm,
        credentials=Credentials(
            tenant_id=asked.credentials.tenant_id.lower(),
            client_id=asked.credentials.client_id.lower(),
            client_secret_name=asked.credentials.client_secret_name,
        ),
        options=_options_of(asked.options),
        created_at=now,
        created_by=caller.subject,
    )


def _web_service_key_of(asked: BusinessCentralMembers, tenant: TenantId) -> WebServiceKey | None:
    key = asked.web_service_key
    if key is None:
        return None
    check_secret_name(tenant, key.key_secret_name)
    return WebServiceKey(user=key.user, key_secret_name=key.key_secret_name)


def _options_of(asked: OptionsMembers) -> Options:
    """The options, if they go together; raises ``RefusedRequestError`` (422)."""
    if asked.ownership is Ownership.TEAM and not asked.team_id:
        raise RefusedRequestError(
            422,
            "team-missing",
            "A team is to own the records that are created in CRM, and no team is named.",
            hint="Give options.team_id, the id of a team in Dynamics 365 Sales.",
        )
    if asked.separate_companies and not asked.crm_solution:
        raise RefusedRequestError(
            422,
            "solution-needed",
            "Companies are told apart by a column of Coupler's CRM solution, which is not chosen.",
            hint="Set options.crm_solution to true as well.",
        )
    return Options(
        ownership=asked.ownership,
        team_id=(asked.team_id or "").lower(),
        crm_solution=asked.crm_solution,
        separate_companies=asked.separate_companies,
        item_availability=asked.item_availability,
        sales_orders=asked.sales_orders,
        sales_order_user=asked.sales_order_user or "",
    )


def _generated_id(tenant: TenantId, business_central: BusinessCentralSide, crm: CrmSide) -> str:
    pair = "\n".join((tenant, business_central.url, business_central.company, crm.url))
    return uuid.uuid5(_GENERATED_IDS, pair).hex


def _require_no_path(crm_url: str) -> None:
    path = urlsplit(crm_url).path
    if path:
        raise RefusedRequestError(
            422,
            "address-not-allowed",
            f"The CRM organization's address ends in {path}, which is not part of it.",
            hint="Give the address up to the host only: https://contoso.crm.dynamics.com.",
        )
