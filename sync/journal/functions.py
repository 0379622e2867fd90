"""The triggers of the journal: which coupling changes there were, undoing one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

import azure.durable_functions as df
import azure.functions as func

from connections.model import CONNECTION_ID_PATTERN
from connections.store import connections_of
from identity.model import Role
from sync.bulk.opening import order_of
from sync.functions import begin_coupling
from sync.journal.documents import entered_document, entry_document
from sync.journal.journal import CouplingJournal
from sync.journal.opening import CHANGE, SOURCE, coupling_journal
from sync.mapping import MAPPING_NAME
from sync.runs.naming import RUN_ID_PATTERN
from web import answers
from web.edge import Request, route
from web.lists import USUAL_LIMIT, Continuation, Limit
from web.shapes import Text

blueprint: Any = df.Blueprint()  # the SDK's decorators are not typed

_CHANGES = "connections/{connection_id}/coupling-changes"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeQuery:
    """Which changes are asked for."""

    mapping: Annotated[str, Text(longest=50)] | None = None
    by: Annotated[str, Text(longest=100)] | None = None
    """Object id of the caller who made them."""
    limit: Limit = USUAL_LIMIT
    continuation: Continuation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairQuery:
    """Which pairs of a change are asked for."""

    limit: Limit = USUAL_LIMIT
    continuation: Continuation | None = None


@route(blueprint, Role.READER, "GET", _CHANGES, query=ChangeQuery)
def list_coupling_changes(req: Request) -> func.HttpResponse:
    """200 with the coupling changes that people made, the latest first."""
    query = req.query(ChangeQuery)
    page = _journal(req).list_page(
        mapping=query.mapping, by=query.by, limit=query.limit, continuation=query.continuation
    )
    body = {
        "changes": [entry_document(each) for each in page.entries],
        "continuation": page.continuation,
    }
    return answers.ok(body)


@route(blueprint, Role.READER, "GET", f"{_CHANGES}/{{change}}/{{mapping}}", query=PairQuery)
def list_changed_pairs(req: Request) -> func.HttpResponse:
    """200 with the pairs of a change, and what became of undoing each."""
    query = req.query(PairQuery)
    page = _journal(req).list_pairs(
        _change_id(req),
        req.path("mapping", MAPPING_NAME),
        limit=query.limit,
        continuation=query.continuation,
    )
    body = {
        "pairs": [entered_document(each) for each in page.pairs],
        "continuation": page.continuation,
    }
    return answers.ok(body)


@route(
    blueprint,
    Role.OPERATOR,
    "POST",
    f"{_CHANGES}/{{change}}/undo",
    durable_client="starter",
    idempotent=True,
)
async def undo_coupling_change(req: Request, starter: Any) -> func.HttpResponse:
    """202: undoing a change was begun, as a run that is a change itself."""
    journal = await asyncio.to_thread(_journal, req)
    change_id = _change_id(req)
    req.audit(change=change_id)
    entries = await asyncio.to_thread(journal.entries, change_id)
    order = order_of(SOURCE, **{CHANGE: change_id})
    return await begin_coupling(req, starter, [each.mapping for each in entries], order)


def _journal(req: Request) -> CouplingJournal:
    """The connection's journal; 404 where the caller's tenant has no such connection."""
    connection_id = req.path("connection_id", CONNECTION_ID_PATTERN)
    known = connections_of(req.caller.tenant).load(connection_id).connection.connection_id
    return coupling_journal(req.caller.tenant, known)


def _change_id(req: Request) -> str:
    return req.path("change", RUN_ID_PATTERN)
