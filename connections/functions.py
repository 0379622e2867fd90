"""The triggers of connections: create, list, read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import azure.functions as func

from connections.listing import ConnectionQuery, connection_page
from connections.model import CONNECTION_ID_PATTERN, Incremental
from connections.request import IncrementalSettings, NewConnection, connection_of
from connections.store import connections_of
from identity.model import Role
from settings import settings
from sync.opening import pass_stores
from sync.table_documents import stopped_document
from web import answers
from web.edge import Request, route

blueprint = func.Blueprint()


@route(blueprint, Role.ADMINISTRATOR, "POST", "connections", body=NewConnection, idempotent=True)
def create_connection(req: Request) -> func.HttpResponse:
    """201 with the new connection; 200 where the same one is there, 409 where another is."""
    connection = connection_of(
        req.body(NewConnection),
        req.caller,
        allowed_hosts=settings().allowed_service_hosts,
        now=datetime.now(UTC),
    )
    req.audit(
        created=connection.connection_id,
        business_central=connection.business_central.url,
        crm=connection.crm.url,
    )
    stored, is_new = connections_of(req.caller.tenant).add(connection)
    body = stored.connection.document()
    if not is_new:
        return answers.ok(body, etag=stored.etag)
    location = answers.address("connections", connection.connection_id)
    return answers.created(location, body, etag=stored.etag)


@route(blueprint, Role.READER, "GET", "connections", query=ConnectionQuery)
def list_connections(req: Request) -> func.HttpResponse:
    """200 with connections of the caller's tenant."""
    page, continuation = connection_page(req.caller.tenant, req.query(ConnectionQuery))
    body = {"connections": [one.document() for one in page], "continuation": continuation}
    return answers.ok(body)


@route(blueprint, Role.READER, "GET", "connections/{connection_id}")
def read_connection(req: Request) -> func.HttpResponse:
    """200 with one connection, and what stops it where something does; 404 where the caller's
    tenant has none of that id."""
    connection_id = req.path("connection_id", CONNECTION_ID_PATTERN)
    stored = connections_of(req.caller.tenant).load(connection_id)
    health = pass_stores(req.caller.tenant, connection_id).health.load()
    body = stored.connection.document() | {"stopped": stopped_document(health)}
    return answers.ok(body, etag=stored.etag)


@route(
    blueprint,
    Role.ADMINISTRATOR,
    "PUT",
    "connections/{connection_id}/incremental",
    body=IncrementalSettings,
)
def change_incremental(req: Request) -> func.HttpResponse:
    """200 with the connection, kept in step as told from now on; needs the ETag in If-Match."""
    connection_id = req.path("connection_id", CONNECTION_ID_PATTERN)
    store = connections_of(req.caller.tenant)
    store.load(connection_id)  # what is not the caller's is told before what is wrong with the body
    asked = req.body(IncrementalSettings)
    stored = store.load_as_seen(connection_id, req.if_match())
    req.audit(enabled=asked.enabled, period_seconds=asked.period_seconds)
    incremental = Incremental(enabled=asked.enabled, period_seconds=asked.period_seconds)
    changed = store.change(stored, replace(stored.connection, incremental=incremental))
    return answers.ok(changed.connection.document(), etag=changed.etag)
