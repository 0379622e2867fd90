"""Putting together what imports work with. The only place here that reads the clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from identity.model import TenantId
from storage.accounts import storage_account
from sync.opening import now
from sync.slices import Held
from sync.transfer.coupling_file import FileRow
from sync.transfer.import_model import Import
from sync.transfer.import_store import TABLE, ImportStore
from sync.transfer.imported import ImportedList

SOURCE = "import"
"""What an order calls a list of wants that comes from a file."""


def import_store(tenant: TenantId, connection_id: str, mapping: str) -> ImportStore:
    return ImportStore(storage_account().table(TABLE, tenant), connection_id, mapping)


def stored_import(
    store: ImportStore, mapping: str, rows: Sequence[FileRow], *, check_only: bool
) -> Import:
    """The rows of a file in storage, for a run that is yet to be begun."""
    new = Import(
        import_id=uuid4().hex,
        mapping=mapping,
        check_only=check_only,
        rows=len(rows),
        stored_at=now(),
    )
    store.add(new, rows)
    return new


def imported_list(
    tenant: TenantId, connection_id: str, held: Held, order: Mapping[str, Any]
) -> ImportedList:
    """The wants of the import that a held line is about; its run is noted should its sender have
    died before doing so."""
    store = import_store(tenant, connection_id, held.work.mapping.name)
    import_id = str(order[SOURCE])
    store.begun(import_id, held.run.run_id, held.run.started_at)
    return ImportedList(store, store.load(import_id), held.work)
