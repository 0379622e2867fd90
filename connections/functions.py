"""The triggers of connections: create, list, read."""

from __future__ import annotations

from datetime import UTC, datetime

import azure.functions as func

from connections.model import CONNECTION_ID_PATTERN
from connections.request import NewConnection, connection_of
from connections.store import connections_of
from settings import settings
from web import answers
from web.edge import Request, route

blueprint = func.Blueprint()


@route(blueprint, "POST", "connections")
def create_connection(req: Request) -> func.HttpResponse:
    """201 with the new connection; 200 where the same one is there, 409 where another is."""
    connection = connection_of(
        req.body(NewConnection),
        req.caller,
        allowed_hosts=settings().allowed_service_hosts,
        now=datetime.now(UTC),
    )
    stored, is_new = connections_of(req.caller.tenant).add(connection)
    body = stored.connection.document()
    if not is_new:
        return answers.ok(body, etag=stored.etag)
    location = answers.address("connections", connection.connection_id)
    return answers.created(location, body, etag=stored.etag)


@route(blueprint, "GET", "connections")
def list_connections(req: Request) -> func.HttpResponse:
    """200 with all connections of the caller's tenant."""
    stored = connections_of(req.caller.tenant).load_all()
    return answers.ok({"connections": [one.connection.document() for one in stored]})


@route(blueprint, "GET", "connections/{connection_id}")
def read_connection(req: Request) -> func.HttpResponse:
    """200 with one connection; 404 where the caller's tenant has none of that id."""
    connection_id = req.path("connection_id", CONNECTION_ID_PATTERN)
    stored = connections_of(req.caller.tenant).load(connection_id)
    return answers.ok(stored.connection.document(), etag=stored.etag)
