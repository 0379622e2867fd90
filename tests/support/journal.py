"""The journal of a world in memory."""

from __future__ import annotations

from sync.journal.journal import TABLE, ChangeEntry, CouplingJournal
from sync.journal.model import BY_HAND, Change
from sync.runs.naming import new_run_id
from tests.support.table_jobs import SyncWorld


def journal_of(world: SyncWorld) -> CouplingJournal:
    return CouplingJournal(world.account.table(TABLE, world.tenant), world.connection)


def new_entry(
    world: SyncWorld, origin: str = BY_HAND, undoes: str = "", change_id: str = ""
) -> ChangeEntry:
    """A change that somebody begins now."""
    at = world.now()
    change = Change(
        change_id=change_id or new_run_id(at), at=at, by="somebody", origin=origin, undoes=undoes
    )
    return ChangeEntry(journal_of(world), change)
