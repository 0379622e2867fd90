"""The triggers that enable, hold, change and remove a connection."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import azure.functions as func

from audit.trail import audit_trail
from connections.model import CONNECTION_ID_PATTERN, Credentials
from connections.request import CredentialsMembers, NewConnection, connection_of
from connections.services import try_services
from connections.store import StoredConnection, connections_of, enabled_connections
from errors import CouplerError
from identity.model import Role, TenantId
from settings import settings
from setup.guide import run_all
from setup.opening import lifecycle_of
from setup.refusals import hold_if_refused
from setup.removal import QUEUE, Removal, RemovalTask
from storage.accounts import storage_account
from storage.queues import StorageQueues
from storage.secrets import check_secret_name
from sync.opening import now, pass_stores
from web import answers
from web.edge import Request, route
from web.shapes import Text
from webhooks.opening import registrar_of

log = logging.getLogger(__name__)

blueprint = func.Blueprint()


class KeptCouplings(StrEnum):
    REMOVE = "remove"
    KEEP = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalQuery:
    """What becomes of the couplings of a connection that is deleted."""

    couplings: KeptCouplings = KeptCouplings.REMOVE


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRequest:
    """Why a connection is put on hold."""

    reason: Annotated[str, Text(longest=200)] | None = None


@route(
    blueprint,
    Role.ADMINISTRATOR,
    "PUT",
    "connections/{connection_id}",
    body=NewConnection,
)
def change_connection(req: Request) -> func.HttpResponse:
    """200 with the connection as it is now; 409 where it is enabled. Needs If-Match."""
    _stored(req)  # what is not the caller's is told before what is wrong with the body
    wanted = connection_of(
        req.body(NewConnection),
        req.caller,
        allowed_hosts=settings().allowed_service_hosts,
        now=datetime.now(UTC),
    )
    stored = _as_seen(req)
    wanted = replace(wanted, connection_id=stored.connection.connection_id)
    return _answer(lifecycle_of(req.caller.tenant, stored.connection).change(stored, wanted))


@route(blueprint, Role.ADMINISTRATOR, "POST", "connections/{connection_id}/enable")
def enable_connection(req: Request) -> func.HttpResponse:
    """200 when every check of the setup guide passed and the connection works from now on."""
    stored = _stored(req)
    tenant = req.caller.tenant
    results = run_all(tenant, stored)
    return _answer(lifecycle_of(tenant, stored.connection).enable(stored, results))


@route(
    blueprint,
    Role.ADMINISTRATOR,
    "POST",
    "connections/{connection_id}/disable",
    body=HoldRequest,
)
def disable_connection(req: Request) -> func.HttpResponse:
    """200 when the connection is on hold: no run, no pass, nothing removed."""
    stored = _stored(req)
    reason = req.body(HoldRequest).reason or "disabled by an administrator"
    return _answer(lifecycle_of(req.caller.tenant, stored.connection).disable(stored, reason))


@route(
    blueprint,
    Role.ADMINISTRATOR,
    "PUT",
    "connections/{connection_id}/credentials",
    body=CredentialsMembers,
)
def rotate_credentials(req: Request) -> func.HttpResponse:
    """200 when both services took the new credentials, which are used from now on.

    Work under way goes on with the tokens it has; the old secret may end an hour later. Needs
    If-Match.
    """
    _stored(req)
    asked = req.body(CredentialsMembers)
    stored = _as_seen(req)
    check_secret_name(req.caller.tenant, asked.client_secret_name)
    credentials = Credentials(
        tenant_id=asked.tenant_id.lower(),
        client_id=asked.client_id.lower(),
        client_secret_name=asked.client_secret_name,
    )
    wanted = replace(stored.connection, credentials=credentials)
    try_services(req.caller.tenant, wanted)
    return _answer(lifecycle_of(req.caller.tenant, wanted).rotate(stored, wanted))


@route(
    blueprint,
    Role.ADMINISTRATOR,
    "DELETE",
    "connections/{connection_id}",
    query=RemovalQuery,
)
def delete_connection(req: Request) -> func.HttpResponse:
    """202: the connection, its couplings unless they are kept, and all that is stored of it are
    being removed; no record of either system is touched. Needs If-Match."""
    _stored(req)
    query = req.query(RemovalQuery)
    stored = _as_seen(req)
    tenant, connection_id = req.caller.tenant, stored.connection.connection_id
    removing = lifecycle_of(tenant, stored.connection).begin_removal(stored)
    task = RemovalTask(
        tenant=tenant,
        connection_id=connection_id,
        keep_couplings=query.couplings is KeptCouplings.KEEP,
    )
    _removal(tenant, connection_id).begin(task)
    return answers.accepted(
        answers.address("connections", connection_id), removing.connection.document()
    )


@blueprint.timer_trigger(arg_name="timer", schedule="30 */5 * * * *", use_monitor=False)
def hold_refused_connections(timer: func.TimerRequest) -> None:
    """Put on hold what a service refuses for good. One connection's trouble is its own."""
    del timer
    for tenant, stored in enabled_connections():
        try:
            hold_if_refused(
                stored,
                lifecycle=lifecycle_of(tenant, stored.connection),
                trail=audit_trail(tenant),
                now=now(),
            )
        except CouplerError as error:
            log.warning("%s not put on hold: %s", stored.connection.connection_id, error)


@blueprint.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
def remove_connection(message: func.QueueMessage) -> None:
    """Remove a slice of what is stored of a connection, and the connection after the last one."""
    task = RemovalTask.of(message.get_json())
    _removal(task.tenant, task.connection_id).go_on(task)


def _removal(tenant: TenantId, connection_id: str) -> Removal:
    def is_at_work() -> bool:
        states = pass_stores(tenant, connection_id).states.load_all().values()
        return any(state.lease.is_alive(now()) for state in states)

    def remove_webhooks(stored: StoredConnection) -> None:
        if settings().public_url:  # without it there never were any
            registrar_of(tenant, stored).remove()

    return Removal(
        connections=connections_of(tenant),
        table=lambda name: storage_account().table(name, tenant),
        queues=StorageQueues(storage_account()),
        is_at_work=is_at_work,
        remove_webhooks=remove_webhooks,
    )


def _stored(req: Request) -> StoredConnection:
    connection_id = req.path("connection_id", CONNECTION_ID_PATTERN)
    return connections_of(req.caller.tenant).load(connection_id)


def _as_seen(req: Request) -> StoredConnection:
    """The connection in the version that the caller saw."""
    connection_id = req.path("connection_id", CONNECTION_ID_PATTERN)
    return connections_of(req.caller.tenant).load_as_seen(connection_id, req.if_match())


def _answer(stored: StoredConnection) -> func.HttpResponse:
    return answers.ok(stored.connection.document(), etag=stored.etag)
