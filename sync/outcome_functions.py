"""The triggers about records that are not in step, and about conflict policies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

import azure.functions as func

from connections.model import CONNECTION_ID_PATTERN
from connections.store import connections_of
from couplings.model import Side
from errors import RefusedRequestError
from identity.model import Role
from sync.catalog import MappingCatalog
from sync.causes import causes
from sync.connected import catalog_source, mapping_editor
from sync.decisions import Asked, Decisions, version_of
from sync.mapping import MAPPING_NAME, DeletionConflict, TableMapping, UpdateConflict
from sync.mapping_editing import EditedMapping
from sync.opening import decisions_of, outcome_store
from sync.outcome_documents import (
    asked_document,
    cause_document,
    outcome_document,
    policies_document,
)
from sync.outcomes import Outcome, OutcomeKind, OutcomeOrder, RecordKey
from sync.policies import Policies, apply, check, policies_of
from web import answers
from web.edge import Request, route
from web.lists import USUAL_LIMIT, Continuation, Limit
from web.shapes import Text

blueprint = func.Blueprint()

_RECORD_ID_PATTERN = r"[0-9A-Za-z-]{1,64}"
_OUTCOMES = "connections/{connection_id}/outcomes"
_RECORD = _OUTCOMES + "/{mapping}/{side}/{record_id}"
_POLICIES = "connections/{connection_id}/mappings/{mapping}/policies"


class Winner(StrEnum):
    """The side whose value counts."""

    BC = "bc"
    CRM = "crm"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeQuery:
    """Which outcomes are asked for."""

    mapping: Annotated[str, Text(longest=50)] | None = None
    kind: OutcomeKind | None = None
    code: Annotated[str, Text(longest=250)] | None = None
    parked: bool | None = None
    ignored: bool | None = None
    search: Annotated[str, Text(longest=250)] | None = None
    """Part of a record's name, number or id on either side."""
    sort: OutcomeOrder = OutcomeOrder.RECORD
    limit: Limit = USUAL_LIMIT
    continuation: Continuation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRequest:
    """Which records are to be tried again: those of a mapping and code, all where none is said."""

    mapping: Annotated[str, Text(longest=50)] | None = None
    code: Annotated[str, Text(longest=250)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldWinner:
    field: str
    """The BC field or the CRM column."""
    winner: Winner


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveRequest:
    """Who wins: one side for all fields, or one for each field that is named."""

    winner: Winner | None = None
    fields: list[FieldWinner] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoreRequest:
    ignored: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldPolicy:
    crm_column: str
    update_conflict: UpdateConflict


@dataclass(frozen=True, slots=True, kw_only=True)
class PoliciesRequest:
    """All conflict policies of a mapping; a field that is not named has none of its own."""

    update_conflict: UpdateConflict
    deletion_conflict: DeletionConflict
    fields: list[FieldPolicy] = field(default_factory=list)


@route(blueprint, Role.READER, "GET", _OUTCOMES, query=OutcomeQuery)
def list_outcomes(req: Request) -> func.HttpResponse:
    """200 with the records that are not in step, why, and what to do."""
    query = req.query(OutcomeQuery)
    page = outcome_store(req.caller.tenant, _known_connection(req)).list_page(
        mapping=query.mapping,
        kind=query.kind,
        code=query.code,
        keep=_filter_of(query),
        order=query.sort,
        limit=query.limit,
        continuation=query.continuation,
    )
    body = {
        "outcomes": [outcome_document(outcome) for outcome in page.outcomes],
        "continuation": page.continuation,
    }
    return answers.ok(body)


@route(blueprint, Role.READER, "GET", _OUTCOMES + "/summary")
def summarize_outcomes(req: Request) -> func.HttpResponse:
    """200 with the records that are not in step, grouped by cause."""
    found = causes(outcome_store(req.caller.tenant, _known_connection(req)).scan())
    return answers.ok({"causes": [cause_document(each) for each in found]})


@route(blueprint, Role.READER, "GET", _RECORD)
def read_outcome(req: Request) -> func.HttpResponse:
    """200 with everything known about one record; 404 where nothing is to be told of it."""
    outcome = _decisions(req).load(_mapping(req).name, _record(req))
    return answers.ok(outcome_document(outcome), etag=version_of(outcome))


@route(blueprint, Role.OPERATOR, "POST", _OUTCOMES + "/retry", body=RetryRequest)
def retry_outcomes(req: Request) -> func.HttpResponse:
    """202: the records of a mapping and code, or all that are not in step, are tried again."""
    wanted = req.body(RetryRequest)
    req.audit(mapping=wanted.mapping or "all", code=wanted.code or "all")
    name = _catalog(req).named(wanted.mapping).name if wanted.mapping else None
    return _accepted(req, _decisions(req).retry_group(mapping=name, code=wanted.code))


@route(blueprint, Role.OPERATOR, "POST", _RECORD + "/retry")
def retry_outcome(req: Request) -> func.HttpResponse:
    """202: one record is tried again, parked or not."""
    return _accepted(req, _decisions(req).retry(_mapping(req).name, _record(req)))


@route(blueprint, Role.OPERATOR, "POST", _RECORD + "/resolve", body=ResolveRequest)
def resolve_outcome(req: Request) -> func.HttpResponse:
    """202: an update conflict is decided. Needs the ETag of the values that the caller saw in
    If-Match; 409 with the values where they are others now."""
    decisions, wanted = _decisions(req), req.body(ResolveRequest)
    if (wanted.winner is None) == (not wanted.fields):
        raise RefusedRequestError(
            422,
            "winner-unclear",
            "Say either which side wins, or which side wins each field.",
            hint='Send {"winner": "bc"} or {"fields": [{"field": "email", "winner": "crm"}]}.',
        )
    winners = _winners(wanted)
    told = wanted.winner or ", ".join(f"{each.field}: {each.winner}" for each in wanted.fields)
    req.audit(winner=str(told))
    asked = decisions.resolve(_mapping(req).name, _record(req), winners, req.if_match())
    return _accepted(req, asked)


@route(blueprint, Role.OPERATOR, "POST", _RECORD + "/restore")
def restore_record(req: Request) -> func.HttpResponse:
    """202: a deleted record is created anew from the one that remains."""
    return _accepted(req, _decisions(req).restore(_mapping(req), _record(req)))


@route(blueprint, Role.OPERATOR, "POST", _RECORD + "/uncouple")
def uncouple_record(req: Request) -> func.HttpResponse:
    """202: the coupling is removed, both records stay as they are."""
    return _accepted(req, _decisions(req).uncouple(_mapping(req).name, _record(req)))


@route(blueprint, Role.OPERATOR, "POST", _RECORD + "/ignore", body=IgnoreRequest)
def ignore_outcome(req: Request) -> func.HttpResponse:
    """200: nothing more is heard of the record until something else is to be said about it, or it
    is heard of again."""
    wanted = req.body(IgnoreRequest)
    req.audit(ignored=wanted.ignored)
    outcome = _decisions(req).ignore(_mapping(req).name, _record(req), ignored=wanted.ignored)
    return answers.ok(outcome_document(outcome), etag=version_of(outcome))


@route(blueprint, Role.READER, "GET", _POLICIES)
def read_policies(req: Request) -> func.HttpResponse:
    """200 with the conflict policies of one table mapping."""
    return _policies(mapping_editor(req.caller, _known_connection(req)).read(_mapping(req).name))


@route(blueprint, Role.ADMINISTRATOR, "PUT", _POLICIES, body=PoliciesRequest)
def change_policies(req: Request) -> func.HttpResponse:
    """200 with the new policies; needs the ETag of those that they replace in If-Match. The next
    pass compares all records of the table by them."""
    name, wanted = _mapping(req).name, req.body(PoliciesRequest)
    req.audit(update_conflict=wanted.update_conflict, deletion_conflict=wanted.deletion_conflict)
    editor = mapping_editor(req.caller, _known_connection(req))
    mapping = editor.read(name).mapping
    policies = Policies(
        update_conflict=wanted.update_conflict,
        deletion_conflict=wanted.deletion_conflict,
        fields={each.crm_column: each.update_conflict for each in wanted.fields},
    )
    check(mapping, policies)
    return _policies(editor.save(name, apply(mapping, policies), req.if_match()))


def _policies(edited: EditedMapping) -> func.HttpResponse:
    document = policies_document(edited.mapping, policies_of(edited.mapping))
    return answers.ok(document, etag=edited.etag)


def _filter_of(query: OutcomeQuery) -> Callable[[Outcome], bool]:
    sought = (query.search or "").casefold()

    def keep(outcome: Outcome) -> bool:
        named = (
            outcome.record_name,
            outcome.partner_name,
            outcome.record_id,
            outcome.partner_id,
        )
        return (
            query.parked in (None, outcome.parked)
            and query.ignored in (None, outcome.ignored)
            and any(sought in each.casefold() for each in named)
        )

    return keep


def _winners(wanted: ResolveRequest) -> dict[str, Side] | Side:
    if wanted.winner:
        return wanted.winner.value
    return {each.field: each.winner.value for each in wanted.fields}


def _accepted(req: Request, asked: Asked) -> func.HttpResponse:
    location = answers.address("connections", _connection_id(req), "outcomes")
    return answers.accepted(location, asked_document(asked))


def _decisions(req: Request) -> Decisions:
    return decisions_of(req.caller.tenant, _known_connection(req))


def _mapping(req: Request) -> TableMapping:
    return _catalog(req).named(req.path("mapping", MAPPING_NAME))


def _catalog(req: Request) -> MappingCatalog:
    return catalog_source(req.caller.tenant, _known_connection(req))()


def _record(req: Request) -> RecordKey:
    return req.path("side", "bc|crm"), req.path("record_id", _RECORD_ID_PATTERN)


def _connection_id(req: Request) -> str:
    return req.path("connection_id", CONNECTION_ID_PATTERN)


def _known_connection(req: Request) -> str:
    """The connection in the path; 404 where the caller's tenant has no such one."""
    return connections_of(req.caller.tenant).load(_connection_id(req)).connection.connection_id
