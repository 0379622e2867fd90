"""The setup guide: looks at a connection's steps, keeps what it finds, and can be left and resumed.

Every look asks the services anew; what is kept is for showing. Steps that a look does not name keep
their last result, which the settings it was made with make stale or not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b

from connections.model import Connection
from connections.store import StoredConnection
from identity.model import TenantId
from setup.examination import Examination
from setup.guide_store import TABLE, SetupStore
from setup.model import Step, StepResult
from setup.sources import Sources, sources_of
from storage.accounts import storage_account
from sync.catalog import MappingCatalog

_SETTINGS = ("business_central", "crm", "credentials", "options")


def run_all(tenant: TenantId, stored: StoredConnection) -> list[StepResult]:
    """Look at every step; raises only what storing the results raises."""
    return _run(tenant, stored, Step)


def run_step(tenant: TenantId, stored: StoredConnection, step: Step) -> StepResult:
    """Look at one step, and at what it rests on as far as it needs that; raises as ``run_all``."""
    [result] = _run(tenant, stored, [step])
    return result


def setup_store(tenant: TenantId, connection_id: str) -> SetupStore:
    """What was found of a connection, in this process's storage account."""
    return SetupStore(storage_account().table(TABLE, tenant), connection_id)


def examined(sources: Sources, steps: Iterable[Step], now: datetime) -> list[StepResult]:
    """The results of looking at these steps; what a fact cannot be had for is a finding."""
    examination = Examination(sources)
    mark = settings_mark(sources.connection, sources.catalog)
    return [
        StepResult(
            step=step, findings=examination.findings(step), checked_at=now, settings_mark=mark
        )
        for step in steps
    ]


def settings_mark(connection: Connection, catalog: MappingCatalog) -> str:
    """A text that changes with whatever of a connection the guide looks at: its settings and its
    mappings, and not whether it is enabled."""
    document = connection.document()
    looked_at = {name: document[name] for name in _SETTINGS}
    lineages = {name: mapping.lineage for name, mapping in catalog.enabled.items()}
    text = json.dumps([looked_at, lineages], sort_keys=True)
    return blake2b(text.encode(), digest_size=12).hexdigest()


def _run(tenant: TenantId, stored: StoredConnection, steps: Iterable[Step]) -> list[StepResult]:
    sources = sources_of(tenant, stored)
    try:
        results = examined(sources, steps, sources.now())
    finally:
        sources.close()
    setup_store(tenant, stored.connection.connection_id).save(results)
    return results
