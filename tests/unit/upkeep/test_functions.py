"""The timer purges every tenant's rows, and one tenant's trouble is its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from azure.data.tables import TableClient

import settings
from audit.model import Entry
from audit.trail import TABLE as AUDIT
from audit.trail import AuditTrail, Sought
from connections.store import TABLE as CONNECTIONS
from connections.store import ConnectionStore
from errors import TransientError
from identity.model import TenantId
from storage.tables import tenants_of
from sync.job_rows import JOBS, RUNS
from sync.jobs import JobStore, Run, RunKind, RunState
from sync.runs.naming import new_run_id
from tests.fakes.tables import MemoryAccount
from tests.unit.connections import examples
from upkeep import functions
from upkeep.purging import purge_calls
from web.idempotency import TABLE as KEYS
from web.idempotency import Claims, KeyedCall

NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=1000)
TENANTS = [TenantId("aaaa"), TenantId("bbbb")]
CHOSEN = SimpleNamespace(audit_retention_days=400, run_retention_days=90)


@pytest.fixture
def account(monkeypatch) -> MemoryAccount:
    account = MemoryAccount()
    opened = SimpleNamespace(
        table=account.table,
        tenants=lambda name: tenants_of(cast(TableClient, account.client(name))),
    )
    for module in ("upkeep.functions", "connections.store"):
        monkeypatch.setattr(f"{module}.storage_account", lambda: opened)
    monkeypatch.setattr(functions, "settings", lambda: CHOSEN)
    for tenant in TENANTS:
        fill(account, tenant)
    return account


def runs_of(account: MemoryAccount, tenant: TenantId) -> JobStore:
    runs, jobs = account.table(RUNS, tenant), account.table(JOBS, tenant)
    return JobStore(runs=runs, jobs=jobs, connection_id="cronus")


def fill(account: MemoryAccount, tenant: TenantId) -> None:
    """One old row of every kind."""
    entry = Entry(
        at=LONG_AGO,
        subject="s",
        name="kim",
        is_application=False,
        role=None,
        action="start",
        connection="cronus",
        targets={},
        correlation_id="correlation",
    )
    AuditTrail(account.table(AUDIT, tenant)).begin(entry)
    key = KeyedCall(route="start", subject="s", key="k", request="digest")
    Claims(account.table(KEYS, tenant), lambda: LONG_AGO).claim(key)
    ConnectionStore(account.table(CONNECTIONS, tenant)).add(examples.connection())
    store = runs_of(account, tenant)
    for _ in range(2):
        run = Run(
            run_id=new_run_id(LONG_AGO),
            kind=RunKind.FULL_SYNC,
            state=RunState.IN_PROCESS,
            started_at=LONG_AGO,
            started_by="kim",
            mappings=(),
        )
        store.begin_run(run, [])
        store.finish_run(run.run_id, 0, RunState.FINISHED, now=LONG_AGO)


def left(account: MemoryAccount, tenant: TenantId) -> tuple[int, int, int]:
    """Calls, keys and runs."""
    trail = AuditTrail(account.table(AUDIT, tenant))
    calls = trail.list_page(Sought(), limit=10, continuation=None).entries
    keys = list(account.table(KEYS, tenant).scan_below(()))
    runs = list(account.table(RUNS, tenant).scan(("cronus",), prefix=("run",)))
    return len(calls), len(keys), len(runs)


def test_every_tenants_rows_are_purged(account):
    functions.purge_what_is_over(SimpleNamespace())
    assert [left(account, tenant) for tenant in TENANTS] == [(0, 0, 1)] * 2


def test_what_is_kept_for_ever_stays(account, monkeypatch):
    chosen = SimpleNamespace(audit_retention_days=0, run_retention_days=0)
    monkeypatch.setattr(functions, "settings", lambda: chosen)
    functions.purge_what_is_over(SimpleNamespace())
    assert [left(account, tenant) for tenant in TENANTS] == [(1, 0, 2)] * 2


def test_one_tenants_trouble_is_its_own(account, monkeypatch, caplog):
    def failing(table, *arguments):
        if table.tenant == TENANTS[0]:
            raise TransientError("storage-away", "The storage is away.")
        return purge_calls(table, *arguments)

    monkeypatch.setattr(functions, "purge_calls", failing)
    functions.purge_what_is_over(SimpleNamespace())
    assert [left(account, tenant)[0] for tenant in TENANTS] == [1, 0]
    assert "storage is away" in caplog.text


def test_no_tenant_is_begun_with_once_the_time_is_up(account, monkeypatch):
    monkeypatch.setattr(functions, "_SECONDS", 0.0)
    functions.purge_what_is_over(SimpleNamespace())
    assert [left(account, tenant) for tenant in TENANTS] == [(1, 1, 2)] * 2


def test_the_usual_settings_are_those_that_are_told():
    environment = {"KEY_VAULT_URL": "https://v", "API_AUDIENCE": "api://coupler"}
    usual = settings.from_environment(environment)
    assert (usual.run_retention_days, usual.audit_retention_days) == (90, 400)
