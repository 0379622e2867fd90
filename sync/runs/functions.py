"""The triggers of runs of every kind: which there were, how one goes, ending it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from connections.model import CONNECTION_ID_PATTERN
from connections.store import connections_of
from identity.model import Role
from storage.accounts import storage_account
from sync.connected import catalog_source
from sync.documents import review_document, run_document
from sync.full_sync import FullSync
from sync.functions import ensure_orchestration
from sync.job_rows import RUNS
from sync.jobs import RunKind, RunState
from sync.opening import full_sync_of
from sync.runs.listing import list_runs
from sync.runs.naming import RUN_ID_PATTERN
from web import answers
from web.edge import Request, route
from web.lists import USUAL_LIMIT, Continuation, Limit

blueprint: Any = df.Blueprint()  # the SDK's decorators are not typed

_ROUTE = "connections/{connection_id}/runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQuery:
    """Which runs are asked for."""

    kind: RunKind | None = None
    state: RunState | None = None
    limit: Limit = USUAL_LIMIT
    continuation: Continuation | None = None


@route(blueprint, Role.READER, "GET", _ROUTE, query=RunQuery)
def read_runs(req: Request) -> func.HttpResponse:
    """200 with the runs of the connection, newest first."""
    query = req.query(RunQuery)
    page = list_runs(
        storage_account().table(RUNS, req.caller.tenant),
        _known_connection(req),
        kind=query.kind,
        state=query.state,
        limit=query.limit,
        continuation=query.continuation,
    )
    body = {"runs": [run_document(run) for run in page.runs], "continuation": page.continuation}
    return answers.ok(body)


@route(blueprint, Role.READER, "GET", f"{_ROUTE}/{{run}}")
def read_run(req: Request) -> func.HttpResponse:
    """200 with a run and its lines."""
    tenant, connection_id = req.caller.tenant, _known_connection(req)
    catalog = catalog_source(tenant, connection_id)
    run, jobs = full_sync_of(tenant, connection_id, catalog).run_lines(_run_id(req))
    return answers.ok(review_document(run, jobs, catalog()))


@route(blueprint, Role.OPERATOR, "POST", f"{_ROUTE}/{{run}}/cancel", durable_client="starter")
async def cancel_run(req: Request, starter: Any) -> func.HttpResponse:
    """202: lines that did not begin are cancelled, those in process end at their next page."""
    full_sync = await asyncio.to_thread(_full_sync, req)
    run = await asyncio.to_thread(full_sync.cancel_run, _run_id(req))
    await ensure_orchestration(starter, req, run)
    location = answers.address("connections", _connection_id(req), "runs", run.run_id)
    return answers.accepted(location, run_document(run))


def _connection_id(req: Request) -> str:
    return req.path("connection_id", CONNECTION_ID_PATTERN)


def _known_connection(req: Request) -> str:
    return connections_of(req.caller.tenant).load(_connection_id(req)).connection.connection_id


def _run_id(req: Request) -> str:
    return req.path("run", RUN_ID_PATTERN)


def _full_sync(req: Request) -> FullSync:
    tenant, connection_id = req.caller.tenant, _known_connection(req)
    return full_sync_of(tenant, connection_id, catalog_source(tenant, connection_id))
