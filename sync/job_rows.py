"""Runs and table jobs as table rows, and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import lru_cache

from storage.columns import Columns
from storage.rows import Row, Value
from sync.job_model import (
    Counters,
    JobState,
    Lease,
    Run,
    RunKind,
    RunState,
    TableJob,
    TableStatus,
)
from sync.mapping import Direction
from sync.recommendation import Mode, recommendation_of, recommendation_text

RUNS = "runs"
JOBS = "jobs"
RUN = "run"
"""What the keys of runs begin with, beside pointers to some of them."""

_REMEMBERED = 256
"""Values kept with their texts, of each kind: every checkpoint stores the same ones again."""


def run_values(run: Run) -> dict[str, Value]:
    return {
        "kind": run.kind.value,
        "state": run.state.value,
        "started_at": run.started_at,
        "started_by": run.started_by,
        "mappings": _names_text(run.mappings),
        "finished_at": run.finished_at,
        "cancel_requested": run.cancel_requested,
        "generation": run.generation,
        "message": run.message,
        "order": run.order,
    }


def run_of(row: Row) -> Run:
    columns = Columns(row)
    return Run(
        run_id=row.key[1],
        kind=RunKind(columns.text("kind")),
        state=RunState(columns.text("state")),
        started_at=columns.time("started_at"),
        started_by=columns.text("started_by"),
        mappings=_names(columns.text("mappings")),
        finished_at=columns.optional_time("finished_at"),
        cancel_requested=columns.flag("cancel_requested"),
        generation=columns.number("generation"),
        message=columns.text("message"),
        order=columns.text("order"),
        etag=row.etag,
    )


def job_values(job: TableJob) -> dict[str, Value]:
    return {
        "name": job.name,
        "direction": job.direction.value,
        "state": job.state.value,
        "created_at": job.created_at,
        "dependencies": _names_text(job.dependencies),
        "mode": job.mode.value if job.mode else "",
        "recommendation": recommendation_text(job.recommendation),
        "to_crm_status": job.to_crm_status.value,
        "from_crm_status": job.from_crm_status.value,
        "to_crm": counters_text(job.to_crm),
        "from_crm": counters_text(job.from_crm),
        "records_expected": job.records_expected,
        "records_handled": job.records_handled,
        "phase": job.phase,
        "cursor": job.cursor,
        "attempt": job.attempt,
        "failures": job.failures,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "message": job.message,
        "hint": job.hint,
        "warning": job.warning,
        "blocked_by": _names_text(job.blocked_by),
        "waiting_for": _names_text(job.waiting_for),
        "lease_owner": job.lease.owner,
        "lease_epoch": job.lease.epoch,
        "lease_expires_at": job.lease.expires_at,
    }


def job_of(row: Row) -> TableJob:
    columns = Columns(row)
    run_id, mapping = row.key
    return TableJob(
        run_id=run_id,
        mapping=mapping,
        name=columns.text("name"),
        direction=Direction(columns.text("direction")),
        state=JobState(columns.text("state")),
        created_at=columns.time("created_at"),
        dependencies=_names(columns.text("dependencies")),
        mode=Mode(mode) if (mode := columns.text("mode")) else None,
        recommendation=recommendation_of(columns.text("recommendation")),
        to_crm_status=TableStatus(columns.text("to_crm_status")),
        from_crm_status=TableStatus(columns.text("from_crm_status")),
        to_crm=counters_of(columns.text("to_crm")),
        from_crm=counters_of(columns.text("from_crm")),
        records_expected=columns.optional_number("records_expected"),
        records_handled=columns.number("records_handled"),
        phase=columns.text("phase"),
        cursor=columns.text("cursor"),
        attempt=columns.number("attempt"),
        failures=columns.number("failures"),
        started_at=columns.optional_time("started_at"),
        finished_at=columns.optional_time("finished_at"),
        message=columns.text("message"),
        hint=columns.text("hint"),
        warning=columns.text("warning"),
        blocked_by=_names(columns.text("blocked_by")),
        waiting_for=_names(columns.text("waiting_for")),
        lease=Lease(
            owner=columns.text("lease_owner"),
            epoch=columns.number("lease_epoch"),
            expires_at=columns.optional_time("lease_expires_at"),
        ),
        etag=row.etag,
    )


@lru_cache(_REMEMBERED)
def counters_text(counters: Counters) -> str:
    """Counters as they are stored."""
    return json.dumps(asdict(counters))


@lru_cache(_REMEMBERED)
def counters_of(text: str) -> Counters:
    """Counters as ``counters_text`` wrote them."""
    return Counters(**json.loads(text))


@lru_cache(_REMEMBERED)
def _names_text(names: tuple[str, ...]) -> str:
    return json.dumps(names)


@lru_cache(_REMEMBERED)
def _names(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))
