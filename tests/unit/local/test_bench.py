from __future__ import annotations

import json
from typing import Any

import pytest

from local import bench


def review_line(status: str, handled: int, expected: int) -> dict[str, Any]:
    return {
        "name": "CUSTOMER",
        "job_queue_entry_status": status,
        "progress": {"handled": handled, "expected": expected},
    }


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--crm-url", "https://contoso.crm4.dynamics.com"], "simulators"),
        (["--bc-url", "https://api.businesscentral.dynamics.com/v2.0/x/y"], "simulators"),
        (["--customers", "0"], "customers"),
        (["--customers", "many"], "customers"),
        (["--match-records", "-1"], "match-records"),
        (["--only", "match", "--match-records", "0"], "nothing to measure"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_starts(arguments, reason, capsys):
    with pytest.raises(SystemExit) as ended:
        bench.main(arguments)
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert reason in told.err
    assert told.out == ""


def test_a_failure_is_told_on_the_error_output_and_ends_with_1(monkeypatch, capsys, tmp_path):
    def fail(*_):
        raise bench.BenchError("CONTACT is error: storage did not answer")

    monkeypatch.setattr(bench, "_bench", fail)
    monkeypatch.setattr(bench, "_LOG", tmp_path / "bench.log")
    assert bench.main(["--customers", "1"]) == 1
    told = capsys.readouterr()
    assert "CONTACT is error: storage did not answer" in told.err
    assert told.out == ""


@pytest.mark.parametrize(
    ("arguments", "measured"),
    [
        ([], {"passes": 20_000, "match": 100_000}),
        (["--customers", "7", "--match-records", "0"], {"passes": 7}),
        (["--only", "match", "--match-records", "5"], {"match": 5}),
    ],
)
def test_what_is_asked_for_is_measured_and_nothing_else(
    arguments, measured, monkeypatch, capsys, tmp_path
):
    monkeypatch.setattr(bench, "_bench", lambda _, customers, log: {"passes": customers})
    monkeypatch.setattr(bench, "measure_match", lambda _, records, *others: records)
    monkeypatch.setattr(bench, "_LOG", tmp_path / "bench.log")
    monkeypatch.setattr(bench, "_RESULT", tmp_path / "bench.json")
    assert bench.main(arguments) == 0
    assert json.loads(capsys.readouterr().out) == measured
    assert json.loads((tmp_path / "bench.json").read_text(encoding="utf-8")) == measured


def test_a_floor_that_moved_fewer_records_is_none():
    with pytest.raises(bench.BenchError, match="accounts: 10 by the product, 9 by the floor"):
        bench._compare("records in CRM", {"accounts": 10, "uoms": 5}, {"accounts": 9, "uoms": 5})


def test_a_floor_that_left_a_table_out_is_none():
    with pytest.raises(bench.BenchError, match="CONTACT"):
        bench._compare("coupled records", {"CONTACT": 3}, {})


def test_progress_names_what_is_under_way_and_how_far():
    told = bench._progress([review_line("finished", 5, 5), review_line("in-process", 2, 7)])
    assert told == "1 of 2 tables finished, CUSTOMER 2/7"
