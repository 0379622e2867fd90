from __future__ import annotations

from local.bench_passes import ratios


def passes(factor: int) -> dict[str, object]:
    quiet = {"requests": {"bc": 10, "crm": 10}, "storage_requests": 30, "wall_s": 1.5}
    changed = {
        "requests": {"bc": 10 * factor, "crm": 30 * factor},
        "storage_requests": 50 * factor,
        "wall_s": 2.0 * factor,
    }
    return {"quiet": quiet, "10 changes": changed}


def test_what_does_not_grow_with_the_company_has_a_ratio_of_1():
    assert ratios(passes(3), passes(1)) == {
        "quiet": {"requests": 1.0, "storage_requests": 1.0, "wall_s": 1.0},
        "10 changes": {"requests": 3.0, "storage_requests": 3.0, "wall_s": 3.0},
    }


def test_passes_that_the_smaller_company_was_too_small_for_are_left_out():
    large = passes(1) | {"1000 changes": passes(1)["quiet"]}
    assert list(ratios(large, passes(1))) == ["quiet", "10 changes"]
