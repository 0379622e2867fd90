"""What one slice of a table job works with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from couplings.store import CouplingStore
from services.business_central import BusinessCentral, Endpoint
from services.dataverse import Dataverse
from services.records import Record
from sync.cascade import Cascade
from sync.hints import HintStore
from sync.mapping import TableMapping
from sync.outcomes import OutcomeStore
from sync.recommendation import Mode
from sync.rules.base import Rule, RuleContext


@dataclass(frozen=True, kw_only=True)
class Work:
    """The collaborators of one slice, opened for one tenant, connection and mapping."""

    run_id: str
    mapping: TableMapping
    rule: Rule
    open_context: Callable[[], RuleContext]
    """Loads what rules may look at; done only once something is to be decided."""
    bc: BusinessCentral
    crm: Dataverse
    couplings: CouplingStore
    outcomes: OutcomeStore
    hints: HintStore
    cascade: Cascade
    failures: int = 0
    """How often in a row the work was tried before and failed as a whole."""
    overlap: timedelta
    """How late a change may appear in Business Central's change feed: longer than an operation may
    take, and more than its servers' clocks differ."""
    preview: bool
    """Decide and count everything, write nothing to either system and couple nothing."""
    mode: Mode | None = None
    """Of a full synchronization: what is done with records without partner. None elsewhere: they
    get one, but for those that a full synchronization left without, while they stay as they are."""

    @cached_property
    def context(self) -> RuleContext:
        """What rules may look at, as it was when first asked for. May raise as loading does."""
        return self.open_context()

    def prepare(self, *, bc: Sequence[Record] = (), crm: Sequence[Record] = ()) -> None:
        """Have known what deriving these BC records, and making BC records of these CRM records,
        needs of other tables: few requests for all of them. May raise as loading does."""
        if bc or crm:
            self.context.load(self.rule.asks_for(bc, crm, self.context))

    @property
    def endpoint(self) -> Endpoint:
        """Where the mapping's BC records are."""
        return endpoint_of(self.mapping)


def endpoint_of(mapping: TableMapping) -> Endpoint:
    """Where a mapping's BC records are."""
    table = mapping.bc
    return Endpoint.page(table.name) if table.page else Endpoint.api(table.name)
