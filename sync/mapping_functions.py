"""The triggers of table mappings: read them, change them, add and remove some, undo changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import azure.functions as func

from connections.model import CONNECTION_ID_PATTERN
from connections.services import open_connections
from connections.store import StoredConnection, connections_of
from identity.model import Role, TenantId
from sync.connected import catalog_source, mapping_editor, mapping_options
from sync.dependencies import level_of_each
from sync.jobs import RunKind
from sync.mapping import MAPPING_NAME, TableMapping
from sync.mapping_answers import (
    edited_document,
    faults_document,
    overview_document,
    version_document,
)
from sync.mapping_documents import DocumentError, mapping_of
from sync.mapping_editing import EditedMapping, MappingEditor, Verify
from sync.mapping_faults import Fault, MappingRefusedError
from sync.mapping_metadata_check import metadata_faults, touches_tables, with_lengths
from sync.opening import job_store, mapping_store
from sync.picture import Box, draw
from sync.work import endpoint_of
from web import answers
from web.edge import Request, route
from web.lists import Continuation
from web.shapes import JsonObject, Number, Text

blueprint = func.Blueprint()

_MAPPINGS = "connections/{connection_id}/mappings"
_MAPPING = _MAPPINGS + "/{mapping}"
_LARGEST_BODY = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingRequest:
    """A whole table mapping; its members are those that reading one shows under ``mapping``."""

    mapping: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetRequest:
    """Which mappings are to be as they come with Coupler; all of them where none is named."""

    mappings: list[Annotated[str, Text(longest=50)]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionsQuery:
    limit: Annotated[int, Number(lowest=1, highest=100)] = 20
    continuation: Continuation | None = None


@route(blueprint, Role.READER, "GET", _MAPPINGS)
def list_mappings(req: Request) -> func.HttpResponse:
    """200 with every table mapping of the connection, in a line each."""
    stored = _connection(req)
    everyone = _editor(req, stored).all()
    known = {each.mapping.name: each.mapping for each in everyone}
    options = mapping_options(stored.connection)
    lines = [overview_document(each, known, options) for each in everyone]
    return answers.ok({"mappings": lines})


@route(blueprint, Role.READER, "GET", _MAPPINGS + "/picture")
def draw_mappings(req: Request) -> func.HttpResponse:
    """200 with a picture of the mappings' order, and how each fared in the last run."""
    connection = _connection(req).connection
    catalog = catalog_source(req.caller.tenant, connection.connection_id)()
    store = job_store(req.caller.tenant, connection.connection_id)
    run = store.latest_run(RunKind.FULL_SYNC)
    states = {job.mapping: job.state.value for job in store.list_jobs(run.run_id)} if run else {}
    levels = level_of_each(catalog.dependencies)
    boxes = [
        Box(
            name=each.name,
            level=levels[each.name],
            dependencies=each.dependencies,
            state=states.get(each.name, ""),
            enabled=each.enabled,
        )
        for each in catalog.mappings.values()
    ]
    return answers.picture(draw(f"Order of the tables of {connection.connection_id}", boxes))


@route(
    blueprint,
    Role.ADMINISTRATOR,
    "POST",
    _MAPPINGS,
    body=MappingRequest,
    largest_body=_LARGEST_BODY,
)
def add_mapping(req: Request) -> func.HttpResponse:
    """201: a table mapping of the tenant's own was added, once all of it was found right."""
    stored = _connection(req)
    added = _editor(req, stored).add(_wanted(req))
    location = answers.address(
        "connections", stored.connection.connection_id, "mappings", added.mapping.name
    )
    return answers.created(location, _document(req, stored, added), etag=added.etag)


@route(blueprint, Role.READER, "GET", _MAPPING)
def read_mapping(req: Request) -> func.HttpResponse:
    """200 with one table mapping, and the document that a change of it sends back."""
    stored = _connection(req)
    return _answer(req, stored, _editor(req, stored).read(_name(req)))


@route(
    blueprint,
    Role.ADMINISTRATOR,
    "PUT",
    _MAPPING,
    body=MappingRequest,
    largest_body=_LARGEST_BODY,
)
def change_mapping(req: Request) -> func.HttpResponse:
    """200 with the mapping as it is now; needs the ETag of the one it replaces in If-Match. The
    next pass compares all records of the table by it."""
    stored = _connection(req)
    saved = _editor(req, stored).save(_name(req), _wanted(req), req.if_match())
    return _answer(req, stored, saved)


@route(blueprint, Role.ADMINISTRATOR, "DELETE", _MAPPING)
def remove_mapping(req: Request) -> func.HttpResponse:
    """204: a tenant's own mapping is gone; one that comes with Coupler is as it came. Needs the
    ETag in If-Match."""
    _editor(req, _connection(req)).remove(_name(req), req.if_match())
    return answers.no_content()


@route(blueprint, Role.ADMINISTRATOR, "GET", _MAPPING + "/versions", query=VersionsQuery)
def list_mapping_versions(req: Request) -> func.HttpResponse:
    """200 with the changes of a mapping, newest first, each with the whole mapping."""
    stored, wanted = _connection(req), req.query(VersionsQuery)
    store = mapping_store(req.caller.tenant, stored.connection.connection_id)
    page = store.list_versions(_name(req), limit=wanted.limit, continuation=wanted.continuation)
    body = {
        "versions": [version_document(each) for each in page.versions],
        "continuation": page.continuation,
    }
    return answers.ok(body)


@route(blueprint, Role.ADMINISTRATOR, "POST", _MAPPINGS + "/reset", body=ResetRequest)
def reset_mappings(req: Request) -> func.HttpResponse:
    """200 with the names of the mappings whose changes were undone."""
    undone = _editor(req, _connection(req)).reset(req.body(ResetRequest).mappings)
    return answers.ok({"reset": undone})


@route(
    blueprint,
    Role.ADMINISTRATOR,
    "POST",
    _MAPPINGS + "/check",
    body=MappingRequest,
    largest_body=_LARGEST_BODY,
)
def check_mapping(req: Request) -> func.HttpResponse:
    """200 with everything that would keep the mapping from being saved; nothing is saved."""
    stored = _connection(req)
    try:
        wanted = _wanted(req)
    except MappingRefusedError as refused:
        return answers.ok({"valid": False, "errors": list(refused.errors)})
    return answers.ok(faults_document(_editor(req, stored).faults(wanted)))


def _wanted(req: Request) -> TableMapping:
    document = req.body(MappingRequest).mapping
    try:
        return mapping_of(document)
    except DocumentError as error:
        raise MappingRefusedError(str(document.get("name", ""))[:50], error.faults) from None


def _name(req: Request) -> str:
    return req.path("mapping", MAPPING_NAME)


def _connection(req: Request) -> StoredConnection:
    """The connection in the path; 404 where the caller's tenant has no such one."""
    connection_id = req.path("connection_id", CONNECTION_ID_PATTERN)
    return connections_of(req.caller.tenant).load(connection_id)


def _editor(req: Request, stored: StoredConnection) -> MappingEditor:
    verify = _verify(req.caller.tenant, stored)
    return mapping_editor(req.caller, stored.connection.connection_id, verify)


def _verify(tenant: TenantId, stored: StoredConnection) -> Verify:
    """Holds a mapping against the two services, which are asked only where it says anything else
    of their tables than before."""

    def verify(
        mapping: TableMapping, before: TableMapping | None
    ) -> tuple[TableMapping, list[Fault]]:
        if before is not None and not touches_tables(mapping, before):
            return mapping, []
        opened = open_connections().services(tenant, stored)
        bc = opened.business_central_metadata.table(endpoint_of(mapping))
        crm = opened.crm_metadata.table(mapping.crm.entity_set)
        return with_lengths(mapping, bc, crm), metadata_faults(mapping, bc, crm)

    return verify


def _answer(req: Request, stored: StoredConnection, edited: EditedMapping) -> func.HttpResponse:
    return answers.ok(_document(req, stored, edited), etag=edited.etag)


def _document(req: Request, stored: StoredConnection, edited: EditedMapping) -> dict[str, object]:
    known = {each.mapping.name: each.mapping for each in _editor(req, stored).all()}
    return edited_document(edited, known, mapping_options(stored.connection))
