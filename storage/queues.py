"""Messages to the storage queues that start queue-triggered functions.

A message carries keys only: the row it points at is the truth, so that a message delivered late or
twice does no harm.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Protocol

from azure.core.exceptions import AzureError
from azure.storage.queue import QueueClient

from storage.accounts import StorageAccount
from storage.faults import translated

_LIMIT_BYTES = 64 * 1024

type Message = Mapping[str, str | int | bool]
"""Names and keys; nothing nested."""


class Queues(Protocol):
    """Where messages are sent."""

    def enqueue(self, queue_name: str, message: Message, *, delay_seconds: int = 0) -> None:
        """Send one message, to be delivered at least once, not before ``delay_seconds`` (at most
        seven days). Raises ``ValueError`` for nested values or more than 64 KiB once encoded,
        ``TransientError`` or ``ThrottledError`` where the service fails or is busy."""


class StorageQueues:
    """The queues of a storage account."""

    def __init__(self, account: StorageAccount) -> None:
        self._account = account

    def enqueue(self, queue_name: str, message: Message, *, delay_seconds: int = 0) -> None:
        """See ``Queues``. A retry after a lost answer may send the message twice."""
        text = message_text(message)
        client: QueueClient = self._account.queue(queue_name)
        try:
            client.send_message(text, visibility_timeout=delay_seconds)
        except AzureError as error:
            raise translated(error, queue_name, ()) from error


def message_text(message: Message) -> str:
    """The message as JSON; raises ``ValueError`` where a queue would refuse it."""
    for name, value in message.items():
        if not isinstance(value, str | int):
            raise ValueError(f"a message holds keys only; {name} is a {type(value).__name__}")  # noqa: TRY004 (one kind of error for every unfit message)
    text = json.dumps(dict(message))
    if len(base64.b64encode(text.encode())) > _LIMIT_BYTES:
        raise ValueError(f"a message of {len(text)} characters is larger than a queue takes")
    return text
