"""Putting together what keeps the journal. The only place here that reads the clock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from identity.model import TenantId
from storage.accounts import storage_account
from sync.job_model import Run
from sync.journal.journal import TABLE, ChangeEntry, CouplingJournal
from sync.journal.model import BY_HAND, Change
from sync.journal.undone import UndoneList
from sync.opening import now
from sync.runs.naming import new_run_id
from sync.slices import Held

SOURCE = "undo"
"""What an order calls a list of wants that undoes a change."""
CHANGE = "change"
"""What such an order calls the change that is to be undone."""


def coupling_journal(tenant: TenantId, connection_id: str) -> CouplingJournal:
    return CouplingJournal(storage_account().table(TABLE, tenant), connection_id)


def entry_by_hand(tenant: TenantId, connection_id: str, by: str) -> ChangeEntry:
    """A new change, of one call."""
    at = now()
    change = Change(change_id=new_run_id(at), at=at, by=by, origin=BY_HAND)
    return ChangeEntry(coupling_journal(tenant, connection_id), change)


def entry_of_run(tenant: TenantId, connection_id: str, run: Run) -> ChangeEntry:
    """The change that a coupling run is: the same one whoever carries it on."""
    order = json.loads(run.order)
    change = Change(
        change_id=run.run_id,
        at=run.started_at,
        by=run.started_by,
        origin=str(order["source"]),
        undoes=str(order.get(CHANGE, "")),
    )
    return ChangeEntry(coupling_journal(tenant, connection_id), change)


def undone_list(
    tenant: TenantId, connection_id: str, held: Held, order: Mapping[str, Any]
) -> UndoneList:
    """The wants of undoing a change of the table that a line holds; noted with the change."""
    journal = coupling_journal(tenant, connection_id)
    change_id, mapping = str(order[CHANGE]), held.work.mapping.name
    journal.note_undoing(change_id, mapping, held.run.run_id)
    return UndoneList(journal, held.work.couplings, mapping, change_id)
