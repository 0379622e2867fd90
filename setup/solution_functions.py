"""The triggers of the CRM solution: sign an administrator in, import, look how it goes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Annotated

import azure.functions as func

from connections.model import CONNECTION_ID_PATTERN, Connection, ConnectionState
from connections.services import CRM, authority_of
from connections.store import connections_of
from errors import RefusedRequestError
from identity.model import Role, TenantId
from services.dataverse_administration import DataverseAdministration
from services.dataverse_solutions import DataverseSolutions
from services.records import Traffic
from services.sign_in import DeviceCodeSignIn
from services.transport import Transport
from settings import settings
from setup.solution.documents import import_document, sign_in_document
from setup.solution.importing import Importing, Wanted
from setup.solution.package import LONGEST_TEXT, read_package
from setup.solution.store import TABLE, SolutionStore
from setup.sources import IMPATIENT
from storage.accounts import storage_account
from sync.opening import now
from web import answers
from web.edge import Request, route
from web.shapes import Text

blueprint = func.Blueprint()

_LIMITS = replace(IMPATIENT, read_timeout=90.0)
"""Staging is answered only when the whole package was checked."""

_LARGEST_BODY = LONGEST_TEXT + 64 * 1024
"""The package and what is beside it."""
_SECONDS_WITH_TOKEN = 5.0
_SECONDS_WITH_DEVICE_CODE = 120.0
"""Longer: a device code gives its token once, so another call needs another sign-in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdministratorMembers:
    """Who imports: a token for the CRM organization, or the device code of a finished sign-in."""

    token: (
        Annotated[str, Text(longest=20_000, pattern=r"[A-Za-z0-9._~+/=-]+", says="an access token")]
        | None
    ) = field(default=None, repr=False)
    device_code: (
        Annotated[str, Text(longest=2000, pattern=r"[!-~]+", says="a device code")] | None
    ) = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """The body of ``POST connections/{id}/solution``."""

    administrator: AdministratorMembers
    package: Annotated[str, Text(longest=LONGEST_TEXT)] | None = None
    """The zip file in base64; left out to carry an import on."""
    redeploy: bool = False
    """Import the package although it was imported already."""


@route(blueprint, Role.ADMINISTRATOR, "POST", "connections/{connection_id}/solution/sign-in")
def begin_solution_sign_in(req: Request) -> func.HttpResponse:
    """200 with the code that an administrator enters, and where; nothing of it is kept."""
    return answers.ok(sign_in_document(_sign_in(_connection(req)).begin()))


@route(
    blueprint,
    Role.ADMINISTRATOR,
    "POST",
    "connections/{connection_id}/solution",
    body=ImportRequest,
    idempotent=True,
    largest_body=_LARGEST_BODY,
)
def import_solution(req: Request) -> func.HttpResponse:
    """200 when the solution is imported and the roles are assigned, 202 while the organization
    works on it: send it again without the package to carry it on."""
    connection = _connection(req)
    asked = req.body(ImportRequest)
    package = read_package(asked.package) if asked.package else None
    if package is not None and connection.state is ConnectionState.ACTIVE:
        raise RefusedRequestError(
            409,
            "connection-active",
            f"The connection {connection.connection_id!r} is enabled, and an import changes tables "
            "that are being synchronized.",
            hint="Disable it first.",
        )
    seconds = _SECONDS_WITH_TOKEN if asked.administrator.token else _SECONDS_WITH_DEVICE_CODE
    token = _token(connection, asked.administrator)
    transport = Transport(
        CRM,
        connection.crm.url,
        lambda: token,
        concurrency=1,
        traffic=Traffic(),
        ca_bundle=settings().ca_bundle,
        limits=_LIMITS,
    )
    try:
        value = Importing(
            store=_store(req.caller.tenant, connection.connection_id),
            administration=DataverseAdministration(transport),
            solutions=DataverseSolutions(transport),
            wanted=Wanted(
                client_id=connection.credentials.client_id,
                orders_to_business_central=connection.options.sales_orders,
            ),
            now=now,
            sleep=time.sleep,
        ).go_on(package, redeploy=asked.redeploy, caller=req.caller.subject, seconds=seconds)
    finally:
        transport.close()
    body = import_document(connection.connection_id, value)
    if value.is_under_way:
        place = answers.address("connections", connection.connection_id, "solution")
        return answers.accepted(place, body)
    return answers.ok(body)


@route(blueprint, Role.READER, "GET", "connections/{connection_id}/solution")
def read_solution(req: Request) -> func.HttpResponse:
    """200 with how the last import went; the organization is not asked."""
    connection = _connection(req)
    stored = _store(req.caller.tenant, connection.connection_id).load()
    return answers.ok(import_document(connection.connection_id, stored.value))


def _token(connection: Connection, administrator: AdministratorMembers) -> str:
    if (administrator.token is None) == (administrator.device_code is None):
        raise RefusedRequestError(
            422,
            "administrator-missing",
            "Exactly one of a token and a device code tells who imports.",
            hint="Give administrator.token, or administrator.device_code of a sign-in that was "
            "begun here.",
        )
    if administrator.token is not None:
        return administrator.token
    return _sign_in(connection).token(str(administrator.device_code))


def _sign_in(connection: Connection) -> DeviceCodeSignIn:
    return DeviceCodeSignIn(
        authority=authority_of(settings()),
        tenant=connection.credentials.tenant_id,
        client=connection.credentials.client_id,
        scope=f"{connection.crm.url}/user_impersonation",
    )


def _store(tenant: TenantId, connection_id: str) -> SolutionStore:
    return SolutionStore(storage_account().table(TABLE, tenant), connection_id)


def _connection(req: Request) -> Connection:
    connection_id = req.path("connection_id", CONNECTION_ID_PATTERN)
    return connections_of(req.caller.tenant).load(connection_id).connection
