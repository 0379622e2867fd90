"""Reading the uncoupled records of both sides of a table, as a full synchronization sees them.

Of each record its number, its name and what it holds in the fields of the criteria are kept, so
memory and time grow with the number of records. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import batched
from typing import Any

from couplings.match_keys import key_texts
from couplings.matching import Matching
from couplings.model import CouplingIndexEntry, Side
from couplings.similarity import Proposal, Proposals
from errors import RecordError
from services.records import Record
from sync.comparison import bc_pages
from sync.crm_index import CrmIndex, build_index, failed_requirement, in_scope
from sync.fetching import fetch_bc, fetch_crm
from sync.intake import RESTORE_UNFINISHED
from sync.mapping import MatchField, Requirement, TableMapping
from sync.matching.rows import Known, Reason, Surveyed
from sync.prefetch import prefetched
from sync.rules.base import Rule
from sync.work import Work

_PAIRS_READ = 500
"""Pairs that are read again together."""

TAKES_OVER = "takes-over"

type PageRead = Callable[[int, int | None], None]
"""Told after each page how many records it had, and how many there are where that is known. Raises
where the work must stop."""


class Survey:
    """Reads a table once."""

    def __init__(self, work: Work, page_read: PageRead) -> None:
        # Reading as a preview does: CRM's change feed is left alone.
        self._work = replace(work, preview=True)
        self._page_read = page_read
        self.surveyed = Surveyed()
        self._fields = [field for key in work.mapping.match for field in key.fields]

    def read(self) -> Matching:
        """Both sides, ready to be resolved. Raises the families of ``errors``."""
        index = build_index(self._work, self._watch_crm)
        self._page_read(len(index.known), None)
        matching = Matching(len(self._work.mapping.match))
        self._read_bc(index, matching)
        self._take_crm(index, matching)
        return matching

    def _watch_crm(self, record: Record, entry: CouplingIndexEntry | None) -> None:
        if entry is None:
            title = str(record.get(self._work.mapping.crm.title) or "")
            self.surveyed.crm[record[self._work.mapping.crm.id_column]] = Known(
                number="", name=title, values=tuple(_text(record, f.crm) for f in self._fields)
            )

    def _take_crm(self, index: CrmIndex, matching: Matching) -> None:
        surveyed = self.surveyed
        made = {crm_id for _, crm_id in surveyed.made}
        surveyed.crm = {
            crm_id: known for crm_id, known in surveyed.crm.items() if crm_id in index.known
        }
        for crm_id, failed in index.unfit.items():
            surveyed.crm_reasons[crm_id] = _required(failed)
        for crm_id, known in surveyed.crm.items():
            if crm_id not in made:
                matching.add_crm(crm_id, self._key_texts(known, "crm"))

    def _read_bc(self, index: CrmIndex, matching: Matching) -> None:
        mapping = self._work.mapping
        for page in prefetched(bc_pages(self._work)):
            ours = [
                record
                for record in page.records
                if record[mapping.bc.id_field] not in index.by_bc_id
                and record[mapping.bc.id_field] not in self.surveyed.bc
                and in_scope(mapping.bc.scope, record)
            ]
            self._work.prepare(bc=ours)
            for record in ours:
                self._take_bc(index, matching, record)
            self._page_read(len(page.records), page.total)

    def _take_bc(self, index: CrmIndex, matching: Matching, record: Record) -> None:
        bc_id = record[self._work.mapping.bc.id_field]
        kin = self._kin(index, bc_id)
        if kin:
            self.surveyed.bc[bc_id] = self._known(record)
            self.surveyed.made.append((bc_id, kin))
            return
        try:
            derived = self._work.rule.derive(record, self._work.context)
            reason = self._apart(index, bc_id, derived)
        except RecordError as error:
            derived, reason = record, _reason(error)
        known = self.surveyed.bc[bc_id] = self._known(derived)
        if reason:
            self.surveyed.bc_reasons[bc_id] = reason
            return
        matching.add_bc(bc_id, self._key_texts(known, "bc"))
        try:
            self._work.rule.may_create(derived, self._work.context)
        except RecordError as error:
            self.surveyed.not_created[bc_id] = _reason(error)

    def _kin(self, index: CrmIndex, bc_id: str) -> str:
        """The CRM record that Coupler made of the BC record, or made that of, if any: an earlier
        attempt did not live to couple them, and the ids tell."""
        crm_id = self._work.context.ids.of(self._work.mapping.name, "bc", bc_id)
        return index.made_from.get(bc_id) or (crm_id if crm_id in index.known else "")

    def _apart(self, index: CrmIndex, bc_id: str, derived: Record) -> Reason | None:
        """Why the BC record is compared with nobody."""
        if bc_id in index.restored_in_bc:
            return Reason(
                code=RESTORE_UNFINISHED,
                message="The record was made in place of a deleted one, and is not coupled with "
                "its partner yet.",
                hint="Nothing: the next full synchronization completes the pair.",
            )
        failed = failed_requirement(self._work.mapping.bc.requires, derived)
        if failed:
            return _required(failed)
        predecessors = self._work.rule.predecessors(derived, self._work.context)
        if any(each in index.by_bc_id for each in predecessors):
            return Reason(
                code=TAKES_OVER,
                message="The record takes the place of another one, which is coupled.",
                hint="Nothing: the next synchronization has it take over the partner.",
            )
        return None

    def _known(self, record: Record) -> Known:
        table = self._work.mapping.bc
        return Known(
            number="" if table.key == table.id_field else _text(record, table.key),
            name=" ".join(text for field in table.title if (text := _text(record, field))),
            values=tuple(_text(record, each.bc) for each in self._fields),
        )

    def _key_texts(self, known: Known, side: Side) -> Sequence[str]:
        names = (_name(each, side) for each in self._fields)
        record = dict(zip(names, known.values, strict=True))
        return key_texts(record, self._work.mapping.match, side)


def propose(
    mapping: TableMapping, surveyed: Surveyed, bc_ids: Sequence[str], crm_ids: Sequence[str]
) -> list[Proposal]:
    """Pairs of unmatched records whose names are alike, where the mapping asks for it."""
    if mapping.proposes_from is None:
        return []
    proposals = Proposals(mapping.proposes_from)
    for bc_id in bc_ids:
        proposals.add_bc(bc_id, surveyed.bc[bc_id].name)
    for crm_id in crm_ids:
        proposals.add_crm(crm_id, surveyed.crm[crm_id].name)
    return proposals.find()


def unfit_pairs(work: Work, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Reason]:
    """The pairs of a BC and a CRM record that the table's rule does not let be coupled, and why.

    Their records are read again, a few hundred together, where the rule has anything to say at all.
    """
    if type(work.rule).check_match is Rule.check_match:
        return {}
    found: dict[tuple[str, str], Reason] = {}
    for some in batched(pairs, _PAIRS_READ, strict=False):
        for pair, bc, crm in read_pairs(work, some):
            try:
                derived = work.rule.derive(bc, work.context)
                work.rule.check_match(derived, crm, work.context)
            except RecordError as error:
                found[pair] = _reason(error)
    return found


def read_pairs(
    work: Work, pairs: Sequence[tuple[str, str]]
) -> Iterator[tuple[tuple[str, str], Record, Record]]:
    """Both records of each pair as they are now, without pairs of which one is gone."""
    bc = fetch_bc(work, [each for each, _ in pairs])
    crm = fetch_crm(work, [each for _, each in pairs])
    work.prepare(bc=list(bc.values()))
    for bc_id, crm_id in pairs:
        if bc_id in bc and crm_id in crm:
            yield (bc_id, crm_id), bc[bc_id], crm[crm_id]


def _name(field: MatchField, side: Side) -> str:
    return field.bc if side == "bc" else field.crm


def _text(record: Record, name: str) -> str:
    value: Any = record.get(name)
    return "" if value is None else str(value)


def _reason(error: RecordError) -> Reason:
    return Reason(code=error.code, message=error.message, hint=error.hint)


def _required(failed: Requirement) -> Reason:
    return Reason(code=failed.code, message=failed.message, hint=failed.hint)
