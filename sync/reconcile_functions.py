"""The triggers of reconciling: look for drift, read what was found, have it repaired."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import azure.durable_functions as df
import azure.functions as func

from connections.model import CONNECTION_ID_PATTERN
from connections.store import connections_of
from errors import RefusedRequestError
from identity.model import Role
from sync.catalog import MappingCatalog
from sync.connected import catalog_source
from sync.drift import Drift, DriftKind
from sync.functions import StartRequest, start_run
from sync.jobs import RunKind
from sync.opening import drift_store, full_sync_of, repair_of
from sync.reconcile_documents import drift_document, repaired_document, report_document
from sync.reconcile_repair import DriftId, Selection
from web import answers
from web.edge import Request, route
from web.lists import USUAL_LIMIT, Continuation, Limit
from web.shapes import Text

blueprint: Any = df.Blueprint()  # the SDK's decorators are not typed

_ROUTE = "connections/{connection_id}/reconcile"
_DRIFT_ID = re.compile(r"(?P<mapping>[^/]+)/(?P<side>bc|crm)/(?P<record>[^/]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftQuery:
    """Which drift is asked for."""

    mapping: Annotated[str, Text(longest=50)] | None = None
    kind: DriftKind | None = None
    explained: bool | None = None
    """Whether outcomes tell of it already."""
    search: Annotated[str, Text(longest=250)] | None = None
    """Part of a record's name or id on either side."""
    limit: Limit = USUAL_LIMIT
    continuation: Continuation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairRequest:
    """Which drift is to be repaired: all of it, or what fits everything that is named."""

    all: bool = False
    mappings: list[Annotated[str, Text(longest=50)]] = field(default_factory=list)
    kinds: list[DriftKind] = field(default_factory=list)
    ids: list[Annotated[str, Text(longest=250)]] = field(default_factory=list)
    """As the list of drift tells them."""


@route(
    blueprint,
    Role.OPERATOR,
    "POST",
    _ROUTE,
    body=StartRequest,
    durable_client="starter",
    idempotent=True,
)
async def start_reconcile(req: Request, starter: Any) -> func.HttpResponse:
    """202: comparing the named tables (all by default) with their couplings was begun."""
    return await start_run(req, starter, RunKind.RECONCILE, "reconcile")


@route(blueprint, Role.READER, "GET", _ROUTE)
def read_reconcile(req: Request) -> func.HttpResponse:
    """200 with what the last looks found: counts by table and kind, and the plan in words."""
    tenant, connection_id = req.caller.tenant, _known_connection(req)
    catalog = catalog_source(tenant, connection_id)
    run, jobs = full_sync_of(tenant, connection_id, catalog).lines(RunKind.RECONCILE)
    counts = drift_store(tenant, connection_id).summary()
    return answers.ok(report_document(catalog(), run, jobs, counts))


@route(blueprint, Role.READER, "GET", f"{_ROUTE}/drift", query=DriftQuery)
def list_drift(req: Request) -> func.HttpResponse:
    """200 with the records and pairs that are not as they should be."""
    query = req.query(DriftQuery)
    page = drift_store(req.caller.tenant, _known_connection(req)).list_page(
        mapping=query.mapping,
        kind=query.kind,
        keep=_filter_of(query),
        limit=query.limit,
        continuation=query.continuation,
    )
    body = {
        "drift": [drift_document(each) for each in page.drift],
        "continuation": page.continuation,
    }
    return answers.ok(body)


@route(blueprint, Role.OPERATOR, "POST", f"{_ROUTE}/repair", body=RepairRequest, idempotent=True)
def repair_drift(req: Request) -> func.HttpResponse:
    """202 with the number of repairs begun, by kind; the passes that carry them out follow."""
    connection_id = _known_connection(req)
    catalog = catalog_source(req.caller.tenant, connection_id)()
    selection = _selection(req.body(RepairRequest), catalog)
    repaired = repair_of(req.caller.tenant, connection_id)(selection)
    req.audit(repairs=sum(repaired.begun.values()))
    location = answers.address("connections", connection_id, "tables")
    return answers.accepted(location, repaired_document(repaired))


def _filter_of(query: DriftQuery) -> Callable[[Drift], bool]:
    sought = (query.search or "").casefold()

    def keep(drift: Drift) -> bool:
        told = (drift.name, drift.record_id, drift.bc_id, drift.crm_id)
        return query.explained in (None, drift.is_explained) and any(
            sought in each.casefold() for each in told
        )

    return keep


def _selection(wanted: RepairRequest, catalog: MappingCatalog) -> Selection:
    if wanted.all == bool(wanted.mappings or wanted.kinds or wanted.ids):
        raise RefusedRequestError(
            422,
            "selection-unclear",
            "Say what is to be repaired: either all of it, or mappings, kinds or ids.",
        )
    return Selection(
        mappings=frozenset(catalog.named(name).name for name in wanted.mappings),
        kinds=frozenset(wanted.kinds),
        ids=frozenset(_drift_id(each, catalog) for each in wanted.ids),
    )


def _drift_id(text: str, catalog: MappingCatalog) -> DriftId:
    found = _DRIFT_ID.fullmatch(text)
    if found is None:
        raise RefusedRequestError(422, "drift-id-unknown", f"{text!r} is no id of drift.")
    return DriftId(
        mapping=catalog.named(found["mapping"]).name,
        side="bc" if found["side"] == "bc" else "crm",
        record_id=found["record"],
    )


def _known_connection(req: Request) -> str:
    connection_id = req.path("connection_id", CONNECTION_ID_PATTERN)
    return connections_of(req.caller.tenant).load(connection_id).connection.connection_id
