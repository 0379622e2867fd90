"""Calls of the services through the function app: what they are told when something is wrong.

Business Central ends a subscription at any 4xx, and CRM repeats a call after 502, 503 and 504 only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connections.model import ConnectionState, Incremental
from connections.store import TABLE, ConnectionStore
from errors import AuthorizationError, ConfigurationError, CouplerError, TransientError
from identity.model import TenantId
from storage import accounts
from sync.opening import now
from sync.requests import QUEUE
from tests.fakes.queues import MemoryQueues
from tests.security.calls import call
from tests.unit.connections import examples
from tests.unit.identity import issuer
from webhooks.store import WebhookStore

TENANT = TenantId(issuer.TENANT)
PATH = {"tenant": issuer.TENANT, "connection_id": "cronus"}
RECORD = "22222222-2222-4222-8222-222222222222"
EVENT = {"MessageName": "Update", "PrimaryEntityName": "account", "PrimaryEntityId": RECORD}


@pytest.fixture
def queues(monkeypatch):
    memory = MemoryQueues()
    monkeypatch.setattr("sync.opening.StorageQueues", lambda _: memory)
    return memory


@pytest.fixture
def key(account, queues) -> str:
    """CRM's key of the connection."""
    enabled = replace(examples.connection(), state=ConnectionState.ACTIVE)
    ConnectionStore(account.table(TABLE, TENANT)).add(enabled)
    store = WebhookStore(account.table("webhooks", TENANT), "cronus")
    made, ring = store.issue_key("crm", store.load().ring("crm"), now())
    store.key_is_set("crm", ring)
    return made


def called(name: str, key: str, body: Any) -> int:
    answer = call(name, path=PATH, headers={"x-coupler-key": key}, body=body)
    status: int = answer.status_code
    return status


@pytest.mark.parametrize("name", ["receive_crm_change", "receive_bc_changes"])
@pytest.mark.parametrize(
    "failure",
    [
        TransientError("storage-away", "away"),
        AuthorizationError("storage-refused", "refused"),
        ConfigurationError("storage-unknown", "unknown"),
        RuntimeError("a defect"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_what_the_caller_is_not_to_blame_for_has_the_call_repeated(
    account, monkeypatch, name, failure: CouplerError
):
    def away(*_: Any) -> None:
        raise failure

    monkeypatch.setattr(accounts.storage_account(), "table", away)
    assert called(name, "k", {"value": [{}]}) == 503


def test_an_announced_change_requests_a_pass(key, queues):
    assert called("receive_crm_change", key, EVENT) == 202
    assert [one["mapping"] for one in queues.take(QUEUE)] == ["CUSTOMER"]


def test_a_connection_that_is_not_kept_in_step_gets_the_hint_but_no_pass(account, key, queues):
    connections = ConnectionStore(account.table(TABLE, TENANT))
    stored = connections.load("cronus")
    off = replace(stored.connection, incremental=Incremental(enabled=False))
    connections.change(stored, off)
    assert called("receive_crm_change", key, EVENT) == 202
    assert queues.take(QUEUE) == []
    assert account.client("hints").partitions
