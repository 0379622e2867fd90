"""Trouble on one side of a connection leaves the other side's webhooks alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from errors import ConcurrencyError, TransientError
from tests.unit.webhooks.test_registration import HOOK, World


@pytest.fixture
def world():
    return World()


def test_subscriptions_are_renewed_though_crm_is_away(world):
    world.registrar.register()
    world.crm.fails = True
    world.now += timedelta(hours=40)
    before = {one.expires for one in world.bc.live.values()}
    with pytest.raises(TransientError):
        world.registrar.register()
    assert before.isdisjoint(one.expires for one in world.bc.live.values())


def test_a_first_registration_that_failed_is_wanted_and_says_why(world):
    world.crm.fails = True
    with pytest.raises(TransientError):
        world.registrar.register()
    known = world.store.load()
    assert (known.is_wanted, known.problem) == (True, "away")
    world.crm.fails = False
    world.registrar.register()
    assert world.is_whole()
    assert world.store.load().problem == ""


def test_a_subscription_made_twice_is_left_once(world):
    """As where the answer to making it was lost, and it was made again."""
    world.registrar.register()
    twice = next(iter(world.bc.live.values()))
    world.bc.subscribe(HOOK, twice.resource, "k")
    world.registrar.register()
    assert len(world.bc.live) == 2
    assert world.is_whole()


def test_removing_ends_a_subscription_made_twice(world):
    world.registrar.register()
    twice = next(iter(world.bc.live.values()))
    world.bc.subscribe(HOOK, twice.resource, "k")
    world.registrar.remove()
    assert world.bc.live == {}


def test_a_subscription_that_somebody_else_renewed_is_no_trouble(world, monkeypatch):
    world.registrar.register()

    def renew(subscription):
        raise ConcurrencyError("subscription-changed", "changed meanwhile")

    monkeypatch.setattr(world.bc, "renew", renew)
    world.now += timedelta(hours=40)
    world.registrar.register()
    assert world.store.load().problem == ""
    assert world.is_whole()
