"""What one slice of a table job works with."""

from __future__ import annotations

from dataclasses import dataclass

from couplings.store import CouplingStore
from services.business_central import BusinessCentral, Endpoint
from services.dataverse import Dataverse
from sync.mapping import TableMapping
from sync.outcomes import OutcomeStore
from sync.rules.base import Rule, RuleContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The collaborators of one slice, opened for one tenant, connection and mapping."""

    run_id: str
    mapping: TableMapping
    rule: Rule
    context: RuleContext
    bc: BusinessCentral
    crm: Dataverse
    couplings: CouplingStore
    outcomes: OutcomeStore
    preview: bool
    """Decide and count everything, write nothing to either system and couple nothing."""

    @property
    def endpoint(self) -> Endpoint:
        """Where the mapping's BC records are."""
        table = self.mapping.bc
        return Endpoint.page(table.name) if table.page else Endpoint.api(table.name)
