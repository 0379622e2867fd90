"""The triggers of webhooks: receivers, their registration, and the timer that keeps it whole."""

from __future__ import annotations

import logging
import re

import azure.functions as func

from connections.model import CONNECTION_ID_PATTERN, ConnectionState
from connections.store import StoredConnection, connections_of, enabled_connections
from errors import CouplerError, RefusedRequestError
from identity.model import Role, TenantId
from sync.connected import catalog_source
from sync.opening import now, pass_stores
from web import answers
from web.edge import Delivery, Request, route, webhook_route
from webhooks.documents import registration_document
from webhooks.opening import registrar_of, webhook_store
from webhooks.receiving import Receiver
from webhooks.store import WebhookStore

log = logging.getLogger(__name__)

blueprint = func.Blueprint()

_TENANT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_VALIDATION_TOKEN = re.compile(r"[A-Za-z0-9._~:+/=|-]{1,1024}")


@webhook_route(blueprint, "webhooks/crm/{tenant}/{connection_id}")
def receive_crm_change(req: Delivery) -> func.HttpResponse:
    """202 for a call of Dataverse with a live key; 401 for any other."""
    key = req.query("code") or req.header("x-coupler-key")
    _receiver(req).crm_call(key, req.body())
    return func.HttpResponse(status_code=202)


@webhook_route(blueprint, "webhooks/bc/{tenant}/{connection_id}")
def receive_bc_changes(req: Delivery) -> func.HttpResponse:
    """202 for whatever Business Central sends; 200 with its token when it asks who is here."""
    token = req.query("validationToken")
    if not token:
        _receiver(req).bc_call(req.body())
        return func.HttpResponse(status_code=202)
    if not _VALIDATION_TOKEN.fullmatch(token) or not _receiver(req).bc_handshake():
        raise RefusedRequestError(404, "not-found", "There is no such webhook.")
    return func.HttpResponse(token, status_code=200, mimetype="text/plain")


@route(blueprint, Role.ADMINISTRATOR, "PUT", "connections/{connection_id}/webhooks")
def register_webhooks(req: Request) -> func.HttpResponse:
    """200 when both services call about every table they can; repairs what is there."""
    return _register(req, new_keys=False)


# Not named after keys: a route never has one in it, which a test holds to.
@route(blueprint, Role.ADMINISTRATOR, "POST", "connections/{connection_id}/webhooks/rotate")
def rotate_webhook_keys(req: Request) -> func.HttpResponse:
    """200 when both services call with new keys; the old ones end in a day."""
    return _register(req, new_keys=True)


@route(blueprint, Role.READER, "GET", "connections/{connection_id}/webhooks")
def read_webhooks(req: Request) -> func.HttpResponse:
    """200 with what is registered, and which tables are polled only."""
    return _registered(req, _connection(req))


@route(blueprint, Role.ADMINISTRATOR, "DELETE", "connections/{connection_id}/webhooks")
def remove_webhooks(req: Request) -> func.HttpResponse:
    """204 when neither service calls any more."""
    registrar_of(req.caller.tenant, _connection(req)).remove()
    return answers.no_content()


@blueprint.timer_trigger(arg_name="timer", schedule="0 7 * * * *", use_monitor=False)
def renew_webhooks(timer: func.TimerRequest) -> None:
    """Renew and repair the webhooks of every connection that has them."""
    del timer
    for tenant, stored in enabled_connections():
        store = webhook_store(tenant, stored.connection.connection_id)
        try:
            if store.load().is_wanted:
                _renew(tenant, stored, store)
        except CouplerError as error:
            log.warning("webhooks of %s not renewed: %s", stored.connection.connection_id, error)


def _renew(tenant: TenantId, stored: StoredConnection, store: WebhookStore) -> None:
    try:
        registrar = registrar_of(tenant, stored)
    except CouplerError as error:
        store.note(now(), error.explained())  # the registrar itself notes what keeps it from it
        raise
    registrar.register()


def _register(req: Request, *, new_keys: bool) -> func.HttpResponse:
    tenant, stored = req.caller.tenant, _connection(req)
    registrar_of(tenant, stored).register(new_keys=new_keys)
    return _registered(req, stored)


def _registered(req: Request, stored: StoredConnection) -> func.HttpResponse:
    tenant, connection_id = req.caller.tenant, stored.connection.connection_id
    registration = webhook_store(tenant, connection_id).load()
    catalog = catalog_source(tenant, connection_id)()
    return answers.ok(registration_document(registration, catalog))


def _connection(req: Request) -> StoredConnection:
    connection_id = req.path("connection_id", CONNECTION_ID_PATTERN)
    return connections_of(req.caller.tenant).load(connection_id)


def _receiver(req: Delivery) -> Receiver:
    """The receiver that a call names. Its tenant is only where to look for the key: names that
    could not be ours find none, like those that are merely unknown."""
    tenant, connection_id = req.path("tenant").lower(), req.path("connection_id")
    if not _TENANT.fullmatch(tenant) or not re.fullmatch(CONNECTION_ID_PATTERN, connection_id):
        tenant, connection_id = "nobody", "nothing"
    stores = pass_stores(TenantId(tenant), connection_id)

    def is_kept_in_step() -> bool:
        # Asked for verified calls only. Of a connection that is gone it raises 404, at which
        # Business Central ends its subscription, as it should.
        connection = connections_of(TenantId(tenant)).load(connection_id).connection
        return connection.state is ConnectionState.ACTIVE and connection.incremental.enabled

    return Receiver(
        store=webhook_store(TenantId(tenant), connection_id),
        hints=stores.hints,
        requests=stores.requests,
        catalog=catalog_source(TenantId(tenant), connection_id),
        is_kept_in_step=is_kept_in_step,
        now=now,
    )
