"""The full synchronization review: which lines may go on, wait or are blocked, and a run's end.

Pure. A line is ready when the lines it depends on are done. A line that stopped before its end
blocks its dependents visibly, by name; one whose records failed releases them with a warning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sync.dependencies import levels
from sync.jobs import JobState, Run, RunState, TableJob
from sync.recommendation import Mode

NOTHING_ORDERED = "Nothing was to be done with this table: its mode is no-records."

_RELEASES = frozenset({JobState.FINISHED, JobState.FINISHED_WITH_ERRORS, JobState.SKIPPED})
_BLOCKS = frozenset({JobState.ERROR, JobState.BLOCKED, JobState.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """What to store and enqueue so that a run goes on."""

    changed: tuple[TableJob, ...]
    """Lines with their new state, in dependency order."""
    enqueue: tuple[str, ...]
    """Mappings of those that became ready."""
    end: RunState | None
    """How the run ended, None while any line has work left."""


def advance(run: Run, jobs: Sequence[TableJob]) -> Advance:
    """Take every line as far as the others allow.

    Parents come before their children, so that one pass settles a whole chain of blocked lines.
    """
    now = {job.mapping: job for job in jobs}
    changed: dict[str, TableJob] = {}
    order = levels({job.mapping: job.dependencies for job in jobs})
    for name in (name for layer in order for name in layer):
        job = now[name]
        moved = _cancelled(job) if run.cancel_requested else _moved(job, now)
        if moved != job:
            now[name] = changed[name] = moved
    enqueue = tuple(name for name, job in changed.items() if job.state is JobState.READY)
    over = all(job.state.is_over for job in now.values())
    return Advance(
        changed=tuple(changed.values()),
        enqueue=enqueue,
        end=end_of(run, list(now.values())) if over else None,
    )


def _cancelled(job: TableJob) -> TableJob:
    if job.state not in (JobState.WAITING, JobState.READY):
        return job  # a line in process stops by itself at its next page
    return replace(
        job,
        state=JobState.CANCELLED,
        waiting_for=(),
        message="The run was cancelled before this table began.",
    )


def _moved(job: TableJob, jobs: Mapping[str, TableJob]) -> TableJob:
    if job.state is not JobState.WAITING:
        return job
    parents = [jobs[name] for name in job.dependencies if name in jobs]
    blocking = tuple(parent.mapping for parent in parents if parent.state in _BLOCKS)
    if blocking:
        named = ", ".join(blocking)
        return replace(
            job,
            state=JobState.BLOCKED,
            blocked_by=blocking,
            waiting_for=(),
            message=f"Blocked by {named}, which stopped before its end.",
            hint=f"Restart {named} once the cause is mended; this table follows.",
        )
    waiting_for = tuple(parent.mapping for parent in parents if parent.state not in _RELEASES)
    if waiting_for:
        return replace(job, waiting_for=waiting_for)
    imperfect = [p.mapping for p in parents if p.state is JobState.FINISHED_WITH_ERRORS]
    warning = f"Began although records of {', '.join(imperfect)} failed." if imperfect else ""
    return replace(
        job,
        state=JobState.READY,
        waiting_for=(),
        blocked_by=(),
        message="",
        hint="",
        warning=warning,
    )


def end_of(run: Run, jobs: Sequence[TableJob]) -> RunState:
    """The state of a run whose lines are all over."""
    states = {job.state for job in jobs}
    if run.cancel_requested and JobState.CANCELLED in states:
        return RunState.CANCELLED
    if states & {JobState.ERROR, JobState.BLOCKED, JobState.FINISHED_WITH_ERRORS}:
        return RunState.FINISHED_WITH_ERRORS
    return RunState.FINISHED


def restarted(job: TableJob) -> TableJob:
    """The line as if it had not run, one attempt further.

    Its mode stays: what was coupled meanwhile would change the recommendation. Only where there
    was nothing to do both sides are looked at again.
    """
    is_anew = job.recommendation is not None and job.mode is Mode.NO_RECORDS
    return TableJob(
        run_id=job.run_id,
        mapping=job.mapping,
        name=job.name,
        direction=job.direction,
        state=JobState.WAITING,
        created_at=job.created_at,
        dependencies=job.dependencies,
        mode=None if is_anew else job.mode,
        recommendation=None if is_anew else job.recommendation,
        attempt=job.attempt + 1,
        lease=replace(job.lease, owner="", expires_at=None),
        etag=job.etag,
    )
