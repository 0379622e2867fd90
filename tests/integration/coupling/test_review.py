"""The review of a full synchronization: what is recommended, what a mode does, the picture."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.full_sync.installation import (
    CRM,
    REVIEW_POLL_SECONDS,
    Installation,
    company,
    statuses,
    until,
)

KNOWN = 6
"""Customers that CRM of a generated company has already, under the same numbers."""


@pytest.fixture(scope="module")
def connection(installation: Installation) -> str:
    data = company(20)
    installation.begin_anew(data)
    return installation.connect(data.company)


def start(installation: Installation, connection: str, action: str, **body: Any) -> dict[str, Any]:
    """Begin a run or a preview; its lines by name once it is over."""
    path = f"connections/{connection}/full-sync"
    begun = installation.call("POST", f"{path}/{action}", body)
    assert begun.status == 202, begun.body
    shown = f"{path}/preview" if action == "preview" else path

    def over() -> dict[str, Any] | None:
        review: dict[str, Any] = installation.call("GET", shown).body
        return review if review["run"]["state"] != "in-process" else None

    review = until(over, f"the end of the {action}", every=REVIEW_POLL_SECONDS)
    assert review
    return {line["name"]: line for line in review["lines"]}


def test_what_both_systems_hold_is_counted_and_a_mode_recommended(
    installation: Installation, connection: str
):
    answer = installation.call("GET", f"connections/{connection}/full-sync/recommendations")
    assert answer.status == 200, answer.body
    found = {each["name"]: each for each in answer.body["recommendations"]}
    customer = found["CUSTOMER"]
    assert (customer["mode"], customer["bc"]["records"]) == ("couple-records", 20)
    assert customer["crm_uncoupled"] == {"records": KNOWN, "is_all": True}
    assert found["SALESPEOPLE"]["mode"] == "full-synchronization"
    assert all(each["reason"] for each in found.values())


def test_a_preview_and_a_run_couple_what_matches_and_create_nothing(
    installation: Installation, connection: str
):
    accounts = len(installation.dump(CRM, "accounts"))
    names = ["SALESPEOPLE", "CURRENCY", "CUSTOMER"]
    seen = start(installation, connection, "preview", mappings=names)["CUSTOMER"]
    assert seen["recommendation"]["mode"] == seen["mode"] == "couple-records"
    assert seen["counters"]["to_crm"]["skipped"] == 20 - KNOWN
    modes = {"CURRENCY": "full-synchronization"}
    lines = start(installation, connection, "start", mappings=names, modes=modes)
    customer = lines["CUSTOMER"]
    assert (customer["level"], customer["mode"]) == (2, "couple-records")
    assert (lines["CURRENCY"]["mode"], lines["CURRENCY"]["recommendation"]) == (
        "full-synchronization",
        None,
    )
    assert len(installation.dump(CRM, "accounts")) == accounts
    assert len(installation.client.couplings(connection, "CUSTOMER")) == KNOWN
    outcomes = installation.client.outcomes(connection)
    left = [each for each in outcomes if each["mapping"] == "CUSTOMER"]
    assert {each["code"] for each in left} == {"left-uncoupled"}
    assert len(left) == 20 - KNOWN


def test_a_table_may_be_left_alone(installation: Installation, connection: str):
    names = ["CURRENCY"]
    lines = start(installation, connection, "start", mappings=names, mode="no-records")
    assert statuses({"lines": list(lines.values())}) == {"CURRENCY": "skipped"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"modes": {"CUSTOMER": "everything"}}, 400, "invalid-body"),
        ({"modes": {"CUSTOMER": ["couple-records"]}}, 400, "invalid-body"),
        ({"mode": "everything"}, 400, "invalid-body"),
        ({"modes": {"VENDOR": "couple-records"}}, 404, "mapping-unknown"),
        (
            {"mappings": ["CURRENCY"], "modes": {"CUSTOMER": "couple-records"}},
            422,
            "mode-without-table",
        ),
    ],
)
def test_a_mode_that_cannot_be_is_refused(
    installation: Installation, connection: str, body: dict[str, Any], status: int, code: str
):
    refused = installation.call("POST", f"connections/{connection}/full-sync/start", body)
    assert (refused.status, refused.body["code"]) == (status, code)


def test_the_order_is_drawn_with_the_states_of_the_last_run(
    installation: Installation, connection: str
):
    answer = installation.call("GET", f"connections/{connection}/mappings/picture")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("image/svg+xml")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
