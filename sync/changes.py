"""Taking in records that may have changed: which pairs they belong to, and which need no look.

Where all records of a table are compared, an index of the whole CRM side is built (``crm_index``).
Here the records are few and the tables may be large: couplings are looked up, an unchanged record
is recognized by its digest, and possible partners of new records are asked for by their keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from uuid import UUID

from couplings.matching import MatchIndex
from couplings.model import CouplingIndexEntry, CouplingState, Side, digest_of
from errors import RecordError
from services.records import Record
from sync.candidates import bc_candidates, crm_candidates
from sync.crm_index import CrmIndex, add_uncoupled, in_scope
from sync.fetching import fetch_bc, fetch_crm
from sync.intake import expect_partner, note_scope, pair_of_bc, pair_of_crm, take_bc_page
from sync.known_couplings import KnownCouplings, entry_of
from sync.outcomes import OutcomeKind, RecordKey
from sync.pair import Pair
from sync.projection import project_bc, project_crm
from sync.rules.base import RecordSkippedError
from sync.watermark import Fresh
from sync.work import Work

_MADE_BY_COUPLER = 5
"""Version of the UUIDs that Coupler gives to records it creates; others are of version 4."""


@dataclass(slots=True, kw_only=True)
class Changes:
    """Records that are said to have changed, by id; None for one that is gone.

    The records are as the services told them now.
    """

    bc: dict[str, Record | None] = field(default_factory=dict)
    crm: dict[str, Record | None] = field(default_factory=dict)
    asked: set[RecordKey] = field(default_factory=set)
    """Those that a person asked for: they are looked at even if nothing changed."""
    anew: set[RecordKey] = field(default_factory=set)
    """Those of them that are to have partners, even if their couplings were removed."""


@dataclass(slots=True, kw_only=True)
class Taken:
    """What became of changes when they were taken in."""

    pairs: list[Pair] = field(default_factory=list)
    forgotten: list[RecordKey] = field(default_factory=list)
    """Records without coupling that are gone: their outcomes have no object any more."""
    fresh: Fresh = field(default_factory=Fresh)
    """BC records that the last count may not have had."""
    orphans: list[str] = field(default_factory=list)
    """Uncoupled records that Coupler made and did not live to couple: comparing all records finds
    what they were made of, and until then nothing is done about them."""
    unmatched: list[str] = field(default_factory=list)
    """New records of a table whose keys no service can be asked for (``MatchKey.can_be_asked``):
    comparing all records finds their partners, and until then nothing is done about them, lest they
    be created where their partners already are."""


def fetch_changes(work: Work, bc_ids: Iterable[str], crm_ids: Iterable[str]) -> Changes:
    """The records of these ids as they are now."""
    bc_ids, crm_ids = list(dict.fromkeys(bc_ids)), list(dict.fromkeys(crm_ids))
    bc, crm = fetch_bc(work, bc_ids), fetch_crm(work, crm_ids)
    return Changes(
        bc={each: bc.get(each) for each in bc_ids},
        crm={each: crm.get(each) for each in crm_ids},
    )


def take_changes(work: Work, changes: Changes, known: KnownCouplings | None = None) -> Taken:
    """The pairs of changed records, ready to be synchronized; ``known`` are the couplings that were
    read for earlier changes."""
    taken = Taken()
    known = known or KnownCouplings(work.couplings, work.mapping.name)
    entries = known.find(changes.bc, changes.crm)
    coupled_bc = {entry.bc_id for entry in entries}
    coupled_crm = {entry.crm_id for entry in entries}
    new_bc = _present(changes.bc, coupled_bc, "bc", taken)
    new_crm = _present(changes.crm, coupled_crm, "crm", taken)
    taken.fresh += _fresh(work, new_bc.values())
    _take_coupled(work, changes, entries, taken)
    _take_new_in_bc(work, _our_new_in_bc(work, new_bc, taken), taken)
    _take_new_in_crm(work, _our_new_in_crm(work, new_crm, taken), taken)
    note_asked(taken.pairs, changes.asked, changes.anew)
    return taken


def note_asked(pairs: Iterable[Pair], asked: set[RecordKey], anew: set[RecordKey]) -> None:
    """Have pairs tell that a person asked for them; as ``Changes.asked`` and ``Changes.anew``."""
    for pair in pairs:
        pair.asked, pair.anew = _is_among(asked, pair), _is_among(anew, pair)


def _fresh(work: Work, records: Iterable[Record]) -> Fresh:
    """What these uncoupled BC records count for."""
    inside = [in_scope(work.mapping.bc.counted, record) for record in records]
    return Fresh(counted=sum(inside), anywhere=len(inside))


def _present(
    records: dict[str, Record | None], coupled: set[str], side: Side, taken: Taken
) -> dict[str, Record]:
    """Uncoupled records that exist; those that do not are noted as forgotten."""
    uncoupled = {each: record for each, record in records.items() if each not in coupled}
    taken.forgotten += [(side, each) for each, record in uncoupled.items() if record is None]
    return {each: record for each, record in uncoupled.items() if record is not None}


def _our_new_in_bc(work: Work, records: dict[str, Record], taken: Taken) -> list[Record]:
    scope = work.mapping.bc.scope
    ours = {each: record for each, record in records.items() if in_scope(scope, record)}
    return list(_matched_here(work, _without_orphans(work, ours, taken), taken).values())


def _our_new_in_crm(work: Work, records: dict[str, Record], taken: Taken) -> dict[str, Record]:
    ours = {
        crm_id: record
        for crm_id, record in records.items()
        if in_scope(work.mapping.crm.scope, record) and work.rule.belongs(record, work.context)
    }
    return _matched_here(work, _without_orphans(work, ours, taken), taken)


def _matched_here(work: Work, records: dict[str, Record], taken: Taken) -> dict[str, Record]:
    """The records, if their partners can be asked for; else they are left for a comparison."""
    if all(key.can_be_asked for key in work.mapping.match):
        return records
    taken.unmatched += records
    return {}


def _without_orphans(work: Work, records: dict[str, Record], taken: Taken) -> dict[str, Record]:
    """The records but for those that Coupler may have made of a record of the other side.

    One that is taken for a new record would be copied back. Where a mapping creates records on one
    side only, its own records there are never copied back.
    """
    if not (work.mapping.creates_in_bc and work.mapping.creates_in_crm):
        return records
    orphans = [each for each in records if UUID(each).version == _MADE_BY_COUPLER]
    taken.orphans += orphans
    return {each: record for each, record in records.items() if each not in orphans}


# Coupled records


def _take_coupled(
    work: Work, changes: Changes, entries: list[CouplingIndexEntry], taken: Taken
) -> None:
    met = [changes.bc.get(entry.bc_id) for entry in entries]
    work.prepare(bc=[record for record in met if record is not None])
    pairs = [pair for entry in entries if (pair := _coupled_pair(work, changes, entry))]
    _load_bases(work, pairs)
    _complete(work, changes, pairs)
    taken.fresh += Fresh(counted=sum(1 for pair in pairs if pair.returned))
    taken.pairs += pairs


def _coupled_pair(work: Work, changes: Changes, entry: CouplingIndexEntry) -> Pair | None:
    """The pair, or None where what is known of it is as when both sides last agreed."""
    pair = Pair(
        origin="bc" if entry.bc_id in changes.bc else "crm",
        bc_id=entry.bc_id,
        crm_id=entry.crm_id,
        key=entry.bc_key,
        entry=entry,
        crm=changes.crm.get(entry.crm_id),
    )
    bc = changes.bc.get(entry.bc_id)
    if bc is not None:
        _adopt(work, pair, bc)
    if pair.settled or _is_among(changes.asked, pair) or entry.state is not CouplingState.COUPLED:
        return pair
    if _bc_is_as_agreed(work, changes, pair) and _crm_is_as_agreed(work, changes, entry):
        return None
    return pair


def _load_bases(work: Work, pairs: list[Pair]) -> None:
    couplings = work.couplings.find_by_bc(work.mapping.name, [pair.bc_id for pair in pairs])
    for pair in pairs:
        coupling = couplings.get(pair.bc_id)
        if coupling:  # else uncoupled just now: what is stored of the pair is refused then
            pair.base, pair.name = coupling.base, pair.name or coupling.name


def _is_among(keys: set[RecordKey], pair: Pair) -> bool:
    return not keys.isdisjoint((("bc", pair.bc_id), ("crm", pair.crm_id)))


def _bc_is_as_agreed(work: Work, changes: Changes, pair: Pair) -> bool:
    """An echo of Coupler's own write, or a record met in the overlap window once more."""
    if pair.bc_id not in changes.bc:
        return True
    if pair.bc is None or pair.entry is None or pair.out_of_scope:
        return False
    return digest_of(project_bc(work.mapping, pair.bc)) == pair.entry.bc_digest


def _crm_is_as_agreed(work: Work, changes: Changes, entry: CouplingIndexEntry) -> bool:
    if entry.crm_id not in changes.crm:
        return True
    record = changes.crm[entry.crm_id]
    if record is None or not in_scope(work.mapping.crm.scope, record):
        return False
    return digest_of(project_crm(work.mapping, record)) == entry.crm_digest


def _complete(work: Work, changes: Changes, pairs: list[Pair]) -> None:
    """Read the sides of pairs that the changes do not tell of, and see which are gone."""
    unknown_bc = [p.bc_id for p in pairs if not p.settled and p.bc_id not in changes.bc]
    unknown_crm = [p.crm_id for p in pairs if not p.settled and p.crm_id not in changes.crm]
    bc, crm = fetch_bc(work, unknown_bc), fetch_crm(work, unknown_crm)
    work.prepare(bc=list(bc.values()))
    for pair in pairs:
        if pair.settled:
            continue
        if pair.bc_id in bc:
            _adopt(work, pair, bc[pair.bc_id])
        pair.crm = pair.crm or crm.get(pair.crm_id)
        if pair.bc is None and not pair.settled:
            pair.gone = "bc"
        elif pair.crm is None:
            pair.gone = "crm"
        elif not pair.out_of_scope:
            note_scope(work, pair, None, pair.crm)


def _adopt(work: Work, pair: Pair, record: Record) -> None:
    """Give a coupled pair its BC record, with what is derived from it."""
    taken = pair_of_bc(work, _index(work, {pair.bc_id: pair.entry} if pair.entry else {}), record)
    pair.bc, pair.key, pair.name = taken.bc, taken.key, taken.name
    pair.out_of_scope = taken.out_of_scope
    had_left = pair.entry is not None and pair.entry.state is CouplingState.SKIPPED
    counted = work.mapping.bc.counted  # where all are, none is ever back
    pair.returned = had_left and bool(counted) and in_scope(counted, record)
    if taken.problem:
        pair.stop(taken.problem)


# New records


def _index(work: Work, coupled: dict[str, CouplingIndexEntry]) -> CrmIndex:
    return CrmIndex(by_bc_id=coupled, matches=MatchIndex(work.mapping.match))


def _take_new_in_bc(work: Work, ours: list[Record], taken: Taken) -> None:
    """Uncoupled BC records: match them with uncoupled CRM records, or have them created there."""
    if not ours:
        return
    work.prepare(bc=ours)
    derived = [each for record in ours if (each := _derived(work, record)) is not None]
    predecessors = work.couplings.find_by_bc(
        work.mapping.name, [id_ for each in derived for id_ in _predecessors(work, each)]
    )
    index = _index(work, {bc_id: entry_of(each) for bc_id, each in predecessors.items()})
    fitting = _add_candidates(work, index, derived)
    _expect_rivals(work, index, fitting, {each[work.mapping.bc.id_field] for each in ours})
    pairs = take_bc_page(work, index, ours)
    known = {pair.bc_id for pair in taken.pairs}
    taken.pairs += [pair for pair in pairs if pair.bc_id not in known]


def _derived(work: Work, record: Record) -> Record | None:
    try:
        return work.rule.derive(record, work.context)
    except RecordError:
        return None  # told again, and reported, when the record is taken in


def _predecessors(work: Work, derived: Record) -> tuple[str, ...]:
    try:
        return work.rule.predecessors(derived, work.context)
    except RecordSkippedError:
        return ()


def _expect_rivals(work: Work, index: CrmIndex, fitting: list[Record], met: set[str]) -> None:
    """Other uncoupled BC records that these CRM records fit as well: then neither gets one."""
    rivals = _others(work, bc_candidates(work, fitting, work.mapping.match), met)
    work.prepare(bc=rivals)
    for record in rivals:
        expect_partner(work, index, record)


def _others(work: Work, records: list[Record], met: set[str]) -> list[Record]:
    """The BC records but for those that were met."""
    return [each for each in records if each[work.mapping.bc.id_field] not in met]


def _add_candidates(work: Work, index: CrmIndex, derived: list[Record]) -> list[Record]:
    """Make the uncoupled CRM records findable that could be partners of these BC records; returns
    those that were not yet."""
    id_column = work.mapping.crm.id_column
    candidates = crm_candidates(work, derived, work.mapping.match)
    found = [each for each in candidates if each[id_column] not in index.known]
    for record in found:
        add_uncoupled(index, work, record)
    return found


def _take_new_in_crm(work: Work, records: dict[str, Record], taken: Taken) -> None:
    """Uncoupled CRM records: match them with uncoupled BC records, or have them created there."""
    met = {pair.crm_id for pair in taken.pairs}
    ours = {crm_id: record for crm_id, record in records.items() if crm_id not in met}
    if not ours:
        return
    index = _index(work, {})
    for record in ours.values():
        add_uncoupled(index, work, record)
    taken_in = {pair.bc_id for pair in taken.pairs}
    candidates = _others(
        work, bc_candidates(work, list(ours.values()), work.mapping.match), taken_in
    )
    if candidates:
        work.prepare(bc=candidates)
        derived = [each for record in candidates if (each := _derived(work, record)) is not None]
        _add_candidates(work, index, derived)  # others that fit them: then nobody gets one
    claims = _claims(work, index, candidates)
    taken.pairs += claims
    taken.fresh += Fresh(counted=len(claims), anywhere=len(claims))
    claimed = index.matches.claimed
    left = [crm_id for crm_id in index.uncoupled if crm_id in ours and crm_id not in claimed]
    taken.pairs += [pair_of_crm(work, crm_id, ours[crm_id]) for crm_id in sorted(left)]


def _claims(work: Work, index: CrmIndex, candidates: list[Record]) -> list[Pair]:
    """Of the candidates those that fit one of the new CRM records, or several."""
    pairs = take_bc_page(work, index, candidates)
    left_out = {p.bc_id for p in pairs if p.problem and p.problem.kind is OutcomeKind.SKIPPED}
    if left_out:
        # Perhaps only because the candidate is younger than what was loaded of other tables: it is
        # asked anew, or the CRM record would be copied to where its partner already is.
        id_field = work.mapping.bc.id_field
        again = [each for each in candidates if each[id_field] in left_out]
        pairs += take_bc_page(replace(work), index, again)
    return [
        pair
        for pair in pairs
        if pair.matched or (pair.problem and pair.problem.kind is OutcomeKind.AMBIGUOUS)
    ]
