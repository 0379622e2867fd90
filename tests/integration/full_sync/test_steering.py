"""Preview, cancelling, resetting, and starting twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from local.http_client import Answer
from tests.integration.full_sync.installation import (
    BC,
    CRM,
    Installation,
    company,
    statuses,
    until,
    writes,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """What the calls answered around a run that was cancelled in the middle."""

    second_start: Answer
    preview_meanwhile: Answer
    restart_meanwhile: Answer
    reset_meanwhile: Answer
    cancel: Answer
    review: dict[str, Any]
    accounts: int
    cancel_again: Answer
    reset: Answer
    reset_review: dict[str, Any]
    restart_after_reset: Answer
    next_review: dict[str, Any]
    accounts_in_the_end: int


@pytest.fixture(scope="module")
def cancelled(installation: Installation) -> Cancelled:
    data = company(40)
    installation.begin_anew(data)
    connection = installation.connect(data.company)
    full_sync = f"connections/{connection}/full-sync"
    # Both tables that can begin are held up until the run was cancelled.
    installation.plan_fault(CRM, "slow", method="GET", path="/(systemusers|uomschedules)$")
    installation.plan_fault(BC, "slow", method="GET", path="/currencies$", seconds=3.0)
    assert installation.start(connection).status == 202
    until(lambda: "in-process" in statuses(installation.review(connection)).values(), "a table")
    second_start = installation.start(connection)
    preview_meanwhile = installation.start(connection, action="preview")
    restart_meanwhile = installation.call("POST", f"{full_sync}/lines/CONTACT/restart")
    reset_meanwhile = installation.call("POST", f"{full_sync}/reset")
    cancel = installation.call("POST", f"{full_sync}/cancel")
    review = installation.ended(connection)
    installation.clear_faults()
    accounts = len(installation.dump(CRM, "accounts"))
    cancel_again = installation.call("POST", f"{full_sync}/cancel")
    reset = installation.call("POST", f"{full_sync}/reset")
    reset_review = installation.review(connection)
    restart_after_reset = installation.call("POST", f"{full_sync}/lines/CONTACT/restart")
    next_review = installation.synchronize(connection, ["SALESPEOPLE", "CURRENCY", "CUSTOMER"])
    return Cancelled(
        second_start=second_start,
        preview_meanwhile=preview_meanwhile,
        restart_meanwhile=restart_meanwhile,
        reset_meanwhile=reset_meanwhile,
        cancel=cancel,
        review=review,
        accounts=accounts,
        cancel_again=cancel_again,
        reset=reset,
        reset_review=reset_review,
        restart_after_reset=restart_after_reset,
        next_review=next_review,
        accounts_in_the_end=len(installation.dump(CRM, "accounts")),
    )


def assert_refused(answer: Answer, status: int, code: str) -> None:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status, answer.body["status"], answer.body["code"]) == (status, status, code)
    assert answer.body["detail"]
    assert answer.body["correlationId"] == answer.headers["x-correlation-id"]


def test_a_second_start_is_refused_while_a_run_is_in_process(cancelled):
    assert_refused(cancelled.second_start, 409, "run-active")
    assert_refused(cancelled.preview_meanwhile, 409, "run-active")


def test_a_line_that_has_not_ended_is_not_restarted(cancelled):
    assert_refused(cancelled.restart_meanwhile, 409, "line-not-over")


def test_the_review_is_not_reset_while_a_run_is_in_process(cancelled):
    assert_refused(cancelled.reset_meanwhile, 409, "run-active")


def test_a_cancelled_run_ends_without_beginning_its_waiting_lines(cancelled):
    assert cancelled.cancel.status == 202
    assert cancelled.cancel.body["cancel_requested"] is True
    assert cancelled.review["run"]["state"] == "cancelled"
    assert "error" not in statuses(cancelled.review).values()
    for line in cancelled.review["lines"]:
        if line["dependencies"]:
            assert line["job_queue_entry_status"] == "cancelled"
            assert line["started_at"] is None
            assert line["message"]
    assert cancelled.accounts < 40


def test_cancelling_is_refused_where_no_run_is_in_process(cancelled):
    assert_refused(cancelled.cancel_again, 409, "no-run-active")


def test_the_review_is_blank_after_its_reset(cancelled):
    assert cancelled.reset.status == 204
    assert cancelled.reset_review["run"] is None
    assert len(cancelled.reset_review["lines"]) == 9
    assert set(statuses(cancelled.reset_review).values()) == {""}
    assert_refused(cancelled.restart_after_reset, 404, "line-unknown")


def test_a_run_after_a_cancelled_one_does_the_rest(cancelled):
    assert set(statuses(cancelled.next_review).values()) == {"finished"}
    assert cancelled.accounts_in_the_end == 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Previewed:
    """A preview, and the run that followed."""

    preview: dict[str, Any]
    review_meanwhile: dict[str, Any]
    before: dict[str, list[dict[str, Any]]]
    after: dict[str, list[dict[str, Any]]]
    requests: dict[str, Any]
    couplings: list[dict[str, Any]]
    outcomes: list[dict[str, Any]]
    run: dict[str, Any]


@pytest.fixture(scope="module")
def previewed(installation: Installation) -> Previewed:
    data = company(40)
    installation.begin_anew(data)
    connection = installation.connect(data.company)
    before = installation.everything()
    started = installation.start(connection, action="preview")
    assert started.status == 202
    place = started.headers["Location"].removeprefix("/api/")

    def over() -> dict[str, Any] | None:
        review: dict[str, Any] = installation.call("GET", place).body
        return review if review["run"]["state"] != "in-process" else None

    preview = until(over, "the end of the preview") or {}
    requests = installation.world.requests()
    return Previewed(
        preview=preview,
        review_meanwhile=installation.review(connection),
        before=before,
        after=installation.everything(),
        requests=requests,
        couplings=installation.client.couplings(connection, "CUSTOMER"),
        outcomes=installation.client.outcomes(connection),
        run=installation.synchronize(connection),
    )


def test_a_preview_writes_nothing_anywhere(previewed):
    assert previewed.after == previewed.before
    # Business Central is looked at by batches of reads; that none was of writes, its records tell.
    assert writes(previewed.requests)[BC].keys() <= {"POST $batch"}
    assert writes(previewed.requests)[CRM] == {}
    assert previewed.couplings == []
    assert previewed.outcomes == []


def test_a_preview_is_not_the_review(previewed):
    assert previewed.review_meanwhile["run"] is None
    assert previewed.preview["run"]["kind"] == "preview"


def test_a_preview_counts_what_the_run_then_does(previewed):
    assert set(statuses(previewed.preview).values()) == {"finished"}
    counters = [
        {line["name"]: line["counters"] for line in review["lines"]}
        for review in (previewed.preview, previewed.run)
    ]
    assert counters[0] == counters[1]


def test_a_run_is_found_followed_and_cancelled_by_its_id(installation: Installation):
    data = company(5)
    installation.begin_anew(data)
    connection = installation.connect(data.company)
    runs = f"connections/{connection}/runs"
    installation.plan_fault(CRM, "slow", method="GET", path="/(systemusers|uomschedules)$")
    installation.plan_fault(BC, "slow", method="GET", path="/currencies$", seconds=3.0)
    run_id = installation.start(connection).body["run_id"]
    until(lambda: "in-process" in statuses(installation.review(connection)).values(), "a table")
    [in_process] = installation.call("GET", f"{runs}?state=in-process").body["runs"]
    assert in_process["run_id"] == run_id
    cancel = installation.call("POST", f"{runs}/{run_id}/cancel")
    assert cancel.status == 202, cancel.body
    assert cancel.headers["Location"] == f"/api/{runs}/{run_id}"
    review = installation.ended(connection)
    installation.clear_faults()
    assert installation.call("GET", f"{runs}/{run_id}").body == review
    assert review["run"]["state"] == "cancelled"
    preview_id = installation.start(connection, action="preview").body["run_id"]
    listed = installation.call("GET", runs).body["runs"]
    assert [each["run_id"] for each in listed] == [preview_id, run_id]
    assert [each["kind"] for each in listed] == ["preview", "full-sync"]
    unknown = installation.call("GET", f"{runs}/{'0' * 32}")
    assert (unknown.status, unknown.body["code"]) == (404, "run-unknown")
