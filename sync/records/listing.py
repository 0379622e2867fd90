"""Listing one system's records of a table with their coupling state.

The records are read from their service, which searches (``searching``) and sorts; what is known of
each comes from the couplings and outcomes of the page's records, and the partners' names from the
other service. A filter by state is applied to what was read: a page of few that fit, or none, may
have others behind it, and no call reads more than ``MOST_PAGES`` pages of the service.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from couplings.model import Coupling
from errors import RefusedRequestError
from services import odata
from services.records import Page, Record
from storage.paging import check_limit, unknown_continuation
from sync.crm_index import in_scope
from sync.fetching import fetch_bc, fetch_crm
from sync.mapping import TableMapping
from sync.outcomes import Outcome
from sync.records.model import (
    Asked,
    ListedRecord,
    Partner,
    RecordOrder,
    RecordPage,
    RecordState,
    Said,
)
from sync.records.searching import Reading, readings_of
from sync.work import Work

MOST_PAGES = 5
"""Pages of the service that a call reads at most."""

_CRM_MODIFIED = "modifiedon"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a list goes on: which of its readings, and the service's cursor in it, or none at its
    beginning."""

    reading: int = 0
    cursor: str = ""


def list_records(work: Work, asked: Asked, continuation: str | None) -> RecordPage:
    """A page of records in the order asked for; in a search those that a number found come first.

    Raises ``RefusedRequestError``: 422 for a limit outside 1 to 1000, or a number where records
    have none, 400 for a continuation that another list gave; else as the services do.
    """
    check_limit(asked.limit)
    _check_number(work.mapping, asked)
    mark = asked.mark(work.mapping.name)
    readings = readings_of(work.mapping, asked)
    place = _place_of(continuation, mark, len(readings))
    found: list[ListedRecord] = []
    for _ in range(MOST_PAGES):
        reading = readings[place.reading]
        page = _fetch(work, asked, place, reading, asked.limit - len(found))
        new = [each for each in page.records if reading.has(each)]
        found += [each for each in _listed(work, asked, new) if _fits(each, asked.state)]
        following = _following(place, page.next, len(readings))
        if following is None:
            return RecordPage(records=found, continuation=None)
        goes_on, place = following.reading == place.reading, following
        # What was found is told at once; only what names find fills up what numbers did.
        if len(found) >= asked.limit or (found and goes_on):
            break
    return RecordPage(records=found, continuation=_continuation(mark, place))


def _check_number(mapping: TableMapping, asked: Asked) -> None:
    if not (asked.key or asked.order in (RecordOrder.KEY, RecordOrder.KEY_DOWN)):
        return
    if asked.side == "crm":
        raise RefusedRequestError(
            422,
            "no-number-in-crm",
            "Records of Dynamics 365 Sales are listed by name or time, not by number.",
            hint="Leave key out, and sort by name or modified.",
        )
    if mapping.bc.key == mapping.bc.id_field:
        raise RefusedRequestError(
            422,
            "no-number",
            f"Records of {mapping.name} have no number or code.",
            hint="Leave key out, and sort by name or modified.",
        )


def _fits(record: ListedRecord, state: RecordState | None) -> bool:
    if state is RecordState.UNCOUPLED:
        return record.partner is None
    if state is RecordState.GONE:
        return record.partner is not None and record.partner.gone
    return state in (None, record.state)


# Reading


def _fetch(work: Work, asked: Asked, place: _Place, reading: Reading, size: int) -> Page:
    mapping = work.mapping
    descending = " desc" if asked.order.value.startswith("-") else ""
    orderby = odata.name(_column(work, asked)) + descending
    if asked.side == "bc":
        return work.bc.fetch_page(
            work.endpoint,
            select=mapping.bc_select(),
            filter=reading.filter or None,
            orderby=orderby,
            page_size=size,
            token=place.cursor,
        )
    return work.crm.fetch_page(
        mapping.crm.entity_set,
        select=tuple(dict.fromkeys([*mapping.crm_select(), _CRM_MODIFIED])),
        filter=reading.filter or None,
        orderby=orderby,
        page_size=size,
        token=place.cursor,
    )


def _column(work: Work, asked: Asked) -> str:
    bc, crm = work.mapping.bc, work.mapping.crm
    columns = {
        "name": bc.title[0] if asked.side == "bc" else crm.title,
        "key": bc.key,
        "modified": bc.stamp_field if asked.side == "bc" else _CRM_MODIFIED,
    }
    return columns[asked.order.value.removeprefix("-")]


# What is known of the records


def _listed(work: Work, asked: Asked, records: Sequence[Record]) -> list[ListedRecord]:
    mapping, is_bc = work.mapping, asked.side == "bc"
    id_column = mapping.bc.id_field if is_bc else mapping.crm.id_column
    scope = mapping.bc.scope if is_bc else mapping.crm.scope
    ours = {str(each[id_column]).lower(): each for each in records if in_scope(scope, each)}
    couplings = (
        work.couplings.find_by_bc(mapping.name, list(ours))
        if is_bc
        else work.couplings.find_by_crm(mapping.name, list(ours))
    )
    keys = [(asked.side, each) for each in ours]
    # What is said of a pair may be said of its other record.
    keys += [("crm", c.crm_id) if is_bc else ("bc", c.bc_id) for c in couplings.values()]
    outcomes = work.outcomes.find(mapping.name, keys)
    partners = _partners(work, asked, list(couplings.values()))
    listed: list[ListedRecord] = []
    for record_id, record in ours.items():
        coupling = couplings.get(record_id)
        said = outcomes.get((asked.side, record_id))
        if coupling and not said:
            said = outcomes.get(("crm", coupling.crm_id) if is_bc else ("bc", coupling.bc_id))
        listed.append(
            ListedRecord(
                record_id=record_id,
                key=str(record.get(mapping.bc.key) or "") if is_bc else "",
                name=_name(work, asked.side, record),
                modified=str(record.get(mapping.bc.stamp_field if is_bc else _CRM_MODIFIED) or ""),
                state=_state(coupling, said),
                partner=partners[record_id] if coupling else None,
                said=Said(code=said.code, message=said.message, hint=said.hint) if said else None,
            )
        )
    return listed


def _partners(work: Work, asked: Asked, couplings: Sequence[Coupling]) -> dict[str, Partner]:
    """Partners by the ids of the listed records; one that was deleted is named as it was."""
    if asked.side == "bc":
        found = fetch_crm(work, [each.crm_id for each in couplings])
        return {each.bc_id: _partner(work, "crm", each.crm_id, each, found) for each in couplings}
    ids = [each.bc_id for each in couplings]
    found = fetch_bc(work, ids)
    return {each.crm_id: _partner(work, "bc", each.bc_id, each, found) for each in couplings}


def _partner(
    work: Work, side: str, record_id: str, coupling: Coupling, found: dict[str, Record]
) -> Partner:
    record = found.get(record_id)
    name = coupling.name if record is None else _name(work, side, record)
    return Partner(record_id=record_id, name=name, gone=record is None)


def _name(work: Work, side: str, record: Record) -> str:
    title = work.mapping.bc.title if side == "bc" else (work.mapping.crm.title,)
    return " ".join(str(record.get(each) or "") for each in title).strip()


def _state(coupling: Coupling | None, said: Outcome | None) -> RecordState:
    if coupling:
        return RecordState(coupling.state.value)
    known = {each.value: each for each in RecordState}
    return known.get(said.kind.value, RecordState.UNCOUPLED) if said else RecordState.UNCOUPLED


# Where a list goes on


def _following(place: _Place, cursor: str | None, readings: int) -> _Place | None:
    """The place after a page, None after the last one."""
    if cursor is not None:
        return replace(place, cursor=cursor)
    return _Place(reading=place.reading + 1) if place.reading + 1 < readings else None


def _continuation(mark: str, place: _Place) -> str:
    content = json.dumps([mark, place.reading, place.cursor])
    return base64.urlsafe_b64encode(content.encode()).decode("ascii")


def _place_of(continuation: str | None, mark: str, readings: int) -> _Place:
    if continuation is None:
        return _Place()
    try:
        content = json.loads(base64.b64decode(continuation.encode("ascii"), b"-_", validate=True))
    except (ValueError, RecursionError):  # not ASCII, not base64, not UTF-8 or not JSON
        content = None
    match content:
        case [str(of), int(reading), str(cursor)] if of == mark and 0 <= reading < readings:
            return _Place(reading=reading, cursor=cursor)
    raise unknown_continuation()
