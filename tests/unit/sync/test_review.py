"""Which lines of a run may go on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.jobs import JobState, Run, RunKind, RunState, TableJob
from sync.mapping import Direction
from sync.mappings import DEPENDENCIES
from sync.review import advance, restarted

NOW = datetime(2026, 6, 26, tzinfo=UTC)
NAMES = tuple(DEPENDENCIES)
RUN = Run(
    run_id="r",
    kind=RunKind.FULL_SYNC,
    state=RunState.IN_PROCESS,
    started_at=NOW,
    started_by="test",
    mappings=NAMES,
)


def line(name: str, state: JobState = JobState.WAITING) -> TableJob:
    return TableJob(
        run_id="r",
        mapping=name,
        name=name,
        direction=Direction.BOTH,
        state=state,
        created_at=NOW,
        dependencies=DEPENDENCIES[name],
    )


def states_after(run: Run, jobs: list[TableJob]) -> dict[str, JobState]:
    result = {job.mapping: job.state for job in jobs}
    return result | {job.mapping: job.state for job in advance(run, jobs).changed}


def test_lines_without_dependencies_become_ready_side_by_side_and_the_others_say_what_for():
    steps = advance(RUN, [line(name) for name in NAMES])
    assert set(steps.enqueue) == {"SALESPEOPLE", "CURRENCY", "UNIT OF MEASURE"}
    waiting = {job.mapping: job.waiting_for for job in steps.changed if job.waiting_for}
    assert waiting["CUSTOMER"] == ("SALESPEOPLE", "CURRENCY")
    assert steps.end is None


def test_a_failed_parent_blocks_its_whole_chain_by_name_and_nothing_else():
    jobs = [line(name) for name in NAMES]
    jobs[NAMES.index("UNIT OF MEASURE")] = line("UNIT OF MEASURE", JobState.ERROR)
    steps = advance(RUN, jobs)
    blocked = {job.mapping: job.blocked_by for job in steps.changed if job.blocked_by}
    assert blocked == {
        "ITEM-PRODUCT": ("UNIT OF MEASURE",),
        "RESOURCE-PRODUCT": ("UNIT OF MEASURE",),
        "CUSTPRCGRP-PRICE": ("ITEM-PRODUCT",),
        "SALESPRC-PRODPRICE": ("CUSTPRCGRP-PRICE", "ITEM-PRODUCT"),
    }
    assert set(steps.enqueue) == {"SALESPEOPLE", "CURRENCY"}


def test_a_parent_whose_records_failed_releases_its_children_with_a_warning():
    jobs = [line("CURRENCY", JobState.FINISHED_WITH_ERRORS), line("SALESPEOPLE", JobState.FINISHED)]
    steps = advance(RUN, [*jobs, line("CUSTOMER")])
    (customer,) = steps.changed
    assert customer.state is JobState.READY
    assert "CURRENCY" in customer.warning


def test_cancelling_ends_the_lines_that_did_not_begin():
    run = replace(RUN, cancel_requested=True)
    jobs = [line("CURRENCY", JobState.IN_PROCESS), line("CUSTOMER"), line("SALESPEOPLE")]
    steps = advance(run, jobs)
    assert {job.mapping for job in steps.changed} == {"CUSTOMER", "SALESPEOPLE"}
    assert steps.end is None
    over = [line("CURRENCY", JobState.CANCELLED), *steps.changed]
    assert advance(run, over).end is RunState.CANCELLED


@pytest.mark.parametrize(
    ("state", "end"),
    [
        (JobState.FINISHED, RunState.FINISHED),
        (JobState.SKIPPED, RunState.FINISHED),
        (JobState.FINISHED_WITH_ERRORS, RunState.FINISHED_WITH_ERRORS),
        (JobState.ERROR, RunState.FINISHED_WITH_ERRORS),
    ],
)
def test_the_run_ends_when_every_line_has(state, end):
    steps = advance(RUN, [line("CURRENCY", JobState.FINISHED), line("SALESPEOPLE", state)])
    assert steps.end is end


def test_a_restarted_line_forgets_its_last_attempt_but_not_its_lease_epoch():
    job = replace(line("CURRENCY", JobState.ERROR), message="x", records_handled=7)
    job = replace(job, lease=replace(job.lease, epoch=4))
    again = restarted(job)
    assert (again.state, again.attempt, again.message) == (JobState.WAITING, 2, "")
    assert (again.records_handled, again.lease.epoch) == (0, 4)


@given(st.lists(st.sampled_from(JobState), min_size=len(NAMES), max_size=len(NAMES)))
def test_advancing_is_idempotent_and_never_starts_a_child_before_its_parents(states):
    jobs = [line(name, state) for name, state in zip(NAMES, states, strict=True)]
    steps = advance(RUN, jobs)
    now = {job.mapping: job for job in jobs} | {job.mapping: job for job in steps.changed}
    for name in steps.enqueue:
        for parent in DEPENDENCIES[name]:
            assert now[parent].state in (
                JobState.FINISHED,
                JobState.FINISHED_WITH_ERRORS,
                JobState.SKIPPED,
            )
    again = advance(RUN, list(now.values()))
    assert again.enqueue == ()
    assert again.changed == ()


@given(st.data())
def test_a_run_always_comes_to_its_end(data):
    """Whatever becomes of the lines that are worked on, no line waits for ever."""
    jobs = [line(name) for name in NAMES]
    ends = [JobState.FINISHED, JobState.FINISHED_WITH_ERRORS, JobState.ERROR]
    for _ in range(len(NAMES) + 1):
        steps = advance(RUN, jobs)
        now = {job.mapping: job for job in jobs} | {job.mapping: job for job in steps.changed}
        for name in steps.enqueue:
            now[name] = replace(now[name], state=data.draw(st.sampled_from(ends)))
        jobs = list(now.values())
        if steps.end:
            return
    raise AssertionError("the run did not end")
