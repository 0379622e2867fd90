"""Every route with every kind of caller. The routes are those that the function app registered: one
that is added is tested without being named here."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest

from connections.model import ConnectionState
from connections.store import TABLE, ConnectionStore
from identity.model import ROLE_CLAIMS, Role, TenantId
from tests.fakes.queues import MemoryQueues
from tests.security.calls import call, document, names, path_parameters
from tests.unit.connections import examples
from tests.unit.identity import issuer
from tests.unit.identity.issuer import AUTHORITY, OTHER_TENANT, TENANT, bearer
from web.edge import ROUTES
from web.request import Route

RULES = [ROUTES[name] for name in names() if name in ROUTES]
OF_A_CONNECTION = [rule for rule in RULES if "{connection_id}" in rule.path]
OF_THE_TENANT = [rule for rule in RULES if rule not in OF_A_CONNECTION]
NOW = int(time.time())
CLAIM_OF = {role: claim for claim, role in ROLE_CLAIMS.items()}
PATH = {
    "connection_id": "cronus",
    "mapping": "CUSTOMER",
    "side": "bc",
    "record_id": "5d115c9c-44e3-ea11-bb43-000d3a2feca1",
    "step": "addresses",
}
UNAUTHENTICATED = {
    "no token": None,
    "expired": bearer(exp=NOW - 600, nbf=NOW - 4000, iat=NOW - 4000),
    "wrong audience": bearer(aud="api://other"),
    "wrong issuer": bearer(iss=f"https://evil.example/{TENANT}/v2.0"),
    "another tenant's issuer": bearer(tid=TENANT, iss=f"{AUTHORITY}/{OTHER_TENANT}/v2.0"),
    "a stranger's signature": bearer(key=issuer.rsa_key("strangers-key")),
}
WITHOUT_A_ROLE = {
    "an application without a role": bearer(roles=None),
    "an application with another's role": bearer(roles=["Other.Admin"]),
    "a person without a role": bearer(idtyp="user", scp="access_as_user", roles=None),
    "a person without the scope": bearer(idtyp="user", scp="openid", roles=["Sync.Admin"]),
}


def name_of(rule: Route) -> str:
    return rule.function


def path_of(rule: Route) -> dict[str, str]:
    return {each: PATH.get(each, "example") for each in path_parameters(rule.function)}


def answer_to(rule: Route, authorization: str | None, **arguments: Any) -> func.HttpResponse:
    return call(rule.function, authorization=authorization, path=path_of(rule), **arguments)


def stored(account: Any) -> dict[str, Any]:
    """Every row, but those of the audit trail."""
    return {
        name: {key: dict(rows) for key, rows in client.partitions.items() if rows}
        for name, client in account.clients.items()
        if name != "audit" and any(client.partitions.values())
    }


@pytest.fixture
def connected(account):
    """The storage, with an enabled connection of ``TENANT``."""
    enabled = replace(examples.connection(), state=ConnectionState.ACTIVE)
    ConnectionStore(account.table(TABLE, TenantId(TENANT))).add(enabled)
    return account


@pytest.fixture
def alone(monkeypatch):
    """Queues in memory, orchestrations that never begin, and no network: what a call sends out
    fails at once."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no network in this test")

    async def started(*_: Any, **__: Any) -> str:
        return "instance"

    monkeypatch.setattr("sync.opening.StorageQueues", lambda _: MemoryQueues())
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    monkeypatch.setattr(df.DurableOrchestrationClient, "start_new", started)
    monkeypatch.setattr("time.sleep", lambda _: None)


def test_every_route_is_in_the_matrix():
    receivers_and_description = {
        *("receive_crm_change", "receive_bc_changes"),
        *("read_openapi", "read_reference"),
    }
    assert {rule.function for rule in RULES} | receivers_and_description == set(names())
    assert len(OF_A_CONNECTION) > 30


@pytest.mark.parametrize("rule", RULES, ids=name_of)
@pytest.mark.parametrize("token", UNAUTHENTICATED.values(), ids=UNAUTHENTICATED.keys())
def test_who_is_not_authenticated_is_told_to_authenticate(connected, rule, token):
    before = stored(connected)
    answer = answer_to(rule, token)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert stored(connected) == before
    assert "audit" not in connected.clients


@pytest.mark.parametrize("rule", RULES, ids=name_of)
@pytest.mark.parametrize("token", WITHOUT_A_ROLE.values(), ids=WITHOUT_A_ROLE.keys())
def test_who_has_no_role_is_refused(connected, rule, token):
    before = stored(connected)
    answer = answer_to(rule, token)
    assert (answer.status_code, document(answer)["code"]) == (403, "role-missing")
    assert stored(connected) == before


@pytest.mark.parametrize("rule", RULES, ids=name_of)
@pytest.mark.parametrize("role", list(Role))
def test_a_role_opens_what_it_covers_and_nothing_else(connected, alone, rule, role):
    before = stored(connected)
    answer = answer_to(rule, bearer(roles=[CLAIM_OF[role]]))
    if role.covers(rule.role):
        assert answer.status_code not in (401, 403, 500)
        assert b"connection-unknown" not in answer.get_body()
    else:
        assert (answer.status_code, document(answer)["code"]) == (403, "role-insufficient")
        assert rule.role.value in document(answer)["detail"]
        assert stored(connected) == before


@pytest.mark.parametrize("rule", OF_A_CONNECTION, ids=name_of)
def test_another_tenants_administrator_finds_nothing_and_changes_nothing(connected, alone, rule):
    before = stored(connected)
    answer = answer_to(rule, bearer(tid=OTHER_TENANT), headers={"if-match": "*"})
    assert (answer.status_code, document(answer)["code"]) == (404, "connection-unknown")
    assert stored(connected) == before


@pytest.mark.parametrize("rule", OF_THE_TENANT, ids=name_of)
def test_another_tenants_lists_hold_nothing_of_this_one(connected, alone, rule):
    answer_to(rule, bearer())
    text = answer_to(rule, bearer(tid=OTHER_TENANT)).get_body().decode()
    assert "cronus" not in text
    assert TENANT not in text


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_whatever_is_stored_is_the_callers_tenants_own(account, alone, rule):
    enabled = replace(examples.connection(), state=ConnectionState.ACTIVE)
    ConnectionStore(account.table(TABLE, TenantId(OTHER_TENANT))).add(enabled)
    answer_to(rule, bearer(tid=OTHER_TENANT), headers={"if-match": "*"})
    partitions = {key for one in account.clients.values() for key in one.partitions}
    assert all(key.split("~")[0] == OTHER_TENANT for key in partitions)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.method != "GET"], ids=name_of)
def test_what_may_change_something_is_in_the_audit_trail(connected, alone, rule):
    answer_to(rule, bearer(roles=["Sync.Read"]))
    served = answer_to(rule, bearer())
    told = document(call("list_audit", authorization=bearer()))["entries"]
    assert [entry["action"] for entry in told] == [rule.function] * 2
    assert [entry["status"] for entry in told] == [served.status_code, 403]
    assert [entry["who"]["role"] for entry in told] == ["administrator", "reader"]
    named = "cronus" if rule in OF_A_CONNECTION else None
    assert {entry["connection"] for entry in told} == {named}
    assert "s3cret" not in json.dumps(told)
