"""Where a tenant's connections are kept: the table ``connections``, one row each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

from connections.model import (
    BusinessCentralSide,
    Connection,
    ConnectionState,
    Credentials,
    CrmSide,
    Incremental,
    Options,
    Ownership,
    WebServiceKey,
)
from errors import RefusedRequestError
from identity.model import TenantId
from storage.accounts import storage_account
from storage.rows import Row, RowChangedError, RowExistsError, Value
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

    def load_as_seen(self, connection_id: str, etag: str) -> StoredConnection:
        """The connection of that id in the version that a caller saw, to be changed; ``*`` stands
        for any version.

        The caller's ETag is compared here and never sent to storage, which fails at what is no ETag
        of its own. Raises ``RefusedRequestError``: 404 as ``load``, 412 where it was changed since.
        """
        stored = self.load(connection_id)
        if etag not in (stored.etag, "*"):
            raise _changed(connection_id)
        return stored

    def load_active(self, connection_id: str) -> StoredConnection:
        """The connection of that id, if it is enabled.

        Raises ``RefusedRequestError``: 404 as ``load``, 409 where it is not enabled.
        """
        stored = self.load(connection_id)
        state = stored.connection.state
        if state is not ConnectionState.ACTIVE:
            raise RefusedRequestError(
                409,
                "connection-not-enabled",
                f"The connection {connection_id!r} is not enabled ({state.value}).",
                hint=f"POST /api/connections/{connection_id}/enable checks and enables it.",
            )
        return stored

    def is_active(self, connection_id: str) -> bool:
        """Whether there is a connection of that id and it is enabled."""
        row = self._table.get(_PARTITION, (connection_id,))
        return row is not None and row.values["state"] == ConnectionState.ACTIVE.value

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

    def change(self, stored: StoredConnection, connection: Connection) -> StoredConnection:
        """Store other settings of a connection that was read.

        Raises ``RefusedRequestError`` (412) where it was changed since.
        """
        try:
            row = self._table.replace(_row_of(connection), stored.etag)
        except RowChangedError as error:
            raise _changed(connection.connection_id) from error
        return StoredConnection(connection=connection, etag=row.etag)

    def remove(self, stored: StoredConnection) -> None:
        """Take a connection away; one that is gone already is no error."""
        self._table.delete(_PARTITION, (stored.connection.connection_id,))


def _changed(connection_id: str) -> RefusedRequestError:
    return RefusedRequestError(
        412,
        "connection-changed",
        f"The connection {connection_id!r} was changed since it was read.",
        hint="Read it again, and send the change with the new ETag.",
    )


def connections_of(tenant: TenantId) -> ConnectionStore:
    """The tenant's connections in this process's storage account."""
    return ConnectionStore(storage_account().table(TABLE, tenant))


def enabled_connections() -> Iterator[tuple[TenantId, StoredConnection]]:
    """Every tenant's connections that are to be kept in step, for timers."""
    for tenant in storage_account().tenants(TABLE):
        for stored in connections_of(tenant).load_all():
            connection = stored.connection
            if connection.state is ConnectionState.ACTIVE and connection.incremental.enabled:
                yield tenant, stored


def _row_of(connection: Connection) -> Row:
    key = connection.business_central.web_service_key
    values: dict[str, Value] = {
        "name": connection.name,
        "business_central_url": connection.business_central.url,
        "business_central_company": connection.business_central.company,
        "web_service_user": key.user if key else "",
        "web_service_key_secret_name": key.key_secret_name if key else "",
        "crm_url": connection.crm.url,
        "credentials_tenant_id": connection.credentials.tenant_id,
        "credentials_client_id": connection.credentials.client_id,
        "credentials_client_secret_name": connection.credentials.client_secret_name,
        "state": connection.state.value,
        "hold_reason": connection.hold_reason,
        "options": json.dumps(asdict(connection.options)),
        "incremental_enabled": connection.incremental.enabled,
        "incremental_period_seconds": connection.incremental.period_seconds,
        "created_at": connection.created_at,
        "created_by": connection.created_by,
    }
    return Row(partition=_PARTITION, key=(connection.connection_id,), values=values)


def _incremental_of(row: Row) -> Incremental:
    """A row from before there were these settings has the usual ones."""
    usual = Incremental()
    enabled = row.values.get("incremental_enabled", usual.enabled)
    period = row.values.get("incremental_period_seconds", usual.period_seconds)
    if not isinstance(enabled, bool) or not isinstance(period, int):
        raise TypeError(f"the incremental settings of the connection {row.key} are malformed")
    return Incremental(enabled=enabled, period_seconds=period)


def _options_of(row: Row) -> Options:
    """A row from before there was an option has its usual value."""
    stored = json.loads(str(row.values.get("options") or "{}"))
    ownership = Ownership(stored.get("ownership", Options().ownership))
    return Options(**stored | {"ownership": ownership})


def _web_service_key_of(row: Row) -> WebServiceKey | None:
    user = str(row.values.get("web_service_user") or "")
    if not user:
        return None
    return WebServiceKey(user=user, key_secret_name=str(row.values["web_service_key_secret_name"]))


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
            url=text("business_central_url"),
            company=text("business_central_company"),
            web_service_key=_web_service_key_of(row),
        ),
        crm=CrmSide(url=text("crm_url")),
        credentials=Credentials(
            tenant_id=text("credentials_tenant_id"),
            client_id=text("credentials_client_id"),
            client_secret_name=text("credentials_client_secret_name"),
        ),
        state=ConnectionState(text("state")),
        hold_reason=str(row.values.get("hold_reason") or ""),
        options=_options_of(row),
        incremental=_incremental_of(row),
        created_at=created_at,
        created_by=text("created_by"),
    )
    return StoredConnection(connection=connection, etag=row.etag)
