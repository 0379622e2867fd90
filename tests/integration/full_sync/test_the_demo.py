"""``python -m local demo`` as people start it."""

from __future__ import annotations

import pytest

from sync.mappings import MAPPINGS
from tests.integration.full_sync.demos import CRONUS, Demo, Demos
from tests.integration.full_sync.installation import BC, CRM

DONE = ("finished", "finished-with-errors")


def inserted(demo: Demo) -> int:
    return sum(
        counters["inserted"]
        for line in demo.report["lines"]
        for counters in line["counters"].values()
    )


def assert_well(demo: Demo) -> None:
    assert (demo.status, demo.errors) == (0, ""), demo.printed
    assert demo.report["ok"] is True
    assert demo.report["faults"] == []
    assert [line["name"] for line in demo.report["lines"]] == list(MAPPINGS)
    for line in demo.report["lines"]:
        assert line["job_queue_entry_status"] in DONE, line
        assert line["counters"].keys() == {"to_crm", "from_crm"}


def test_a_demo_ends_well_and_reports_lines_and_requests(demos: Demos):
    demo = demos.first.result()
    assert_well(demo)
    assert inserted(demo) > 0
    assert demo.report["requests"][BC]["requests"] > 0
    assert demo.report["requests"][CRM]["requests"] > 0


def test_a_demo_shows_the_review_the_counts_and_coupled_pairs(demos: Demos):
    printed = demos.first.result().printed
    for heading in ("Full Synchronization Review", "Records", "Coupled pairs", "requests", "Time:"):
        assert heading in printed
    for name in MAPPINGS:
        assert name in printed


def test_a_second_demo_on_the_same_data_creates_nothing_new(demos: Demos):
    demo = demos.again.result()
    assert_well(demo)
    assert inserted(demo) == 0
    assert "POST" not in " ".join(demo.report["requests"][CRM]["by_kind"])


@pytest.mark.skipif(not CRONUS.is_dir(), reason=f"no CRONUS data in {CRONUS}")
def test_the_demo_of_cronus_finishes_every_line_and_explains_what_is_not_in_step(demos: Demos):
    assert demos.cronus is not None
    demo = demos.cronus.result()
    assert_well(demo)  # which says of every outcome that it has a reason and a remedy
    not_in_step = sum(
        counters[name]
        for line in demo.report["lines"]
        for counters in line["counters"].values()
        for name in ("skipped", "waiting", "conflict", "failed")
    )
    assert demo.report["outcomes"] == not_in_step > 0
