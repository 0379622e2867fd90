"""Coupling by hand in a world in memory."""

from __future__ import annotations

from collections.abc import Callable

from sync.by_hand.coupling import ManualCoupling
from sync.by_hand.order import OrderedCoupling
from sync.by_hand.pair_requests import PairRequests
from sync.by_hand.partner_creation import PartnerCreation
from sync.by_hand.table_hold import TableHold
from sync.waking import Waking
from tests.support.journal import new_entry
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
        entry=new_entry(world),
        wake_waiting=Waking(world.requests, world.outcomes, children=catalog.children),
        now=world.now,
    )


def coupling_in_order(world: SyncWorld, mapping: str = "CUSTOMER") -> OrderedCoupling:
    return OrderedCoupling(
        mapping,
        open_work=lambda name: world.open(world.load_catalog().named(name), whole=False),
        coupling_of=lambda name: coupling_by_hand(world, name),
    )


def pair_requests(world: SyncWorld, mapping: str = "CUSTOMER") -> PairRequests:
    return PairRequests(
        mapping,
        couplings=world.couplings,
        outcomes=world.outcomes,
        hints=world.hints,
        requests=world.requests,
        hold=hold_of(world),
        cascade=world.cascade(),
        entry=new_entry(world),
        now=world.now,
    )


def partner_creation(world: SyncWorld, mapping: str = "CUSTOMER") -> PartnerCreation:
    return PartnerCreation(
        lambda: world.open(world.load_catalog().named(mapping), whole=False),
        hints=world.hints,
        requests=world.requests,
        now=world.now,
    )


def drain_passes(world: SyncWorld) -> None:
    """The passes that were sent for, and those that they send for."""
    for _ in range(20):
        if not world.queues.messages:
            return
        world.pass_worker().handle(world.queues.messages.pop(0)["mapping"])
    raise AssertionError("the passes send for one another without end")
