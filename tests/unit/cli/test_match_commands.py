"""Matching on the command line."""

from __future__ import annotations

from typing import Any

import pytest

MATCHES = "connections/cronus/matches"
RUN = {"run_id": "r1", "kind": "match", "state": "finished"}
COUNTS = {
    "exact": 1,
    "ambiguous": 0,
    "ambiguous_bc": 0,
    "ambiguous_crm": 0,
    "proposed": 0,
    "unmatched_bc": 2,
    "unmatched_crm": 3,
    "left_out": 0,
}


def matched(mapping: str = "CUSTOMER", state: str = "finished", **counts: int) -> dict[str, Any]:
    return {
        "mapping": mapping,
        "line": {"state": state, "finished_at": "now", "message": "Matches: some.", "hint": ""},
        "found_at": "now",
        "outdated": False,
        "counts": COUNTS | counts,
    }


def report(*tables: dict[str, Any], state: str = "finished") -> dict[str, Any]:
    return {"run": RUN | {"state": state}, "tables": list(tables)}


def row(**members: Any) -> dict[str, Any]:
    became = {"state": "open", "code": "", "message": "", "hint": ""}
    return {
        "bc": [{"id": "b-1", "number": "10000", "name": "Adatum"}],
        "crm": [{"id": "c-1", "number": "", "name": "Adatum Ltd"}],
        "bc_total": 1,
        "crm_total": 1,
        "place": "00000000",
        "why": "They fit.",
        "hint": "",
        "became": became,
        "picks": [],
    } | members


def plan_rows(service: Any, *rows: dict[str, Any]) -> None:
    page = {"matches": list(rows), "continuation": None}
    service.plan("GET", f"{MATCHES}/CUSTOMER", page)


@pytest.fixture
def started(service):
    service.plan("POST", f"{MATCHES}/start", RUN)


@pytest.fixture
def accepted(service):
    service.plan("POST", f"{MATCHES}/accept", {"run_id": "r2"})
    ended = {"run": {"run_id": "r2", "kind": "coupling", "state": "finished"}, "lines": []}
    service.plan("GET", "connections/cronus/runs/r2", ended)


def test_a_match_is_begun_watched_and_shown(coupler, service, started):
    service.plan("GET", MATCHES, report(state="in-process"), report(matched()))
    plan_rows(service, row())
    ended = coupler("match", "cronus", "CUSTOMER")
    assert ended.code == 0
    assert [each.body for each in service.asked_for("POST", f"{MATCHES}/start")] == [
        {"mappings": ["CUSTOMER"]}
    ]
    assert all(text in ended.out for text in ("10000", "Adatum Ltd", "They fit.", "c-1"))
    kinds = [each.query["kind"] for each in service.asked_for("GET", f"{MATCHES}/CUSTOMER")]
    assert kinds == ["exact", "ambiguous", "proposed", "unmatched"]
    assert "CUSTOMER: finished" in ended.told


def test_the_last_match_is_shown_without_another_one(coupler, service):
    service.plan("GET", MATCHES, report(matched()))
    plan_rows(service)
    assert coupler("match", "cronus", "--last").code == 0
    assert {each.method for each in service.asked} == {"GET"}


def test_a_script_gets_counts_and_rows(coupler, service, started):
    service.plan("GET", MATCHES, report(matched()))
    plan_rows(service, row())
    document = coupler("match", "cronus", "--json").document
    assert document["tables"][0]["counts"] == COUNTS
    assert document["matches"]["CUSTOMER"]["exact"] == [row()]


@pytest.mark.parametrize(
    ("table", "code"),
    [
        (matched(), 0),
        (matched(ambiguous=1), 3),
        (matched(proposed=1), 3),
        (matched(state="error"), 1),
    ],
    ids=["decided", "ambiguous", "proposed", "failed"],
)
def test_it_ends_as_what_is_left_to_people(coupler, service, started, table, code):
    service.plan("GET", MATCHES, report(table))
    plan_rows(service)
    assert coupler("match", "cronus").code == code


def test_only_as_many_rows_are_read_as_are_wanted(coupler, service, started):
    service.plan("GET", MATCHES, report(matched()))
    plan_rows(service, *[row()] * 5)
    document = coupler("match", "cronus", "--most", "2", "--json").document
    assert len(document["matches"]["CUSTOMER"]["exact"]) == 2


def test_what_was_picked_and_what_became_of_it_is_shown(coupler, service):
    refused = {"state": "refused", "code": "x", "message": "Gone.", "hint": "Look."}
    picked = {"bc": "b-1", "crm": "c-1", "by": "Ann", "became": refused}
    service.plan("GET", MATCHES, report(matched()))
    plan_rows(service, row(picks=[picked]))
    ended = coupler("match", "cronus", "--last")
    assert "Ann" in ended.out
    assert "Gone." in ended.out


def test_accepting_couples_what_was_found_and_begins_no_match(coupler, service, accepted):
    ended = coupler("match", "cronus", "CUSTOMER", "--accept-exact", "--first", "to_crm")
    assert ended.code == 0
    [asked] = service.asked_for("POST", f"{MATCHES}/accept")
    assert asked.body == {
        "mappings": ["CUSTOMER"],
        "exact": True,
        "picked": False,
        "rest": {"bc": "leave", "crm": "leave"},
        "first": "to_crm",
    }
    assert service.asked_for("POST", f"{MATCHES}/start") == []


def test_partners_are_created_for_the_side_that_is_named(coupler, service, accepted):
    coupler("match", "cronus", "--create-in-crm")
    [asked] = service.asked_for("POST", f"{MATCHES}/accept")
    assert (asked.body["rest"], asked.body["exact"]) == ({"bc": "create", "crm": "leave"}, False)


@pytest.mark.parametrize("named", ["10000", "b-1"], ids=["number", "id"])
def test_a_pick_names_its_record_by_number_or_id(coupler, service, accepted, named):
    plan_rows(service, row())
    service.plan("POST", f"{MATCHES}/CUSTOMER/pick", {"picks": 1})
    assert coupler("match", "cronus", "CUSTOMER", "--pick", f"{named}=c-1").code == 0
    [asked] = service.asked_for("POST", f"{MATCHES}/CUSTOMER/pick")
    assert asked.body == {"picks": [{"bc": "b-1", "crm": "c-1"}]}
    [asked] = service.asked_for("POST", f"{MATCHES}/accept")
    assert (asked.body["picked"], asked.body["exact"]) == (True, False)


def test_a_number_that_several_candidates_have_is_not_guessed(coupler, service):
    twin = row(bc=[{"id": "b-2", "number": "10000", "name": "Twin"}])
    plan_rows(service, row(), twin)
    assert coupler("match", "cronus", "CUSTOMER", "--pick", "10000=c-1").code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("CUSTOMER", "--pick", "10000"),
        ("CUSTOMER", "--pick", "=c-1"),
        ("--pick", "10000=c-1"),
        ("CUSTOMER", "ITEM-PRODUCT", "--pick", "10000=c-1"),
        ("--most", "-1"),
        ("--first", "both", "--accept-exact"),
    ],
)
def test_an_unclear_command_line_asks_the_service_for_nothing(coupler, service, arguments):
    assert coupler("match", "cronus", *arguments).code == 2
    assert service.asked == []


def test_a_match_of_many_records_tells_how_to_see_all(coupler, service):
    service.plan("GET", MATCHES, report(matched(ambiguous=1)))
    plan_rows(service, row(crm_total=81, place="00000007"))
    ended = coupler("match", "cronus", "--last")
    assert "… 80 more" in ended.out
    assert "00000007" in ended.out


def test_all_candidates_are_shown_page_by_page(coupler, service):
    path = f"{MATCHES}/CUSTOMER/candidates"
    pages = [
        {
            "total": 2,
            "candidates": [{"id": f"c-{n}", "number": "", "name": f"Twin {n}", "why": "It fits."}],
            "continuation": following,
        }
        for n, following in ((1, "more"), (2, None))
    ]
    service.plan("GET", path, *pages)
    ended = coupler("candidates", "cronus", "CUSTOMER", "00000007", "--side", "crm")
    assert ended.code == 0
    assert "Twin 1" in ended.out
    assert "Twin 2" in ended.out
