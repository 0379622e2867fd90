"""Coupling by hand in a world in memory."""

from __future__ import annotations

from collections.abc import Callable

from sync.manual_coupling import ManualCoupling
from sync.table_hold import TableHold
from sync.waking import Waking
from tests.support.table_jobs import SyncWorld


def no_time_passes() -> None:
    """What happens while somebody waits for a table: nothing."""


def hold_of(world: SyncWorld, sleep: Callable[[], object] = no_time_passes) -> TableHold:
    return TableHold(world.states, world.requests, now=world.now, sleep=lambda seconds: sleep())


def coupling_by_hand(
    world: SyncWorld, mapping: str = "CUSTOMER", sleep: Callable[[], object] = no_time_passes
) -> ManualCoupling:
    catalog = world.load_catalog()
    return ManualCoupling(
        lambda: world.open(catalog.named(mapping), whole=False),
        hold=hold_of(world, sleep),
        hints=world.hints,
        requests=world.requests,
        wake_waiting=Waking(world.requests, world.outcomes, children=catalog.children),
        now=world.now,
    )
