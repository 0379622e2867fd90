from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from rapidfuzz import fuzz

from local.bench_match import MatchBenchError, require_counts, times
from local.bench_match_data import PROPOSED_FROM, MatchData, match_data

NOTHING = dict.fromkeys(
    [
        *("exact", "ambiguous", "ambiguous_bc", "ambiguous_crm", "proposed"),
        *("unmatched_bc", "unmatched_crm", "left_out"),
    ],
    0,
)


@pytest.fixture(scope="module")
def made() -> MatchData:
    return match_data(1000)


def fitting(made: MatchData) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Every customer with the accounts of its number, else with those of its name and place."""
    found = []
    for customer in made.data.business_central["customers"]:
        place = (customer["displayName"], customer["postalCode"])
        of_number, of_place = [], []
        for account in made.data.crm["accounts"]:
            if account["accountnumber"] == customer["number"]:
                of_number.append(account)
            elif (account["name"], account["address1_postalcode"]) == place:
                of_place.append(account)
        found.append((customer, of_number or of_place))
    return found


def test_both_sides_have_as_many_records_as_were_asked_for(made):
    assert len(made.data.business_central["customers"]) == 1000
    assert len(made.data.crm["accounts"]) == 1000


def test_what_is_counted_is_what_was_made(made):
    of_size = Counter(len(accounts) for _, accounts in fitting(made))
    assert of_size == {0: 30, 1: 960, 2: 10}
    assert made.counts == NOTHING | {
        "exact": 960,
        "ambiguous": 10,
        "ambiguous_bc": 10,
        "ambiguous_crm": 20,
        "proposed": 10,
        "unmatched_bc": 20,
        "unmatched_crm": 10,
    }


def test_both_criteria_decide_about_many(made):
    exact = [accounts[0] for _, accounts in fitting(made) if len(accounts) == 1]
    assert sum(account["accountnumber"] is None for account in exact) == 320


def test_names_are_alike_only_where_they_are_two_spellings_of_one(made):
    found = fitting(made)
    matched = {account["accountid"] for _, accounts in found for account in accounts}
    customers = [each["displayName"] for each, accounts in found if not accounts]
    accounts = [a["name"] for a in made.data.crm["accounts"] if a["accountid"] not in matched]
    alike = [fuzz.token_sort_ratio(one, other) for one in customers for other in accounts]
    spelled_otherwise = sorted(alike)[-10:]
    assert min(spelled_otherwise) >= PROPOSED_FROM + 5
    assert max(sorted(alike)[:-10]) <= PROPOSED_FROM - 5


def test_a_few_records_have_some_of_every_kind():
    assert match_data(5).counts == NOTHING | {
        "exact": 1,
        "ambiguous": 1,
        "ambiguous_bc": 1,
        "ambiguous_crm": 2,
        "proposed": 1,
        "unmatched_bc": 2,
        "unmatched_crm": 1,
    }


def test_the_same_records_are_made_each_time():
    assert match_data(50) == match_data(50)


def figures(factor: int) -> dict[str, Any]:
    return {
        "records": 7 * factor,
        "wall_s": 2.0 * factor,
        "slice_s": 1.0 * factor,
        "cpu_s": 0.5 * factor,
        "peak_rss_mb": 100.0,
        "memory_above_idle_mb": 3.0 * factor,
        "storage_requests": 40 * factor,
        "requests": {"business_central": 1, "crm": 2 * factor},
    }


def test_what_grows_with_the_records_has_their_ratio():
    assert times(figures(4), figures(1)) == {
        "records": 4.0,
        "wall_s": 4.0,
        "slice_s": 4.0,
        "cpu_s": 4.0,
        "peak_rss_mb": 1.0,
        "memory_above_idle_mb": 4.0,
        "storage_requests": 4.0,
        "requests": 3.0,
    }


def test_counts_as_made_are_no_fault_and_others_are_told():
    require_counts({"exact": 3, "left_out": 0}, {"exact": 3, "left_out": 0})
    with pytest.raises(MatchBenchError, match="exact: 2 found, 3 made; proposed: 1 found"):
        require_counts({"exact": 3, "left_out": 0}, {"exact": 2, "left_out": 0, "proposed": 1})
