"""Listing a table's records with their coupling state from the command line."""

from __future__ import annotations

from typing import Any

import pytest

RECORDS = "connections/cronus/records/CUSTOMER"
LIST = ("records", "cronus", "CUSTOMER")


def record(number: int, **members: Any) -> dict[str, Any]:
    return {
        "id": f"b{number}",
        "key": f"{number}0000",
        "name": f"Customer [{number}]",
        "modified": None,
        "state": "uncoupled",
        "coupled_with": None,
        "reason": None,
    } | members


def page(*records: dict[str, Any], then: str | None = None) -> dict[str, Any]:
    return {"records": list(records), "continuation": then}


def partner(*, gone: bool) -> dict[str, Any]:
    return {"id": "c1", "name": "Adatum [old]", "gone": gone}


def test_records_are_shown_with_their_state_and_partner(coupler, service):
    reason = {"code": "value-too-long", "message": "The name is too long.", "hint": "Shorten it."}
    service.plan(
        "GET",
        RECORDS,
        page(record(1, state="failed", coupled_with=partner(gone=False), reason=reason)),
    )
    ended = coupler(*LIST)
    assert ended.code == 0
    told = " ".join(ended.out.split())
    for text in ("1 records of CUSTOMER in Business Central", "10000", "Customer [1]", "failed"):
        assert text in told
    for text in ("Adatum [old]", "too long.", "Shorten it."):
        assert text in told
    assert "deleted" not in told


def test_a_partner_that_is_gone_is_named_and_said_to_be_gone(coupler, service):
    service.plan("GET", RECORDS, page(record(1, state="coupled", coupled_with=partner(gone=True))))
    assert "Adatum [old], which was deleted" in " ".join(coupler(*LIST).out.split())


def test_the_service_is_asked_what_the_command_was(coupler, service):
    service.plan("GET", RECORDS, page())
    ended = coupler(*LIST, "--side", "crm", "--state", "gone", "--search", "A&B", "--sort=-name")
    assert ended.code == 0
    assert service.asked[0].query == {
        "side": "crm",
        "state": "gone",
        "search": "A&B",
        "sort": "-name",
        "limit": "1000",
    }


def test_records_of_crm_have_no_column_for_a_number(coupler, service):
    service.plan("GET", RECORDS, page(record(1, key="")))
    out = coupler(*LIST, "--side", "crm").out
    assert "Key" not in out
    assert "in Dynamics 365 Sales" in out


def test_all_pages_are_followed_also_empty_ones(coupler, service):
    service.plan("GET", RECORDS, page(record(1), then="x"), page(then="y"), page(record(2)))
    ended = coupler(*LIST, "--all", "--json")
    assert [each["id"] for each in ended.document["records"]] == ["b1", "b2"]
    assert ended.document["more"] is False
    assert [each.query.get("continuation") for each in service.asked] == [None, "x", "y"]


@pytest.mark.parametrize(("limit", "shown", "more"), [("1", 1, True), ("2", 2, False)])
def test_no_more_than_the_limit_is_shown(coupler, service, limit, shown, more):
    service.plan("GET", RECORDS, page(record(1), then="x"), page(record(2)))
    listed = coupler(*LIST, "--limit", limit, "--json").document
    assert (len(listed["records"]), listed["more"]) == (shown, more)


@pytest.mark.parametrize(("limit", "more"), [("1", True), ("2", False)])
def test_that_there_is_more_is_said(coupler, service, limit, more):
    service.plan("GET", RECORDS, page(record(1), record(2)))
    assert ("There are more" in coupler(*LIST, "--limit", limit).out) is more


@pytest.mark.parametrize(
    ("how", "size"),
    [
        ((), "101"),
        (("--limit", "5"), "6"),
        (("--limit", "5000"), "1000"),
        (("--limit", "5", "--state", "gone"), "1000"),
        (("--all",), "1000"),
    ],
)
def test_no_more_is_read_than_is_wanted_unless_it_is_looked_through(coupler, service, how, size):
    service.plan("GET", RECORDS, page())
    coupler(*LIST, *how)
    assert service.asked[0].query["limit"] == size


@pytest.mark.parametrize(
    "wrong",
    [
        ("--limit", "0"),
        ("--limit", "5", "--all"),
        ("--side", "left"),
        ("--state", "lost"),
        ("--sort", "colour"),
    ],
)
def test_a_wrong_command_line_asks_for_nothing(coupler, service, wrong):
    assert coupler(*LIST, *wrong).code == 2
    assert service.asked == []


def test_an_unknown_table_is_told_as_the_service_tells_it(coupler, service):
    problem = {"code": "mapping-unknown", "detail": "There is no CUSTOMER.", "hint": "See them."}
    service.plan("GET", RECORDS, problem, status=404)
    ended = coupler(*LIST)
    assert ended.code == 1
    assert "There is no CUSTOMER.\nSee them." in ended.told
