"""Queue-triggered functions: polling, retries, the poison queue.

As the real host does: a message taken is invisible for ten minutes, renewed at half time while its
function runs; success deletes it, failure makes it visible again after `visibilityTimeout`, and
after `maxDequeueCount` tries it goes to ``<queue>-poison``. Delivery is at least once: a host that
dies leaves the message to return when its invisibility ends.
"""

import asyncio
import contextlib
import json
import logging
import random
from collections.abc import AsyncIterator
from datetime import datetime

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from local.host.configuration import QueueOptions
from local.host.invoker import Invoker
from local.host.rpc import TypedData
from local.host.storage import POISON_SUFFIX, Queues
from local.host.worker import Function, FunctionError, typed

_log = logging.getLogger("host")

_SHORTEST_POLLING_INTERVAL = 0.1
_LOST = {"PopReceiptMismatch", "MessageNotFound", "QueueNotFound"}


class QueueListener:
    """Feeds one function from its queue."""

    def __init__(
        self,
        function: Function,
        *,
        invoker: Invoker,
        queues: Queues,
        options: QueueOptions,
        invisibility_seconds: int,
    ) -> None:
        """Raises HostError if the trigger names a setting that is missing."""
        self._function = function
        self._invoker = invoker
        self._queues = queues
        self._options = options
        self._invisibility = invisibility_seconds
        self._queue = queues.client(function.trigger)
        poisonous = not self._queue.queue_name.endswith(POISON_SUFFIX)
        self._poison = queues.client(function.trigger, suffix=POISON_SUFFIX) if poisonous else None
        self._at_work: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Poll until `stop`, then wait for the messages at work."""
        longest = self._options.max_polling_interval.total_seconds()
        pause = _SHORTEST_POLLING_INTERVAL
        while not self._stopping.is_set():
            messages = await self._receive()
            for message in messages:
                task = asyncio.create_task(self._handle(message))
                self._at_work.add(task)
                task.add_done_callback(self._at_work.discard)
            if messages:
                pause = _SHORTEST_POLLING_INTERVAL
                await self._until_at_work_at_most(self._options.new_batch_threshold)
            else:
                await self._sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
                pause = min(pause * 2, max(longest, _SHORTEST_POLLING_INTERVAL))
        await self._until_at_work_at_most(0)

    def stop(self) -> None:
        """Take no more messages; one being received right now is still worked off."""
        self._stopping.set()

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _until_at_work_at_most(self, count: int) -> None:
        while len(self._at_work) > count:
            await asyncio.wait(list(self._at_work), return_when=asyncio.FIRST_COMPLETED)

    async def _receive(self) -> list[QueueMessage]:
        """The next messages; none if the queue does not exist yet, as its first sender makes it."""
        size = self._options.batch_size
        try:
            return [
                message
                async for message in self._queue.receive_messages(
                    messages_per_page=size,
                    max_messages=size,
                    visibility_timeout=self._invisibility,
                )
            ]
        except ResourceNotFoundError:
            return []
        except AzureError as error:
            _log.warning("queue %s cannot be read: %s", self._queue.queue_name, _brief(error))
            return []

    async def _handle(self, message: QueueMessage) -> None:
        try:
            await self._process(message)
        except AzureError as error:
            if _is_lost(error):
                _log.warning(
                    "%s: message %s of %s belongs to someone else by now: left to them",
                    self._function.name,
                    message.id,
                    self._queue.queue_name,
                )
            else:
                _log.warning(
                    "%s: message %s of %s comes again later: %s",
                    self._function.name,
                    message.id,
                    self._queue.queue_name,
                    _brief(error),
                )

    async def _process(self, message: QueueMessage) -> None:
        tries = message.dequeue_count or 1
        if tries > self._options.max_dequeue_count:
            await self._bury(message, "it was taken too often without an end")
            return
        try:
            content = self._queues.decode(message.content)
        except ValueError:
            await self._bury(message, "it is not base64, as messageEncoding in host.json demands")
            return
        body = typed(string=content) if isinstance(content, str) else typed(bytes=content)
        try:
            async with _kept_invisible(self._queue, message, self._invisibility):
                await self._invoker.run(
                    self._function,
                    body,
                    reason=f"message {message.id} of {self._queue.queue_name}, try {tries}",
                    metadata=_metadata(message),
                )
        except FunctionError:
            if tries >= self._options.max_dequeue_count:
                await self._bury(message, f"it failed {tries} times")
            else:
                hidden = int(self._options.visibility_timeout.total_seconds())
                await self._queue.update_message(message, visibility_timeout=hidden)
        else:
            await self._queue.delete_message(message)

    async def _bury(self, message: QueueMessage, why: str) -> None:
        if self._poison is None:
            await self._queue.update_message(
                message, visibility_timeout=int(self._options.visibility_timeout.total_seconds())
            )
            return
        await self._queues.send(self._poison, message.content)
        await self._queue.delete_message(message)
        _log.error(
            "%s: message %s moved to %s: %s",
            self._function.name,
            message.id,
            self._poison.queue_name,
            why,
        )


@contextlib.asynccontextmanager
async def _kept_invisible(
    queue: QueueClient, message: QueueMessage, seconds: int
) -> AsyncIterator[None]:
    """Renew the message's invisibility meanwhile; keeps its pop receipt current."""
    ended = asyncio.Event()

    async def renew() -> None:
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), seconds / 2)
                return
            try:
                renewed = await queue.update_message(message, visibility_timeout=seconds)
            except AzureError as error:
                _log.warning("message %s could not be kept: %s", message.id, _brief(error))
                if _is_lost(error):
                    return
            else:
                message.pop_receipt = renewed.pop_receipt

    renewal = asyncio.create_task(renew())
    try:
        yield
    finally:
        # Not cancelled: a renewal under way changes the receipt, which must not be missed.
        ended.set()
        await renewal


def _is_lost(error: AzureError) -> bool:
    return isinstance(error, HttpResponseError) and getattr(error, "error_code", None) in _LOST


def _brief(error: AzureError) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0]}"


def _metadata(message: QueueMessage) -> dict[str, TypedData]:
    values: dict[str, str | int | datetime | None] = {
        "Id": message.id,
        "DequeueCount": message.dequeue_count,
        "PopReceipt": message.pop_receipt,
        "InsertionTime": message.inserted_on,
        "ExpirationTime": message.expires_on,
        "NextVisibleTime": message.next_visible_on,
    }
    return {
        name: typed(json=json.dumps(value.isoformat() if isinstance(value, datetime) else value))
        for name, value in values.items()
    }
