"""Putting together what couples records by hand. The only place here that reads the clock."""

from __future__ import annotations

from collections.abc import Callable

from identity.model import TenantId
from sync.by_hand.coupling import ManualCoupling
from sync.by_hand.order import OrderedCoupling
from sync.by_hand.pair_requests import PairRequests
from sync.by_hand.partner_creation import PartnerCreation
from sync.by_hand.table_hold import TableHold
from sync.catalog import CatalogSource
from sync.journal.journal import ChangeEntry
from sync.opening import (
    Services,
    cascade_of,
    coupling_store,
    now,
    opener_of,
    outcome_store,
    pass_stores,
    waking_of,
)


def table_hold_of(tenant: TenantId, connection_id: str) -> TableHold:
    """What holds the connection's tables for people."""
    stores = pass_stores(tenant, connection_id)
    return TableHold(stores.states, stores.requests, now=now)


def manual_coupling_of(
    tenant: TenantId,
    connection_id: str,
    catalog: CatalogSource,
    services: Callable[[], Services],
    name: str,
    entry: ChangeEntry,
) -> ManualCoupling:
    """What couples records of one table mapping by hand, as the change of this entry."""
    stores = pass_stores(tenant, connection_id)
    open_work = opener_of(tenant, connection_id, catalog, services)
    return ManualCoupling(
        lambda: open_work(name),
        hold=table_hold_of(tenant, connection_id),
        hints=stores.hints,
        requests=stores.requests,
        entry=entry,
        wake_waiting=waking_of(tenant, connection_id, catalog),
        now=now,
    )


def coupling_in_order_of(
    tenant: TenantId,
    connection_id: str,
    catalog: CatalogSource,
    services: Callable[[], Services],
    name: str,
    entry: ChangeEntry,
) -> OrderedCoupling:
    """What couples records of one table mapping, and those that they refer to before them, all as
    the change of this entry."""
    return OrderedCoupling(
        name,
        open_work=opener_of(tenant, connection_id, catalog, services),
        coupling_of=lambda each: manual_coupling_of(
            tenant, connection_id, catalog, services, each, entry
        ),
    )


def pair_requests_of(
    tenant: TenantId, connection_id: str, catalog: CatalogSource, name: str, entry: ChangeEntry
) -> PairRequests:
    """What takes the wishes about the pairs of one table mapping, as the change of this entry."""
    stores = pass_stores(tenant, connection_id)
    return PairRequests(
        name,
        couplings=coupling_store(tenant, connection_id),
        outcomes=outcome_store(tenant, connection_id),
        hints=stores.hints,
        requests=stores.requests,
        hold=table_hold_of(tenant, connection_id),
        cascade=cascade_of(tenant, connection_id, catalog()),
        entry=entry,
        now=now,
    )


def partner_creation_of(
    tenant: TenantId,
    connection_id: str,
    catalog: CatalogSource,
    services: Callable[[], Services],
    name: str,
) -> PartnerCreation:
    """What has records of one table mapping get partners."""
    stores = pass_stores(tenant, connection_id)
    open_work = opener_of(tenant, connection_id, catalog, services)
    return PartnerCreation(
        lambda: open_work(name), hints=stores.hints, requests=stores.requests, now=now
    )
