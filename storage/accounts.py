"""Clients of the storage account: one factory, one account object for the process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from threading import Lock
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.core.pipeline import PipelineRequest
from azure.data.tables import TableClient
from azure.identity import DefaultAzureCredential
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from errors import ConfigurationError
from identity.model import TenantId
from settings import Settings, settings
from storage.faults import translated
from storage.plain_transactions import PlainTransactionClient
from storage.tables import TenantTable, tenants_of
from storage.traffic import TRANSACTIONS

_NETWORK = {"retry_total": 4, "retry_backoff_max": 8, "connection_timeout": 5, "read_timeout": 30}
"""Retries within one call, about ten seconds in all; beyond that the work itself is retried."""


class StorageAccount:
    """Tables and queues of one account, created when first asked for; safe for several threads."""

    def __init__(self, chosen: Settings) -> None:
        """Raises ``ConfigurationError`` where the settings name no account or are malformed."""
        if not chosen.storage_connection and not chosen.storage_account:
            raise ConfigurationError(
                "setting-missing",
                "No storage account is configured.",
                hint="Set AzureWebJobsStorage to a connection string, or "
                "AzureWebJobsStorage__accountName to the name of the account.",
            )
        self._settings = chosen
        self._lock = Lock()
        self._tables: dict[str, TableClient] = {}
        self._queues: dict[str, QueueClient] = {}

    def table(self, name: str, tenant: TenantId) -> TenantTable:
        """The tenant's part of a table."""
        return TenantTable(self._table_client(name), tenant)

    def tenants(self, name: str) -> Iterator[TenantId]:
        """The tenants that have rows in a table, each once.

        A timer belongs to no tenant and has to find them. Nothing else looks beyond one tenant,
        and this reads no more than partition keys.
        """
        return tenants_of(self._table_client(name))

    def _table_client(self, name: str) -> TableClient:
        with self._lock:
            if name not in self._tables:
                client = self._checked(lambda: self._open_table(name))
                _create(client.create_table, name)
                self._tables[name] = client
            return self._tables[name]

    def queue(self, name: str) -> QueueClient:
        """A queue whose message texts are base64, as the Functions host expects them."""
        with self._lock:
            if name not in self._queues:
                client = self._checked(lambda: self._open_queue(name))
                _create(client.create_queue, name)
                self._queues[name] = client
            return self._queues[name]

    def _open_table(self, name: str) -> TableClient:
        options: dict[str, Any] = {**_NETWORK, "raw_request_hook": _counted(name)}
        chosen = self._settings
        if chosen.storage_connection:
            return PlainTransactionClient.from_connection_string(
                chosen.storage_connection, name, **options
            )
        return PlainTransactionClient(
            f"https://{chosen.storage_account}.table.core.windows.net",
            name,
            credential=_identity(),
            **options,
        )

    def _open_queue(self, name: str) -> QueueClient:
        options: dict[str, Any] = {
            **_NETWORK,
            "raw_request_hook": _counted(name),
            "message_encode_policy": TextBase64EncodePolicy(),
        }
        chosen = self._settings
        if chosen.storage_connection:
            return QueueClient.from_connection_string(chosen.storage_connection, name, **options)
        return QueueClient(
            f"https://{chosen.storage_account}.queue.core.windows.net",
            name,
            credential=_identity(),
            **options,
        )

    @staticmethod
    def _checked[Client](opening: Callable[[], Client]) -> Client:
        try:
            return opening()
        except ValueError as error:
            raise ConfigurationError(
                "setting-malformed",
                "The app setting AzureWebJobsStorage is not a connection string.",
                hint="Copy it from the storage account's access keys.",
            ) from error


@cache
def storage_account() -> StorageAccount:
    """The account of this process's settings."""
    return StorageAccount(settings())


@cache
def _identity() -> DefaultAzureCredential:
    return DefaultAzureCredential()


def _create(create: Callable[[], object], name: str) -> None:
    try:
        create()
    except ResourceExistsError:
        return
    except AzureError as error:
        raise translated(error, name, ()) from error


def _counted(name: str) -> Callable[[PipelineRequest[Any]], None]:
    """A hook that counts every request sent for this table or queue, retries included."""

    def count(request: PipelineRequest[Any]) -> None:
        TRANSACTIONS.add(f"{request.http_request.method} {name}")

    return count
