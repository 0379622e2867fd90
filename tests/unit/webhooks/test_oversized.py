"""A call of Business Central that is too long to be read: all tables are looked at instead."""

from __future__ import annotations

import json

import pytest

from tests.unit.webhooks.test_receiving import COMPANY, World
from webhooks.receiving import BODY_LIMIT


@pytest.fixture
def world():
    return World()


def oversized(key: str) -> bytes:
    entry = {"clientState": key, "changeType": "updated", "resource": f"{COMPANY}/items(x)"}
    body = json.dumps({"value": [entry] * (BODY_LIMIT // 80)}).encode()
    assert len(body) > BODY_LIMIT
    return body


def test_one_of_ours_requests_a_pass_over_all_tables(world):
    world.receiver.bc_call(oversized(world.bc_key))
    assert world.asked() == {""}


@pytest.mark.parametrize("key", ["forged", "", "é"])
def test_a_strangers_requests_nothing(world, key):
    world.receiver.bc_call(oversized(key))
    assert not world.asked()
