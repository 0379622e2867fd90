from __future__ import annotations

import os

import pytest

from local.bench_measure import (
    ProcessMeter,
    StorageMeter,
    in_step,
    per_1000,
    storage_service_of,
    unfinished,
    wall_seconds,
)


def access(request: str) -> str:
    """A line as Azurite was seen to write it."""
    return f'127.0.0.1 - - [22/Nov/2026:22:34:24 +0000] "{request} HTTP/1.1" 200 -'


@pytest.mark.parametrize(
    "request_line",
    [
        "POST /devstoreaccount1/$batch",
        "POST /devstoreaccount1/Tables",
        "POST /devstoreaccount1/couplings",
        "GET /devstoreaccount1/couplings(PartitionKey='a',RowKey='b~messages')",
        "GET /devstoreaccount1/couplings()?$filter=RowKey%20eq%20%27comp%3Dx%27",
        "PATCH /devstoreaccount1/couplings(PartitionKey='a',RowKey='c')",
    ],
)
def test_a_request_to_a_table_is_counted_as_such(request_line):
    assert storage_service_of(access(request_line)) == "table"


@pytest.mark.parametrize(
    "request_line",
    [
        "PUT /devstoreaccount1/table-jobs",
        "POST /devstoreaccount1/table-jobs/messages",
        "GET /devstoreaccount1/table-jobs/messages?visibilitytimeout=5",
        "DELETE /devstoreaccount1/table-jobs/messages/7dc1f9ba?popreceipt=MjJO",
        "GET /devstoreaccount1/table-jobs?comp=metadata",
    ],
)
def test_a_request_to_a_queue_is_counted_as_such(request_line):
    assert storage_service_of(access(request_line)) == "queue"


def test_the_meter_counts_azurites_requests_and_hands_on_every_other_line():
    handed_on: list[tuple[str, str]] = []
    meter = StorageMeter(lambda name, line: handed_on.append((name, line)))
    meter("azurite", access("POST /devstoreaccount1/$batch"))
    meter("azurite", access("GET /devstoreaccount1/table-jobs/messages"))
    meter("azurite", access("GET /devstoreaccount1/table-jobs/messages"))
    meter("azurite", "Azurite Table service is closing...")
    # a part that quotes such a line made no request
    meter("function-host", access("POST /devstoreaccount1/$batch"))
    assert meter.counted() == {"table": 1, "queue": 2}
    assert [name for name, _ in handed_on] == ["azurite", "function-host"]


def test_a_meter_that_was_reset_begins_at_zero():
    meter = StorageMeter(lambda name, line: None)
    meter("azurite", access("POST /devstoreaccount1/$batch"))
    meter.reset()
    assert meter.counted() == {"table": 0, "queue": 0}


def test_what_looking_costs_is_told_and_left_out_of_the_count():
    meter = StorageMeter(lambda name, line: None)
    meter("azurite", access("POST /devstoreaccount1/$batch"))

    def look() -> None:
        for _ in range(3):
            meter("azurite", access("GET /devstoreaccount1/runs(PartitionKey='a',RowKey='b')"))
        meter("azurite", access("GET /devstoreaccount1/table-jobs/messages"))

    assert meter.cost_of(look) == 3.0
    meter.reset()
    assert meter.settled() == 0


def test_processor_time_counts_from_the_meters_making():
    meter = ProcessMeter(os.getpid())
    before = meter.cpu_s()
    while meter.cpu_s() < before + 0.05:
        sum(range(10_000))
    assert ProcessMeter(os.getpid()).cpu_s() < meter.cpu_s()


def test_the_peak_of_memory_outlives_what_was_given_back():
    meter = ProcessMeter(os.getpid())
    meter.forget_peak()  # other tests of this process may have held more
    before = meter.peak_rss_mb()
    block = bytearray(64 * 1024 * 1024)
    block[::4096] = b"x" * len(block[::4096])  # touched, so that it is really there
    meter.look()
    held = meter.peak_rss_mb()
    del block
    assert held > before
    assert meter.peak_rss_mb() >= held


def line(status: str, **more: str) -> dict[str, str]:
    return {"name": "CUSTOMER", "job_queue_entry_status": status, "message": "", **more}


@pytest.mark.parametrize("status", ["", "in-process", "finished-with-errors", "error", "blocked"])
def test_a_line_that_did_not_finish_in_full_is_named_with_its_reason(status):
    (told,) = unfinished([line("finished"), line(status, message="3 failed")])
    assert told.startswith("CUSTOMER")
    assert told.endswith("3 failed")


def test_finished_lines_leave_nothing_to_say():
    assert unfinished([line("finished"), line("finished")]) == []


def test_the_wall_time_is_the_runs_own():
    run = {
        "started_at": "2026-11-22T22:00:00.500+00:00",
        "finished_at": "2026-11-22T22:01:00.750+00:00",
    }
    assert wall_seconds(run) == 60.25


def test_a_record_counts_as_coupled_however_it_came_into_step():
    nothing = dict.fromkeys(["inserted", "modified", "unchanged", "coupled", "failed"], 0)
    to_crm = nothing | {"inserted": 4, "coupled": 2, "failed": 1}
    assert in_step({"counters": {"to_crm": to_crm, "from_crm": nothing}}) == 6


def test_figures_for_a_thousand_records_come_by_service_and_together():
    counted = {"crm": 30, "business_central": 10}
    assert per_1000(counted, 20_000) == {"crm": 1.5, "business_central": 0.5, "both": 2.0}
