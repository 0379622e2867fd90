"""People and applications of each role, through the function host and the simulated Entra ID."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from local.http_client import Answer
from local.identities import (
    ADMINISTRATOR,
    API_AUDIENCE,
    FUNCTION_APP,
    NOBODY,
    OPERATOR,
    OPERATOR_APP,
    PORTAL,
    READER,
    READER_APP,
    SERVICE_SECRET_NAME,
    TENANT,
    Application,
    Person,
)
from local.platform import Platform
from tests.integration.platform.conftest import BC_ELSEWHERE, CRM_ELSEWHERE

type Who = Application | Person

CONNECTION = {
    "name": "Callers",
    "business_central": {"url": f"{BC_ELSEWHERE}/{TENANT}/Production", "company": "CRONUS"},
    "crm": {"url": CRM_ELSEWHERE},
    "credentials": {
        "tenant_id": TENANT,
        "client_id": "55555555-5555-4555-8555-555555555555",
        "client_secret_name": SERVICE_SECRET_NAME,
    },
}


def calls(
    platform: Platform,
    who: Who,
    method: str,
    path: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """The answer to somebody's call of the API."""
    token = (
        platform.person_token(who, f"{API_AUDIENCE}/access_as_user")
        if isinstance(who, Person)
        else platform.token(who, API_AUDIENCE)
    )
    sent = {"Authorization": f"Bearer {token}"} | dict(headers or {})
    url = f"{platform.addresses.function_app}/api/{path}"
    return platform.client.request(method, url, body=body, headers=sent)


def creates(platform: Platform, who: Who, name: str, key: str | None = None) -> Answer:
    body = CONNECTION | {"connection_id": name}
    headers = {"Idempotency-Key": key} if key else None
    return calls(platform, who, "POST", "connections", body, headers)


@pytest.mark.parametrize(
    ("who", "reads", "starts", "sets_up"),
    [
        (ADMINISTRATOR, True, True, True),
        (PORTAL, True, True, True),
        (OPERATOR, True, True, False),
        (OPERATOR_APP, True, True, False),
        (READER, True, False, False),
        (READER_APP, True, False, False),
        (NOBODY, False, False, False),
        (FUNCTION_APP, False, False, False),
    ],
    ids=lambda one: one.name if isinstance(one, Application | Person) else None,
)
def test_people_and_applications_may_do_what_their_role_covers(
    platform, who, reads, starts, sets_up
):
    read = calls(platform, who, "GET", "connections")
    started = calls(platform, who, "POST", "connections/nothing/incremental/run")
    made = calls(platform, who, "POST", "connections", {})
    assert (read.status, started.status, made.status) == (
        200 if reads else 403,
        404 if starts else 403,  # may start, but there is no such connection
        400 if sets_up else 403,  # may create one, but not of nothing
    )


def test_a_call_sent_again_under_its_key_is_carried_out_once(platform):
    first, second = (creates(platform, ADMINISTRATOR, "once", "a-key-of-mine") for _ in range(2))
    assert (first.status, second.status) == (201, 201)
    assert first.body == second.body
    assert first.headers["Location"] == second.headers["Location"]
    assert (first.headers["Idempotent-Replayed"], second.headers["Idempotent-Replayed"]) == (
        None,
        "true",
    )
    other = creates(platform, ADMINISTRATOR, "another", "a-key-of-mine")
    assert (other.status, other.body["code"]) == (422, "idempotency-key-reused")


def test_a_key_is_still_known_after_the_host_was_killed(platform):
    first = creates(platform, PORTAL, "survivor", "kept")
    platform.kill_host()
    platform.start_host()
    again = creates(platform, PORTAL, "survivor", "kept")
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_the_audit_trail_tells_who_did_what(platform):
    creates(platform, ADMINISTRATOR, "audited")
    creates(platform, READER, "refused")
    answer = calls(platform, ADMINISTRATOR, "GET", "audit?action=create_connection&limit=2")
    refused, made = answer.body["entries"]
    assert (made["who"]["name"], made["who"]["kind"]) == (ADMINISTRATOR.sign_in_name, "person")
    assert (made["status"], made["facts"]["created"]) == (201, "audited")
    assert (refused["who"]["name"], refused["who"]["role"]) == (READER.sign_in_name, "reader")
    assert (refused["status"], refused["code"]) == (403, "role-insufficient")


def test_the_audit_trail_is_for_administrators(platform):
    for who in (OPERATOR, READER_APP):
        assert calls(platform, who, "GET", "audit").status == 403
