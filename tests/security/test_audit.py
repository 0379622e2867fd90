"""The audit trail through its route: what callers did, told to their tenant's administrators."""

from __future__ import annotations

from typing import Any

import pytest

from tests.security.calls import call, document
from tests.unit.connections.examples import body
from tests.unit.identity.issuer import OTHER_TENANT, SUBJECT, bearer

ANNA = bearer(
    idtyp="user",
    scp="access_as_user",
    preferred_username="anna@cronus.example",
    oid="66666666-6666-4666-8666-666666666666",
)


def told(authorization: str | None = None, **query: str) -> list[dict[str, Any]]:
    answer = call("list_audit", authorization=authorization or bearer(), query=query)
    entries: list[dict[str, Any]] = document(answer)["entries"]
    return entries


@pytest.fixture
def calls(account):
    """A connection created by Anna, and one that an application failed to create."""
    sent = {"x-correlation-id": "annas-call"}
    assert (
        call("create_connection", authorization=ANNA, body=body(), headers=sent).status_code == 201
    )
    answer = call("create_connection", authorization=bearer(), body=body(name=None))
    assert answer.status_code == 400


def test_an_entry_tells_who_did_what_and_how_it_ended(calls):
    failed, made = told()
    assert made["who"] == {
        "subject": "66666666-6666-4666-8666-666666666666",
        "name": "anna@cronus.example",
        "kind": "person",
        "role": "administrator",
    }
    assert (made["action"], made["status"], made["code"]) == ("create_connection", 201, None)
    assert made["facts"]["created"] == "cronus"
    assert made["correlation_id"] == "annas-call"
    assert (failed["who"]["kind"], failed["status"], failed["code"]) == (
        "application",
        400,
        "invalid-body",
    )


def test_no_body_and_no_token_is_kept(calls, account):
    kept = str(account.client("audit").partitions)
    assert body()["credentials"]["client_secret_name"] not in kept
    assert body()["credentials"]["client_id"] not in kept
    assert ANNA.split(".")[1] not in kept


@pytest.mark.parametrize(
    ("query", "statuses"),
    [
        ({"who": "anna@cronus.example"}, [201]),
        ({"who": SUBJECT}, [400]),
        ({"action": "create_connection"}, [400, 201]),
        ({"action": "start_full_sync"}, []),
        ({"connection": "cronus"}, []),
        ({"since": "2020-01-01T00:00:00Z"}, [400, 201]),
        ({"until": "2020-01-01T00:00:00+02:00"}, []),
        ({"limit": "1"}, [400]),
    ],
)
def test_calls_are_sought_by_query(calls, query, statuses):
    assert [entry["status"] for entry in told(**query)] == statuses


@pytest.mark.parametrize(
    "query",
    [
        {"since": "yesterday"},
        {"since": "2020-01-01T00:00:00"},
        {"until": "2020-01-01"},
        {"until": "9999-99-99T00:00:00Z"},
        {"since": "0001-01-01T00:00:00+23:59x"},
        {"limit": "0"},
        {"limit": "1001"},
        {"continuation": "%00"},
        {"from": "2020-01-01T00:00:00Z"},
    ],
)
def test_a_query_that_cannot_be_meant_is_refused(account, query):
    answer = call("list_audit", authorization=bearer(), query=query)
    assert (answer.status_code, document(answer)["code"]) == (400, "invalid-query")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_moments_at_the_ends_of_time_are_understood(calls, moment):
    assert call("list_audit", authorization=bearer(), query={"since": moment}).status_code == 200
    assert call("list_audit", authorization=bearer(), query={"until": moment}).status_code == 200


def test_a_tenant_is_told_of_its_own_callers_only(calls):
    assert told(bearer(tid=OTHER_TENANT)) == []


def test_reading_the_trail_leaves_no_entry(calls):
    assert len(told()) == len(told()) == 2
