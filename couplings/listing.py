"""Couplings for people to leaf through: some of them, in an order of their choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from couplings.model import Coupling, CouplingState
from couplings.rows import BC, coupling_of
from storage.leafing import partition_page
from storage.paging import check_limit
from storage.rows import Row
from storage.sorting import sorted_page
from storage.tables import TenantTable

_COLUMNS = (
    "crm_id",
    "bc_key",
    "name",
    "bc_version",
    "crm_version",
    "state",
    "coupled_at",
    "synchronized_at",
)
"""All but what both sides agreed on, which may be long and is not shown in lists."""


class CouplingOrder(StrEnum):
    """By which a list is sorted; a minus is the other way round."""

    BC_ID = "bc_id"  # the order of storage, whose pages cost nothing
    KEY = "key"
    NAME = "name"
    SYNCHRONIZED = "synchronized_at"
    LATEST_SYNCHRONIZED = "-synchronized_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Which couplings are asked for, and how."""

    state: CouplingState | None = None
    search: str = ""
    """Part of a name, number or id on either side, in any case; empty for all."""
    order: CouplingOrder = CouplingOrder.BC_ID
    limit: int = 100
    continuation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CouplingPage:
    couplings: list[Coupling]
    """Without their base snapshots."""
    continuation: str | None
    """Opaque; None on the last page."""


def coupling_page(
    table: TenantTable, partition: tuple[str, ...], mapping: str, asked: Listed
) -> CouplingPage:
    """A page of the couplings of one partition.

    Raises ``RefusedRequestError``: 422 for a limit outside 1 to 1000, 400 for a continuation that
    another list gave.
    """
    where = {"state": asked.state.value} if asked.state else {}
    fits = _fits(asked.search)
    if asked.order is CouplingOrder.BC_ID:
        page, following = partition_page(
            table,
            partition,
            prefix=(BC,),
            where=where,
            select=_COLUMNS,
            keep=fits,
            limit=asked.limit,
            continuation=asked.continuation,
        )
    else:
        page, following = sorted_page(
            filter(fits, table.scan(partition, prefix=(BC,), select=_COLUMNS, where=where)),
            _place(asked.order),
            order=asked.order.value,
            limit=check_limit(asked.limit),
            continuation=asked.continuation,
            of=table,
        )
    return CouplingPage(
        couplings=[_coupling_of(mapping, row) for row in page], continuation=following
    )


def _fits(search: str) -> Callable[[Row], bool]:
    sought = search.casefold()

    def fits(row: Row) -> bool:
        told = (row.key[1], *(str(row.values[name]) for name in ("crm_id", "bc_key", "name")))
        return any(sought in each.casefold() for each in told)

    return fits


def _place(order: CouplingOrder) -> Callable[[Row], tuple[str, ...]]:
    """What rows are sorted by; the id makes each place different."""
    column = {CouplingOrder.KEY: "bc_key", CouplingOrder.NAME: "name"}.get(order, "synchronized_at")
    # Of times, all in UTC, the text sorts as the time does.
    return lambda row: (str(row.values[column]), row.key[1])


def _coupling_of(mapping: str, row: Row) -> Coupling:
    return coupling_of(mapping, replace(row, values={**row.values, "base_pieces": 0}))
