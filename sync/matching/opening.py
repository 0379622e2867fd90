"""Putting together what matching works with. The only place here that reads the clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from identity.model import TenantId
from storage.accounts import storage_account
from sync.matching.accepted import Accepted, AcceptedList
from sync.matching.line import matching
from sync.matching.model import Result
from sync.matching.picks import Picks
from sync.matching.store import TABLE, MatchStore
from sync.opening import now, storage_pool
from sync.slices import Held, MakeSlice


def match_store(tenant: TenantId, connection_id: str) -> MatchStore:
    return MatchStore(storage_account().table(TABLE, tenant), connection_id, pool=storage_pool())


def matching_slices(tenant: TenantId, connection_id: str) -> MakeSlice:
    """What is done in a slice of the connection's match runs."""
    return matching(match_store(tenant, connection_id))


def picks_of(tenant: TenantId, connection_id: str, result: Result, by: str) -> Picks:
    """What takes picks among the candidates of a result."""
    return Picks(match_store(tenant, connection_id), result, by=by, now=now)


def accepted_wants(
    tenant: TenantId, connection_id: str, held: Held, order: Mapping[str, Any]
) -> AcceptedList:
    """What was accepted of the matches of a held line's table."""
    return AcceptedList(match_store(tenant, connection_id), held.work, Accepted.of(order))
