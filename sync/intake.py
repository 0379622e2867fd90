"""Taking in records: which pair each belongs to, and which need no further look."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from couplings.model import CouplingState, digest_of
from errors import RecordError
from services.records import Record
from sync.crm_index import CrmIndex, failed_requirement, in_scope
from sync.fetching import fetch_crm
from sync.outcomes import OutcomeKind
from sync.pair import Action, Pair, Problem
from sync.projection import project_bc
from sync.rules.base import RecordSkippedError
from sync.work import Work

NOT_IN_BC = (
    "The record exists in Dynamics 365 Sales only, and this table mapping creates none in Business "
    "Central."
)


RESTORE_UNFINISHED = "restore-unfinished"
_UNFINISHED = (
    "The record was made in place of a deleted one, and is not coupled with its partner yet."
)
_UNFINISHED_HINT = (
    "Nothing: the pair is completed when its deleted record is met. If it stays so, the deletion "
    "policy was changed meanwhile: delete this record, or uncouple its partner."
)


def take_bc_page(work: Work, index: CrmIndex, records: Iterable[Record]) -> list[Pair]:
    """The pairs of one page of BC records, the partners of changed ones read from CRM."""
    mapping = work.mapping
    ours = [
        each
        for each in records
        if each[mapping.bc.id_field] in index.by_bc_id or in_scope(mapping.bc.scope, each)
    ]
    work.prepare(bc=ours)
    for record in ours:  # before natural keys could give a twin's partner away
        kin = _kin(work, index, record[mapping.bc.id_field])
        if kin:
            index.matches.take(kin)
    if index.known:
        for record in ours:  # before one of them is given what another one fits as well
            expect_partner(work, index, record)
    pairs = [pair_of_bc(work, index, record) for record in ours]
    load_partners(work, [pair for pair in pairs if not pair.settled])
    return pairs


def take_crm_records(work: Work, crm_ids: list[str]) -> list[Pair]:
    """The pairs of CRM records that have no partner in Business Central."""
    found = fetch_crm(work, crm_ids)
    return [pair_of_crm(work, crm_id, record) for crm_id, record in found.items()]


def pair_of_crm(work: Work, crm_id: str, record: Record) -> Pair:
    """The pair of a CRM record that has no partner in Business Central."""
    mapping = work.mapping
    pair = Pair(
        origin="crm",
        bc_id=work.context.ids.of(mapping.name, "crm", crm_id),
        crm_id=crm_id,
        crm=record,
        name=str(record.get(mapping.crm.title) or ""),
    )
    if not mapping.creates_in_bc:
        hint = "Create it in Business Central under the same number, or leave it as it is."
        pair.stop(_skipped("only-in-crm", NOT_IN_BC, hint=hint))
    return pair


def expect_partner(work: Work, index: CrmIndex, record: Record) -> None:
    """Have an uncoupled BC record, for which the work is prepared, take part in the matching."""
    bc_id = record[work.mapping.bc.id_field]
    if bc_id in index.by_bc_id or bc_id in index.made_from or bc_id in index.restored_in_bc:
        return  # one made from a CRM record is coupled with it when that one's turn comes
    kin = _kin(work, index, bc_id)
    if kin:
        index.matches.take(kin)
        return
    if not in_scope(work.mapping.bc.scope, record):
        return
    if failed_requirement(work.mapping.bc.requires, record):
        return
    try:
        derived = work.rule.derive(record, work.context)
        predecessors = work.rule.predecessors(derived, work.context)
    except RecordError:
        return
    if not any(each in index.by_bc_id for each in predecessors):
        index.matches.expect(bc_id, derived)


def pair_of_bc(work: Work, index: CrmIndex, record: Record) -> Pair:
    mapping = work.mapping
    bc_id = record[mapping.bc.id_field]
    entry = index.by_bc_id.get(bc_id)
    pair = Pair(
        origin="bc",
        bc_id=bc_id,
        crm_id=entry.crm_id if entry else work.context.ids.of(mapping.name, "bc", bc_id),
        key=str(record[mapping.bc.key]),
        name=mapping.bc.name_of(record),
        entry=entry,
    )
    try:
        if entry and note_scope(work, pair, record, None):
            pair.bc = record
            return pair
        pair.bc = work.rule.derive(record, work.context)
        if entry is None:
            _find_partner(work, index, pair, pair.bc)
        elif _in_step(work, index, pair, pair.bc):
            pair.did("crm" if mapping.direction.writes_crm else "bc", Action.UNCHANGED)
            pair.settled = True
    except RecordSkippedError as skipped:
        pair.stop(Problem.of(skipped, OutcomeKind.SKIPPED))
    except RecordError as error:
        pair.stop(Problem.of(error, OutcomeKind.FAILED))
    return pair


def note_scope(work: Work, pair: Pair, bc: Record | None, crm: Record | None) -> bool:
    """Whether one of a coupled pair's records left the mapping's scope, which the pair notes."""
    for where, scope, record in (
        ("Business Central", work.mapping.bc.scope, bc),
        ("Dynamics 365 Sales", work.mapping.crm.scope, crm),
    ):
        failed = next((each for each in scope if record and not each.holds(record)), None)
        if failed and record:
            value = record.get(failed.field)
            pair.out_of_scope = f"In {where}, {failed.field} is {value!r}."
            return True
    return False


def _in_step(work: Work, index: CrmIndex, pair: Pair, record: Record) -> bool:
    """Neither side of a coupled pair changed since they last agreed."""
    entry = index.by_bc_id[pair.bc_id]
    return (
        entry.state is CouplingState.COUPLED
        and entry.crm_id in index.unchanged
        and entry.bc_digest == digest_of(project_bc(work.mapping, record))
    )


def _find_partner(work: Work, index: CrmIndex, pair: Pair, record: Record) -> None:
    """Match an uncoupled BC record, or see whether CRM may get a new one."""
    mapping = work.mapping
    if pair.bc_id in index.restored_in_bc:
        pair.stop(_skipped(RESTORE_UNFINISHED, _UNFINISHED, hint=_UNFINISHED_HINT))
        return
    kin = _kin(work, index, pair.bc_id)
    if kin:
        pair.crm_id, pair.matched = kin, True
        return
    failed = failed_requirement(mapping.bc.requires, record)
    if failed:
        value = str(record.get(failed.field))
        pair.stop(
            _skipped(failed.code, failed.message, field=failed.field, value=value, hint=failed.hint)
        )
        return
    for predecessor in work.rule.predecessors(record, work.context):
        if predecessor in index.by_bc_id:
            pair.crm_id, pair.matched = index.by_bc_id[predecessor].crm_id, True
            pair.replaces = predecessor
            return
    match = index.matches.find(pair.bc_id, record)
    if match.candidates:
        pair.stop(_ambiguous(work, record, match.fields, match.candidates))
    elif match.crm_id:
        index.matches.take(match.crm_id)
        pair.crm_id, pair.matched = match.crm_id, True
        unfit = index.unfit.get(match.crm_id)
        if unfit:
            text = f"Its partner in Dynamics 365 Sales cannot be coupled: {unfit.message}"
            pair.stop(_skipped(unfit.code, text, partner=match.crm_id, hint=unfit.hint))
    elif not mapping.creates_in_crm:
        # Not reported: a one-way table has no duty to the records of its target side.
        pair.settled = True
    else:
        work.rule.may_create(record, work.context)


def _kin(work: Work, index: CrmIndex, bc_id: str) -> str | None:
    """The uncoupled CRM record that the BC record was made from or into, if any.

    An earlier attempt did that and did not live to couple them. The ids tell, whatever natural
    keys say: twins would be ambiguous, and an edited name unknown.
    """
    if bc_id in index.made_from:
        return index.made_from[bc_id]
    crm_id = work.context.ids.of(work.mapping.name, "bc", bc_id)
    return crm_id if crm_id in index.known else None


def _ambiguous(
    work: Work, record: Record, fields: tuple[str, ...], candidates: tuple[str, ...]
) -> Problem:
    values = ", ".join(f"{field} {record.get(field)!r}" for field in fields)
    shown = ", ".join(candidates[:5])
    table = work.mapping.crm.entity_set
    return Problem(
        kind=OutcomeKind.AMBIGUOUS,
        code="ambiguous-match",
        message=f"{len(candidates)} records of {table} fit {values}: {shown}.",
        field=fields[0],
        value=str(record.get(fields[0])),
        partner=shown,
        hint="Make the values different, merge the duplicates, or couple the record by hand.",
    )


def _skipped(code: str, message: str, **details: Any) -> Problem:
    return Problem(kind=OutcomeKind.SKIPPED, code=code, message=message, **details)


def load_partners(work: Work, pairs: list[Pair]) -> None:
    """Read the CRM records and base snapshots of pairs that need a look: cost follows change."""
    mapping = work.mapping
    existing = [pair for pair in pairs if pair.entry or pair.matched]
    if not existing:
        return
    found = fetch_crm(work, [pair.crm_id for pair in existing])
    known = work.couplings.find_by_bc(mapping.name, [p.bc_id for p in existing if p.entry])
    for pair in existing:
        pair.crm = found.get(pair.crm_id)
        coupling = known.get(pair.bc_id)
        pair.base = coupling.base if coupling else None
        if pair.crm is None and pair.entry is None:
            # Its match was deleted just now: the BC record is one without partner.
            pair.crm_id, pair.matched = work.context.ids.of(mapping.name, "bc", pair.bc_id), False
        elif pair.crm is None:
            pair.gone = "crm"
        elif pair.matched:
            _check_match(work, pair, pair.crm)
        elif not pair.out_of_scope:
            note_scope(work, pair, None, pair.crm)


def _check_match(work: Work, pair: Pair, crm: Record) -> None:
    """See that what was matched may be coupled; else the pair stays uncoupled."""
    try:
        work.rule.check_match(pair.bc or {}, crm, work.context)
    except RecordError as error:
        pair.crm = None
        pair.stop(Problem.of(error, OutcomeKind.FAILED))
