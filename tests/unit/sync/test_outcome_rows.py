"""When two outcomes of one record are the same, told twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sync.outcome_rows import continued, says_the_same
from sync.outcomes import Outcome, OutcomeKind

NOW = datetime(2026, 6, 26, 12, 0, tzinfo=UTC)


def refused(message: str, *, minutes: int = 0, content: str = "as-it-is") -> Outcome:
    moment = NOW + timedelta(minutes=minutes)
    return Outcome(
        mapping="CUSTOMER",
        side="bc",
        record_id="1",
        code="refused",
        kind=OutcomeKind.FAILED,
        record_name="10000",
        message=message,
        first_seen=moment,
        last_seen=moment,
        run_id="",
        content=content,
    )


@pytest.mark.parametrize(
    ("message", "other"),
    [
        (
            "Refused. ActivityId: 6f0f3c0e-8a57-4a51-9d0a-6d5a1f6f5a31",
            "Refused. ActivityId: A91B2C3D-0000-4a51-9d0a-6d5a1f6f5a32",
        ),
        ("Refused (trace 00f067aa0ba902b7)", "Refused (trace a3ce929d0e0e4736)"),
        ("Refused at 2026-06-26T12:00:00.123Z", "Refused at 2026-11-03T04:01:59Z"),
        ("Refused on 6/26/2026 9:05:00 AM", "Refused on 11/3/2026 12:10:07 PM"),
        ("Refused after 31 ms", "Refused after 1204 ms"),
    ],
)
def test_what_is_new_each_time_makes_no_other_refusal(message, other):
    assert says_the_same(message, other)


@pytest.mark.parametrize(
    ("message", "other"),
    [
        ("The phone number is not allowed.", "The e-mail address is not allowed."),
        ("Refused: facade", "Refused: decade"),
        ("Refused after 31 ms", "Refused after a while"),
    ],
)
def test_other_words_make_another_refusal(message, other):
    assert not says_the_same(message, other)


def test_a_refusal_with_another_request_id_each_time_is_parked():
    known = None
    for minute in range(3):
        message = (
            f"Not allowed. Request 0a{minute}f3c0e-8a57-4a51-9d0a-6d5a1f6f5a31 at 12:0{minute}."
        )
        known = continued(refused(message, minutes=minute), known)
    assert known is not None
    assert (known.refusals, known.parked) == (3, True)


def test_a_record_that_changed_is_refused_for_the_first_time_again():
    known = continued(refused("Not allowed: 1."), None)
    again = continued(refused("Not allowed: 2.", minutes=1, content="edited"), known)
    assert again.refusals == 1


def test_an_ignored_record_is_heard_of_again_once_its_values_are_others():
    conflict = refused("City is 1 here, 2 there.", content="")
    known = replace(conflict, ignored=True)
    assert continued(refused("City is 1 here, 2 there.", minutes=1, content=""), known).ignored
    assert not continued(refused("City is 1 here, 3 there.", minutes=1, content=""), known).ignored


def test_an_ignored_refusal_stays_ignored_under_another_request_id():
    known = replace(refused("Not allowed. Request 17."), ignored=True)
    assert continued(refused("Not allowed. Request 18.", minutes=1), known).ignored
