"""Reconciling as the API shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sync.catalog import MappingCatalog
from sync.documents import run_document
from sync.drift import Drift, DriftKind
from sync.drift_store import DriftCount
from sync.jobs import Run, TableJob
from sync.reconcile_repair import Repaired

_REMEDIES = {
    DriftKind.FIELDS_DIFFER: "Repairing them lets a pass carry over what changed on one side, and "
    "report what both sides changed.",
    DriftKind.UNCOUPLED: "Repairing them couples the records that belong together.",
    DriftKind.MISSING_IN_CRM: "Repairing them creates the records in Dynamics 365 Sales, or couples"
    " them with the one that fits.",
    DriftKind.MISSING_IN_BC: "Repairing them creates the records in Business Central, or couples "
    "them with the one that fits.",
    DriftKind.ORPHAN: "Repairing them does what the deletion policy of the table mapping says.",
    DriftKind.ONE_SIDED: "Repairing them restores the missing half of the coupling, or removes the "
    "other one.",
    DriftKind.DUPLICATE: "No repair chooses between them: merge the records, or make their keys "
    "different.",
    DriftKind.OUT_OF_FILTER: "Repairing them reports them as left out; they are synchronized again "
    "once they are back.",
}


def report_document(
    catalog: MappingCatalog,
    run: Run | None,
    jobs: Sequence[TableJob],
    counts: Sequence[DriftCount],
) -> dict[str, Any]:
    """What the last looks found, table by table in the order of the review."""
    lines = {job.mapping: job for job in jobs}
    by_mapping: dict[str, list[DriftCount]] = {}
    for count in counts:
        by_mapping.setdefault(count.mapping, []).append(count)
    names = [name for name in catalog.mappings if name in lines or name in by_mapping]
    return {
        "run": run_document(run) if run else None,
        "tables": [_table(name, lines.get(name), by_mapping.get(name, [])) for name in names],
    }


def _table(name: str, job: TableJob | None, counts: Sequence[DriftCount]) -> dict[str, Any]:
    return {
        "mapping": name,
        "last_look": _look(job) if job else None,
        "drift": {each.kind.value: each.drift for each in counts if each.drift},
        "explained": {each.kind.value: each.explained for each in counts if each.explained},
        "plan": [
            f"{each.kind.value}: {each.drift}. {_REMEDIES[each.kind]}"
            for each in counts
            if each.drift
        ],
    }


def _look(job: TableJob) -> dict[str, Any]:
    return {
        "state": job.state.value,
        "compared": job.records_handled,
        "in_step": job.to_crm.unchanged,
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
        "message": job.message,
        "hint": job.hint,
    }


def drift_document(drift: Drift) -> dict[str, Any]:
    return asdict(drift) | {
        "id": f"{drift.mapping}/{drift.side}/{drift.record_id}",
        "kind": drift.kind.value,
        "fields": [asdict(each) | {"flow": each.flow.value} for each in drift.fields],
        "found_at": _time(drift.found_at),
    }


def repaired_document(repaired: Repaired) -> dict[str, Any]:
    return {
        "actions": {kind.value: number for kind, number in sorted(repaired.begun.items())},
        "left_to_people": repaired.for_people,
        "explained_by_outcomes": repaired.explained,
        "to_synchronize_first": repaired.unsynchronized,
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None
