"""Outcomes grouped by cause."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sync.causes import causes
from sync.decisions import version_of
from sync.outcome_documents import cause_document, outcome_document
from sync.outcome_model import SETTLED, FieldDetail, Outcome, OutcomeKind

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FAILED = Outcome(
    mapping="CUSTOMER",
    side="bc",
    record_id="1",
    code="too-long",
    kind=OutcomeKind.FAILED,
    record_name="10000 Adatum",
    message="Too long.",
    hint="Shorten it.",
    first_seen=AT,
    last_seen=AT,
    run_id="",
)
DETAIL = FieldDetail(
    bc_field="email",
    crm_column="emailaddress1",
    bc_value="a",
    crm_value="b",
    base_value="",
    winner=None,
    seen="d1",
)


def test_records_of_one_mapping_kind_and_code_are_one_cause():
    later = AT + timedelta(hours=1)
    newest = replace(FAILED, record_id="2", last_seen=later, parked=True)
    other = replace(FAILED, record_id="3", code="refused-x")
    contact = replace(FAILED, mapping="CONTACT")
    found = causes([FAILED, other, newest, contact])
    assert [(each.mapping, each.code, each.count) for each in found] == [
        ("CONTACT", "too-long", 1),
        ("CUSTOMER", "refused-x", 1),
        ("CUSTOMER", "too-long", 2),
    ]
    last = found[-1]
    assert (last.first_seen, last.last_seen, last.parked) == (AT, later, 1)
    assert last.example == newest


@pytest.mark.parametrize(
    ("changes", "needs"),
    [
        ({}, True),
        ({"kind": OutcomeKind.CONFLICT, "code": "deleted-in-bc"}, True),
        ({"kind": OutcomeKind.AMBIGUOUS, "code": "ambiguous-match"}, True),
        ({"kind": OutcomeKind.WAITING, "code": "waiting-for-parent"}, False),
        ({"code": "service-failed-500"}, False),
        ({"kind": OutcomeKind.SKIPPED, "code": "blocked-in-bc"}, False),
        ({"kind": OutcomeKind.CONFLICT, "code": SETTLED}, False),
        ({"ignored": True}, False),
    ],
)
def test_a_person_is_asked_only_for_what_neither_heals_nor_was_meant(changes, needs):
    (cause,) = causes([replace(FAILED, **changes)])
    assert cause.needs_a_person is needs


def test_one_record_that_is_not_ignored_is_enough_and_is_the_example():
    ignored = replace(FAILED, record_id="2", ignored=True, last_seen=AT + timedelta(hours=1))
    (cause,) = causes([FAILED, ignored])
    assert (cause.count, cause.ignored, cause.needs_a_person) == (2, 1, True)
    assert cause.example == FAILED


def test_the_documents_are_json_and_tell_what_to_do():
    outcome = replace(FAILED, fields=(DETAIL,), waits_for=("A",))
    shown = outcome_document(outcome)
    assert json.loads(json.dumps(shown)) == shown
    assert "etag" not in shown
    (cause,) = causes([outcome])
    grouped = cause_document(cause)
    assert json.loads(json.dumps(grouped)) == grouped
    assert grouped["what_to_do"] == "Shorten it."


def test_the_version_changes_with_the_values_in_conflict_and_with_nothing_else():
    outcome = replace(FAILED, fields=(DETAIL,))
    seen_again = replace(outcome, attempts=7, last_seen=AT + timedelta(hours=1))
    assert version_of(seen_again) == version_of(outcome)
    edited = replace(outcome, fields=(replace(DETAIL, seen="d2"),))
    assert version_of(edited) != version_of(outcome)
