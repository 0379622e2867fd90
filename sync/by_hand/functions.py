"""The triggers of coupling by hand: compare, couple, take apart, synchronize, make partners."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import azure.durable_functions as df
import azure.functions as func

from connections.model import CONNECTION_ID_PATTERN
from connections.store import connections_of
from errors import RefusedRequestError
from identity.model import Role
from sync.bulk.opening import EVERYTHING, order_of
from sync.by_hand.documents import (
    compared_document,
    coupled_document,
    uncoupling_document,
    wanted_document,
)
from sync.by_hand.named_records import shown
from sync.by_hand.opening import coupling_in_order_of, pair_requests_of, partner_creation_of
from sync.by_hand.order import CoupledInOrder, OrderedCoupling
from sync.by_hand.pair_requests import PairRequests, Selection
from sync.by_hand.pairing import First
from sync.catalog import MappingCatalog
from sync.connected import catalog_source, services_source
from sync.functions import begin_coupling
from sync.journal.journal import ChangeEntry
from sync.journal.opening import entry_by_hand
from sync.mapping import MAPPING_NAME, TableMapping
from web import answers
from web.edge import Request, route
from web.shapes import Text

blueprint: Any = df.Blueprint()  # the SDK's decorators are not typed

_COUPLINGS = "connections/{connection_id}/couplings/{mapping}"
_MOST_SELECTED = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareQuery:
    """Which two records are to be compared."""

    bc: Annotated[str, Text(longest=100)]
    """Id, number or code."""
    crm: Annotated[str, Text(longest=100)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoupleRequest:
    """Which two records are to be coupled, and how."""

    bc: Annotated[str, Text(longest=100)]
    """Id, number or code."""
    crm: Annotated[str, Text(longest=100)]
    first: First
    """Whose values count where both sides differ."""
    replace: bool = False
    """Give up other partners."""
    with_parents: bool = False
    """Couple what they refer to first, where exactly one record fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionRequest:
    """Which records are meant."""

    bc: list[Annotated[str, Text(longest=100)]] = field(default_factory=list)
    """Ids, numbers or codes."""
    crm: list[Annotated[str, Text(longest=100)]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class UncoupleRequest:
    """Which pairs are to be taken apart, or what that would mean."""

    bc: list[Annotated[str, Text(longest=100)]] = field(default_factory=list)
    crm: list[Annotated[str, Text(longest=100)]] = field(default_factory=list)
    all: bool = False
    """Every pair of the table."""
    preview: bool = False
    """Tell what it would mean, and do nothing."""


@route(blueprint, Role.READER, "GET", _COUPLINGS + "/compare", query=CompareQuery)
def compare_records(req: Request) -> func.HttpResponse:
    """200 with two records side by side, and what is to be known before they are coupled."""
    mapping = _mapping(req)
    query = req.query(CompareQuery)
    return answers.ok(
        compared_document(
            mapping, _in_order(req, mapping, _entry(req)).compare(query.bc, query.crm)
        )
    )


@route(blueprint, Role.OPERATOR, "POST", _COUPLINGS, body=CoupleRequest)
def couple_records(req: Request) -> func.HttpResponse:
    """200: the two records are coupled; the next pass synchronizes them. 409 where something
    stands in the way, which the answer names."""
    _catalog(req)
    wanted = req.body(CoupleRequest)
    req.audit(bc=wanted.bc, crm=wanted.crm, first=wanted.first.value)
    _require_active(req)
    entry = _entry(req)
    req.audit(change=entry.change_id)
    done = _in_order(req, _mapping_at_work(req), entry).couple(
        wanted.bc,
        wanted.crm,
        wanted.first,
        replaces=wanted.replace,
        with_parents=wanted.with_parents,
    )
    _audit_coupled(req, done)
    return answers.ok(coupled_document(done))


@route(
    blueprint,
    Role.OPERATOR,
    "POST",
    _COUPLINGS + "/uncouple",
    body=UncoupleRequest,
    durable_client="starter",
    idempotent=True,
)
async def uncouple_records(req: Request, starter: Any) -> func.HttpResponse:
    """202: the pairs are taken apart by the next pass, those of a whole table by a run, and all
    records stay. 200 for a preview: nothing is done, and what depends on the pairs is told."""
    await asyncio.to_thread(_catalog, req)
    wanted = req.body(UncoupleRequest)
    selection = Selection(everything=True) if wanted.all else _selection(wanted.bc, wanted.crm)
    if wanted.all and (wanted.bc or wanted.crm):
        raise _unclear("Name records, or all of them, not both.")
    _audit_selection(req, selection)
    req.audit(preview=wanted.preview)
    if wanted.all and not wanted.preview:
        mapping = await asyncio.to_thread(_mapping_at_work, req)
        return await begin_coupling(req, starter, [mapping.name], order_of(EVERYTHING))
    return await asyncio.to_thread(_uncouple, req, selection, preview=wanted.preview)


def _uncouple(req: Request, selection: Selection, *, preview: bool) -> func.HttpResponse:
    entry = _entry(req)
    requests = _pair_requests(req, entry)
    if preview:
        return answers.ok(uncoupling_document(requests.preview_uncoupling(selection)))
    _require_active(req)
    req.audit(change=entry.change_id)
    return answers.accepted(_address(req), {"pairs": requests.uncouple(selection)})


@route(
    blueprint,
    Role.OPERATOR,
    "POST",
    _COUPLINGS + "/synchronize",
    body=SelectionRequest,
    idempotent=True,
)
def synchronize_records(req: Request) -> func.HttpResponse:
    """202: coupled records are synchronized now, parked or not."""
    _catalog(req)
    wanted = req.body(SelectionRequest)
    selection = _selection(wanted.bc, wanted.crm)
    _audit_selection(req, selection)
    _require_active(req)
    return answers.accepted(
        _address(req), {"pairs": _pair_requests(req, _entry(req)).synchronize(selection)}
    )


@route(
    blueprint,
    Role.OPERATOR,
    "POST",
    _COUPLINGS + "/create",
    body=SelectionRequest,
    idempotent=True,
)
def create_partners(req: Request) -> func.HttpResponse:
    """202: the records get partners on the other side by the next pass: those that fit them, new
    ones where none does."""
    _catalog(req)
    wanted = req.body(SelectionRequest)
    selection = _selection(wanted.bc, wanted.crm)
    _audit_selection(req, selection)
    _require_active(req)
    tenant, connection_id = req.caller.tenant, _connection_id(req)
    creation = partner_creation_of(
        tenant,
        connection_id,
        catalog_source(tenant, connection_id),
        services_source(tenant, connection_id),
        _mapping_at_work(req).name,
    )
    asked = creation.ask(bc=selection.bc, crm=selection.crm)
    return answers.accepted(_address(req), wanted_document(asked))


def _selection(bc: Sequence[str], crm: Sequence[str]) -> Selection:
    """What is named; raises ``RefusedRequestError`` (422) where that is nothing or too much."""
    number = len(bc) + len(crm)
    if not 1 <= number <= _MOST_SELECTED:
        raise _unclear(f"Name 1 to {_MOST_SELECTED} records, not {number}.")
    return Selection(bc=bc, crm=crm)


def _unclear(message: str) -> RefusedRequestError:
    hint = 'Send {"bc": ["10000"]}, {"crm": [an id]}, or both.'
    return RefusedRequestError(422, "selection-unclear", message, hint=hint)


def _audit_selection(req: Request, selection: Selection) -> None:
    named = {"bc": shown(selection.bc), "crm": shown(selection.crm)}
    if selection.everything:
        req.audit(all=True)
    req.audit(**{side: names for side, names in named.items() if names})


def _audit_coupled(req: Request, done: CoupledInOrder) -> None:
    """Which pair it became, what it took the place of, and what was coupled before it."""
    coupling = done.pair.coupling
    replaced = [f"{each.coupling.bc_id} ~ {each.coupling.crm_id}" for each in done.pair.replaced]
    parents = [f"{each.mapping} {each.bc_id} ~ {each.crm_id}" for each in done.parents]
    facts = {
        "coupled": f"{coupling.bc_id} ~ {coupling.crm_id}",
        "replaced": ", ".join(replaced),
        "parents": ", ".join(parents),
    }
    req.audit(**{name: fact for name, fact in facts.items() if fact})


def _in_order(req: Request, mapping: TableMapping, entry: ChangeEntry) -> OrderedCoupling:
    tenant, connection_id = req.caller.tenant, _connection_id(req)
    return coupling_in_order_of(
        tenant,
        connection_id,
        catalog_source(tenant, connection_id),
        services_source(tenant, connection_id),
        mapping.name,
        entry,
    )


def _pair_requests(req: Request, entry: ChangeEntry) -> PairRequests:
    tenant, connection_id = req.caller.tenant, _connection_id(req)
    catalog = catalog_source(tenant, connection_id)
    return pair_requests_of(tenant, connection_id, catalog, _mapping_at_work(req).name, entry)


def _entry(req: Request) -> ChangeEntry:
    """The change that this call is in the journal, should it change something."""
    return entry_by_hand(req.caller.tenant, _connection_id(req), req.caller.subject)


def _mapping(req: Request) -> TableMapping:
    return _catalog(req).named(req.path("mapping", MAPPING_NAME))


def _mapping_at_work(req: Request) -> TableMapping:
    return _catalog(req).at_work(req.path("mapping", MAPPING_NAME))


def _catalog(req: Request) -> MappingCatalog:
    """The connection's mappings; 404 where the caller's tenant has no such connection."""
    return catalog_source(req.caller.tenant, _connection_id(req))()


def _require_active(req: Request) -> None:
    """Raises ``RefusedRequestError``: 404 or 409 where the connection is unknown, or on hold."""
    connections_of(req.caller.tenant).load_active(_connection_id(req))


def _address(req: Request) -> str:
    """Where the table's couplings are listed."""
    mapping = req.path("mapping", MAPPING_NAME)
    return answers.address("connections", _connection_id(req), "couplings", mapping)


def _connection_id(req: Request) -> str:
    return req.path("connection_id", CONNECTION_ID_PATTERN)
