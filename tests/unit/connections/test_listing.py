from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

import connections.listing
from connections.listing import ConnectionOrder, ConnectionQuery, connection_page
from connections.model import ConnectionState
from connections.store import TABLE, ConnectionStore
from errors import RefusedRequestError
from tests.fakes.tables import MemoryAccount
from tests.unit.connections.examples import NOW, OTHER_TENANT, TENANT, connection

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _three_connections(monkeypatch):
    """Two enabled ones, the older of which is called last, and a draft."""
    account = MemoryAccount()
    monkeypatch.setattr(connections.listing, "storage_account", lambda: account)
    store = ConnectionStore(account.table(TABLE, TENANT))
    for number, (connection_id, name, state) in enumerate(
        [
            ("cronus", "Wide World", ConnectionState.ACTIVE),
            ("adatum", "lucerne", ConnectionState.ACTIVE),
            ("trey", "Contoso", ConnectionState.DRAFT),
        ]
    ):
        made = connection(connection_id=connection_id, name=name)
        store.add(replace(made, state=state, created_at=NOW + number * DAY))
    others = ConnectionStore(account.table(TABLE, OTHER_TENANT))
    others.add(connection(connection_id="foreign"))


def listed(**asked) -> str:
    found, continuation = connection_page(TENANT, ConnectionQuery(**asked))
    assert continuation is None
    return " ".join(one.connection_id for one in found)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (ConnectionOrder.CONNECTION_ID, "adatum cronus trey"),
        (ConnectionOrder.NAME, "trey adatum cronus"),
        (ConnectionOrder.OLDEST, "cronus adatum trey"),
        (ConnectionOrder.NEWEST, "trey adatum cronus"),
    ],
)
def test_connections_come_in_the_order_that_is_asked_for(order, expected):
    assert listed(sort=order) == expected
    asked = ConnectionQuery(sort=order, limit=2)
    first, continuation = connection_page(TENANT, asked)
    rest, _ = connection_page(TENANT, replace(asked, continuation=continuation))
    assert " ".join(one.connection_id for one in (*first, *rest)) == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"state": ConnectionState.DRAFT}, "trey"),
        ({"search": "WORLD"}, "cronus"),
        ({"search": "cronus int"}, "adatum cronus trey"),  # the company of all of them
        ({"search": "trey", "state": ConnectionState.ACTIVE}, ""),
    ],
)
def test_connections_that_are_asked_for_are_listed(asked, expected):
    assert listed(**asked) == expected


def test_a_continuation_is_another_tenants_no_more_than_its_connections_are():
    _, continuation = connection_page(TENANT, ConnectionQuery(limit=1))
    with pytest.raises(RefusedRequestError) as refused:
        connection_page(OTHER_TENANT, ConnectionQuery(continuation=continuation))
    assert refused.value.code == "continuation-unknown"
