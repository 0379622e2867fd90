"""What must hold once users rest, faults are over and everything was passed over again."""

from __future__ import annotations

from typing import Any

from couplings.model import Coupling
from sync.catalog import DEFAULT_CATALOG
from sync.crm_index import in_scope
from sync.mapping import TableMapping
from sync.outcome_model import SETTLED
from sync.outcomes import Outcome, OutcomeKind
from sync.reconcile import reconcile_table
from tests.simulation.lineage import BrokenGuaranteeError
from tests.simulation.oracle import text_of
from tests.simulation.simulation import Simulation
from tests.simulation.tables import TABLES, SimTable
from tests.simulation.tenant import SimTenant

type Record = dict[str, Any]


def check(simulation: Simulation) -> None:
    """Raises ``BrokenGuaranteeError``."""
    for world in simulation.worlds:
        for name in world.names:
            _TableCheck(world, TABLES[name]).run()


class _TableCheck:
    def __init__(self, world: SimTenant, table: SimTable) -> None:
        self._world = world
        self._table = table
        self._mapping: TableMapping = world.mappings[table.mapping]
        self._bc = world.bc.tables[table.bc]
        self._crm = world.crm.tables[table.crm]
        self._outcomes: dict[tuple[str, str], Outcome] = {
            outcome.key: outcome for outcome in world.outcome_list(table.mapping)
        }
        self._couplings = list(world.couplings.scan(table.mapping))

    def run(self) -> None:
        for coupling in self._couplings:
            self._check_pair(coupling)
        self._check_nobody_left()
        self._check_no_duplicates()
        self._check_no_drift()

    def _fail(self, guarantee: str, words: str) -> None:
        tenant = self._world.tenant[:2]
        raise BrokenGuaranteeError(f"{guarantee}: {tenant} {self._table.mapping}: {words}")

    def _told(self, coupling: Coupling) -> Outcome | None:
        """What is said about the pair now; a settled conflict's row only remembers."""
        told = [
            self._outcomes.get(("bc", coupling.bc_id)),
            self._outcomes.get(("crm", coupling.crm_id)),
        ]
        return next((each for each in told if each and each.code != SETTLED), None)

    def _check_pair(self, coupling: Coupling) -> None:
        entities = self._world.oracle.entities
        name = self._table.mapping
        of_bc = entities.get((name, "bc", coupling.bc_id))
        of_crm = entities.get((name, "crm", coupling.crm_id))
        if of_bc != of_crm:
            self._fail("G2", f"{coupling.bc_id} and {coupling.crm_id} are not the same thing")
        bc, crm = self._bc.get(coupling.bc_id), self._crm.get(coupling.crm_id)
        told = self._told(coupling)
        if bc is None or crm is None:
            if told is None and (bc or crm):
                self._fail("G10", f"a partner of {coupling.name} is gone, and nothing says so")
            return
        if told and told.kind is OutcomeKind.FAILED:
            return  # refused for its content: it stays as it is, and is reported
        if told and told.kind is OutcomeKind.WAITING:
            return
        if told and not (self._is_ours("bc", bc) and self._is_ours("crm", crm)):
            return  # it left the filter, and that is reported
        self._check_fields(coupling, bc, crm, told)

    def _check_fields(
        self, coupling: Coupling, bc: Record, crm: Record, told: Outcome | None
    ) -> None:
        table, base = self._table, coupling.base
        for pair in table.both:
            left, right = text_of(bc.get(pair[0])), text_of(crm.get(pair[1]))
            if left == right:
                continue
            if told is None or told.kind is not OutcomeKind.CONFLICT:
                self._fail("G3", f"{coupling.name}: {pair} is {left!r} and {right!r}, told: {told}")
            agreed = (text_of(base.bc.get(pair[0])), text_of(base.crm.get(pair[1]))) if base else ()
            if left in agreed or right in agreed:
                self._fail("G5", f"{coupling.name}: {pair} is no conflict: {left!r}, {right!r}")
        for pair in (*table.to_crm, *table.from_crm):
            left, right = text_of(bc.get(pair[0])), text_of(crm.get(pair[1]))
            if left != right:
                self._fail("G3", f"{coupling.name}: {pair} is {left!r} and {right!r}")
        for bc_name, crm_name in table.amounts:
            if float(bc.get(bc_name) or 0) != float(crm.get(crm_name) or 0):
                amounts = (bc.get(bc_name), crm.get(crm_name))
                self._fail("G3", f"{coupling.name}: {bc_name} and {crm_name} are {amounts}")

    def _is_ours(self, side: str, record: Record) -> bool:
        scope = self._mapping.bc.scope if side == "bc" else self._mapping.crm.scope
        return in_scope(scope, record)

    def _check_nobody_left(self) -> None:
        """Every record of a user is coupled, or something says why not."""
        bc_coupled = {each.bc_id for each in self._couplings}
        crm_coupled = {each.crm_id for each in self._couplings}
        for side, rows, coupled in (
            ("bc", self._bc, bc_coupled),
            ("crm", self._crm, crm_coupled),
        ):
            if side == "bc" and not self._mapping.creates_in_crm:
                continue
            if side == "crm" and not self._mapping.direction.writes_bc:
                continue
            for record_id, record in rows.items():
                if record_id in coupled or not self._is_ours(side, record):
                    continue
                if (side, record_id) not in self._outcomes:
                    self._fail("G1", f"{side} {record_id} is not coupled, and nothing says why")

    def _check_no_duplicates(self) -> None:
        for (mapping, side, entity), ids in self._world.oracle.live.items():
            if mapping != self._table.mapping or self._world.oracle.may_repeat(mapping, entity):
                continue
            if len(ids) > 1:
                self._fail("G2", f"{entity} is there {len(ids)} times in {side}: {sorted(ids)}")

    def _check_no_drift(self) -> None:
        """The product's own reconciling finds nothing that no outcome tells of."""
        world = self._world
        work = world.open(DEFAULT_CATALOG.named(self._table.mapping))
        for drift in reconcile_table(work, now=world.now):
            if not drift.is_explained:
                self._fail("drift", f"{drift.kind} {drift.side} {drift.record_id}: {drift.message}")
