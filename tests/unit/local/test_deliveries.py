"""Sending webhooks: to whom, how often, in what order, and what faults make of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from local.certificates import ensure_certificates
from local.simulators.core.deliveries import (
    AddressError,
    Deliveries,
    Delivery,
    Ending,
    check_address,
)
from local.simulators.core.descriptions import DescriptionError
from local.simulators.core.server import tls_context


class Receiver:
    """A subscriber: keeps the bodies it got, answers the statuses it was told to, else 200."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.statuses: list[int] = []
        self.hold: asyncio.Event | None = None
        self.address = ""

    async def receive(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        if self.hold is not None:
            await self.hold.wait()
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    async def serve(self, tls: Any = None) -> web.AppRunner:
        application = web.Application()
        application.router.add_post("/hook", self.receive)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        scheme = "https" if tls else "http"
        self.address = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}/hook"
        return runner


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    runner = await made.serve()
    yield made
    await runner.cleanup()


@pytest.fixture
async def deliveries() -> AsyncIterator[Deliveries]:
    made = Deliveries()
    await made.start()
    yield made
    await made.stop()


def gives_up(_attempt: int, _status: int | None) -> Ending:
    return Ending.GIVEN_UP


def delivery(receiver: Receiver, body: Any = None, **more: Any) -> Delivery:
    return Delivery(address=receiver.address, body=body, **{"policy": gives_up, **more})


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def settled(deliveries: Deliveries) -> dict[str, Any]:
    """The counters above zero once nothing is on its way."""
    await until(lambda: deliveries.snapshot()["pending"] == 0)
    return {name: n for name, n in deliveries.snapshot().items() if n}


async def test_a_delivery_arrives_as_json_and_its_ending_is_told(deliveries, receiver):
    ended: list[Any] = []
    deliveries.send(delivery(receiver, {"a": 1}, ended=lambda *what: ended.append(what)))
    assert await settled(deliveries) == {"sent": 1}
    assert receiver.bodies == [{"a": 1}]
    assert ended == [(Ending.DELIVERED, 200)]


async def test_the_policy_tells_when_to_try_again_and_when_to_stop(deliveries, receiver):
    asked: list[Any] = []
    ended: list[Any] = []

    def policy(attempt: int, status: int | None) -> float | Ending:
        asked.append((attempt, status))
        return 0.0 if status == 503 else Ending.UNSUBSCRIBE

    receiver.statuses = [503, 410]
    deliveries.send(delivery(receiver, policy=policy, ended=lambda *what: ended.append(what)))
    assert await settled(deliveries) == {"failed": 1, "retried": 1}
    assert asked == [(1, 503), (2, 410)]
    assert ended == [(Ending.UNSUBSCRIBE, 410)]


async def test_a_subscriber_that_does_not_answer_in_time_has_no_status(deliveries, receiver):
    ended: list[Any] = []
    receiver.hold = asyncio.Event()
    deliveries.send(
        delivery(receiver, timeout_seconds=0.05, ended=lambda *what: ended.append(what))
    )
    assert await settled(deliveries) == {"failed": 1}
    assert ended == [(Ending.GIVEN_UP, None)]
    receiver.hold.set()


async def test_a_redirect_is_not_followed(deliveries, receiver):
    receiver.statuses = [302]
    deliveries.send(delivery(receiver))
    assert await settled(deliveries) == {"failed": 1}
    assert len(receiver.bodies) == 1


async def test_https_needs_a_certificate_of_the_given_authority(tmp_path):
    certificates = ensure_certificates(tmp_path)
    receiver = Receiver()
    runner = await receiver.serve(tls_context(certificates.certificate, certificates.key))
    outcomes = []
    for ca_file in (str(certificates.ca), None):
        sender = Deliveries(ca_file=ca_file)
        await sender.start()
        sender.send(delivery(receiver))
        outcomes.append(await settled(sender))
        await sender.stop()
    assert outcomes == [{"sent": 1}, {"failed": 1}]
    await runner.cleanup()


@pytest.mark.parametrize(
    "address", ["http://example.com/", "http://10.0.0.1/", "ftp://127.0.0.1/", "https:///x", "x"]
)
async def test_other_addresses_are_refused(deliveries, address):
    with pytest.raises(AddressError):
        deliveries.send(Delivery(address=address, body=None, policy=gives_up))
    with pytest.raises(AddressError):
        await deliveries.ask("POST", address, timeout_seconds=1)


@pytest.mark.parametrize(
    "address", ["https://example.com/", "http://localhost:1/", "http://127.0.0.9/", "http://[::1]/"]
)
def test_https_and_this_machine_are_allowed(address):
    check_address(address)


async def test_a_handshake_gives_the_answer(deliveries, receiver):
    receiver.statuses = [202]
    answer = await deliveries.ask("POST", receiver.address, timeout_seconds=5, body={"q": 1})
    assert answer is not None
    assert answer.status == 202
    assert await deliveries.ask("POST", "http://127.0.0.1:1/", timeout_seconds=5) is None


async def test_a_dropped_delivery_is_never_sent(deliveries, receiver):
    deliveries.plan.add({"action": "drop", "times": 2})
    for number in range(3):
        deliveries.send(delivery(receiver, number))
    assert await settled(deliveries) == {"dropped": 2, "sent": 1}
    assert receiver.bodies == [2]


async def test_a_duplicated_delivery_arrives_twice_and_ends_once(deliveries, receiver):
    ended: list[Any] = []
    deliveries.plan.add({"action": "duplicate"})
    deliveries.send(delivery(receiver, 1, ended=lambda *what: ended.append(what)))
    assert await settled(deliveries) == {"duplicated": 1, "sent": 2}
    assert receiver.bodies == [1, 1]
    assert len(ended) == 1


async def test_a_delayed_delivery_is_overtaken(deliveries, receiver):
    deliveries.plan.add({"action": "delay", "seconds": 0.3})
    deliveries.send(delivery(receiver, "delayed"))
    deliveries.send(delivery(receiver, "prompt"))
    assert await settled(deliveries) == {"delayed": 1, "sent": 2}
    assert receiver.bodies == ["prompt", "delayed"]


async def test_a_reordered_delivery_comes_after_the_next_one(deliveries, receiver):
    deliveries.plan.add({"action": "reorder", "seconds": 60})
    deliveries.send(delivery(receiver, "first"))
    deliveries.send(delivery(receiver, "second"))
    assert await settled(deliveries) == {"reordered": 1, "sent": 2}
    assert receiver.bodies == ["second", "first"]


async def test_a_reordered_delivery_without_a_next_one_is_sent_all_the_same(deliveries, receiver):
    deliveries.plan.add({"action": "reorder", "seconds": 0.05})
    deliveries.send(delivery(receiver, "only"))
    assert await settled(deliveries) == {"reordered": 1, "sent": 1}
    assert receiver.bodies == ["only"]


async def test_faults_strike_only_their_addresses(deliveries, receiver):
    deliveries.plan.add({"action": "drop", "address": "/other$", "times": None})
    deliveries.send(delivery(receiver))
    assert await settled(deliveries) | {"faults": 1} == {"sent": 1, "faults": 1}


async def test_random_drops_are_the_same_for_the_same_seed(deliveries, receiver):
    async def arrivals(seed: int) -> list[int]:
        deliveries.clear()
        receiver.bodies.clear()
        deliveries.plan.add({"action": "drop", "probability": 0.5, "seed": seed})
        for number in range(40):
            deliveries.send(delivery(receiver, number))
        await settled(deliveries)
        return sorted(receiver.bodies)

    first = await arrivals(1)
    assert 0 < len(first) < 40
    assert await arrivals(1) == first
    assert await arrivals(2) != first


async def test_clearing_forgets_faults_and_counters(deliveries, receiver):
    deliveries.plan.add({"action": "drop", "times": None})
    deliveries.send(delivery(receiver))
    deliveries.clear()
    assert await settled(deliveries) == {}


@pytest.mark.parametrize(
    ("description", "named"),
    [
        ([], "object"),
        ({"action": "lose"}, "action"),
        ({"action": "drop", "match": {}}, "members"),
        ({"action": "drop", "address": "("}, "regular expression"),
        ({"action": "delay", "seconds": "1"}, "seconds"),
        ({"action": "drop", "probability": 1.5}, "probability"),
        ({"action": "drop", "times": True}, "times"),
        ({"action": "drop", "seed": 0.5}, "seed"),
    ],
)
def test_a_malformed_fault_of_deliveries_is_refused_by_name(description, named):
    with pytest.raises(DescriptionError, match=named):
        Deliveries().plan.add(description)
