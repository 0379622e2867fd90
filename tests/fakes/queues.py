"""Queues in memory; stand in for ``StorageQueues``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from threading import Lock
from typing import Any

from storage.queues import Message, message_text


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    queue_name: str
    content: dict[str, Any]
    delay_seconds: int


class MemoryQueues:
    """Keeps what was sent, in order."""

    def __init__(self) -> None:
        self.sent: list[SentMessage] = []
        self._lock = Lock()

    def enqueue(self, queue_name: str, message: Message, *, delay_seconds: int = 0) -> None:
        content = json.loads(message_text(message))
        with self._lock:
            self.sent.append(
                SentMessage(queue_name=queue_name, content=content, delay_seconds=delay_seconds)
            )

    def take(self, queue_name: str) -> list[dict[str, Any]]:
        """The messages of one queue, removed from it."""
        with self._lock:
            taken = [message for message in self.sent if message.queue_name == queue_name]
            self.sent = [message for message in self.sent if message.queue_name != queue_name]
        return [message.content for message in taken]
