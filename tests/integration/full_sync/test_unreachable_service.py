"""Services of elsewhere in the simulators' place, one of which cannot be reached for a while."""

from __future__ import annotations

from typing import Any

from tests.integration.full_sync.elsewhere import MAPPINGS, Elsewhere
from tests.integration.full_sync.installation import statuses


def line(review: dict[str, Any], name: str) -> dict[str, Any]:
    return next(line for line in review["lines"] if line["name"] == name)


def test_an_unreachable_service_ends_the_line_with_service_request_and_next_step(
    elsewhere: Elsewhere,
):
    review = elsewhere.unreachable_review()
    failed = line(review, "SALESPEOPLE")
    assert failed["job_queue_entry_status"] == "error"
    assert failed["from_int_table_job_status"] in ("", "error")
    assert "Dynamics 365 Sales could not be reached" in failed["message"]
    assert "GET /api/data/v9.2/systemusers" in failed["message"]
    assert "address" in failed["hint"]
    blocked = line(review, "CUSTOMER")
    assert (blocked["job_queue_entry_status"], blocked["blocked_by"]) == (
        "blocked",
        ["SALESPEOPLE"],
    )
    assert review["run"]["state"] == "finished-with-errors"


def test_services_of_elsewhere_are_synchronized_once_they_are_reached(elsewhere: Elsewhere):
    elsewhere.unreachable_review()
    review = elsewhere.review_after_restart()
    assert statuses(review) == dict.fromkeys(MAPPINGS, "finished")
    assert [line(review, name)["attempt"] for name in MAPPINGS] == [2, 2]
    customers, accounts = elsewhere.numbers()
    assert accounts == customers
    assert accounts
