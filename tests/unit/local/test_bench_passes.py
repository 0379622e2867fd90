from __future__ import annotations

from local.bench_passes import ratios, spread_stamps
from local.sample_data.generator import generate

FIGURES = ("requests", "operations", "storage_requests", "wall_s")


def passes(factor: int) -> dict[str, object]:
    quiet = {
        "requests": {"bc": 10, "crm": 10},
        "operations": {"bc": 5, "crm": 5},
        "storage_requests": 30,
        "wall_s": 1.5,
    }
    changed = {
        "requests": {"bc": 10 * factor, "crm": 30 * factor},
        "operations": {"bc": 20 * factor, "crm": 20 * factor},
        "storage_requests": 50 * factor,
        "wall_s": 2.0 * factor,
    }
    return {"quiet": quiet, "10 changes": changed}


def test_what_does_not_grow_with_the_company_has_a_ratio_of_1():
    assert ratios(passes(3), passes(1)) == {
        "quiet": dict.fromkeys(FIGURES, 1.0),
        "10 changes": dict.fromkeys(FIGURES, 3.0),
    }


def test_passes_that_the_smaller_company_was_too_small_for_are_left_out():
    large = passes(1) | {"1000 changes": passes(1)["quiet"]}
    assert list(ratios(large, passes(1))) == ["quiet", "10 changes"]


def test_records_are_spread_over_time_and_are_otherwise_as_they_were():
    data = generate(10)
    spread = spread_stamps(data)
    customers = spread.business_central["customers"]
    stamps = [row["lastModifiedDateTime"] for row in customers]
    assert stamps == sorted(set(stamps))
    assert stamps[-2:] == ["2026-01-15T09:28:00.000Z", "2026-01-15T09:29:00.000Z"]
    before = data.business_central["customers"]
    assert [row | {"lastModifiedDateTime": ""} for row in customers] == [
        row | {"lastModifiedDateTime": ""} for row in before
    ]
    assert spread.business_central["salesPrices"][-1]["SystemModifiedAt"] == stamps[-1]
    assert "lastModifiedDateTime" not in spread.business_central["contactsInformation"][0]
