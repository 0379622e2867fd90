"""One look at the whole CRM side before the records of Business Central are taken page by page.

It tells, without keeping the records: which coupled ones changed since they last agreed, which
uncoupled ones could be partners, and which have no partner. Cost: one request per 5,000 records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from couplings.matching import MatchIndex
from couplings.model import CouplingIndexEntry, digest_of
from errors import WatermarkExpiredError
from services.records import Record
from sync.mapping import Condition, Requirement, TableMapping
from sync.projection import project_crm
from sync.work import Work

PAGE_SIZE = 5000
"""Dataverse's largest page."""


@dataclass(slots=True, kw_only=True)
class CrmIndex:
    """What is known of the CRM side. Memory: a few short texts per record of the table."""

    by_bc_id: dict[str, CouplingIndexEntry]
    """The couplings, by the BC record's id."""
    matches: MatchIndex
    unchanged: set[str] = field(default_factory=set)
    """Coupled CRM ids whose mapped columns are as they were at last agreement."""
    unfit: dict[str, Requirement] = field(default_factory=dict)
    """Uncoupled CRM ids that fail one of the mapping's requirements."""
    known: set[str] = field(default_factory=set)
    """All uncoupled CRM ids."""
    made_from: dict[str, str] = field(default_factory=dict)
    """Id of the BC record that Coupler would make of an uncoupled CRM record → that one's id."""
    restored_in_bc: set[str] = field(default_factory=set)
    """Ids that Coupler would give to BC records made in place of deleted partners of coupled CRM
    records: one that exists is a restoration that did not live to couple it."""
    watermark: str = ""
    """Where reading CRM's changes can go on after this look; empty where it cannot."""
    untracked_because: str = ""
    uncoupled: list[str] = field(default_factory=list)
    """Uncoupled CRM ids that Business Central could get a record of, in order."""


type WatchCrm = Callable[[Record, CouplingIndexEntry | None], None]
"""Told every CRM record that is the mapping's business, with its coupling."""


def _nobody(record: Record, entry: CouplingIndexEntry | None) -> None:
    """Watches nothing."""


def build_index(work: Work, watch: WatchCrm = _nobody) -> CrmIndex:
    """Read the couplings and the CRM side of the mapping once.

    The reading is tracked where CRM tracks the table's changes, so that it also tells where
    reading changes can go on (``CrmIndex.watermark``); a preview has no use for that.
    """
    mapping = work.mapping
    ids = work.context.ids
    entries = list(work.couplings.scan_index(mapping.name))
    by_crm_id = {entry.crm_id: entry for entry in entries}
    index = CrmIndex(
        by_bc_id={entry.bc_id: entry for entry in entries},
        matches=MatchIndex(mapping.match),
    )
    if mapping.creates_in_bc:
        index.restored_in_bc = {
            restored
            for entry in entries
            if (restored := ids.of(mapping.name, "crm", entry.crm_id)) != entry.bc_id
        }
    restored_in_crm = {ids.of(mapping.name, "bc", entry.bc_id) for entry in entries}
    for record in _records(work, index):
        if not in_scope(mapping.crm.scope, record):
            continue
        crm_id = record[mapping.crm.id_column]
        entry = by_crm_id.get(crm_id)
        watch(record, entry)
        if entry is None:
            # One that a restoration made and did not live to couple waits for its own pair.
            if crm_id not in restored_in_crm:
                add_uncoupled(index, work, record)
        elif entry.crm_digest == digest_of(project_crm(mapping, record)):
            index.unchanged.add(entry.crm_id)
    index.uncoupled.sort()
    return index


def _records(work: Work, index: CrmIndex) -> Iterator[Record]:
    if not work.preview:
        try:
            yield from _tracked(work, index)
        except WatermarkExpiredError as untracked:
            index.untracked_because = untracked.message
        else:
            return
    table = work.mapping.crm
    pages = work.crm.fetch_pages(
        table.entity_set,
        select=work.mapping.crm_select(),
        filter=table.filter or None,
        page_size=PAGE_SIZE,
    )
    for page in pages:
        yield from page.records


def _tracked(work: Work, index: CrmIndex) -> Iterator[Record]:
    """All records of the table, which is refused on the first page where it is not tracked."""
    pages = work.crm.fetch_changes(
        work.mapping.crm.entity_set,
        select=work.mapping.crm_select(),
        watermark=None,
        page_size=PAGE_SIZE,
    )
    for page in pages:
        index.watermark = page.watermark or index.watermark
        yield from page.changed


def add_uncoupled(index: CrmIndex, work: Work, record: Record) -> None:
    """Make an uncoupled CRM record findable as a partner, and known as one without."""
    if not work.rule.belongs(record, work.context):
        return
    crm_id = record[work.mapping.crm.id_column]
    index.matches.add(crm_id, record)
    index.known.add(crm_id)
    if work.mapping.creates_in_bc:
        index.made_from[work.context.ids.of(work.mapping.name, "crm", crm_id)] = crm_id
    failed = failed_requirement(work.mapping.crm.requires, record)
    if failed:
        index.unfit[crm_id] = failed
    elif _reports_uncoupled(work.mapping):
        index.uncoupled.append(crm_id)


def _reports_uncoupled(mapping: TableMapping) -> bool:
    """Whether a CRM record without partner is this mapping's business at all."""
    return mapping.direction.writes_bc


def in_scope(scope: tuple[Condition, ...], record: Record) -> bool:
    """Whether the record is the mapping's business."""
    return all(each.holds(record) for each in scope)


def failed_requirement(requirements: tuple[Requirement, ...], record: Record) -> Requirement | None:
    """The first requirement that the record does not meet."""
    return next((each for each in requirements if record.get(each.field) not in each.values), None)
