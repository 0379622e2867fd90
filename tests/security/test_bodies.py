"""Bad bodies of the one route that takes a large one: a 4xx problem each, and nothing is stored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.security.calls import as_caller, document
from tests.unit.connections.examples import OTHER_TENANT, body


def inside(member: str, **changes: Any) -> dict[str, Any]:
    """A good body with one of its objects changed."""
    return body(**{member: body()[member] | changes})


def without(member: str, name: str) -> dict[str, Any]:
    rest = {key: value for key, value in body()[member].items() if key != name}
    return body(**{member: rest})


BAD: dict[str, tuple[Any, int, str]] = {
    "no JSON": (b"{", 400, "malformed-json"),
    "no UTF-8": (b'{"name": "\xff"}', 400, "malformed-json"),
    "member twice": (b'{"name": "a", "name": "b"}', 400, "malformed-json"),
    "deep nesting": (b"[" * 50_000, 400, "malformed-json"),
    "no object": ([body()], 400, "invalid-body"),
    "null": (None, 400, "invalid-body"),
    "empty": (b"", 400, "invalid-body"),
    "too large": (body(name="x" * 70_000), 413, "body-too-large"),
    "long name": (body(name="x" * 101), 400, "invalid-body"),
    "name missing": (body(name=None), 400, "invalid-body"),
    "name is a number": (body(name=1), 400, "invalid-body"),
    "name is an object": (body(name={"$ne": ""}), 400, "invalid-body"),
    "unknown member": (body(tenant=OTHER_TENANT), 400, "invalid-body"),
    "state set by the caller": (body(state="active"), 400, "invalid-body"),
    "creator set by the caller": (body(created_by="x"), 400, "invalid-body"),
    "secret beside": (body(client_secret="s3cret"), 400, "invalid-body"),
    "secret inside": (inside("credentials", client_secret="s3cret"), 400, "invalid-body"),
    "password inside": (inside("crm", password="s3cret"), 400, "invalid-body"),
    "company missing": (without("business_central", "company"), 400, "invalid-body"),
    "url missing": (without("crm", "url"), 400, "invalid-body"),
    "client is no GUID": (inside("credentials", client_id="x"), 400, "invalid-body"),
    "tenant is a path": (inside("credentials", tenant_id="../common"), 400, "invalid-body"),
    "secret name is a path": (
        inside("credentials", client_secret_name="../keys/x"),
        400,
        "invalid-body",
    ),
    "another tenant's secret": (
        inside("credentials", client_secret_name=f"{OTHER_TENANT}--services"),
        422,
        "secret-not-yours",
    ),
    "host not allowed": (inside("crm", url="https://evil.example"), 422, "address-not-allowed"),
    "host by suffix": (
        inside("crm", url="https://evildynamics.com"),
        422,
        "address-not-allowed",
    ),
    "metadata address": (inside("crm", url="https://169.254.169.254"), 422, "address-not-allowed"),
    "plain http": (
        inside("crm", url="http://cronus.crm.dynamics.com"),
        422,
        "address-not-allowed",
    ),
    "user in the address": (
        inside("crm", url="https://u:p@cronus.crm.dynamics.com"),
        422,
        "address-not-allowed",
    ),
}


@pytest.mark.parametrize(("sent", "status", "code"), BAD.values(), ids=BAD.keys())
def test_a_bad_body_is_refused_and_nothing_is_stored(account, sent, status, code):
    answer = as_caller("create_connection", body=sent)
    told = document(answer)
    assert (answer.status_code, told["code"]) == (status, code)
    assert told["correlationId"] == answer.headers["x-correlation-id"]
    assert "s3cret" not in answer.get_body().decode()
    assert document(as_caller("list_connections"))["connections"] == []


def test_a_form_is_refused(account):
    answer = as_caller(
        "create_connection",
        body=json.dumps(body()).encode(),
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 415


def test_the_good_body_creates_one_connection_however_often_it_is_sent(account):
    first = as_caller("create_connection", body=body())
    again = as_caller("create_connection", body=body())
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.headers["Location"] == "/api/connections/cronus"
    assert first.headers["ETag"] == again.headers["ETag"]
    read = as_caller("read_connection", path={"connection_id": "cronus"})
    assert document(first) == document(again)
    assert document(read) == document(first) | {"stopped": None}


def test_another_body_under_the_same_id_is_a_conflict(account):
    as_caller("create_connection", body=body())
    answer = as_caller("create_connection", body=body(name="Other"))
    assert (answer.status_code, document(answer)["code"]) == (409, "connection-exists")
