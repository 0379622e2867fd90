"""What the API shows of runs, lines, couplings and outcomes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sync.catalog import DEFAULT_CATALOG
from sync.documents import (
    coupling_document,
    review_document,
    run_document,
)
from sync.jobs import JobState, TableJob
from sync.mappings import MAPPINGS
from sync.outcome_documents import outcome_document
from tests.support.table_jobs import SyncWorld, bc_customer, crm_account

NOW = datetime(2026, 6, 26, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def world() -> SyncWorld:
    return SyncWorld()


def progress(world: SyncWorld, **changes: Any) -> dict[str, Any]:
    run = world.start("CURRENCY")
    (job,) = world.jobs.list_jobs(run.run_id)
    (shown,) = review_document(run, [replace(job, **changes)], world.catalog)["lines"]
    found: dict[str, Any] = shown["progress"]
    return found


def test_before_the_first_run_every_line_is_blank():
    review = review_document(None, [], DEFAULT_CATALOG)
    assert review["run"] is None
    assert [line["name"] for line in review["lines"]] == list(MAPPINGS)
    contact = next(line for line in review["lines"] if line["name"] == "CONTACT")
    assert contact == {
        "name": "CONTACT",
        "level": 3,
        "dependencies": ["CUSTOMER"],
        "direction": "both",
        "job_queue_entry_status": "",
        "to_int_table_job_status": "",
        "from_int_table_job_status": "",
    }


def test_a_line_shows_its_three_statuses_and_its_counters(world):
    world.bc.put("customers", bc_customer("10000"))
    run = world.start("CUSTOMER")
    world.drain(run)
    stored, jobs = world.full_sync.lines(run.kind)
    review = review_document(stored, jobs, world.catalog)
    assert review["run"]["state"] == "finished"
    (line,) = review["lines"]
    assert line["job_queue_entry_status"] == "finished"
    assert line["to_int_table_job_status"] == line["from_int_table_job_status"] == "success"
    assert line["counters"]["to_crm"]["inserted"] == 1
    assert line["progress"] == {"handled": 1, "expected": 1, "percent": 100}


@pytest.mark.parametrize(
    ("handled", "expected", "percent"),
    [(0, 200, 0), (50, 200, 25), (250, 200, 99), (5, None, None)],
)
def test_progress_is_never_whole_before_the_end(world, handled, expected, percent):
    shown = progress(
        world,
        state=JobState.IN_PROCESS,
        started_at=NOW,
        records_handled=handled,
        records_expected=expected,
    )
    assert shown["percent"] == percent


def test_a_line_that_never_began_has_no_progress(world):
    assert progress(world, state=JobState.BLOCKED)["percent"] is None


def test_times_are_shown_in_utc_to_the_millisecond(world):
    run = replace(world.start("CURRENCY"), started_at=NOW)
    shown = run_document(run)
    assert shown["started_at"] == "2026-06-26T12:00:00.123+00:00"
    assert shown["finished_at"] is None


def test_every_document_is_json(world):
    world.bc.put("customers", bc_customer("10000", city="Leeds"))
    world.crm.put("accounts", crm_account(7, accountnumber="10000", name="Customer 10000"))
    run = world.start("CUSTOMER")
    world.drain(run)
    (outcome,) = world.outcome_list()
    (coupling,) = world.couplings.scan("CUSTOMER")
    jobs: list[TableJob] = world.jobs.list_jobs(run.run_id)
    for document in (
        review_document(run, jobs, world.catalog),
        outcome_document(outcome),
        coupling_document(coupling),
    ):
        assert json.loads(json.dumps(document)) == document


def test_an_outcome_shows_record_field_value_reason_and_what_to_do(world):
    world.bc.put("customers", bc_customer("10000", postalCode="X" * 21))
    world.synchronize("CUSTOMER")
    (outcome,) = world.outcome_list()
    shown = outcome_document(outcome)
    assert (shown["kind"], shown["code"]) == ("failed", "too-long")
    assert (shown["field"], shown["value"]) == ("postalCode", "X" * 21)
    assert shown["record_name"] == "10000 Customer 10000"
    assert shown["hint"]


def test_a_coupling_shows_both_records_and_no_snapshot(world):
    world.bc.put("customers", bc_customer("10000"))
    world.synchronize("CUSTOMER")
    (coupling,) = world.couplings.scan("CUSTOMER")
    shown = coupling_document(coupling)
    assert (shown["key"], shown["state"]) == ("10000", "coupled")
    assert {shown["bc_id"], shown["crm_id"]} == {coupling.bc_id, coupling.crm_id}
    assert "base" not in shown
