"""Matches as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from couplings.model import Side
from sync.catalog import MappingCatalog
from sync.documents import run_document
from sync.jobs import Run, TableJob
from sync.matching.model import Candidate, Fate, MatchKind, MatchRow, Pick, Result


def matches_document(
    catalog: MappingCatalog,
    run: Run | None,
    jobs: Sequence[TableJob],
    results: Mapping[str, Result],
) -> dict[str, Any]:
    """The last match run, and what counts of each table, in the order of the review."""
    lines = {job.mapping: job for job in jobs}
    names = [name for name in catalog.mappings if name in lines or name in results]
    return {
        "run": run_document(run) if run else None,
        "tables": [_table(catalog, name, lines.get(name), results.get(name)) for name in names],
    }


def _table(
    catalog: MappingCatalog, name: str, job: TableJob | None, result: Result | None
) -> dict[str, Any]:
    return {
        "mapping": name,
        "line": _line(job) if job else None,
        "found_at": _time(result.found_at) if result else None,
        "outdated": bool(result and result.lineage != catalog.named(name).lineage),
        "counts": asdict(result.counts) if result else None,
    }


def _line(job: TableJob) -> dict[str, Any]:
    return {
        "state": job.state.value,
        "read": job.records_handled,
        "expected": job.records_expected,
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
        "message": job.message,
        "hint": job.hint,
    }


def row_document(row: MatchRow, picks: Mapping[str, Pick]) -> dict[str, Any]:
    """One row; ``picks`` are those of the result, by the id of their BC record."""
    offers = row.kind in (MatchKind.AMBIGUOUS, MatchKind.PROPOSED)
    crm_ids = {each.record_id for each in row.crm}
    of_row = [
        pick
        for each in row.bc
        if offers and (pick := picks.get(each.record_id)) and pick.crm_id in crm_ids
    ]
    return {
        "kind": row.kind.value,
        "place": row.place,
        "why": _why(row),
        "criterion": _criterion(row),
        "bc": [candidate_document(row, each, "bc") for each in row.bc],
        "crm": [candidate_document(row, each, "crm") for each in row.crm],
        "bc_total": row.bc_total,
        "crm_total": row.crm_total,
        "percent": row.percent,
        "code": row.code,
        "message": row.message,
        "hint": row.hint,
        "became": _fate(row.fate),
        "picks": [pick_document(pick) for pick in of_row],
    }


def pick_document(pick: Pick) -> dict[str, Any]:
    return {
        "bc": pick.bc_id,
        "crm": pick.crm_id,
        "by": pick.by,
        "picked_at": _time(pick.picked_at),
        "became": _fate(pick.fate),
    }


def _why(row: MatchRow) -> str:
    if row.kind is MatchKind.UNMATCHED:
        return row.message or "No record of the other side fits."
    if row.kind is MatchKind.PROPOSED:
        return f"The names are {row.percent} % alike."
    if row.level is None:
        return "Coupler made the one of the other, and did not come to couple them."
    fields = " and ".join(
        f"{bc} and {crm}" for bc, crm in zip(row.criterion.bc, row.criterion.crm, strict=True)
    )
    if row.kind is MatchKind.EXACT:
        return f"Nothing else fits either of the two in {fields}."
    return (
        f"{row.bc_total} of Business Central and {row.crm_total} of Dynamics 365 Sales fit each "
        f"other in {fields}."
    )


def _criterion(row: MatchRow) -> dict[str, Any] | None:
    if row.level is None:
        return None
    criterion = row.criterion
    fields = zip(criterion.bc, criterion.crm, criterion.compare, strict=True)
    return {
        "priority": row.level + 1,
        "fields": [{"bc": bc, "crm": crm, "compare": compare} for bc, crm, compare in fields],
    }


def candidate_document(row: MatchRow, candidate: Candidate, side: Side) -> dict[str, Any]:
    """One record of a row, and why it was considered."""
    own = row.criterion.bc if side == "bc" else row.criterion.crm
    other = row.criterion.crm if side == "bc" else row.criterion.bc
    # the columns of a criterion hold as many values as it has fields; none where none decided
    considered = [
        f"{field} is {value!r}, as {partner}"
        for field, partner, value in zip(own, other, candidate.values, strict=False)
    ]
    return {
        "id": candidate.record_id,
        "number": candidate.number,
        "name": candidate.name,
        "values": dict(zip(own, candidate.values, strict=False)),
        "why": "; ".join(considered),
    }


def _fate(fate: Fate) -> dict[str, Any]:
    return {
        "state": fate.state.value,
        "code": fate.code,
        "message": fate.message,
        "hint": fate.hint,
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None
