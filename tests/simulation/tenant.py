"""One connection of a simulation: its services, watched, and its workers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache, partial
from random import Random
from typing import Any, Protocol

from couplings.model import Side
from errors import AuthorizationError, CouplerError, ThrottledError, TransientError
from identity.model import TenantId
from services.records import Record, Write, WriteStatus
from storage.keys import partition_key, row_key
from sync.catalog import DEFAULT_CATALOG
from sync.crm_index import in_scope
from sync.jobs import Run
from sync.mapping import DeletionConflict, TableMapping, UpdateConflict
from sync.references import References
from sync.work import Work
from tests.fakes.services import FakeDataverse, FakeTables
from tests.fakes.tables import MemoryAccount
from tests.simulation.faults import FaultPlan
from tests.simulation.lineage import BrokenGuaranteeError
from tests.simulation.oracle import Oracle
from tests.simulation.tables import LOCAL_CURRENCY, TABLES
from tests.support.table_jobs import MemoryQueues, SyncWorld

BAD = "!bad"
"""A value with this in it is refused by both services."""


class Stage(Protocol):
    """What a simulation offers to its tenants."""

    rng: Random
    plan: FaultPlan
    faults_on: bool
    account: MemoryAccount

    def now(self) -> datetime: ...

    def pass_time(self, seconds: float) -> None: ...

    def note(self, *words: Any) -> None: ...

    def chance(self, probability: float) -> bool: ...

    def effect(self, moment: str, what: str) -> None:
        """A side effect is about to happen or has happened: the place for all that may go wrong."""

    def send(self, queue_name: str, message: dict[str, Any], delay_seconds: int) -> None: ...


class _Queues(MemoryQueues):
    """Gives messages to the simulation, which delivers them."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.pass_time)
        self._stage = stage

    def enqueue(self, queue_name: str, message: Any, *, delay_seconds: int = 0) -> None:
        self._stage.effect("before", f"send {queue_name}")
        self._stage.send(queue_name, dict(message), delay_seconds)
        self._stage.effect("after", f"send {queue_name}")


class SimTenant(SyncWorld):
    """A tenant with one connection."""

    lease_seconds = 300

    def __init__(self, stage: Stage, tenant: TenantId, mappings: tuple[str, ...]) -> None:
        self.stage = stage
        self.partitions = partition_key(tenant)
        """How the keys of all its partitions begin."""
        super().__init__(stage.account, tenant=tenant, connection="demo", queues=_Queues(stage))
        self.names = mappings
        self.most_slots = stage.rng.choice((1, 2, 3, 3, 4))  # most often enough for all at once
        self.mappings = {name: self._variant(name) for name in mappings}
        self.oracle = Oracle(self.ids(), self.mappings)
        self.run: Run | None = None
        self.crm.put("transactioncurrencies", dict(LOCAL_CURRENCY))
        self.bc.defaults["contacts"] = {"companyName": ""}
        self._watch("bc", self.bc)
        self._watch("crm", self.crm)
        skew = timedelta(seconds=stage.plan.clock_skew_seconds)
        self.bc_skew = skew
        self.bc.clock = lambda: self.stage.now() + self.bc_skew
        for name in mappings:
            self.bc.scopes[TABLES[name].bc] = partial(in_scope, self.mappings[name].bc.scope)

    def _variant(self, name: str) -> TableMapping:
        updates = [UpdateConflict.KEEP_BOTH] * 3 + list(UpdateConflict)
        deletions = [DeletionConflict.REPORT, *DeletionConflict]
        return _variant(name, self.stage.rng.choice(updates), self.stage.rng.choice(deletions))

    def now(self) -> datetime:
        return self.stage.now()

    def pass_time(self, seconds: float) -> None:
        self.stage.pass_time(seconds)

    def open(
        self, mapping: TableMapping, run_id: str = "", *, preview: bool = False, whole: bool = True
    ) -> Work:
        chosen = self.mappings[mapping.name]
        return super().open(chosen, run_id, preview=preview, whole=whole)

    def load_references(self) -> References:
        cards = {each["id"]: f"CO{each['number']}" for each in self.bc.tables["customers"].values()}
        customers = {card: customer for customer, card in cards.items()}
        return replace(
            self.references,
            today=self.stage.now().date(),
            company_card_of_customer=cards,
            customer_of_contact={
                each["id"]: customers[each["companyNumber"]]
                for each in self.bc.tables["contacts"].values()
                if each.get("companyNumber") in customers
            },
            base_units={each: f"base unit of {each}" for each in self.crm.tables["uomschedules"]},
            exchange_rates={
                each["currencyCode"]: each["rate"]
                for each in self.bc.tables["currencyExchangeRates"].values()
            },
        )

    # The services, as they misbehave

    def _watch(self, side: Side, service: FakeTables) -> None:
        stage, carry_out = self.stage, service._carry_out

        def watched(write: Write, *, created: bool) -> Record | None:
            old = service.tables[write.table].get(write.id)
            self._check_parents(side, write, created=created)
            new = carry_out(write, created=created)
            stage.note(
                self.tenant[:2], "wrote", side, write.kind, write.table, write.id, write.values
            )
            self.oracle.wrote(side, write, old, new)
            return new

        service._carry_out = watched  # type: ignore[method-assign]  # this one is watched
        service.before_call = lambda call, table: self._before_call(service, call, table)
        service.after_call = lambda call, table: self._after_call(call, table)
        service.before_write = lambda write: stage.effect("before", f"{side} {write.table}")
        service.after_write = lambda write: stage.effect("after", f"{side} {write.table}")
        service.not_processed = self._not_processed
        service.refuse = self._refusal
        service.repeats_on_next_page = lambda table: stage.chance(stage.plan.page_drift)

    def _before_call(self, service: FakeTables, call: str, table: str) -> None:
        stage = self.stage
        if stage.chance(stage.plan.slow):
            stage.pass_time(stage.rng.uniform(1, 90))
        if (
            isinstance(service, FakeDataverse)
            and call == "fetch_changes"
            and stage.chance(stage.plan.expired)
        ):
            stage.note(self.tenant[:2], "forgets", table)
            service.expire_watermarks(table)
        if stage.chance(stage.plan.refused_call):
            raise self._noted(_passing_fault(stage.rng), call, table)
        if stage.chance(stage.plan.misconfigured):
            raise self._noted(AuthorizationError("no-privilege", "A role is missing."), call, table)

    def _after_call(self, call: str, table: str) -> None:
        lost = self.stage.plan.lost_answer if call == "apply" else self.stage.plan.refused_call
        if self.stage.chance(lost):
            fault = TransientError("lost", "The answer was lost.")
            raise self._noted(fault, f"after {call}", table)

    def _noted(self, error: CouplerError, call: str, table: str) -> CouplerError:
        self.stage.note(self.tenant[:2], "fault", call, table, error.code)
        return error

    def _not_processed(self, write: Write) -> WriteStatus | None:
        if not self.stage.chance(self.stage.plan.bad_write):
            return None
        kinds = [WriteStatus.FAILED, WriteStatus.THROTTLED]
        if write.version:
            kinds.append(WriteStatus.STALE)
        status = self.stage.rng.choice(kinds)
        self.stage.note(self.tenant[:2], "does not process", write.table, write.id, status)
        return status

    def _refusal(self, write: Write) -> str | None:
        """As the services do: a value that is not allowed, a reference to nothing."""
        for name, value in write.values.items():
            if BAD in str(value):
                return f"{name} is not allowed"
            entity_set, parent = _bound(name, value)
            if entity_set in self.crm.tables and parent not in self.crm.tables[entity_set]:
                return f"{value} does not exist"
        return None

    # Guarantees that are judged as it happens

    def _check_parents(self, side: Side, write: Write, *, created: bool) -> None:
        """G7: what a record refers to is coupled already."""
        for name, value in write.values.items():
            entity_set, parent = _bound(name, value)
            if entity_set == "accounts" and not self.is_coupled("CUSTOMER", parent):
                raise BrokenGuaranteeError(f"G7: {write.table} {write.id} precedes {value}")
        if side == "bc" and write.table == "contacts" and created:
            cards = {f"CO{each['number']}" for each in self.bc.tables["customers"].values()}
            if write.values.get("companyNumber") not in cards:
                raise BrokenGuaranteeError(f"G7: contact {write.id} has no company")

    def is_coupled(self, mapping: str, record_id: str, side: Side = "crm") -> bool:
        """Whether the storage has a coupling of this record."""
        rows = self.account.client("couplings").partitions
        partition = partition_key(self.tenant, self.connection, mapping)
        return row_key(side, record_id) in rows.get(partition, {})


@cache
def _variant(name: str, update: UpdateConflict, deletion: DeletionConflict) -> TableMapping:
    """The mapping with these policies; one value for all seeds, because it keeps what follows from
    it."""
    return replace(DEFAULT_CATALOG.named(name), update_conflict=update, deletion_conflict=deletion)


def _passing_fault(rng: Random) -> TransientError:
    if rng.random() < 0.5:
        return ThrottledError("busy", "Too many requests.", retry_after=rng.choice((1, 30)))
    return TransientError("away", "The service is away.")


def _bound(name: str, value: Any) -> tuple[str, str]:
    """The entity set and id that a column is bound to; blank for any other column."""
    if not name.endswith("@odata.bind") or not value:
        return "", ""
    entity_set, _, parent = value.lstrip("/").rstrip(")").partition("(")
    return entity_set, parent
