"""The triggers of coupling by match: match, look, pick, accept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

import azure.durable_functions as df
import azure.functions as func

from connections.model import CONNECTION_ID_PATTERN
from connections.store import connections_of
from couplings.model import Side
from errors import RefusedRequestError
from identity.model import Role
from sync.bulk.opening import order_of
from sync.by_hand.named_records import PLACES
from sync.by_hand.pairing import First
from sync.catalog import MappingCatalog
from sync.connected import catalog_source
from sync.documents import run_document
from sync.functions import StartRequest, begin_coupling, begin_run
from sync.jobs import RunKind
from sync.mapping import MAPPING_NAME, TableMapping
from sync.matching.accepted import SOURCE, Accepted
from sync.matching.documents import candidate_document, matches_document, row_document
from sync.matching.model import MatchKind, MatchRow, Result
from sync.matching.opening import match_store, picks_of
from sync.matching.picks import WantedPick
from sync.matching.store import MatchStore
from sync.opening import full_sync_of
from web import answers
from web.edge import Request, route
from web.lists import USUAL_LIMIT, Continuation, Limit
from web.shapes import Text

blueprint: Any = df.Blueprint()  # the SDK's decorators are not typed

_ROUTE = "connections/{connection_id}/matches"
_MOST_PICKS = 500


class OfSide(StrEnum):
    BC = "bc"
    CRM = "crm"


class Rest(StrEnum):
    """What becomes of unmatched records."""

    CREATE = "create"  # a partner is created on the other side
    LEAVE = "leave"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchQuery:
    """Which matches are asked for."""

    kind: MatchKind
    side: OfSide | None = None
    """Only rows that have a record of this side."""
    search: Annotated[str, Text(longest=250)] | None = None
    """Part of a record's name, number or id on either side."""
    limit: Limit = USUAL_LIMIT
    continuation: Continuation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateQuery:
    """Which candidates of an ambiguous group are asked for."""

    place: Annotated[str, Text(longest=20)]
    """The group's, as the list of matches tells."""
    side: OfSide
    limit: Limit = USUAL_LIMIT
    continuation: Continuation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PickedPair:
    """Two records that are the same; with one of them, its pick is taken back."""

    bc: Annotated[str, Text(longest=100)] | None = None
    crm: Annotated[str, Text(longest=100)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PickRequest:
    picks: list[PickedPair]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestRequest:
    """What becomes of the unmatched records of each side."""

    bc: Rest = Rest.LEAVE
    crm: Rest = Rest.LEAVE


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptRequest:
    """What is accepted of the matches of these tables, of all that were matched by default."""

    mappings: list[Annotated[str, Text(longest=50)]] = field(default_factory=list)
    exact: bool
    picked: bool
    rest: RestRequest = field(default_factory=RestRequest)
    first: First
    """Whose values count where both sides differ."""


@route(
    blueprint,
    Role.OPERATOR,
    "POST",
    f"{_ROUTE}/start",
    body=StartRequest,
    durable_client="starter",
    idempotent=True,
)
async def start_match(req: Request, starter: Any) -> func.HttpResponse:
    """202: matching the uncoupled records of the named tables (all by default) was begun."""
    run = await begin_run(req, starter, RunKind.MATCH, req.body(StartRequest).mappings)
    location = answers.address("connections", _connection_id(req), "runs", run.run_id)
    return answers.accepted(location, run_document(run))


@route(blueprint, Role.READER, "GET", _ROUTE)
def read_matches(req: Request) -> func.HttpResponse:
    """200 with the last match of every table in counts by kind."""
    tenant, connection_id = req.caller.tenant, _known_connection(req)
    catalog = catalog_source(tenant, connection_id)
    run, jobs = full_sync_of(tenant, connection_id, catalog).lines(RunKind.MATCH)
    results = match_store(tenant, connection_id).results()
    return answers.ok(matches_document(catalog(), run, jobs, results))


@route(blueprint, Role.READER, "GET", f"{_ROUTE}/{{mapping}}", query=MatchQuery)
def list_matches(req: Request) -> func.HttpResponse:
    """200 with the matches of one kind of a table."""
    mapping = _catalog(req).named(req.path("mapping", MAPPING_NAME))
    query = req.query(MatchQuery)
    store, result = _last_match(req, mapping)
    page = store.list_page(
        result,
        query.kind,
        keep=_filter_of(query),
        limit=query.limit,
        continuation=query.continuation,
    )
    picks = {each.bc_id: each for each in store.picks(result)}
    body = {
        "matches": [row_document(row, picks) for row in page.rows],
        "continuation": page.continuation,
    }
    return answers.ok(body)


@route(blueprint, Role.READER, "GET", f"{_ROUTE}/{{mapping}}/candidates", query=CandidateQuery)
def list_candidates(req: Request) -> func.HttpResponse:
    """200 with all candidates of one side of an ambiguous group."""
    mapping = _catalog(req).named(req.path("mapping", MAPPING_NAME))
    query = req.query(CandidateQuery)
    store, result = _last_match(req, mapping)
    group = store.row(result, MatchKind.AMBIGUOUS, query.place)
    if group is None:
        raise RefusedRequestError(
            404,
            "group-unknown",
            f"The last match of {mapping.name} has no ambiguous group at the place {query.place}.",
            hint="Take the place from the list of ambiguous matches.",
        )
    side: Side = "bc" if query.side is OfSide.BC else "crm"
    page = store.candidates_page(
        result, query.place, side, limit=query.limit, continuation=query.continuation
    )
    body = {
        "total": group.bc_total if side == "bc" else group.crm_total,
        "candidates": [candidate_document(group, each, side) for each in page.candidates],
        "continuation": page.continuation,
    }
    return answers.ok(body)


@route(
    blueprint,
    Role.OPERATOR,
    "POST",
    f"{_ROUTE}/{{mapping}}/pick",
    body=PickRequest,
    idempotent=True,
)
def pick_matches(req: Request) -> func.HttpResponse:
    """200 with the number of picks that the table has then; nothing is coupled yet."""
    catalog = _catalog(req)
    wanted = [
        WantedPick(bc_id=(each.bc or "").lower(), crm_id=(each.crm or "").lower())
        for each in req.body(PickRequest).picks
    ]
    if not 1 <= len(wanted) <= _MOST_PICKS:
        raise RefusedRequestError(
            422, "selection-unclear", f"Send 1 to {_MOST_PICKS} picks, not {len(wanted)}."
        )
    req.audit(picks=", ".join(f"{each.bc_id} ~ {each.crm_id}" for each in wanted[:20]))
    _, result = _last_match(req, catalog.at_work(req.path("mapping", MAPPING_NAME)))
    by = req.caller.name or req.caller.subject
    picks = picks_of(req.caller.tenant, _connection_id(req), result, by)
    return answers.ok({"picks": picks.pick(wanted)})


@route(
    blueprint,
    Role.OPERATOR,
    "POST",
    f"{_ROUTE}/accept",
    body=AcceptRequest,
    durable_client="starter",
    idempotent=True,
)
async def accept_matches(req: Request, starter: Any) -> func.HttpResponse:
    """202: a run was begun that couples what was accepted, and has partners created."""
    await asyncio.to_thread(_catalog, req)
    wanted = req.body(AcceptRequest)
    req.audit(
        exact=wanted.exact,
        picked=wanted.picked,
        rest_bc=wanted.rest.bc.value,
        rest_crm=wanted.rest.crm.value,
        first=wanted.first.value,
    )
    accepted = await asyncio.to_thread(_accepted, req, wanted)
    order = order_of(SOURCE, **accepted.details())
    return await begin_coupling(req, starter, list(accepted.results), order)


def _accepted(req: Request, wanted: AcceptRequest) -> Accepted:
    """What is accepted, with the results that it is about."""
    creates: dict[Side, bool] = {
        "bc": wanted.rest.bc is Rest.CREATE,
        "crm": wanted.rest.crm is Rest.CREATE,
    }
    if not (wanted.exact or wanted.picked or any(creates.values())):
        raise RefusedRequestError(
            422,
            "selection-unclear",
            "Nothing is accepted: neither exact matches nor picks, and the rest is left.",
        )
    catalog = _catalog(req)
    results = match_store(req.caller.tenant, _connection_id(req)).results()
    names = list(dict.fromkeys(wanted.mappings)) or [
        name for name in catalog.enabled if name in results
    ]
    mappings = [catalog.at_work(name) for name in names]
    _require_results(mappings, results)
    _require_creation(mappings, creates)
    return Accepted(
        exact=wanted.exact,
        picked=wanted.picked,
        create_in_crm=creates["bc"],
        create_in_bc=creates["crm"],
        first=wanted.first,
        results={each.name: results[each.name].id.text for each in mappings},
    )


def _require_results(mappings: list[TableMapping], results: dict[str, Result]) -> None:
    if not mappings:
        raise _not_matched("No table was matched yet.")
    for mapping in mappings:
        if mapping.name not in results:
            raise _not_matched(f"{mapping.name} was not matched yet.")
        if results[mapping.name].lineage != mapping.lineage:
            raise RefusedRequestError(
                409,
                "match-outdated",
                f"The table mapping {mapping.name} was changed since it was matched.",
                hint="Match the table again.",
            )


def _require_creation(mappings: list[TableMapping], creates: dict[Side, bool]) -> None:
    """What cannot be done in any of the tables is refused; else it is done where it can be."""
    possible: dict[Side, bool] = {
        "bc": any(each.creates_in_crm for each in mappings),
        "crm": any(each.creates_in_bc for each in mappings),
    }
    for side, is_wanted in creates.items():
        if is_wanted and not possible[side]:
            other: Side = "crm" if side == "bc" else "bc"
            raise RefusedRequestError(
                409,
                "creates-none",
                f"None of the tables creates records in {PLACES[other]}.",
                hint="Leave the unmatched records of that side.",
            )


def _filter_of(query: MatchQuery) -> Callable[[MatchRow], bool]:
    sought = (query.search or "").casefold()

    def keep(row: MatchRow) -> bool:
        if query.side and query.side.value not in row.sides:
            return False
        return any(
            sought in text.casefold()
            for each in (*row.bc, *row.crm)
            for text in (each.name, each.number, each.record_id)
        )

    return keep


def _last_match(req: Request, mapping: TableMapping) -> tuple[MatchStore, Result]:
    """The matches, and the one of the table that counts; raises ``RefusedRequestError`` (409) where
    there is none."""
    store = match_store(req.caller.tenant, _connection_id(req))
    found = store.find(mapping.name)
    if found is None:
        raise _not_matched(f"{mapping.name} was not matched yet.")
    return store, found


def _not_matched(message: str) -> RefusedRequestError:
    return RefusedRequestError(409, "not-matched", message, hint="Start a match of the table.")


def _catalog(req: Request) -> MappingCatalog:
    """The connection's mappings; 404 where the caller's tenant has no such connection."""
    return catalog_source(req.caller.tenant, _connection_id(req))()


def _known_connection(req: Request) -> str:
    return connections_of(req.caller.tenant).load(_connection_id(req)).connection.connection_id


def _connection_id(req: Request) -> str:
    return req.path("connection_id", CONNECTION_ID_PATTERN)
