"""Where a tenant's connections are kept: the table ``connections``, one row each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from connections.model import (
    BusinessCentralSide,
    Connection,
    ConnectionState,
    Credentials,
    CrmSide,
)
from errors import RefusedRequestError
from identity.model import TenantId
from storage.accounts import storage_account
from storage.rows import Row, RowExistsError, Value
from storage.tables import TenantTable

TABLE = "connections"
_PARTITION: tuple[str, ...] = ()  # the tenant alone: a tenant has few connections


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredConnection:
    """A connection and the version of its row."""

    connection: Connection
    etag: str


class ConnectionStore:
    """The connections of the one tenant that the table was opened for."""

    def __init__(self, table: TenantTable) -> None:
        self._table = table

    def load(self, connection_id: str) -> StoredConnection:
        """The connection of that id.

        Raises ``RefusedRequestError`` (404) where this tenant has none; whether another tenant has
        one makes no difference.
        """
        row = self._table.get(_PARTITION, (connection_id,))
        if row is None:
            raise RefusedRequestError(
                404,
                "connection-unknown",
                f"There is no connection {connection_id!r}.",
                hint="GET /api/connections lists the connections.",
            )
        return _connection_of(row)

    def load_all(self) -> Iterator[StoredConnection]:
        """All connections of the tenant in the order of their ids."""
        return map(_connection_of, self._table.scan(_PARTITION))

    def add(self, connection: Connection) -> tuple[StoredConnection, bool]:
        """Store a new connection; the flag tells whether it was new.

        Adding the same settings again changes nothing. Raises ``RefusedRequestError`` (409) where
        the id is taken by other settings.
        """
        try:
            row = self._table.insert(_row_of(connection))
        except RowExistsError:
            present = self.load(connection.connection_id)
            if present.connection.same_settings(connection):
                return present, False
            raise RefusedRequestError(
                409,
                "connection-exists",
                f"There is a connection {connection.connection_id!r} with other settings already.",
                hint="Choose another connection_id, or use the present connection.",
            ) from None
        return StoredConnection(connection=connection, etag=row.etag), True


def connections_of(tenant: TenantId) -> ConnectionStore:
    """The tenant's connections in this process's storage account."""
    return ConnectionStore(storage_account().table(TABLE, tenant))


def _row_of(connection: Connection) -> Row:
    values: dict[str, Value] = {
        "name": connection.name,
        "business_central_url": connection.business_central.url,
        "business_central_company": connection.business_central.company,
        "crm_url": connection.crm.url,
        "credentials_tenant_id": connection.credentials.tenant_id,
        "credentials_client_id": connection.credentials.client_id,
        "credentials_client_secret_name": connection.credentials.client_secret_name,
        "state": connection.state.value,
        "created_at": connection.created_at,
        "created_by": connection.created_by,
    }
    return Row(partition=_PARTITION, key=(connection.connection_id,), values=values)


def _connection_of(row: Row) -> StoredConnection:
    created_at = row.values["created_at"]
    if not isinstance(created_at, datetime):
        raise TypeError(f"created_at of the connection {row.key} is not a time")

    def text(column: str) -> str:
        return str(row.values[column])

    connection = Connection(
        connection_id=row.key[0],
        name=text("name"),
        business_central=BusinessCentralSide(
            url=text("business_central_url"), company=text("business_central_company")
        ),
        crm=CrmSide(url=text("crm_url")),
        credentials=Credentials(
            tenant_id=text("credentials_tenant_id"),
            client_id=text("credentials_client_id"),
            client_secret_name=text("credentials_client_secret_name"),
        ),
        state=ConnectionState(text("state")),
        created_at=created_at,
        created_by=text("created_by"),
    )
    return StoredConnection(connection=connection, etag=row.etag)
