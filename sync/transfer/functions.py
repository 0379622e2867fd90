"""The triggers of files: couplings to one, and from one."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

import azure.functions as func

from connections.model import CONNECTION_ID_PATTERN
from connections.store import connections_of
from couplings.listing import Listed
from identity.model import Role
from sync.connected import catalog_source
from sync.mapping import MAPPING_NAME, TableMapping
from sync.opening import coupling_store
from sync.transfer.csv_text import MEDIA_TYPE
from sync.transfer.exported import exported
from web import answers
from web.edge import Request, route
from web.lists import Continuation, Limit

blueprint = func.Blueprint()

_COUPLINGS = "connections/{connection_id}/couplings/{mapping}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportQuery:
    """How much of the file at once, and where to go on."""

    limit: Limit = 1000
    continuation: Continuation | None = None


@route(blueprint, Role.READER, "GET", f"{_COUPLINGS}/export", query=ExportQuery)
def export_couplings(req: Request) -> func.HttpResponse:
    """200 with couplings of one table mapping as a file, and where the next ones are."""
    query = req.query(ExportQuery)
    connection_id = _known_connection(req)
    mapping = _mapping(req, connection_id)
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


def _known_connection(req: Request) -> str:
    connection_id = req.path("connection_id", CONNECTION_ID_PATTERN)
    return connections_of(req.caller.tenant).load(connection_id).connection.connection_id


def _mapping(req: Request, connection_id: str) -> TableMapping:
    catalog = catalog_source(req.caller.tenant, connection_id)()
    return catalog.named(req.path("mapping", MAPPING_NAME))
