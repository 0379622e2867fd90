"""The triggers of incremental synchronization: a timer, a queue, and HTTP to look at it."""

from __future__ import annotations

import logging
from datetime import timedelta

import azure.functions as func

from connections.model import CONNECTION_ID_PATTERN
from connections.store import connections_of, enabled_connections
from errors import CouplerError
from identity.model import Role, TenantId
from sync.connected import catalog_source, services_source
from sync.opening import now, pass_stores, pass_worker_of, run_limits
from sync.requests import QUEUE
from sync.table_documents import tables_document
from web import answers
from web.edge import Request, route

log = logging.getLogger(__name__)

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="*/15 * * * * *", use_monitor=False)
def start_due_passes(timer: func.TimerRequest) -> None:
    """Send for the passes of every connection that is due. One connection's trouble is its own."""
    del timer
    for tenant, stored in enabled_connections():
        connection = stored.connection
        period = timedelta(seconds=connection.incremental.period_seconds)
        stores = pass_stores(tenant, connection.connection_id)
        try:
            if stores.health.claim_due(period, now()):
                stores.requests.send("")
        except CouplerError as error:
            log.warning("passes of %s not sent for: %s", connection.connection_id, error)


@blueprint.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
def work_table_pass(message: func.QueueMessage) -> None:
    """Pass over the table that the message names, or over all of a connection's, if it is still
    enabled."""
    keys = message.get_json()
    tenant, connection_id = TenantId(keys["tenant"]), keys["connection"]
    if not connections_of(tenant).is_active(connection_id):
        return  # put on hold or removed since the message was sent; enabling sends anew
    catalog = catalog_source(tenant, connection_id)
    services = services_source(tenant, connection_id)
    worker = pass_worker_of(tenant, connection_id, catalog, services)
    worker.handle(keys["mapping"], asked=keys["asked"], turned_away=keys.get("turned_away", 0))


@route(
    blueprint, Role.OPERATOR, "POST", "connections/{connection_id}/incremental/run", idempotent=True
)
def run_passes(req: Request) -> func.HttpResponse:
    """202: every table that was synchronized once is passed over now, whatever back-off is on."""
    connection_id = _known_connection(req)
    connections_of(req.caller.tenant).load_active(connection_id)
    run_limits(req.caller.tenant).count_start()
    pass_stores(req.caller.tenant, connection_id).requests.send("", asked=True)
    return answers.accepted(answers.address("connections", connection_id, "tables"), {})


@route(blueprint, Role.READER, "GET", "connections/{connection_id}/tables")
def list_tables(req: Request) -> func.HttpResponse:
    """200 with the state of each table mapping between its passes."""
    tenant, connection_id = req.caller.tenant, _known_connection(req)
    stores, catalog = pass_stores(tenant, connection_id), catalog_source(tenant, connection_id)()
    return answers.ok(
        tables_document(catalog, stores.states.load_all(), stores.health.load(), now())
    )


def _known_connection(req: Request) -> str:
    connection_id = req.path("connection_id", CONNECTION_ID_PATTERN)
    return connections_of(req.caller.tenant).load(connection_id).connection.connection_id
