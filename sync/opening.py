"""Putting together what a slice works with. The only place that reads settings and the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache

from couplings.store import CouplingStore
from identity.model import TenantId
from services.business_central import BusinessCentral
from services.dataverse import Dataverse
from settings import settings
from storage.accounts import storage_account
from storage.queues import StorageQueues
from sync.cascade import Cascade
from sync.catalog import CatalogSource, MappingCatalog
from sync.decisions import Decisions
from sync.drift_store import DriftStore
from sync.full_sync import FullSync
from sync.health import HealthStore
from sync.hints import HintStore
from sync.ids import RecordIds
from sync.job_rows import JOBS, RUNS
from sync.jobs import JobStore, Run, RunKind, TableJob
from sync.lookups import CouplingResolver
from sync.mapping import TableMapping
from sync.mapping_options import of_company
from sync.mapping_store import TABLE as MAPPINGS
from sync.mapping_store import MappingStore
from sync.outcomes import OutcomeStore
from sync.pass_worker import PassStores, PassWorker
from sync.reconcile_repair import Repair
from sync.record_references import RecordReferences
from sync.references import load_references, needs_of
from sync.requests import PassRequests
from sync.rules import RULES
from sync.rules.base import RuleContext
from sync.run_limits import TABLE as LIMITS
from sync.run_limits import RunLimits
from sync.slices import MakeSlice, reconciling, synchronizing
from sync.table_state import TableStateStore
from sync.tenant_slots import TABLE as SLOTS
from sync.tenant_slots import TenantSlots
from sync.waking import Waking
from sync.work import Work
from sync.worker import TableJobWorker, WorkerLimits

type Services = tuple[BusinessCentral, Dataverse]

_STORAGE_THREADS = 8
"""Batches of storage rows written side by side by this process."""


def now() -> datetime:
    return datetime.now(UTC)


@cache
def storage_pool() -> ThreadPoolExecutor:
    """Writes batches of storage rows, for all that this process works on."""
    return ThreadPoolExecutor(max_workers=_STORAGE_THREADS, thread_name_prefix="storage")


def coupling_store(tenant: TenantId, connection_id: str) -> CouplingStore:
    table = storage_account().table("couplings", tenant)
    return CouplingStore(table, connection_id, pool=storage_pool())


def outcome_store(tenant: TenantId, connection_id: str) -> OutcomeStore:
    table = storage_account().table("outcomes", tenant)
    return OutcomeStore(table, connection_id, pool=storage_pool())


def mapping_store(tenant: TenantId, connection_id: str) -> MappingStore:
    return MappingStore(storage_account().table(MAPPINGS, tenant), connection_id)


def decisions_of(tenant: TenantId, connection_id: str) -> Decisions:
    stores = pass_stores(tenant, connection_id)
    outcomes = outcome_store(tenant, connection_id)
    return Decisions(outcomes, stores.hints, stores.requests, now=now)


def job_store(tenant: TenantId, connection_id: str) -> JobStore:
    account = storage_account()
    return JobStore(
        runs=account.table(RUNS, tenant),
        jobs=account.table(JOBS, tenant),
        connection_id=connection_id,
    )


def run_limits(tenant: TenantId) -> RunLimits:
    """What the tenant may start, over all of its connections."""
    return RunLimits(
        storage_account().table(LIMITS, tenant),
        most_per_hour=settings().tenant_starts_per_hour,
        most_at_once=settings().tenant_runs_at_once,
        find_run=lambda connection_id, run_id: job_store(tenant, connection_id).get_run(run_id),
        now=now,
    )


def full_sync_of(tenant: TenantId, connection_id: str, catalog: CatalogSource) -> FullSync:
    return FullSync(
        tenant=tenant,
        connection_id=connection_id,
        store=job_store(tenant, connection_id),
        queues=StorageQueues(storage_account()),
        limits=run_limits(tenant),
        catalog=catalog,
        now=now,
    )


def tenant_slots(tenant: TenantId) -> TenantSlots:
    return TenantSlots(
        storage_account().table(SLOTS, tenant),
        most=settings().tenant_slots,
        lease_seconds=settings().lease_seconds,
        now=now,
    )


def drift_store(tenant: TenantId, connection_id: str) -> DriftStore:
    return DriftStore(storage_account().table("drift", tenant), connection_id)


def repair_of(tenant: TenantId, connection_id: str) -> Repair:
    """What repairs a connection's drift."""
    stores = pass_stores(tenant, connection_id)
    return Repair(
        drift=drift_store(tenant, connection_id),
        couplings=coupling_store(tenant, connection_id),
        hints=stores.hints,
        requests=stores.requests,
        states=stores.states,
        now=now,
    )


def cascade_of(tenant: TenantId, connection_id: str, catalog: MappingCatalog) -> Cascade:
    """What depends on the connection's records."""
    stores = pass_stores(tenant, connection_id)
    return Cascade(
        coupling_store(tenant, connection_id),
        stores.hints,
        stores.requests,
        children=lambda name: [catalog.named(each) for each in catalog.children(name)],
        now=now,
    )


def hint_store(tenant: TenantId, connection_id: str) -> HintStore:
    return HintStore(storage_account().table("hints", tenant), connection_id)


def pass_stores(tenant: TenantId, connection_id: str) -> PassStores:
    account = storage_account()
    table = account.table("watermarks", tenant)
    return PassStores(
        states=TableStateStore(table, connection_id),
        hints=hint_store(tenant, connection_id),
        requests=PassRequests(
            table, StorageQueues(account), tenant=tenant, connection_id=connection_id
        ),
        health=HealthStore(table, connection_id),
    )


def pass_worker_of(
    tenant: TenantId,
    connection_id: str,
    catalog: CatalogSource,
    services: Callable[[], Services],
) -> PassWorker:
    """The worker of a connection's passes; ``services`` opens its two services."""
    return PassWorker(
        stores=pass_stores(tenant, connection_id),
        catalog=catalog,
        slots=tenant_slots(tenant),
        open_work=opener_of(tenant, connection_id, catalog, services),
        wake_waiting=waking_of(tenant, connection_id, catalog),
        lease_seconds=settings().lease_seconds,
        slice_seconds=settings().slice_seconds,
        now=now,
    )


def opener_of(
    tenant: TenantId,
    connection_id: str,
    catalog: CatalogSource,
    services: Callable[[], Services],
) -> Callable[[str], Work]:
    """What opens the work on single records of a table mapping."""

    def open_work(name: str) -> Work:
        known, (bc, crm) = catalog(), services()
        mapping = _mapping(known, name, bc)
        cascade = cascade_of(tenant, connection_id, known)
        return _open_work(tenant, connection_id, mapping, bc, crm, cascade, whole=False)

    return open_work


def waking_of(tenant: TenantId, connection_id: str, catalog: CatalogSource) -> Waking:
    return Waking(
        pass_stores(tenant, connection_id).requests,
        outcome_store(tenant, connection_id),
        children=lambda name: catalog().children(name),
    )


def worker_of(
    tenant: TenantId,
    connection_id: str,
    catalog: CatalogSource,
    services: Callable[[], Services],
    *,
    further_slices: Mapping[RunKind, MakeSlice],
) -> TableJobWorker:
    """The worker of one connection; ``services`` opens its two services when a slice begins.

    ``further_slices`` tells what is done in runs of kinds that are built on this module.
    """

    def open_work(run: Run, job: TableJob) -> Work:
        known, (bc, crm) = catalog(), services()
        mapping = _mapping(known, job.mapping, bc)
        preview = run.kind is RunKind.PREVIEW
        return _open_work(
            tenant,
            connection_id,
            mapping,
            bc,
            crm,
            cascade_of(tenant, connection_id, known),
            run_id=run.run_id,
            preview=preview,
            failures=job.failures,
        )

    stores = pass_stores(tenant, connection_id)
    return TableJobWorker(
        store=job_store(tenant, connection_id),
        states=stores.states,
        requests=stores.requests,
        slices={
            RunKind.FULL_SYNC: synchronizing,
            RunKind.PREVIEW: synchronizing,
            RunKind.RECONCILE: reconciling(drift_store(tenant, connection_id)),
            **further_slices,
        },
        slots=tenant_slots(tenant),
        full_sync=full_sync_of(tenant, connection_id, catalog),
        open_work=open_work,
        limits=WorkerLimits(
            lease_seconds=settings().lease_seconds, slice_seconds=settings().slice_seconds
        ),
        now=now,
    )


def _mapping(catalog: MappingCatalog, name: str, bc: BusinessCentral) -> TableMapping:
    """The mapping as it is worked with, kept to the connection's company where that is chosen."""
    mapping = catalog.named(name)
    return of_company(mapping, bc.company_id) if catalog.separate_companies else mapping


def _open_work(
    tenant: TenantId,
    connection_id: str,
    mapping: TableMapping,
    bc: BusinessCentral,
    crm: Dataverse,
    cascade: Cascade,
    *,
    run_id: str = "",
    whole: bool = True,
    preview: bool = False,
    failures: int = 0,
) -> Work:
    crm.know(mapping.crm.entity_set, mapping.crm.name, mapping.crm.id_column)
    rule = RULES[mapping.rule]
    couplings = coupling_store(tenant, connection_id)

    def open_context() -> RuleContext:
        references = load_references(needs_of(mapping, rule.needs), bc, crm, now().date())
        resolver = CouplingResolver(
            mapping, couplings, references, whole=whole, assume_coupled=preview
        )
        ids = RecordIds(tenant=tenant, connection=connection_id)
        return RuleContext(
            mapping=mapping,
            references=references,
            resolver=resolver,
            ids=ids,
            load=RecordReferences(bc, references).load,
        )

    return Work(
        run_id=run_id,
        mapping=mapping,
        rule=rule,
        open_context=open_context,
        bc=bc,
        crm=crm,
        couplings=couplings,
        outcomes=outcome_store(tenant, connection_id),
        hints=hint_store(tenant, connection_id),
        cascade=cascade,
        failures=failures,
        overlap=timedelta(seconds=settings().overlap_seconds),
        preview=preview,
    )
