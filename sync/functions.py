"""The triggers of full synchronization: HTTP to steer it, a queue to work, an orchestration."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

import azure.durable_functions as df
import azure.functions as func

from connections.model import CONNECTION_ID_PATTERN
from connections.store import connections_of
from couplings.listing import CouplingOrder, Listed
from couplings.model import CouplingState
from errors import RefusedRequestError
from identity.model import Role, TenantId
from settings import settings
from sync.background import further_slices
from sync.connected import catalog_source, services_source
from sync.documents import (
    coupling_document,
    recommendation_document,
    review_document,
    run_document,
)
from sync.full_sync import QUEUE, FullSync
from sync.holdings import holdings_of_all
from sync.jobs import ActiveRunError, Run, RunKind
from sync.mapping import MAPPING_NAME
from sync.opening import (
    coupling_store,
    full_sync_of,
    opener_of,
    worker_of,
)
from sync.orchestration import ADVANCE, ORCHESTRATOR, orchestrate, over_event
from sync.recommendation import Mode, Modes, recommend
from web import answers
from web.edge import Request, route
from web.lists import USUAL_LIMIT, Continuation, Limit
from web.shapes import InvalidMembersError, JsonObject, Text

log = logging.getLogger(__name__)

blueprint: Any = df.Blueprint()  # the SDK's decorators are not typed


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """What a run is to cover; all table mappings where none is named."""

    mappings: list[Annotated[str, Text(longest=50)]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class FullSyncRequest:
    """What a full synchronization is to cover, and what it is to do with each table."""

    mappings: list[Annotated[str, Text(longest=50)]] = field(default_factory=list)
    mode: Mode | None = None
    """For tables that ``modes`` does not name; without it, as recommended for each."""
    modes: JsonObject = field(default_factory=JsonObject)
    """Mapping → mode."""

    def ordered(self) -> Modes:
        """The modes; raises ``InvalidMembersError`` for one that does not exist."""
        known = {each.value: each for each in Mode}
        wrong = [name for name, mode in self.modes.items() if str(mode) not in known]
        if wrong:
            message = f"must be one of {', '.join(known)}"
            raise InvalidMembersError("body", [(f"modes.{name[:50]}", message) for name in wrong])
        return Modes(
            every=self.mode, named={name: known[str(mode)] for name, mode in self.modes.items()}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CouplingQuery:
    """Which couplings are asked for."""

    state: CouplingState | None = None
    search: Annotated[str, Text(longest=250)] | None = None
    """Part of a record's name, number or id on either side."""
    sort: CouplingOrder = CouplingOrder.BC_ID
    limit: Limit = USUAL_LIMIT
    continuation: Continuation | None = None


@route(
    blueprint,
    Role.OPERATOR,
    "POST",
    "connections/{connection_id}/full-sync/start",
    body=FullSyncRequest,
    durable_client="starter",
    idempotent=True,
)
async def start_full_sync(req: Request, starter: Any) -> func.HttpResponse:
    """202: a full synchronization of the named table mappings (all by default) was begun."""
    return await _start_with_modes(req, starter, RunKind.FULL_SYNC, "full-sync")


@route(
    blueprint,
    Role.OPERATOR,
    "POST",
    "connections/{connection_id}/full-sync/preview",
    body=FullSyncRequest,
    durable_client="starter",
    idempotent=True,
)
async def start_preview(req: Request, starter: Any) -> func.HttpResponse:
    """202: counting what a full synchronization would do was begun; nothing is written."""
    return await _start_with_modes(req, starter, RunKind.PREVIEW, "full-sync", "preview")


@route(blueprint, Role.READER, "GET", "connections/{connection_id}/full-sync/recommendations")
def read_recommendations(req: Request) -> func.HttpResponse:
    """200 with what is recommended for each table, from what both systems hold now."""
    tenant, connection_id = req.caller.tenant, _known_connection(req)
    catalog = catalog_source(tenant, connection_id)
    open_work = opener_of(tenant, connection_id, catalog, services_source(tenant, connection_id))
    known = catalog()
    held = holdings_of_all([open_work(name) for name in known.enabled])
    body = [
        recommendation_document(name, recommend(known.named(name), each))
        for name, each in held.items()
    ]
    return answers.ok({"recommendations": body})


@route(blueprint, Role.READER, "GET", "connections/{connection_id}/full-sync")
def read_review(req: Request) -> func.HttpResponse:
    """200 with the review: every line of the last full synchronization."""
    return _review(req, RunKind.FULL_SYNC)


@route(blueprint, Role.READER, "GET", "connections/{connection_id}/full-sync/preview")
def read_preview(req: Request) -> func.HttpResponse:
    """200 with the lines of the last preview."""
    return _review(req, RunKind.PREVIEW)


@route(
    blueprint,
    Role.OPERATOR,
    "POST",
    "connections/{connection_id}/full-sync/cancel",
    durable_client="starter",
)
async def cancel_full_sync(req: Request, starter: Any) -> func.HttpResponse:
    """202: lines that did not begin are cancelled, those in process end at their next page."""
    full_sync = await asyncio.to_thread(_full_sync, req)
    run = await asyncio.to_thread(full_sync.cancel)
    req.audit(run=run.run_id)
    await ensure_orchestration(starter, req, run)
    return answers.accepted(_review_address(req), run_document(run))


@route(blueprint, Role.OPERATOR, "POST", "connections/{connection_id}/full-sync/reset")
def reset_full_sync(req: Request) -> func.HttpResponse:
    """204: the review is blank again; 409 while a run is in process."""
    _full_sync(req).reset()
    return answers.no_content()


@route(
    blueprint,
    Role.OPERATOR,
    "POST",
    "connections/{connection_id}/full-sync/lines/{mapping}/restart",
    durable_client="starter",
    idempotent=True,
)
async def restart_line(req: Request, starter: Any) -> func.HttpResponse:
    """202: one line, and those that it blocked, run again."""
    full_sync = await asyncio.to_thread(_full_sync, req)
    await asyncio.to_thread(_require_active, req)
    name = req.path("mapping", MAPPING_NAME)
    run = await asyncio.to_thread(full_sync.restart, name)
    req.audit(run=run.run_id)
    await _orchestrate(starter, req, run)
    return answers.accepted(_review_address(req), run_document(run))


@route(
    blueprint,
    Role.READER,
    "GET",
    "connections/{connection_id}/couplings/{mapping}",
    query=CouplingQuery,
)
def list_couplings(req: Request) -> func.HttpResponse:
    """200 with the coupled records of one table mapping."""
    query = req.query(CouplingQuery)
    tenant, connection_id = req.caller.tenant, _known_connection(req)
    mapping = catalog_source(tenant, connection_id)().named(req.path("mapping", MAPPING_NAME))
    asked = Listed(
        state=query.state,
        search=query.search or "",
        order=query.sort,
        limit=query.limit,
        continuation=query.continuation,
    )
    page = coupling_store(tenant, connection_id).list_page(mapping.name, asked)
    body = {
        "couplings": [coupling_document(coupling) for coupling in page.couplings],
        "continuation": page.continuation,
    }
    return answers.ok(body)


@blueprint.orchestration_trigger(context_name="context", orchestration=ORCHESTRATOR)
def run_table_jobs(context: df.DurableOrchestrationContext) -> Generator[Any, Any, str | None]:
    """The orchestration of a run."""
    return (yield from orchestrate(context))


@blueprint.activity_trigger(input_name="run", activity=ADVANCE)
def advance_run(run: Any) -> Any:
    """Take a run as far as its lines allow; its end, if it came, and the tables at work."""
    tenant, connection_id = TenantId(run["tenant"]), run["connection"]
    full_sync = full_sync_of(tenant, connection_id, catalog_source(tenant, connection_id))
    progress = full_sync.advance(run["run"], run["generation"], by_itself=run["by_itself"])
    end = progress.end.value if progress.end else None
    return {"end": end, "working": list(progress.working)}


@blueprint.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
@blueprint.durable_client_input(client_name="starter")
async def work_table_job(message: func.QueueMessage, starter: Any) -> None:
    """Work a slice of the table job that the message names."""
    keys = message.get_json()
    run = await asyncio.to_thread(_work, keys)
    if run:
        await _tell(starter, run, keys["mapping"])


def _work(keys: dict[str, Any]) -> Run | None:
    tenant, connection_id = TenantId(keys["tenant"]), keys["connection"]
    services = services_source(tenant, connection_id)
    worker = worker_of(
        tenant,
        connection_id,
        catalog_source(tenant, connection_id),
        services,
        further_slices=further_slices(tenant, connection_id),
    )
    return worker.handle(keys["run"], keys["mapping"], turned_away=keys.get("turned_away", 0))


async def _tell(starter: Any, run: Run, mapping: str) -> None:
    """Wake the orchestration; it looks by itself before long, so a lost event is no harm."""
    try:
        await starter.raise_event(run.instance_id, over_event(mapping), mapping)
    except Exception as error:  # noqa: BLE001 - the SDK raises bare Exception
        log.warning("the end of %s was not told to run %s: %s", mapping, run.run_id, error)


async def _start_with_modes(
    req: Request, starter: Any, kind: RunKind, *place: str
) -> func.HttpResponse:
    """As ``start_run``, with what the body orders for each table."""
    wanted = req.body(FullSyncRequest)
    order = wanted.ordered().text()
    req.audit(modes=order or "as recommended")
    run = await begin_run(req, starter, kind, wanted.mappings, order=order)
    location = answers.address("connections", _connection_id(req), *place)
    return answers.accepted(location, run_document(run))


async def start_run(req: Request, starter: Any, kind: RunKind, *place: str) -> func.HttpResponse:
    """202: a run of the tables that the body names was begun; ``place`` tells how it goes."""
    run = await begin_run(req, starter, kind, req.body(StartRequest).mappings)
    location = answers.address("connections", _connection_id(req), *place)
    return answers.accepted(location, run_document(run))


async def begin_run(
    req: Request, starter: Any, kind: RunKind, mappings: Sequence[str], *, order: str = ""
) -> Run:
    """Begin a run of these table mappings, of all where none is named; raises as
    ``FullSync.begin``."""
    req.audit(kind=kind.value, mappings=", ".join(mappings) or "all")
    full_sync = await asyncio.to_thread(_full_sync, req)
    if kind is not RunKind.PREVIEW:
        await asyncio.to_thread(_require_active, req)
    try:
        begin = partial(full_sync.begin, kind, mappings, req.caller.subject, order=order)
        run = await asyncio.to_thread(begin)
        if kind is not RunKind.PREVIEW:
            await asyncio.to_thread(_stay_or_cancel, req, full_sync)
    except ActiveRunError as active:
        # Its start may have died between storing the run and starting its orchestration.
        running = await asyncio.to_thread(full_sync.run, active.run_id)
        await ensure_orchestration(starter, req, running)
        raise
    req.audit(run=run.run_id)
    await _orchestrate(starter, req, run)
    return run


async def begin_coupling(
    req: Request, starter: Any, mappings: Sequence[str], order: str
) -> func.HttpResponse:
    """202: work on many pairs of these table mappings was begun; the order is as
    ``sync.bulk.opening.order_of`` tells it."""
    run = await begin_run(req, starter, RunKind.COUPLING, mappings, order=order)
    location = answers.address("connections", _connection_id(req), "runs", run.run_id)
    return answers.accepted(location, run_document(run))


def _require_active(req: Request) -> None:
    """A preview writes nothing; whatever else runs does so for an enabled connection only."""
    connections_of(req.caller.tenant).load_active(_connection_id(req))


def _stay_or_cancel(req: Request, full_sync: FullSync) -> None:
    """Cancel the run that was just stored where its connection was put on hold meanwhile: whoever
    did so may not have seen it (the timelines are told in ``setup.lifecycle``)."""
    try:
        _require_active(req)
    except RefusedRequestError:
        full_sync.cancel()
        raise


async def _orchestrate(starter: Any, req: Request, run: Run) -> None:
    """Start the orchestration of this generation of the run."""
    await starter.start_new(
        ORCHESTRATOR,
        run.instance_id,
        {
            "tenant": req.caller.tenant,
            "connection": _connection_id(req),
            "run": run.run_id,
            "generation": run.generation,
            "watch_seconds": settings().watch_seconds,
        },
    )


async def ensure_orchestration(starter: Any, req: Request, run: Run | None) -> None:
    """Start the orchestration of a run in process, should it have none."""
    if run is None or run.state.is_over:
        return
    try:
        await _orchestrate(starter, req, run)
    except Exception as error:  # noqa: BLE001 - the SDK raises bare Exception
        log.info("run %s has its orchestration: %s", run.run_id, error)


def _connection_id(req: Request) -> str:
    return req.path("connection_id", CONNECTION_ID_PATTERN)


def _known_connection(req: Request) -> str:
    """The connection in the path; 404 where the caller's tenant has no such one."""
    return connections_of(req.caller.tenant).load(_connection_id(req)).connection.connection_id


def _full_sync(req: Request) -> FullSync:
    tenant, connection_id = req.caller.tenant, _known_connection(req)
    return full_sync_of(tenant, connection_id, catalog_source(tenant, connection_id))


def _review(req: Request, kind: RunKind) -> func.HttpResponse:
    tenant, connection_id = req.caller.tenant, _known_connection(req)
    catalog = catalog_source(tenant, connection_id)
    run, jobs = full_sync_of(tenant, connection_id, catalog).lines(kind)
    return answers.ok(review_document(run, jobs, catalog()))


def _review_address(req: Request) -> str:
    return answers.address("connections", _connection_id(req), "full-sync")
