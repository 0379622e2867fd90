"""Sending a file, and reading what became of it, as the API answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import azure.durable_functions as df
import pytest

from connections.model import ConnectionState
from connections.store import TABLE as CONNECTIONS
from connections.store import ConnectionStore
from errors import RefusedRequestError
from identity.model import TenantId
from sync.job_model import RunKind
from sync.mappings import MAPPINGS
from sync.transfer.coupling_file import Unsaid, read_file
from sync.transfer.import_model import RowState
from sync.transfer.import_store import TABLE
from sync.transfer.opening import SOURCE, import_store, imported_list, stored_import
from tests.fakes.queues import MemoryQueues
from tests.security.calls import as_caller, document
from tests.security.conftest import account
from tests.support.table_jobs import SyncWorld
from tests.unit.connections import examples
from tests.unit.identity import issuer

__all__ = ["account"]  # the fixture: the function app with storage in memory

TENANT = TenantId(issuer.TENANT)
GOOD = b"\xef\xbb\xbfbc_key;accountnumber;first\r\n10000;C-1;to_crm\r\n20000;C-2;\r\n"
FAULTY = b"bc_key;accountnumber\r\n10000;M\xfcller\r\n;C-2\r\n"


@pytest.fixture
def enabled(account, monkeypatch) -> Any:
    """An enabled connection, queues in memory, and orchestrations that never begin."""

    async def started(*_: Any, **__: Any) -> str:
        return "instance"

    monkeypatch.setattr("sync.opening.StorageQueues", lambda _: MemoryQueues())
    monkeypatch.setattr(df.DurableOrchestrationClient, "start_new", started)
    connection = replace(examples.connection(), state=ConnectionState.ACTIVE)
    ConnectionStore(account.table(CONNECTIONS, TENANT)).add(connection)
    return account


def path(**changes: str) -> dict[str, str]:
    return {"connection_id": "cronus", "mapping": "CUSTOMER"} | changes


def send(
    content: bytes = GOOD,
    *,
    mapping: str = "CUSTOMER",
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Any:
    return as_caller(
        "import_couplings",
        path=path(mapping=mapping),
        body=content,
        query=query,
        headers={"content-type": "text/csv"} | (headers or {}),
    )


def report(**query: str) -> Any:
    return document(as_caller("read_import", path=path(), query=query))


def stored_rows(account: Any) -> int:
    return sum(1 for _ in account.table(TABLE, TENANT).scan_below(("cronus",)))


def test_before_the_first_file_there_is_no_report(enabled):
    assert report() == {"import": None, "rows": [], "continuation": None}


def test_a_file_is_stored_and_its_run_begins(enabled):
    answer = send()
    run = document(answer)
    assert (answer.status_code, run["kind"], run["state"]) == (202, "coupling", "in-process")
    assert answer.headers["Location"] == f"/api/connections/cronus/runs/{run['run_id']}"
    told = report()
    assert told["import"]["run"] == run
    assert (told["import"]["rows"], told["import"]["check_only"]) == (2, False)
    assert told["import"]["counts"]["waiting"] == 2
    first, second = told["rows"]
    assert (first["line"], first["bc_key"], first["crm_key"], first["first"], first["state"]) == (
        2,
        "10000",
        {"accountnumber": "C-1"},
        "to_crm",
        "waiting",
    )
    assert (second["first"], second["replace"]) == ("none", False)


def test_what_rows_do_not_say_is_said_by_the_query(enabled):
    send(query={"first": "from_crm", "replace": "true", "check_only": "true"})
    told = report()
    assert told["import"]["check_only"]
    assert [(row["first"], row["replace"]) for row in told["rows"]] == [
        ("to_crm", True),
        ("from_crm", True),
    ]


def test_rows_are_read_by_state_and_page_by_page(enabled):
    send()
    assert report(state="refused")["rows"] == []
    first = report(state=RowState.WAITING.value, limit="1")
    second = report(state="waiting", limit="1", continuation=first["continuation"])
    assert [row["line"] for row in (*first["rows"], *second["rows"])] == [2, 3]
    assert second["continuation"] is None


def test_all_that_is_wrong_with_a_file_is_told_and_nothing_is_stored(enabled):
    answer = send(FAULTY)
    told = document(answer)
    assert (answer.status_code, told["code"]) == (422, "file-faulty")
    assert [each["member"] for each in told["errors"]] == ["line 2, column 8", "line 3, column 1"]
    assert stored_rows(enabled) == 0


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"bc_key;accountnumber\r\n"])
def test_a_file_without_rows_is_faulty(enabled, content):
    assert document(send(content))["code"] == "file-faulty"


def test_a_direction_that_the_table_does_not_have_is_refused(enabled):
    content = b"bc_key;isocurrencycode\r\nEUR;EUR\r\n"
    answer = send(content, mapping="CURRENCY", query={"first": "from_crm"})
    assert (answer.status_code, document(answer)["code"]) == (422, "direction-impossible")


def test_a_file_whose_run_is_refused_leaves_nothing_behind(enabled):
    run = document(send())
    rows = stored_rows(enabled)
    answer = send()
    assert (answer.status_code, document(answer)["code"]) == (409, "run-active")
    assert stored_rows(enabled) == rows
    assert report()["import"]["run"]["run_id"] == run["run_id"]


def test_a_file_that_is_sent_again_with_its_key_is_imported_once(enabled):
    key = {"idempotency-key": "one"}
    first, again = send(headers=key), send(headers=key)
    assert document(first) == document(again)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert report()["import"]["counts"]["waiting"] == 2
    assert stored_rows(enabled) == 2 + 1  # the import itself


def test_a_worker_notes_the_run_of_a_sender_who_died_before_doing_so(enabled):
    store = import_store(TENANT, "cronus", "CUSTOMER")
    rows = read_file(GOOD.decode("utf-8-sig"), MAPPINGS["CUSTOMER"], Unsaid())
    sent = stored_import(store, "CUSTOMER", rows, check_only=False)
    assert report()["import"] is None
    world = SyncWorld()
    run = world.start("CUSTOMER", kind=RunKind.COUPLING)
    held: Any = SimpleNamespace(
        run=run, work=world.work(world.load_catalog().named("CUSTOMER"), run)
    )
    wants = imported_list(TENANT, "cronus", held, {SOURCE: sent.import_id})
    assert wants.count() == report()["import"]["rows"] == 2
    last = store.last()
    assert last
    assert last.run_id == run.run_id


def test_a_worker_tells_where_the_rows_are_gone(enabled):
    held: Any = SimpleNamespace(
        run=SimpleNamespace(run_id="r", started_at=datetime(2026, 3, 1, tzinfo=UTC)),
        work=SimpleNamespace(mapping=MAPPINGS["CUSTOMER"]),
    )
    with pytest.raises(RefusedRequestError, match="no longer there"):
        imported_list(TENANT, "cronus", held, {SOURCE: "gone"})
