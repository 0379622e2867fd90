"""A small bench of a match, through platforms of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.bench_match import MatchBenchError, measure_match
from local.bench_match_data import MatchData, match_data
from tests.integration.full_sync.installation import options


def measure(state: Path, records: int) -> dict[str, Any]:
    told: list[str] = []
    chosen = replace(options(state), storage_log=True)
    return measure_match(chosen, records, lambda _, line: told.append(line), told.append)


def test_a_match_is_measured_beside_one_of_a_tenth(tmp_path: Path):
    figures = measure(tmp_path / "state", 300)
    tenth = figures["tenth"]
    assert (figures["records"], tenth["records"]) == (300, 30)
    assert figures["counts"]["exact"] == 288
    for each in (figures, tenth):
        assert 0 < each["slice_s"] <= each["wall_s"]
        assert each["cpu_s"] > 0
        assert 0 <= each["memory_above_idle_mb"] < each["peak_rss_mb"]
        assert each["storage_requests"] > 0
        assert each["requests"] == {"business_central": 2, "crm": 2}
    assert figures["times_tenth"]["records"] == 10.0


def test_a_match_that_counts_otherwise_than_was_made_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def one_exact_match_less(records: int) -> MatchData:
        made = match_data(records)
        accounts = [row for row in made.data.crm["accounts"] if row["accountnumber"] != "C0000005"]
        data = replace(made.data, crm=made.data.crm | {"accounts": accounts})
        return replace(made, data=data)

    monkeypatch.setattr("local.bench_match.match_data", one_exact_match_less)
    with pytest.raises(MatchBenchError, match="exact: 25 found, 26 made"):
        measure(tmp_path / "state", 30)
