"""Whose rows are purged first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from identity.model import TenantId
from upkeep.purging import in_turn

NOON = datetime(2026, 6, 26, 12, 0, tzinfo=UTC)
TENANTS = [TenantId(name) for name in ("a", "b", "c", "d")]


def test_every_tenant_has_its_turn_at_being_first():
    hours = [NOON + timedelta(hours=each) for each in range(100)]
    assert {in_turn(TENANTS, hour)[0] for hour in hours} == set(TENANTS)


def test_nobody_is_left_out_and_the_order_of_an_hour_is_one():
    turn = in_turn(TENANTS, NOON)
    assert sorted(turn) == TENANTS
    assert in_turn(reversed(TENANTS), NOON + timedelta(minutes=59)) == turn
