"""Sends a simulator's webhooks in the background, with the simulator's own rules of retrying."""

from __future__ import annotations

import asyncio
import dataclasses
import ipaddress
import logging
import ssl
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from local.simulators.core.delivery_faults import DeliveryAction, DeliveryPlan

_WORKERS = 8
_COUNTED = ("sent", "failed", "dropped", "retried", "duplicated", "delayed", "reordered")
_log = logging.getLogger(__name__)


class AddressError(ValueError):
    """Webhooks are not sent to that address; the text says why."""


class Ending(StrEnum):
    """How a delivery ended."""

    DELIVERED = "delivered"
    GIVEN_UP = "given up"
    UNSUBSCRIBE = "unsubscribe"
    """Given up, and the subscriber is to get no more."""


type RetryPolicy = Callable[[int, int | None], float | Ending]
"""Of the attempts made (from 1) and the status answered (None: no answer in time) to the seconds
until the next attempt, or the ending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook on its way."""

    address: str
    body: Any
    """Sent as JSON; bytes are sent as they are."""
    policy: RetryPolicy
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float = 60.0
    ended: Callable[[Ending, int | None], None] = lambda _ending, _status: None
    """Told once how it ended and the last status; not told of what a fault dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a subscriber answered."""

    status: int
    text: str


def check_address(address: str) -> None:
    """Refuse an address that is neither https nor http to this machine; raises
    ``AddressError``."""
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and _is_loopback(parts.hostname or ""):
        return
    raise AddressError(f"webhooks are sent to https, or to http on this machine: {address}")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Deliveries:
    """The outbox of one simulator. ``ca_file`` holds the authorities trusted for https.

    All of it runs in the event loop that serves the simulator, between ``start`` and ``stop``.
    """

    def __init__(self, *, ca_file: str | None = None) -> None:
        self._ca_file = ca_file
        self.plan = DeliveryPlan()
        self._counters: Counter[str] = Counter()
        self._pending = 0
        self._held: deque[Delivery] = deque()
        self._timers: set[asyncio.TimerHandle] = set()
        self._workers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to send; called by the server."""
        self._queue: asyncio.Queue[tuple[Delivery, int]] = asyncio.Queue()
        context = ssl.create_default_context(cafile=self._ca_file)
        # no connection is kept: a receiver may close it just when the next webhook is sent on it
        connector = aiohttp.TCPConnector(ssl=context, force_close=True)
        self._session = aiohttp.ClientSession(connector=connector)
        self._workers = [asyncio.create_task(self._work()) for _ in range(_WORKERS)]

    async def stop(self) -> None:
        """Forget what was not yet sent; called by the server."""
        for timer in self._timers:
            timer.cancel()
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._timers.clear()
        self._held.clear()
        self._workers.clear()
        self._pending = 0
        await self._session.close()

    def send(self, delivery: Delivery) -> None:
        """Send soon; returns at once. Raises ``AddressError``."""
        check_address(delivery.address)
        if not isinstance(delivery.body, bytes):
            delivery = dataclasses.replace(delivery, body=orjson.dumps(delivery.body))
        fault = self.plan.take(delivery.address)
        match fault.action if fault else None:
            case DeliveryAction.DROP:
                self._counters["dropped"] += 1
                return
            case DeliveryAction.DUPLICATE:
                self._counters["duplicated"] += 1
                self._enqueue(dataclasses.replace(delivery, ended=lambda _ending, _status: None))
            case DeliveryAction.DELAY if fault is not None:
                self._counters["delayed"] += 1
                self._pending += 1
                self.after(fault.seconds, lambda: self._queue.put_nowait((delivery, 1)))
                return
            case DeliveryAction.REORDER if fault is not None:
                self._counters["reordered"] += 1
                self._pending += 1
                self._held.append(delivery)
                self.after(fault.seconds, lambda: self._release(delivery))
                return
        self._enqueue(delivery)

    async def ask(
        self, method: str, address: str, *, timeout_seconds: float, body: Any = None
    ) -> Answer | None:
        """Ask a subscriber something and wait for it, as a handshake does; None where no answer
        came in time. Struck by no fault and not counted. Raises ``AddressError``."""
        check_address(address)
        content = None if body is None else orjson.dumps(body)
        return await self._request(method, address, content, {}, timeout_seconds)

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Call something after some seconds of real time, unless the server stops before."""

        def fire() -> None:
            self._timers.discard(timer)
            act()

        timer = asyncio.get_running_loop().call_later(seconds, fire)
        self._timers.add(timer)

    def snapshot(self) -> dict[str, Any]:
        """The counters, how many deliveries are on their way, and the faults left."""
        counters = {name: self._counters[name] for name in _COUNTED}
        return counters | {"pending": self._pending, "faults": self.plan.snapshot()}

    def clear(self) -> None:
        """Forget the planned faults and begin to count at zero."""
        self.plan.clear()
        self._counters.clear()

    def _enqueue(self, delivery: Delivery) -> None:
        self._pending += 1
        self._queue.put_nowait((delivery, 1))

    async def _work(self) -> None:
        while True:
            delivery, attempt = await self._queue.get()
            answer = await self._request(
                "POST", delivery.address, delivery.body, delivery.headers, delivery.timeout_seconds
            )
            try:
                self._settle(delivery, attempt, answer.status if answer else None)
            except Exception:  # noqa: BLE001 - a defect must not end the sending of others
                _log.exception("the ending of a delivery to %s failed", delivery.address)
            while self._held:
                self._release(self._held[0])

    def _settle(self, delivery: Delivery, attempt: int, status: int | None) -> None:
        if status is not None and 200 <= status < 300:
            verdict: float | Ending = Ending.DELIVERED
        else:
            verdict = delivery.policy(attempt, status)
        if not isinstance(verdict, Ending):
            self._counters["retried"] += 1
            self.after(verdict, lambda: self._queue.put_nowait((delivery, attempt + 1)))
            return
        self._pending -= 1
        self._counters["sent" if verdict is Ending.DELIVERED else "failed"] += 1
        delivery.ended(verdict, status)

    def _release(self, delivery: Delivery) -> None:
        """Send what was held back, unless it was released already."""
        if delivery in self._held:
            self._held.remove(delivery)
            self._queue.put_nowait((delivery, 1))

    async def _request(
        self,
        method: str,
        address: str,
        content: bytes | None,
        headers: Mapping[str, str],
        timeout_seconds: float,
    ) -> Answer | None:
        typed = {"Content-Type": "application/json"} if content is not None else {}
        try:
            async with self._session.request(
                method,
                address,
                data=content,
                headers={**typed, **headers},
                timeout=aiohttp.ClientTimeout(total=timeout_seconds),
                allow_redirects=False,
            ) as answer:
                return Answer(status=answer.status, text=await answer.text())
        except (aiohttp.ClientError, TimeoutError, UnicodeDecodeError, ValueError) as error:
            _log.info("a webhook to %s was not answered: %r", address, error)
            return None
