"""What one tenant may ask for, through the function app: 429, and when to ask again."""

from __future__ import annotations

from dataclasses import replace

import pytest

import settings
from connections.model import ConnectionState
from connections.store import TABLE, ConnectionStore
from errors import RefusedRequestError
from identity.model import TenantId
from storage import accounts
from tests.fakes.queues import MemoryQueues
from tests.security.calls import as_caller, call, document
from tests.unit.connections import examples
from tests.unit.identity import issuer
from web import limits
from web.body import JSON
from web.edge import ROUTES
from web.shapes import read_query

TENANT = TenantId(issuer.TENANT)
PATH = {"connection_id": "cronus"}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(account, monkeypatch) -> Clock:
    """Two requests a second, ten at once."""
    made = Clock()
    limit = limits.RequestLimit(per_second=2, burst=10, clock=made)
    monkeypatch.setattr("web.call.request_limit", lambda: limit)
    return made


def statuses(count: int, **caller: str) -> list[int]:
    authorization = issuer.bearer(**caller)
    return [call("list_connections", authorization=authorization).status_code for _ in range(count)]


def test_a_tenants_flood_is_answered_429_and_told_when_to_come_again(clock):
    assert statuses(12) == [200] * 10 + [429] * 2
    refused = as_caller("list_connections")
    assert refused.headers["Retry-After"] == "1"
    assert document(refused)["code"] == "tenant-busy"
    clock.now += 1
    assert statuses(3) == [200] * 2 + [429]


def test_another_tenant_is_served_meanwhile(clock):
    statuses(12)
    assert statuses(10, tid=issuer.OTHER_TENANT) == [200] * 10


def test_callers_of_one_tenant_share_its_limit(clock):
    statuses(10)
    assert statuses(1, oid="55555555-5555-4555-8555-555555555555") == [429]


def test_calls_without_a_good_token_take_nothing_from_the_tenant_they_name(clock):
    for _ in range(30):
        expired = issuer.bearer(exp=1, tid=issuer.TENANT)
        assert call("list_connections", authorization=expired).status_code == 401
    assert statuses(10) == [200] * 10


def test_what_comes_too_often_is_not_even_read(clock):
    statuses(10)
    assert as_caller("create_connection", body=b"{").status_code == 429


# starts


@pytest.fixture
def connected(account, monkeypatch) -> MemoryQueues:
    queues = MemoryQueues()
    monkeypatch.setattr("sync.opening.StorageQueues", lambda _: queues)
    monkeypatch.setenv("TENANT_STARTS_PER_HOUR", "3")
    settings.settings.cache_clear()
    connect("cronus")
    return queues


def connect(connection_id: str) -> None:
    connection = examples.connection(connection_id=connection_id)
    store = ConnectionStore(accounts.storage_account().table(TABLE, TENANT))
    store.add(replace(connection, state=ConnectionState.ACTIVE))


def test_passes_may_be_asked_for_so_often_an_hour(connected):
    answers = [as_caller("run_passes", path=PATH) for _ in range(5)]
    assert [each.status_code for each in answers] == [202, 202, 202, 429, 429]
    assert document(answers[-1])["code"] == "tenant-busy"
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 3660
    assert len(connected.sent) == 3


def test_runs_may_be_started_so_often_an_hour(connected, monkeypatch):
    monkeypatch.setattr("sync.functions._orchestrate", _no_orchestration)
    first = as_caller("start_preview", path=PATH)
    assert first.status_code == 202
    assert as_caller("start_preview", path=PATH).status_code == 409, "one runs: that is told first"
    for _ in range(2):
        assert as_caller("run_passes", path=PATH).status_code == 202
    assert as_caller("run_passes", path=PATH).status_code == 429
    assert as_caller("start_preview", path=PATH).status_code == 409


def test_runs_of_all_connections_count_among_those_at_once(connected, monkeypatch):
    monkeypatch.setattr("sync.functions._orchestrate", _no_orchestration)
    monkeypatch.setenv("TENANT_STARTS_PER_HOUR", "0")
    monkeypatch.setenv("TENANT_RUNS_AT_ONCE", "1")
    settings.settings.cache_clear()
    connect("second")
    assert as_caller("start_preview", path=PATH).status_code == 202
    refused = as_caller("start_preview", path={"connection_id": "second"})
    assert (refused.status_code, document(refused)["code"]) == (429, "tenant-busy")


async def _no_orchestration(*_: object) -> None:
    """The orchestration needs a host."""


# sizes

LISTS = sorted(name for name, one in ROUTES.items() if "limit" in one.query.__annotations__)
NEEDED = {
    "list_matches": {"kind": "exact"},
    "list_candidates": {"place": "00000000", "side": "bc"},
    "list_side_records": {"side": "bc"},
}
"""What a list is asked for at least."""
LISTS_OF_A_BOUNDED_SIZE = {"list_connections", "list_mappings", "list_tables"}
"""As long as what an administrator set up by hand."""


def test_every_other_list_comes_in_pages():
    lists = {name for name in ROUTES if name.startswith("list_")}
    assert lists - set(LISTS) <= LISTS_OF_A_BOUNDED_SIZE
    assert {"list_couplings", "list_outcomes", "list_drift"} <= set(LISTS)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("limit", ["0", "-1", "1001", "1e3", "9" * 50])
def test_no_page_is_larger_than_a_thousand(name, limit):
    shape, asked = ROUTES[name].query, NEEDED.get(name, {})
    with pytest.raises(RefusedRequestError, match="limit") as refused:
        read_query(shape, {**asked, "limit": limit})
    assert refused.value.status == 400
    assert read_query(shape, {**asked, "limit": "100"})


def test_only_files_and_a_mapping_may_be_larger_than_64_kibibytes():
    larger = {name: one.largest_body for name, one in ROUTES.items() if one.largest_body > 65_536}
    assert larger.pop("import_solution") <= 6 * 1024 * 1024
    files = {name for name in larger if ROUTES[name].media_type != JSON}
    assert set(larger) - files <= {"add_mapping", "change_mapping", "check_mapping"}
    assert all(size <= 1024 * 1024 for size in larger.values())
