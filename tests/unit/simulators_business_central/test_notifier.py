"""When what was collected is sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, override

import pytest

from local.simulators.business_central.limits import Limits
from local.simulators.business_central.notifier import Notifier
from local.simulators.business_central.store import Company, Environment
from local.simulators.business_central.subscriptions import Subscriptions
from local.simulators.core.deliveries import Deliveries, Delivery, Ending
from tests.unit.simulators_business_central.world import COMPANY, COMPANY_NAME, company, row

NOW = datetime(2026, 6, 26, tzinfo=UTC)
RESOURCE = f"/api/v2.0/companies({COMPANY})/currencies"


class Outbox(Deliveries):
    """Keeps what is to be sent, and what is to be called later."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Delivery] = []
        self.timers: list[tuple[float, Callable[[], None]]] = []

    @override
    def send(self, delivery: Delivery) -> None:
        self.sent.append(delivery)

    @override
    def after(self, seconds: float, act: Callable[[], None]) -> None:
        self.timers.append((seconds, act))

    def fire(self) -> None:
        timers, self.timers = self.timers, []
        for _, act in timers:
            act()


class World:
    """A company, its subscriptions and their notifier."""

    def __init__(self) -> None:
        environment = Environment()
        self._company: Company = environment.add_company(company(COMPANY, COMPANY_NAME))
        self._journal = environment.journal
        self.outbox = Outbox()
        self.subscriptions = Subscriptions(environment, lambda: NOW)
        self.notifier = Notifier(
            environment.journal,
            self.subscriptions,
            self.outbox,
            lambda: NOW,
            lambda: Limits(notification_delay=30),
        )

    def subscribe(self, address: str) -> str:
        body = {"notificationUrl": address, "resource": RESOURCE}
        made = self.subscriptions.prepare(body, "", None)
        self.subscriptions.keep(made)
        return str(made.row["subscriptionId"])

    def write(self, code: str) -> None:
        with self._journal.transaction():
            self._company["currencies"].put(row("currencies", code=code))

    def told(self) -> list[list[Any]]:
        """The records' addresses of each body sent."""
        return [
            [entry["resource"].partition(")/")[2] for entry in each.body["value"]]
            for each in self.outbox.sent
        ]


@pytest.fixture
def world() -> World:
    return World()


def address(code: str) -> str:
    return f"currencies({row('currencies', code=code)['id']})"


def test_a_window_begins_with_its_first_change_and_ends_once(world):
    world.subscribe("https://a.invalid")
    world.write("EUR")
    world.write("NOK")
    assert [seconds for seconds, _ in world.outbox.timers] == [30]
    world.outbox.fire()
    world.write("USD")
    assert len(world.outbox.timers) == 1
    world.outbox.fire()
    assert world.told() == [[address("EUR"), address("NOK")], [address("USD")]]


def test_nothing_waits_where_nobody_watches(world):
    world.write("EUR")
    assert world.outbox.timers == []


def test_every_address_gets_its_own_body(world):
    for each in ("https://a.invalid", "https://b.invalid", "https://a.invalid"):
        world.subscribe(each)
    world.write("EUR")
    world.outbox.fire()
    assert [(each.address, len(each.body["value"])) for each in world.outbox.sent] == [
        ("https://a.invalid", 2),
        ("https://b.invalid", 1),
    ]


def test_what_is_forgotten_is_not_sent(world):
    world.subscribe("https://a.invalid")
    world.write("EUR")
    world.notifier.forget()
    world.outbox.fire()
    assert world.outbox.sent == []


@pytest.mark.parametrize(
    ("ending", "left"), [(Ending.DELIVERED, 2), (Ending.GIVEN_UP, 2), (Ending.UNSUBSCRIBE, 1)]
)
def test_only_the_subscriptions_of_a_refused_body_end(world, ending, left):
    world.subscribe("https://a.invalid")
    other = world.subscribe("https://b.invalid")
    world.write("EUR")
    world.outbox.fire()
    world.outbox.sent[0].ended(ending, 200)
    remaining = [each.row["subscriptionId"] for each in world.subscriptions.active()]
    assert len(remaining) == left
    assert other in remaining
