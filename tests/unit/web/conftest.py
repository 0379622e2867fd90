"""The edge with callers of the tests' own, storage in memory and a clock that tests set."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from audit.trail import AuditTrail
from tests.fakes.tables import MemoryAccount, StorageCall
from tests.unit.web.callers import TENANT, Verifier
from web import call, edge
from web.idempotency import Claims
from web.limits import RequestLimit


class Storage:
    """The tables behind the edge. ``watch`` may raise, or run other work, around any call."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        self.account = MemoryAccount(lambda moment, done: self.watch(moment, done))
        self.trail = AuditTrail(self.account.table("audit", TENANT))
        self.claims = Claims(self.account.table("idempotency", TENANT), lambda: self.now)

    def watch(self, moment: str, done: StorageCall) -> bool:
        return False


@pytest.fixture(autouse=True)
def storage(monkeypatch):
    made = Storage()
    monkeypatch.setattr(call, "verifier", Verifier)
    monkeypatch.setattr(call, "request_limit", lambda: RequestLimit(per_second=0, burst=1))
    monkeypatch.setattr(call, "audit_trail", lambda _: made.trail)
    monkeypatch.setattr(call, "claims_of", lambda _: made.claims)
    monkeypatch.setattr(edge, "ROUTES", {})
    return made
