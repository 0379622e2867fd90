"""Running table jobs in memory: fake services, stores in memory, a clock that tests move."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from couplings.store import CouplingStore
from identity.model import TenantId
from services.business_central import BusinessCentral
from services.dataverse import Dataverse
from sync.cascade import Cascade
from sync.catalog import DEFAULT_CATALOG, MappingCatalog
from sync.drift_store import DriftStore
from sync.full_sync import FullSync
from sync.health import HealthStore
from sync.hints import HintStore
from sync.ids import RecordIds
from sync.jobs import JobStore, Run, RunKind, TableJob
from sync.lookups import CouplingResolver
from sync.mapping import TableMapping
from sync.outcomes import Outcome, OutcomeStore
from sync.pass_worker import PassStores, PassWorker
from sync.recommendation import Mode, Modes
from sync.references import Asked, LocalCurrency, References
from sync.requests import PassRequests
from sync.rules import RULES
from sync.rules.base import RuleContext
from sync.run_limits import RunLimits
from sync.slices import MakeSlice, reconciling, synchronizing
from sync.table_state import TableStateStore
from sync.tenant_slots import TenantSlots
from sync.waking import Waking
from sync.work import Work
from sync.worker import TableJobWorker, WorkerLimits
from tests.fakes.services import FakeBusinessCentral, FakeDataverse
from tests.fakes.tables import MemoryAccount

TENANT = TenantId("11111111-1111-4111-8111-111111111111")
CONNECTION = "demo"
LOCAL_CURRENCY_ID = "00000000-0000-4000-8000-0000000000ff"


class MemoryQueues:
    """Messages in the order they were sent; a delay passes at once."""

    def __init__(self, pass_time: Callable[[float], None]) -> None:
        self.messages: list[dict[str, Any]] = []
        self.pass_time = pass_time

    def enqueue(self, queue_name: str, message: Any, *, delay_seconds: int = 0) -> None:
        self.pass_time(delay_seconds)
        self.messages.append(dict(message))


class SyncWorld:
    """Two services, their stores and one connection between them."""

    lease_seconds: float = 3600
    most_slots: int = 4
    most_starts: int = 1000
    most_runs: int = 10

    def __init__(
        self,
        account: MemoryAccount | None = None,
        *,
        tenant: TenantId = TENANT,
        connection: str = CONNECTION,
        queues: MemoryQueues | None = None,
        catalog: MappingCatalog = DEFAULT_CATALOG,
    ) -> None:
        self.catalog = catalog
        self.account = account or MemoryAccount()
        self.tenant = tenant
        self.connection = connection
        mappings = list(catalog.mappings.values())
        self.bc = FakeBusinessCentral(
            {each.bc.name: each.bc.id_field for each in mappings}
            | {each.bc.derived_from: "id" for each in mappings if each.bc.derived_from}
        )
        self.crm = FakeDataverse({each.crm.entity_set: each.crm.id_column for each in mappings})
        for entity_set in ("accounts", "contacts", "uomschedules"):
            self.crm.defaults[entity_set] = {"statecode": 0}
        self.further_slices: dict[RunKind, MakeSlice] = {}
        self.queues = queues or MemoryQueues(self.pass_time)
        self.time = datetime(2026, 6, 26, 12, 0, tzinfo=UTC)
        self.references = References(
            today=date(2026, 6, 26),
            local_currency=LocalCurrency(code="GBP", crm_id=LOCAL_CURRENCY_ID),
        )
        self.couplings = CouplingStore(self.account.table("couplings", tenant), connection)
        self.outcomes = OutcomeStore(self.account.table("outcomes", tenant), connection)
        self.jobs = JobStore(
            runs=self.account.table("runs", tenant),
            jobs=self.account.table("jobs", tenant),
            connection_id=connection,
        )
        watermarks = self.account.table("watermarks", tenant)
        self.states = TableStateStore(watermarks, connection)
        self.hints = HintStore(self.account.table("hints", tenant), connection)
        self.health = HealthStore(watermarks, connection)
        self.drift = DriftStore(self.account.table("drift", tenant), connection)
        self.requests = PassRequests(
            watermarks, self.queues, tenant=tenant, connection_id=connection
        )
        self.full_sync = FullSync(
            tenant=tenant,
            connection_id=connection,
            store=self.jobs,
            queues=self.queues,
            limits=self.run_limits(),
            catalog=self.load_catalog,
            now=self.now,
        )

    def load_catalog(self) -> MappingCatalog:
        """The table mappings as a request or message that begins now would read them."""
        return self.catalog

    def pass_time(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def now(self) -> datetime:
        self.time += timedelta(milliseconds=1)
        return self.time

    def ids(self) -> RecordIds:
        return RecordIds(tenant=self.tenant, connection=self.connection)

    def open_work(self, run: Run, job: TableJob) -> Work:
        return self.work(self.load_catalog().named(job.mapping), run)

    def load_references(self) -> References:
        """What a slice that begins now would read."""
        return self.references

    def reference_loader(self, references: References) -> Callable[[Asked], None]:
        """What completes the references of a slice; here they are whole from the beginning."""
        del references
        return lambda asked: None

    def work(self, mapping: TableMapping, run: Run) -> Work:
        return self.open(mapping, run.run_id, preview=run.kind is RunKind.PREVIEW)

    def open(
        self, mapping: TableMapping, run_id: str = "", *, preview: bool = False, whole: bool = True
    ) -> Work:
        """What a slice, or a pass, over the mapping's table works with."""

        def open_context() -> RuleContext:
            references = self.load_references()
            resolver = CouplingResolver(
                mapping, self.couplings, references, whole=whole, assume_coupled=preview
            )
            return RuleContext(
                mapping=mapping,
                references=references,
                resolver=resolver,
                ids=self.ids(),
                load=self.reference_loader(references),
            )

        return Work(
            run_id=run_id,
            mapping=mapping,
            rule=RULES[mapping.rule],
            open_context=open_context,
            bc=cast(BusinessCentral, self.bc),
            crm=cast(Dataverse, self.crm),
            couplings=self.couplings,
            outcomes=self.outcomes,
            hints=self.hints,
            cascade=self.cascade(),
            overlap=timedelta(minutes=10),
            preview=preview,
        )

    def cascade(self) -> Cascade:
        catalog = self.load_catalog()
        return Cascade(
            self.couplings,
            self.hints,
            self.requests,
            children=lambda name: [catalog.named(each) for each in catalog.children(name)],
            now=self.now,
        )

    def run_limits(self) -> RunLimits:
        def find_run(connection_id: str, run_id: str) -> Run | None:
            return JobStore(
                runs=self.account.table("runs", self.tenant),
                jobs=self.account.table("jobs", self.tenant),
                connection_id=connection_id,
            ).get_run(run_id)

        return RunLimits(
            self.account.table("limits", self.tenant),
            most_per_hour=self.most_starts,
            most_at_once=self.most_runs,
            find_run=find_run,
            now=self.now,
        )

    def slots(self) -> TenantSlots:
        return TenantSlots(
            self.account.table("slots", self.tenant),
            most=self.most_slots,
            lease_seconds=self.lease_seconds,
            now=self.now,
        )

    def slices(self) -> dict[RunKind, MakeSlice]:
        """What is done in runs of each kind."""
        return {
            RunKind.FULL_SYNC: synchronizing,
            RunKind.PREVIEW: synchronizing,
            RunKind.RECONCILE: reconciling(self.drift),
            **self.further_slices,
        }

    def worker(
        self,
        *,
        open_work: Callable[[Run, TableJob], Work] | None = None,
        slice_seconds: float = 60,
    ) -> TableJobWorker:
        return TableJobWorker(
            store=self.jobs,
            states=self.states,
            requests=self.requests,
            slices=self.slices(),
            slots=self.slots(),
            full_sync=self.full_sync,
            open_work=open_work or self.open_work,
            limits=WorkerLimits(lease_seconds=self.lease_seconds, slice_seconds=slice_seconds),
            now=self.now,
        )

    def pass_worker(self, *, slice_seconds: float = 60) -> PassWorker:
        return PassWorker(
            stores=PassStores(
                states=self.states, hints=self.hints, requests=self.requests, health=self.health
            ),
            catalog=self.load_catalog,
            slots=self.slots(),
            open_work=lambda name: self.open(self.load_catalog().named(name), whole=False),
            wake_waiting=Waking(
                self.requests,
                self.outcomes,
                children=lambda name: self.load_catalog().children(name),
            ),
            lease_seconds=self.lease_seconds,
            slice_seconds=slice_seconds,
            now=self.now,
        )

    def start(
        self,
        *mappings: str,
        kind: RunKind = RunKind.FULL_SYNC,
        modes: Modes = Modes(every=Mode.FULL_SYNCHRONIZATION),  # noqa: B008  a value
    ) -> Run:
        return self.full_sync.begin(kind, mappings, "test", order=modes.text())

    def drain(self, run: Run, worker: TableJobWorker | None = None) -> dict[str, TableJob]:
        """Advance the run and deliver its messages until it is over; its lines by name."""
        worker = worker or self.worker()
        while not self.full_sync.advance(run.run_id, run.generation, by_itself=False).end:
            if not self.queues.messages:
                raise AssertionError("the run goes on, but nobody was told to work")
            while self.queues.messages:
                message = self.queues.messages.pop(0)
                if "run" in message:  # else it is of a pass
                    worker.handle(message["run"], message["mapping"])
        return {job.mapping: job for job in self.jobs.list_jobs(run.run_id)}

    def synchronize(self, *mappings: str) -> dict[str, TableJob]:
        """One full synchronization of these mappings."""
        return self.drain(self.start(*mappings))

    def outcome_list(self, mapping: str | None = None) -> list[Outcome]:
        return self.outcomes.list_page(mapping=mapping, limit=1000).outcomes


def bc_customer(number: str, **fields: Any) -> dict[str, Any]:
    """A customer as Business Central's API shows it."""
    return {
        "id": f"bc000000-0000-4000-8000-{int(number):012d}",
        "number": number,
        "displayName": f"Customer {number}",
        "addressLine1": "1 High Street",
        "addressLine2": "",
        "city": "London",
        "state": "",
        "postalCode": "N1 1AA",
        "country": "GB",
        "phoneNumber": "",
        "email": "",
        "website": "",
        "currencyCode": "GBP",
        "salespersonCode": "",
        "creditLimit": 0,
        "blocked": "_x0020_",
    } | fields


def crm_account(number: int, **columns: Any) -> dict[str, Any]:
    """A customer account as Dataverse shows it."""
    return {
        "accountid": f"c0000000-0000-4000-8000-{number:012d}",
        "name": f"Account {number}",
        "accountnumber": None,
        "customertypecode": 3,
        "address1_line1": "1 High Street",
        "address1_line2": None,
        "address1_city": "London",
        "address1_stateorprovince": None,
        "address1_postalcode": "N1 1AA",
        "address1_country": "GB",
        "telephone1": None,
        "emailaddress1": None,
        "websiteurl": None,
        "_transactioncurrencyid_value": LOCAL_CURRENCY_ID,
        "_ownerid_value": "owner",
        "creditlimit": 0,
        "statecode": 0,
    } | columns


def crm_user(user_id: str, **columns: Any) -> dict[str, Any]:
    """A licensed user as Dataverse shows it."""
    return {
        "systemuserid": user_id,
        "fullname": "Jim",
        "internalemailaddress": "",
        "mobilephone": None,
        "isdisabled": False,
        "islicensed": True,
        "isintegrationuser": False,
    } | columns


def bc_contact(number: int, **fields: Any) -> dict[str, Any]:
    """A person as Business Central's API shows it."""
    return {
        "id": f"bc111111-0000-4000-8000-{number:012d}",
        "number": f"CT{number:06d}",
        "type": "Person",
        "displayName": f"Person {number}",
        "jobTitle": "",
        "companyNumber": "CT900001",
        "companyName": "",
        "addressLine1": "",
        "addressLine2": "",
        "city": "",
        "state": "",
        "postalCode": "",
        "country": "",
        "phoneNumber": "",
        "email": "",
        "website": "",
        "mobilePhoneNumber": "",
    } | fields


def crm_contact(number: int, account_id: str, **columns: Any) -> dict[str, Any]:
    """A person of an account as Dataverse shows it."""
    return {
        "contactid": f"c1111111-0000-4000-8000-{number:012d}",
        "fullname": f"Human {number}",
        "firstname": "Human",
        "lastname": str(number),
        "_parentcustomerid_value": account_id,
        "statecode": 0,
    } | columns


def bc_item(number: str, **fields: Any) -> dict[str, Any]:
    """An item as Business Central's API shows it."""
    return {
        "id": f"bc222222-0000-4000-8000-{int(number):012d}",
        "number": number,
        "displayName": f"Item {number}",
        "unitPrice": 100,
        "unitCost": 60.5,
        "inventory": 7,
        "baseUnitOfMeasureCode": "PCS",
        "blocked": False,
    } | fields


def bc_price(number: int, **fields: Any) -> dict[str, Any]:
    """A customer price group's price as the Sales Prices page shows it."""
    return {
        "SystemId": f"bc333333-0000-4000-8000-{number:012d}",
        "Sales_Type": "Customer_x0020_Price_x0020_Group",
        "Sales_Code": "RETAIL",
        "Item_No": "1000",
        "Variant_Code": "",
        "Unit_of_Measure_Code": "",
        "Minimum_Quantity": 0,
        "Unit_Price": 90,
        "Currency_Code": "",
        "Starting_Date": "2026-01-01",
        "Ending_Date": "0001-01-01",
    } | fields
