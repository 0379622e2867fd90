"""The triggers of files: couplings to one, from one, and what became of each row."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import azure.durable_functions as df
import azure.functions as func

from connections.model import CONNECTION_ID_PATTERN
from connections.store import connections_of
from couplings.listing import Listed
from errors import RefusedRequestError
from identity.model import Role
from sync.bulk.opening import order_of
from sync.by_hand.coupling import check_direction
from sync.by_hand.pairing import First
from sync.connected import catalog_source
from sync.documents import run_document
from sync.functions import begin_run
from sync.jobs import RunKind
from sync.mapping import MAPPING_NAME, TableMapping
from sync.opening import coupling_store, job_store
from sync.transfer.coupling_file import Unsaid, read_file
from sync.transfer.csv_text import MEDIA_TYPE
from sync.transfer.documents import import_document, rows_document
from sync.transfer.exported import exported
from sync.transfer.import_model import Import, RowState
from sync.transfer.opening import SOURCE, import_store, stored_import
from web import answers
from web.edge import Request, route
from web.lists import USUAL_LIMIT, Continuation, Limit

blueprint: Any = df.Blueprint()  # the SDK's decorators are not typed

_COUPLINGS = "connections/{connection_id}/couplings/{mapping}"
_LARGEST_FILE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportQuery:
    """How much of the file at once, and where to go on."""

    limit: Limit = 1000
    continuation: Continuation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportQuery:
    """What is to be done with a file."""

    check_only: bool = False
    """Say what stands in the way, and couple nothing."""
    first: First = First.NONE
    """Whose values count at first, for rows that do not say."""
    replace: bool = False
    """Give up other partners, for rows that do not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportQuery:
    """Which rows are asked for."""

    state: RowState | None = None
    limit: Limit = USUAL_LIMIT
    continuation: Continuation | None = None


@route(blueprint, Role.READER, "GET", f"{_COUPLINGS}/export", query=ExportQuery)
def export_couplings(req: Request) -> func.HttpResponse:
    """200 with couplings of one table mapping as a file, and where the next ones are."""
    query = req.query(ExportQuery)
    connection_id, mapping = _known(req)
    page = coupling_store(req.caller.tenant, connection_id).list_page(
        mapping.name, Listed(limit=query.limit, continuation=query.continuation)
    )
    following = {"limit": str(query.limit), "continuation": page.continuation or ""}
    place = answers.address("connections", connection_id, "couplings", mapping.name, "export")
    return answers.text(
        exported(page.couplings),
        MEDIA_TYPE,
        next_page=f"{place}?{urlencode(following)}" if page.continuation else "",
    )


@route(
    blueprint,
    Role.OPERATOR,
    "POST",
    f"{_COUPLINGS}/import",
    query=ImportQuery,
    media_type=MEDIA_TYPE,
    largest_body=_LARGEST_FILE,
    durable_client="starter",
    idempotent=True,
)
async def import_couplings(req: Request, starter: Any) -> func.HttpResponse:
    """202: checking the file's couplings was begun, and making them if all of them may be."""
    stored, connection_id = await asyncio.to_thread(_store, req)
    store = import_store(req.caller.tenant, connection_id, stored.mapping)
    try:
        order = order_of(SOURCE, **{SOURCE: stored.import_id})
        run = await begin_run(req, starter, RunKind.COUPLING, [stored.mapping], order=order)
    except RefusedRequestError:
        await asyncio.to_thread(store.forget, stored.import_id)
        raise
    await asyncio.to_thread(store.begun, stored.import_id, run.run_id, run.started_at)
    location = answers.address("connections", connection_id, "runs", run.run_id)
    return answers.accepted(location, run_document(run))


@route(blueprint, Role.READER, "GET", f"{_COUPLINGS}/import", query=ReportQuery)
def read_import(req: Request) -> func.HttpResponse:
    """200 with the last import of one table mapping and what became of its rows."""
    query = req.query(ReportQuery)
    connection_id, mapping = _known(req)
    store = import_store(req.caller.tenant, connection_id, mapping.name)
    last = store.last()
    if last is None:
        return answers.ok({"import": None, "rows": [], "continuation": None})
    run = job_store(req.caller.tenant, connection_id).get_run(last.run_id)
    page = store.list_page(
        last.import_id, state=query.state, limit=query.limit, continuation=query.continuation
    )
    body = {
        "import": import_document(last, run, store.counts(last.import_id)),
        "rows": rows_document(page.rows),
        "continuation": page.continuation,
    }
    return answers.ok(body)


def _store(req: Request) -> tuple[Import, str]:
    """The file in storage; raises where it cannot be read, before anything is stored."""
    query = req.query(ImportQuery)
    connection_id, mapping = _known(req)
    check_direction(mapping, query.first)
    unsaid = Unsaid(first=query.first, replaces=query.replace)
    rows = read_file(req.text(), mapping, unsaid)
    req.audit(rows=len(rows), check_only=query.check_only)
    store = import_store(req.caller.tenant, connection_id, mapping.name)
    return stored_import(store, mapping.name, rows, check_only=query.check_only), connection_id


def _known(req: Request) -> tuple[str, TableMapping]:
    """The connection and the table mapping in the path; 404 where there are none such."""
    connection_id = req.path("connection_id", CONNECTION_ID_PATTERN)
    connection_id = connections_of(req.caller.tenant).load(connection_id).connection.connection_id
    catalog = catalog_source(req.caller.tenant, connection_id)()
    return connection_id, catalog.named(req.path("mapping", MAPPING_NAME))
