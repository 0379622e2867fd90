"""Coupling changes and undoing them from the command line."""

from __future__ import annotations

from typing import Any

import pytest

CHANGES = "connections/cronus/coupling-changes"
UNDO = f"{CHANGES}/2a/undo"
PAIRS = f"{CHANGES}/2a/CUSTOMER"
RUN = "connections/cronus/runs/1b"


def pair(**members: Any) -> dict[str, Any]:
    return {
        "bc_id": "b1",
        "crm_id": "c1",
        "key": "10000",
        "name": "10000 Adatum [x]",
        "action": "coupled",
        "replaced": [],
    } | members


def change(change_id: str, **members: Any) -> dict[str, Any]:
    return {
        "id": change_id,
        "mapping": "CUSTOMER",
        "at": "2026-06-26T12:00:00+00:00",
        "by": "alice",
        "origin": "by-hand",
        "undoes": None,
        "undone_by": None,
        "example": pair(),
    } | members


def undone(state: str, message: str = "", hint: str = "") -> dict[str, Any]:
    return {"state": state, "code": "", "message": message, "hint": hint}


def listed(*found: dict[str, Any], then: str | None = None) -> dict[str, Any]:
    return {"changes": list(found), "continuation": then}


def pairs(*found: dict[str, Any]) -> dict[str, Any]:
    return {"pairs": list(found), "continuation": None}


def review(state: str = "finished", status: str = "finished", message: str = "") -> dict[str, Any]:
    line = {"name": "CUSTOMER", "job_queue_entry_status": status, "finished_at": "later"}
    run = {"run_id": "1b", "kind": "coupling", "state": state, "mappings": ["CUSTOMER"]}
    return {"run": run, "lines": [line | {"message": message, "hint": ""}]}


@pytest.fixture
def undoing(service):
    """A service that undoes change 2a by run 1b, with this outcome."""

    def plan(*found: dict[str, Any], **how: str) -> None:
        service.plan("POST", UNDO, {"run_id": "1b"}, status=202)
        service.plan("GET", RUN, review(state="in-process", status="in-process"), review(**how))
        service.plan("GET", PAIRS, pairs(*found))

    return plan


def test_changes_tell_who_when_what_and_whether_they_may_be_undone(coupler, service):
    example = pair(action="uncoupled")
    found = listed(change("2a", undone_by="1b"), change("3c", by="bob", example=example))
    service.plan("GET", CHANGES, found)
    ended = coupler("changes", "cronus")
    assert ended.code == 0
    told = " ".join(ended.out.split())
    for text in ("alice", "2026-06-26T12:00:00", "by-hand: 10000 Adatum [x] coupled", "undone"):
        assert text in told
    for text in ("bob", "by-hand: 10000 Adatum [x] uncoupled", "may be undone"):
        assert text in told


def test_all_pages_of_changes_are_followed(coupler, service):
    service.plan("GET", CHANGES, listed(change("2a"), then="x"), listed(change("3c")))
    ended = coupler("changes", "cronus", "--json")
    assert [each["id"] for each in ended.document["changes"]] == ["2a", "3c"]


def test_changes_are_asked_for_by_table_and_caller(coupler, service):
    service.plan("GET", CHANGES, listed())
    assert coupler("changes", "cronus", "--table", "CUSTOMER", "--by", "alice").code == 0
    assert service.asked[0].query == {"mapping": "CUSTOMER", "by": "alice", "limit": "1000"}


def test_no_more_changes_are_shown_than_wanted(coupler, service):
    service.plan("GET", CHANGES, listed(change("2a"), change("3c"), then="x"))
    ended = coupler("changes", "cronus", "--most", "1", "--json")
    assert [each["id"] for each in ended.document["changes"]] == ["2a"]
    assert coupler("changes", "cronus", "--most", "0").code == 2


def test_the_pairs_of_a_change_are_shown_of_every_table_that_it_is_about(coupler, service):
    service.plan(
        "GET", CHANGES, listed(change("1b"), change("2a"), change("2a", mapping="CONTACT"))
    )
    former = {"bc_id": "b9", "crm_id": "c9", "name": "9 Old [one]"}
    service.plan("GET", PAIRS, pairs(pair(action="replaced", replaced=[former])))
    service.plan("GET", f"{CHANGES}/2a/CONTACT", pairs(pair(undo=undone("undone"))))
    service.planned["GET", PAIRS][0][1]["pairs"][0]["undo"] = None
    ended = coupler("changes", "cronus", "--pairs", "2a", "--json")
    assert [each["mapping"] for each in ended.document["pairs"]] == ["CUSTOMER", "CONTACT"]
    told = " ".join(coupler("changes", "cronus", "--pairs", "2a").out.split())
    assert "9 Old" in told
    assert "undone" in told


def test_an_unknown_change_has_no_pairs_and_the_next_step_is_told(coupler, service):
    service.plan("GET", CHANGES, listed(change("1b")))
    ended = coupler("changes", "cronus", "--pairs", "2a")
    assert ended.code == 2
    assert "There is no change 2a of cronus: coupler changes cronus." in ended.told


def test_undoing_is_watched_to_its_end(coupler, service, undoing):
    undoing(pair(undo=undone("undone")), pair(bc_id="b2", undo=undone("asked")))
    ended = coupler("undo", "cronus", "2a")
    assert ended.code == 0
    assert "Undoing 2a: 1 undone by the next pass, 1 undone." in ended.out
    assert "coupler undo cronus 1b" in ended.out
    assert "Adatum" not in ended.out
    assert len(service.asked_for("POST", UNDO)) == 1


def test_every_pair_is_told_on_demand(coupler, undoing):
    undoing(pair(undo=undone("undone")))
    assert "Adatum [x]" in coupler("undo", "cronus", "2a", "--pairs").out


def test_a_pair_that_cannot_be_undone_is_told_with_its_reason(coupler, undoing):
    refused = undone("refused", "Account 1 was deleted.", "Couple it with another one.")
    undoing(pair(undo=refused), pair(bc_id="b2", undo=undone("undone")))
    ended = coupler("undo", "cronus", "2a")
    assert ended.code == 3
    told = " ".join(ended.out.split())
    for text in ("1 refused", "Adatum [x]", "was deleted.", "Couple it"):
        assert text in told


@pytest.mark.parametrize(
    ("found", "how", "code"),
    [
        ([pair(undo=undone("refused", "No."))], {"state": "finished-with-errors"}, 1),
        ([pair(undo=undone("already"))], {}, 0),
        ([pair(undo=None)], {}, 3),
        ([pair(undo=None)], {"state": "cancelled", "status": "cancelled"}, 1),
        ([pair(undo=undone("undone"))], {"state": "finished-with-errors", "status": "error"}, 1),
    ],
)
def test_how_undoing_ended_is_the_exit_code(coupler, undoing, found, how, code):
    undoing(*found, **how)
    ended = coupler("undo", "cronus", "2a", "--json")
    assert ended.code == code
    assert ended.document["pairs"] == [{"mapping": "CUSTOMER"} | each for each in found]


def test_what_stopped_the_run_is_told(coupler, undoing):
    undoing(pair(undo=None), state="finished-with-errors", status="error", message="It [failed].")
    ended = coupler("undo", "cronus", "2a")
    assert ended.code == 1
    assert "1 not looked at" in ended.out
    assert "CUSTOMER: It [failed]." in ended.out


@pytest.mark.parametrize(
    ("status", "problem", "step"),
    [
        (404, {"code": "change-unknown", "detail": "There is no 2a."}, "coupler changes cronus"),
        (404, {"code": "not-found", "detail": "There is no such."}, "coupler changes cronus"),
        (409, {"code": "run-active", "detail": "A run is there.", "hint": "Wait."}, "Wait."),
    ],
)
def test_a_refused_undo_says_why_and_what_to_do(coupler, service, status, problem, step):
    service.plan("POST", UNDO, problem, status=status)
    ended = coupler("undo", "cronus", "2a", "--json")
    assert (ended.code, ended.document) == (1, {"problem": problem})
    assert problem["detail"] in ended.told
    assert ended.told.rstrip().endswith(step)
