"""Registering with both services, repairing and renewing, with the services in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from errors import ConfigurationError, TransientError
from identity.model import TenantId
from services.business_central_subscriptions import Subscription
from services.dataverse_webhooks import Registration
from sync.catalog import DEFAULT_CATALOG
from tests.fakes.tables import MemoryAccount
from webhooks.mapped_tables import crm_tables
from webhooks.registration import Addresses, Registrar
from webhooks.store import WebhookStore

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIVES = timedelta(days=3)
HOOK = "https://coupler.example/bc"


class Crm:
    def __init__(self) -> None:
        self.key: Any = None
        self.tables: Any = {}
        self.fails = False

    def ensure(self, name, url, key, tables):
        if self.fails:
            raise TransientError("away", "away")
        if self.key is None and key is None:
            raise ConfigurationError("webhook-key-missing", "no key")
        self.key, self.tables = key or self.key, tables
        return Registration(endpoint_id="e", added=(), removed=0)

    def remove(self, name):
        self.key, self.tables = None, {}


class Bc:
    def __init__(self, world: Any) -> None:
        self.world, self.made, self.room = world, 0, 100
        self.live: dict[str, Subscription] = {}
        self.keys: dict[str, str] = {}

    def resource(self, entity_set):
        return f"/api/v2.0/companies(c)/{entity_set}"

    def supported_resources(self):
        return frozenset({"customers", "items", "vendors"})

    def list_subscriptions(self):
        return list(self.live.values())

    def subscribe(self, url, resource, client_state):
        if self.made >= self.room:
            raise ConfigurationError("webhook-refused", "full")
        self.made += 1
        one = Subscription(
            id=f"s{self.made}",
            url=url,
            resource=resource,
            expires=self.world.now + LIVES,
            version="v",
        )
        self.live[one.id], self.keys[one.id] = one, client_state
        return one

    def renew(self, subscription):
        renewed = replace(subscription, expires=self.world.now + LIVES)
        self.live[subscription.id] = renewed
        return renewed

    def unsubscribe(self, subscription_id):
        self.live.pop(subscription_id, None)


class World:
    def __init__(self) -> None:
        self.now = NOW
        table = MemoryAccount().table("webhooks", TenantId("t"))
        self.store = WebhookStore(table, "cronus")
        self.crm, self.bc = Crm(), Bc(self)
        self.registrar = Registrar(
            addresses=Addresses(name="n", crm="https://coupler.example/crm", bc=HOOK),
            store=self.store,
            crm=self.crm,
            bc=self.bc,
            catalog=lambda: DEFAULT_CATALOG,
            now=lambda: self.now,
        )

    def is_whole(self):
        known = self.store.load()
        keys = [self.bc.keys[one] for one in self.bc.live]
        return (
            known.ring("crm").matches(self.crm.key, self.now)
            and len(keys) == 2
            and all(known.ring("bc").matches(key, self.now) for key in keys)
            and {one.entity_set for one in known.subscriptions} == {"customers", "items"}
        )


@pytest.fixture
def world():
    return World()


def test_registering_covers_every_mapped_table_that_a_service_tells_of(world):
    world.registrar.register()
    assert world.crm.tables == crm_tables(DEFAULT_CATALOG)
    assert world.is_whole()


def test_registering_again_makes_nothing_twice_and_keeps_the_keys(world):
    world.registrar.register()
    key = world.crm.key
    world.registrar.register()
    assert (world.crm.key, world.bc.made) == (key, 2)


def test_subscriptions_are_renewed_only_when_little_of_their_life_is_left(world):
    world.registrar.register()
    world.now += timedelta(hours=35)
    world.registrar.register()
    assert {one.expires for one in world.bc.live.values()} == {NOW + LIVES}
    world.now += timedelta(hours=2)
    world.registrar.register()
    assert {one.expires for one in world.bc.live.values()} == {world.now + LIVES}
    assert {one.expires for one in world.store.load().subscriptions} == {world.now + LIVES}


def test_what_was_lost_on_either_side_is_made_again(world):
    world.registrar.register()
    world.bc.live.popitem()
    world.crm.remove("n")
    world.registrar.register()
    assert world.is_whole()


@pytest.mark.parametrize("room", [0, 1])
def test_a_registration_that_failed_half_way_is_completed_by_the_next(world, room):
    world.bc.room = room
    with pytest.raises(ConfigurationError):
        world.registrar.register()
    world.bc.room = 100
    world.registrar.register()
    assert world.is_whole()


def test_a_key_that_crm_never_took_does_not_end_the_one_it_has(world):
    world.registrar.register()
    world.crm.fails = True
    for _ in range(3):
        with pytest.raises(TransientError):
            world.registrar.register(new_keys=True)
    assert world.store.load().ring("crm").matches(world.crm.key, world.now)


def test_rotating_gives_both_services_new_keys(world):
    world.registrar.register()
    old = world.crm.key
    world.registrar.register(new_keys=True)
    assert world.crm.key != old
    assert world.is_whole()


def test_removing_leaves_nothing_and_touches_no_other_connections_subscriptions(world):
    world.registrar.register()
    world.bc.subscribe("https://other.example", "/api/v2.0/companies(c)/items", "k")
    world.registrar.remove()
    assert [one.url for one in world.bc.live.values()] == ["https://other.example"]
    assert not world.store.load().keys
    assert not world.store.load().is_wanted
