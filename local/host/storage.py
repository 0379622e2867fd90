"""The queues that bindings name: found by connection and name, their clients kept open."""

import base64
import json
import os
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from local.host.configuration import QueueOptions, resolve, storage_connection
from local.host.rpc import TypedData
from local.host.worker import Function, Invocation

POISON_SUFFIX = "-poison"

# Give up after seconds: who develops should see soon that Azurite is not there.
_RETRIES: dict[str, Any] = {
    "initial_backoff": 1,
    "increment_base": 2,
    "retry_total": 2,
    "random_jitter_range": 1,
}


class Queues:
    """Queue clients by binding, and the encoding of message texts that host.json asks for."""

    def __init__(self, options: QueueOptions, *, azurite_port: int) -> None:
        self._encoded = options.message_encoding == "base64"
        self._azurite_port = azurite_port
        self._services: dict[str, QueueServiceClient] = {}

    def client(self, binding: dict[str, Any], *, suffix: str = "") -> QueueClient:
        """The queue that a binding names; raises HostError if a setting it names is missing."""
        connection = storage_connection(
            binding.get("connection"), os.environ, azurite_port=self._azurite_port
        )
        if connection not in self._services:
            self._services[connection] = QueueServiceClient.from_connection_string(
                connection, **_RETRIES
            )
        name = resolve(binding["queueName"], os.environ) + suffix
        return self._services[connection].get_queue_client(name)

    def encode(self, content: str | bytes) -> str:
        """A message as it is stored."""
        data = content.encode() if isinstance(content, str) else content
        return base64.b64encode(data).decode() if self._encoded else data.decode()

    def decode(self, stored: str) -> str | bytes:
        """A stored message as the function gets it; raises ValueError if it is not base64."""
        if not self._encoded:
            return stored
        data = base64.b64decode(stored, validate=True)
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data

    async def send(self, client: QueueClient, stored: str) -> None:
        """Append an encoded message; creates the queue if it does not exist."""
        try:
            await client.send_message(stored)
        except ResourceNotFoundError:
            await create_if_missing(client)
            await client.send_message(stored)

    async def send_outputs(self, function: Function, invocation: Invocation) -> None:
        """Write what a function set on its queue output bindings, one message per list item."""
        for binding in function.bindings:
            if binding["type"] != "queue" or binding["direction"].upper() != "OUT":
                continue
            returned = binding["name"] == "$return"
            value = invocation.return_value if returned else invocation.outputs.get(binding["name"])
            if value is None:
                continue
            client = self.client(binding)
            for message in _messages(value):
                await self.send(client, self.encode(message))

    async def close(self) -> None:
        """Close all connections."""
        for service in self._services.values():
            await service.close()


async def create_if_missing(client: QueueClient) -> None:
    """Create a queue; one that exists already is left as it is."""
    try:
        await client.create_queue()
    except ResourceExistsError:
        return


def _messages(value: TypedData) -> list[str | bytes]:
    if value.kind != "json":
        return [value.content]
    document = json.loads(value.content)
    return [_text(item) for item in (document if isinstance(document, list) else [document])]


def _text(item: Any) -> str:
    """The text of one message: a QueueMessage comes as an object with its id and body."""
    if (
        isinstance(item, dict)
        and isinstance(item.get("body"), str)
        and item.keys() <= {"id", "body"}
    ):
        return str(item["body"])
    return item if isinstance(item, str) else json.dumps(item)
