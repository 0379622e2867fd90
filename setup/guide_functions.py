"""The triggers of the setup guide: look at it, run it, run one step."""

from __future__ import annotations

import azure.functions as func

from connections.model import CONNECTION_ID_PATTERN
from connections.store import StoredConnection, connections_of
from errors import RefusedRequestError
from identity.model import Role
from setup.guide import run_all, run_step, settings_mark, setup_store
from setup.guide_documents import guide_document, step_document
from setup.model import Step
from sync.connected import catalog_source
from web import answers
from web.edge import Request, route

blueprint = func.Blueprint()


@route(blueprint, Role.READER, "GET", "connections/{connection_id}/setup")
def read_setup(req: Request) -> func.HttpResponse:
    """200 with every step as it was found last, and what to do next; no service is asked."""
    return _guide(req, _connection(req))


@route(blueprint, Role.ADMINISTRATOR, "POST", "connections/{connection_id}/setup")
def run_setup(req: Request) -> func.HttpResponse:
    """200 with every step as it is found now; nothing is changed in either service."""
    stored = _connection(req)
    run_all(req.caller.tenant, stored)
    return _guide(req, stored)


@route(blueprint, Role.ADMINISTRATOR, "POST", "connections/{connection_id}/setup/{step}")
def run_setup_step(req: Request) -> func.HttpResponse:
    """200 with one step as it is found now; 404 for a step that there is not."""
    name = req.path("step", r"[a-z-]{1,40}")
    if name not in set(Step):
        raise RefusedRequestError(
            404,
            "step-unknown",
            f"The setup guide has no step {name!r}.",
            hint=f"Its steps: {', '.join(Step)}.",
        )
    stored = _connection(req)
    result = run_step(req.caller.tenant, stored, Step(name))
    return answers.ok(step_document(result.step, result, result.settings_mark))


def _connection(req: Request) -> StoredConnection:
    connection_id = req.path("connection_id", CONNECTION_ID_PATTERN)
    return connections_of(req.caller.tenant).load(connection_id)


def _guide(req: Request, stored: StoredConnection) -> func.HttpResponse:
    tenant, connection = req.caller.tenant, stored.connection
    mark = settings_mark(connection, catalog_source(tenant, connection.connection_id)())
    results = setup_store(tenant, connection.connection_id).load()
    return answers.ok(guide_document(connection, results, mark))
