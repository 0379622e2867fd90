"""The service carries a request out, and the connection is cut before its answer arrives."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.core.exceptions import ServiceResponseError

from couplings.store import CouplingStore
from identity.model import TenantId
from storage.accounts import StorageAccount
from storage.rows import ANY_VERSION, Operation, OperationKind, Row, RowExistsError
from storage.tables import TenantTable
from sync.jobs import JobState, JobStore, Run, RunKind, RunState, TableJob
from sync.mapping import Direction
from tests.contract.storage.test_coupling_store import coupling

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PARTITION = ("p",)
ROW = Row(partition=PARTITION, key=("1",), values={"a": "x"})

type Cut = Callable[[TenantTable], list[str]]


@pytest.fixture
def tenant() -> TenantId:
    return TenantId(str(uuid.uuid4()))


@pytest.fixture
def table(azurite_account: StorageAccount, tenant: TenantId) -> TenantTable:
    return azurite_account.table("rows", tenant)


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Cut:
    """Loses the answer to the table's next write; returns the list of methods of lost ones."""

    def lose_next(table: TenantTable) -> list[str]:
        transport = table._client._client._client._pipeline._transport
        send = transport.send
        lost: list[str] = []

        def send_and_lose(request: Any, **options: Any) -> Any:
            answer = send(request, **options)
            if request.method != "GET" and not lost:
                lost.append(request.method)
                answer.internal_response.close()
                raise ServiceResponseError("connection cut")
            return answer

        monkeypatch.setattr(transport, "send", send_and_lose)
        return lost

    return lose_next


@pytest.mark.parametrize("write", ["upsert", "replace", "merge"])
def test_a_write_without_condition_is_repeated(table: TenantTable, cut: Cut, write: str):
    table.insert(ROW)
    lost = cut(table)

    if write == "upsert":
        table.upsert(ROW)
    else:
        getattr(table, write)(ROW, ANY_VERSION)

    assert len(lost) == 1


def test_a_transaction_is_repeated(table: TenantTable, cut: Cut):
    lost = cut(table)

    table.transact(
        PARTITION, [Operation(kind=OperationKind.UPSERT, key=(str(n),)) for n in range(3)]
    )

    assert lost == ["POST"]
    assert len(list(table.scan(PARTITION))) == 3


def test_an_insert_that_is_repeated_finds_its_own_row(table: TenantTable, cut: Cut):
    lost = cut(table)

    with pytest.raises(RowExistsError):
        table.insert(ROW)

    assert lost == ["POST"]
    assert table.get(PARTITION, ("1",)) is not None


def test_couplings_are_made_once_and_reported_as_made(
    azurite_account: StorageAccount, tenant: TenantId, cut: Cut
):
    table = azurite_account.table("couplings", tenant)
    store = CouplingStore(table, "connection")
    given = [coupling(str(n), f"A{n}") for n in range(3)]
    lost = cut(table)

    assert store.couple_many("CUSTOMER", given) == []

    assert lost == ["POST"]
    assert list(store.scan("CUSTOMER")) == given


def test_a_run_begins_and_its_job_is_worked_on(
    azurite_account: StorageAccount, tenant: TenantId, cut: Cut
):
    runs, jobs = azurite_account.table("runs", tenant), azurite_account.table("jobs", tenant)
    store = JobStore(runs=runs, jobs=jobs, connection_id="connection")
    run = Run(
        run_id="r1",
        kind=RunKind.FULL_SYNC,
        state=RunState.IN_PROCESS,
        started_at=AT,
        started_by="somebody",
        mappings=("CUSTOMER",),
    )
    job = TableJob(
        run_id="r1",
        mapping="CUSTOMER",
        name="Customer",
        direction=Direction.BOTH,
        state=JobState.READY,
        created_at=AT,
    )
    lost_runs = cut(runs)

    assert store.begin_run(run, [job]) == run
    [ready] = store.list_jobs("r1")
    lost_jobs = cut(jobs)
    held = store.acquire_lease(ready, "w1", AT, 60)
    store.checkpoint(held, now=AT, seconds=60)

    assert (len(lost_runs), len(lost_jobs)) == (1, 1)
