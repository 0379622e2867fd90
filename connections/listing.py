"""Connections for people to leaf through: some of them, in an order of their choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from connections.model import Connection, ConnectionState
from connections.store import TABLE, ConnectionStore
from identity.model import TenantId
from storage.accounts import storage_account
from storage.sorting import sorted_page
from web.lists import USUAL_LIMIT, Continuation, Limit
from web.shapes import Text


class ConnectionOrder(StrEnum):
    """By which a list is sorted; a minus is the other way round."""

    CONNECTION_ID = "connection_id"
    NAME = "name"
    OLDEST = "created_at"
    NEWEST = "-created_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionQuery:
    """Which connections are asked for."""

    state: ConnectionState | None = None
    search: Annotated[str, Text(longest=250)] | None = None
    """Part of an id, a name or a company."""
    sort: ConnectionOrder = ConnectionOrder.CONNECTION_ID
    limit: Limit = USUAL_LIMIT
    continuation: Continuation | None = None


def connection_page(
    tenant: TenantId, query: ConnectionQuery
) -> tuple[list[Connection], str | None]:
    """A page of the tenant's connections, and where to go on. A tenant has few: all are read.

    Raises ``RefusedRequestError`` (400) for a continuation that another list gave.
    """
    table = storage_account().table(TABLE, tenant)
    everyone = (stored.connection for stored in ConnectionStore(table).load_all())
    return sorted_page(
        filter(_fits(query), everyone),
        _place(query.sort),
        order=query.sort.value,
        limit=query.limit,
        continuation=query.continuation,
        of=table,
    )


def _fits(query: ConnectionQuery) -> Callable[[Connection], bool]:
    sought = (query.search or "").casefold()

    def fits(connection: Connection) -> bool:
        told = (connection.connection_id, connection.name, connection.business_central.company)
        return query.state in (None, connection.state) and any(
            sought in each.casefold() for each in told
        )

    return fits


def _place(order: ConnectionOrder) -> Callable[[Connection], tuple[str, ...]]:
    """What connections are sorted by; the id makes each place different."""

    def place(connection: Connection) -> tuple[str, ...]:
        by = {
            ConnectionOrder.CONNECTION_ID: "",
            ConnectionOrder.NAME: connection.name.casefold(),
        }.get(order, connection.created_at.isoformat())
        return by, connection.connection_id

    return place
