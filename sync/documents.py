"""Runs, lines and couplings as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from couplings.model import Coupling
from sync.catalog import MappingCatalog
from sync.dependencies import level_of_each
from sync.jobs import JobState, Run, TableJob
from sync.mapping import TableMapping
from sync.recommendation import Recommendation


def review_document(
    run: Run | None, jobs: Sequence[TableJob], catalog: MappingCatalog
) -> dict[str, Any]:
    """The full synchronization review; before the first run every line is blank."""
    levels = level_of_each(catalog.dependencies)
    if run is None:
        lines = [_blank_line(each, levels) for each in catalog.mappings.values()]
        return {"run": None, "lines": lines}
    return {"run": run_document(run), "lines": [_line(job, levels) for job in jobs]}


def recommendation_document(mapping: str, recommendation: Recommendation) -> dict[str, Any]:
    """What is recommended for a table, and the counts that it rests on."""
    return {"name": mapping} | _recommendation(recommendation)


def _recommendation(recommendation: Recommendation) -> dict[str, Any]:
    held = recommendation.holdings
    return {
        "mode": recommendation.mode.value,
        "reason": recommendation.reason,
        "bc": asdict(held.bc),
        "crm": asdict(held.crm),
        "coupled": held.coupled,
        "bc_uncoupled": asdict(held.bc_uncoupled),
        "crm_uncoupled": asdict(held.crm_uncoupled),
    }


def run_document(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "kind": run.kind.value,
        "state": run.state.value,
        "cancel_requested": run.cancel_requested,
        "started_at": _time(run.started_at),
        "started_by": run.started_by,
        "finished_at": _time(run.finished_at),
        "mappings": list(run.mappings),
        "message": run.message,
    }


def _blank_line(mapping: TableMapping, levels: Mapping[str, int]) -> dict[str, Any]:
    return {
        "name": mapping.name,
        "level": levels[mapping.name],
        "dependencies": list(mapping.dependencies),
        "direction": mapping.direction.value,
        "job_queue_entry_status": "" if mapping.enabled else JobState.SKIPPED.value,
        "to_int_table_job_status": "",
        "from_int_table_job_status": "",
    }


def _line(job: TableJob, levels: Mapping[str, int]) -> dict[str, Any]:
    recommendation = job.recommendation
    return {
        "name": job.mapping,
        "level": levels.get(job.mapping, 1),  # one that was removed since depends on nothing
        "dependencies": list(job.dependencies),
        "direction": job.direction.value,
        "job_queue_entry_status": job.state.value,
        "to_int_table_job_status": job.to_crm_status.value,
        "from_int_table_job_status": job.from_crm_status.value,
        "mode": job.mode.value if job.mode else "",
        "recommendation": _recommendation(recommendation) if recommendation else None,
        "counters": {"to_crm": asdict(job.to_crm), "from_crm": asdict(job.from_crm)},
        "progress": _progress(job),
        "waiting_for": list(job.waiting_for),
        "blocked_by": list(job.blocked_by),
        "attempt": job.attempt,
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
        "message": job.message,
        "hint": job.hint,
        "warning": job.warning,
    }


def _progress(job: TableJob) -> dict[str, Any]:
    """Records handled, and of how many as far as that is known."""
    expected = job.records_expected
    percent = None
    if job.state.is_over and job.started_at:
        percent = 100
    elif expected:
        percent = min(99, 100 * job.records_handled // expected)
    return {"handled": job.records_handled, "expected": expected, "percent": percent}


def coupling_document(coupling: Coupling) -> dict[str, Any]:
    return {
        "mapping": coupling.mapping,
        "bc_id": coupling.bc_id,
        "crm_id": coupling.crm_id,
        "key": coupling.bc_key,
        "name": coupling.name,
        "state": coupling.state.value,
        "coupled_at": _time(coupling.coupled_at),
        "synchronized_at": _time(coupling.synchronized_at),
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None
