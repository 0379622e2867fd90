"""Putting together what a coupling run works with: which list it is about, and the stores."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from identity.model import TenantId
from sync.bulk.line import CouplingSlice
from sync.bulk.model import WantList
from sync.bulk.whole_table import WholeTable
from sync.connected import catalog_source
from sync.journal.opening import SOURCE as UNDO
from sync.journal.opening import entry_of_run, undone_list
from sync.matching.accepted import SOURCE as MATCHES
from sync.matching.opening import accepted_wants
from sync.opening import pass_stores, waking_of
from sync.slices import Held, MakeSlice, Slice
from sync.transfer.opening import SOURCE as IMPORT
from sync.transfer.opening import imported_list

EVERYTHING = "everything"
"""All pairs of the tables, to be taken apart."""

type MakeWants = Callable[[TenantId, str, Held, Mapping[str, Any]], WantList]
"""Makes a list for a held line from tenant, connection and what was ordered."""


def _everything(
    tenant: TenantId, connection_id: str, held: Held, order: Mapping[str, Any]
) -> WantList:
    del tenant, connection_id, order
    return WholeTable(held.work.couplings, held.work.mapping.name)


WANT_LISTS: Mapping[str, MakeWants] = {
    EVERYTHING: _everything,
    IMPORT: imported_list,
    MATCHES: accepted_wants,
    UNDO: undone_list,
}
"""Where the wants of a run come from, by ``source`` of its order."""


def order_of(source: str, **details: object) -> str:
    """What is ordered, for ``Run.order``."""
    return json.dumps({"source": source} | details)


def coupling_slices(tenant: TenantId, connection_id: str) -> MakeSlice:
    """What is done in a slice of the connection's coupling runs."""

    def make(held: Held) -> Slice:
        order = json.loads(held.run.order)
        stores = pass_stores(tenant, connection_id)
        catalog = catalog_source(tenant, connection_id)
        return CouplingSlice(
            held,
            WANT_LISTS[order["source"]](tenant, connection_id, held, order),
            hints=stores.hints,
            requests=stores.requests,
            entry=entry_of_run(tenant, connection_id, held.run),
            wake_waiting=waking_of(tenant, connection_id, catalog),
        )

    return make
