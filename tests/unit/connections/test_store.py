from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from connections.model import ConnectionState, Incremental, Options, Ownership, WebServiceKey
from connections.store import TABLE, ConnectionStore
from errors import RefusedRequestError
from identity.model import TenantId
from tests.fakes.tables import MemoryAccount
from tests.unit.connections.examples import OTHER_TENANT, TENANT, body, connection


@pytest.fixture
def account():
    return MemoryAccount()


@pytest.fixture
def store(account):
    return store_in(account, TENANT)


def store_in(account: MemoryAccount, tenant: TenantId) -> ConnectionStore:
    return ConnectionStore(account.table(TABLE, tenant))


def test_a_stored_connection_is_read_back_as_it_was(store):
    stored, is_new = store.add(connection())
    assert is_new
    assert store.load("cronus") == stored
    assert store.load("cronus").connection == connection()


def test_the_same_settings_again_change_nothing(store):
    first, _ = store.add(connection())
    again, is_new = store.add(connection())
    assert (again, is_new) == (first, False)
    assert list(store.load_all()) == [first]


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Other"},
        {"crm": {"url": "https://other.crm.dynamics.com"}},
        {"business_central": body()["business_central"] | {"company": "Other"}},
        {"credentials": body()["credentials"] | {"client_secret_name": f"{TENANT}--other"}},
    ],
)
def test_other_settings_under_the_same_id_are_refused(store, change):
    stored, _ = store.add(connection())
    with pytest.raises(RefusedRequestError) as refused:
        store.add(connection(**change))
    assert refused.value.status == 409
    assert store.load("cronus") == stored


def test_all_connections_of_the_tenant_are_listed_in_order(store):
    for connection_id in ("cronus-us", "adatum", "cronus"):
        store.add(connection(connection_id=connection_id))
    listed = [one.connection.connection_id for one in store.load_all()]
    assert listed == ["adatum", "cronus", "cronus-us"]


def test_another_tenants_connection_is_as_unknown_as_one_that_never_was(store, account):
    store.add(connection())
    strangers = store_in(account, OTHER_TENANT)
    with pytest.raises(RefusedRequestError) as of_another:
        strangers.load("cronus")
    with pytest.raises(RefusedRequestError) as unknown:
        store_in(MemoryAccount(), TENANT).load("cronus")
    assert list(strangers.load_all()) == []
    assert of_another.value.status == 404
    assert of_another.value.explained() == unknown.value.explained()


def test_other_incremental_settings_are_read_back(store):
    stored, _ = store.add(connection())
    slower = replace(stored.connection, incremental=Incremental(enabled=False, period_seconds=60))
    changed = store.change(stored, slower)
    assert store.load("cronus") == changed
    assert changed.connection.incremental == Incremental(enabled=False, period_seconds=60)


def test_options_and_the_web_service_key_are_read_back(store):
    options = {"ownership": "team", "team_id": str(UUID(int=7)), "sales_orders": True}
    key = {"user": "COUPLER", "key_secret_name": f"{TENANT}--key"}
    business_central = body()["business_central"] | {"web_service_key": key}
    store.add(connection(options=options, business_central=business_central))
    read = store.load("cronus").connection
    assert read.options == Options(
        ownership=Ownership.TEAM, team_id=str(UUID(int=7)), sales_orders=True
    )
    assert read.business_central.web_service_key == WebServiceKey(
        user="COUPLER", key_secret_name=f"{TENANT}--key"
    )


def test_work_that_writes_is_for_enabled_connections_only(store):
    stored, _ = store.add(connection())
    with pytest.raises(RefusedRequestError) as refused:
        store.load_active("cronus")
    assert (refused.value.status, refused.value.code) == (409, "connection-not-enabled")
    assert not store.is_active("cronus")
    active = store.change(stored, replace(stored.connection, state=ConnectionState.ACTIVE))
    assert store.load_active("cronus") == active
    assert store.is_active("cronus")
    assert not store.is_active("other")


def test_a_removed_connection_is_unknown(store):
    stored, _ = store.add(connection())
    store.remove(stored)
    store.remove(stored)
    assert list(store.load_all()) == []


def test_a_change_of_what_was_changed_since_is_refused(store):
    stored, _ = store.add(connection())
    store.change(stored, stored.connection)
    with pytest.raises(RefusedRequestError) as refused:
        store.change(stored, stored.connection)
    assert refused.value.status == 412


@pytest.mark.parametrize("etag", ["0", '"0"', "W/\"datetime'2026-03-01T12%3A00%3A00Z'\"", ""])
def test_a_connection_in_another_version_than_the_caller_saw_is_refused(store, etag):
    stored, _ = store.add(connection())
    with pytest.raises(RefusedRequestError) as refused:
        store.load_as_seen("cronus", etag)
    assert refused.value.status == 412
    assert store.load_as_seen("cronus", stored.etag) == stored
    assert store.load_as_seen("cronus", "*") == stored


def test_a_row_from_before_there_were_further_settings_has_the_usual_ones(account, store):
    store.add(connection())
    table = account.table(TABLE, TENANT)
    (row,) = table.scan(())
    later = ("incremental", "web_service", "options", "hold_reason")
    older = {name: each for name, each in row.values.items() if not name.startswith(later)}
    table.replace(replace(row, values=older), row.etag)
    assert store.load("cronus").connection == connection()
