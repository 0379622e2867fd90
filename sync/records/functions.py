"""The trigger of lists of records."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import azure.functions as func

from connections.model import CONNECTION_ID_PATTERN
from connections.store import connections_of
from identity.model import Role
from sync.connected import catalog_source, services_source
from sync.mapping import MAPPING_NAME
from sync.opening import opener_of
from sync.records.listing import list_records
from sync.records.model import Asked, ListedRecord, RecordOrder, RecordState
from web import answers
from web.edge import Request, route
from web.lists import USUAL_LIMIT, Continuation, Limit
from web.shapes import Text

blueprint = func.Blueprint()


class RecordSide(StrEnum):
    """Whose records are listed."""

    BC = "bc"
    CRM = "crm"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordQuery:
    """Which records are asked for."""

    side: RecordSide
    state: RecordState | None = None
    search: Annotated[str, Text(longest=100)] | None = None
    """Part of a name, or how a number or code begins."""
    key: Annotated[str, Text(longest=100)] | None = None
    """Part of a number or code."""
    sort: RecordOrder = RecordOrder.NAME
    limit: Limit = USUAL_LIMIT
    continuation: Continuation | None = None


@route(
    blueprint,
    Role.READER,
    "GET",
    "connections/{connection_id}/records/{mapping}",
    query=RecordQuery,
)
def list_side_records(req: Request) -> func.HttpResponse:
    """200 with records of one system within the mapping's filter, and how each is coupled."""
    tenant = req.caller.tenant
    given = req.path("connection_id", CONNECTION_ID_PATTERN)
    connection_id = connections_of(tenant).load(given).connection.connection_id
    catalog = catalog_source(tenant, connection_id)
    name = catalog().named(req.path("mapping", MAPPING_NAME)).name
    query = req.query(RecordQuery)
    open_work = opener_of(tenant, connection_id, catalog, services_source(tenant, connection_id))
    asked = Asked(
        side=query.side.value,
        state=query.state,
        search=(query.search or "").strip(),
        key=query.key or "",
        order=query.sort,
        limit=query.limit,
    )
    page = list_records(open_work(name), asked, query.continuation)
    body = {
        "records": [_document(each) for each in page.records],
        "continuation": page.continuation,
    }
    return answers.ok(body)


def _document(record: ListedRecord) -> dict[str, Any]:
    partner, said = record.partner, record.said
    return {
        "id": record.record_id,
        "key": record.key,
        "name": record.name,
        "modified": record.modified or None,
        "state": record.state.value,
        "coupled_with": {"id": partner.record_id, "name": partner.name, "gone": partner.gone}
        if partner
        else None,
        "reason": {"code": said.code, "message": said.message, "hint": said.hint} if said else None,
    }
