"""A process that dies at any point of a pass leaves nothing that the next one spoils.

Each scenario begins with a company in step; then users do something, and passes bring the systems
into step again. They are repeated once for every point: just before and just after each write to a
service, each storage request that writes, and each message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from couplings.model import Side
from sync.by_hand.pair_requests import Selection
from sync.catalog import DEFAULT_CATALOG
from sync.decisions import Decisions, version_of
from sync.hints import HintReason, RecordHint
from sync.mapping import DeletionConflict, TableMapping, UpdateConflict
from sync.outcomes import OutcomeKind
from sync.references import References
from sync.work import Work
from tests.support.by_hand import pair_requests, partner_creation
from tests.support.crashes import CrashingWorld
from tests.support.table_jobs import bc_contact, bc_customer, bc_item, crm_account, crm_contact

_CUSTOMERS = ("CUSTOMER",)
_PEOPLE = ("CUSTOMER", "CONTACT")
_ITEMS = ("UNIT OF MEASURE", "ITEM-PRODUCT")
_FIRST, _SECOND = bc_customer("10000")["id"], bc_customer("20000")["id"]


class Company(CrashingWorld):
    """Two customers, a contact and an item, all of them in step."""

    def __init__(self, *names: str, **policies: Any) -> None:
        super().__init__()
        self.names = names
        self._policies = policies
        self.bc.defaults["contacts"] = {"companyName": ""}
        for number in ("10000", "20000"):
            self.bc.put("customers", bc_customer(number))
        self.bc.put("contacts", bc_contact(1, companyNumber="CO10000"))
        self.bc.put("unitsOfMeasure", {"id": _uuid(9), "code": "PCS", "displayName": "Piece"})
        self.bc.put("items", bc_item("1000"))
        self.synchronize(*names)
        self.pass_although_processes_die()

    def open(
        self, mapping: TableMapping, run_id: str = "", *, preview: bool = False, whole: bool = True
    ) -> Work:
        changed = replace(mapping, **self._policies)
        return super().open(changed, run_id, preview=preview, whole=whole)

    def load_references(self) -> References:
        cards = {each["id"]: f"CO{each['number']}" for each in self.bc.tables["customers"].values()}
        customers = {card: customer for customer, card in cards.items()}
        return replace(
            self.references,
            company_card_of_customer=cards,
            customer_of_contact={
                each["id"]: customers[each["companyNumber"]]
                for each in self.bc.tables["contacts"].values()
                if each["companyNumber"] in customers
            },
            base_units={each: f"base unit of {each}" for each in self.crm.tables["uomschedules"]},
        )

    def partner(self, mapping: str, bc_id: str) -> str:
        """The CRM id that a record is coupled to."""
        return self.couplings.find_by_bc(mapping, [bc_id])[bc_id].crm_id

    def edit(self, side: Side, mapping: str, record_id: str, **values: Any) -> None:
        table = DEFAULT_CATALOG.named(mapping)
        if side == "bc":
            self.bc.put(table.bc.name, {table.bc.id_field: record_id} | values)
        else:
            self.crm.put(table.crm.entity_set, {table.crm.id_column: record_id} | values)

    def decisions(self) -> Decisions:
        return Decisions(self.outcomes, self.hints, self.requests, now=self.now)

    def contents(self) -> dict[str, Any]:
        """Everything that a user of either system could see, and what is kept of it."""
        return {
            **{f"BC {name}": _rows(table) for name, table in self.bc.tables.items()},
            **{f"CRM {name}": _rows(table) for name, table in self.crm.tables.items()},
            "couplings": sorted(
                (name, each.bc_id, each.crm_id, each.bc_key, each.state, str(each.base))
                for name in self.names
                for each in self.couplings.scan(name)
            ),
            "outcomes": sorted(
                (each.mapping, each.record_id, each.code, each.kind)
                for each in self.outcome_list()
                if not each.code.endswith("-settled")
            ),
            "hints": [
                (name, each.record_id)
                for name in self.names
                for each in self.hints.due(name, self.now(), 100)
            ],
        }


def _rows(table: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    unstable = ("@odata.etag", "lastModifiedDateTime", "SystemModifiedAt")
    return {
        key: {name: value for name, value in row.items() if name not in unstable}
        for key, row in table.items()
    }


def _uuid(number: int) -> str:
    return f"dddddddd-0000-4000-8000-{number:012d}"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What happens in a company that is in step."""

    name: str
    users: Callable[[Company], object]
    """What users do; no process of Coupler is at work."""
    coupler: Callable[[Company], object] = lambda company: None
    """What Coupler does before the passes, in a process that may die."""
    names: tuple[str, ...] = _CUSTOMERS
    """The table mappings that take part."""
    policies: dict[str, Any]
    slice_seconds: float = 60
    ends_with: Callable[[Company], bool]
    """What is to be seen at the end."""

    def prepared(self) -> Company:
        company = Company(*self.names, **self.policies)
        self.users(company)
        return company

    def play(self, company: Company, dies_at: int | None) -> None:
        company.points.begin(dies_at)
        while not company.survives(lambda: self.coupler(company)):
            pass  # who asked gets no answer, and asks again
        company.pass_although_processes_die(slice_seconds=self.slice_seconds)


def _scenario(
    name: str,
    users: Callable[[Company], object],
    ends_with: Callable[[Company], bool],
    **details: Any,
) -> Scenario:
    return Scenario(name=name, users=users, ends_with=ends_with, **({"policies": {}} | details))


def _accounts(company: Company) -> dict[str, dict[str, Any]]:
    return company.crm.tables["accounts"]


def _account(company: Company, bc_id: str = _FIRST) -> dict[str, Any]:
    return _accounts(company)[company.partner("CUSTOMER", bc_id)]


def _customer(company: Company) -> dict[str, Any]:
    return company.bc.tables["customers"][_FIRST]


def _edit_both(company: Company) -> None:
    company.edit("bc", "CUSTOMER", _FIRST, city="Leeds")
    crm_id = company.partner("CUSTOMER", _FIRST)
    company.edit("crm", "CUSTOMER", crm_id, address1_city="York", telephone1="123")


def _edit_apart(company: Company) -> None:
    company.edit("bc", "CUSTOMER", _FIRST, city="Leeds")
    company.edit("crm", "CUSTOMER", company.partner("CUSTOMER", _FIRST), telephone1="123")


def _held(company: Company) -> None:
    _edit_both(company)
    company.pass_although_processes_die()


def _resolve(company: Company) -> None:
    (outcome,) = company.outcome_list("CUSTOMER")
    company.decisions().resolve("CUSTOMER", outcome.key, "crm", version_of(outcome))


def _delete_account(company: Company) -> None:
    company.crm.delete("accounts", company.partner("CUSTOMER", _SECOND))


def _delete_customer(company: Company) -> None:
    company.bc.delete("customers", _SECOND)


def _deleted(company: Company) -> None:
    _delete_account(company)
    company.pass_although_processes_die()


def _restore(company: Company) -> None:
    (outcome,) = company.outcome_list("CUSTOMER")
    company.decisions().restore(DEFAULT_CATALOG.named("CUSTOMER"), outcome.key)


def _uncouple(company: Company) -> None:
    (outcome,) = company.outcome_list("CUSTOMER")
    company.decisions().uncouple("CUSTOMER", outcome.key)


def _new_family_in_crm(company: Company) -> None:
    company.crm.put("contacts", crm_contact(6, crm_account(3)["accountid"]))
    company.crm.put("accounts", crm_account(3))


def _waiting_contact(company: Company) -> None:
    company.crm.put("accounts", crm_account(3, statecode=1))
    company.crm.put("contacts", crm_contact(6, crm_account(3)["accountid"]))
    company.pass_although_processes_die()
    assert [each.kind for each in company.outcome_list("CONTACT")] == [OutcomeKind.WAITING]
    company.edit("crm", "CUSTOMER", crm_account(3)["accountid"], statecode=0)


def _expire(company: Company) -> None:
    _edit_apart(company)
    company.crm.expire_watermarks("accounts")


def _hint(company: Company) -> None:
    hint = RecordHint(side="bc", record_id=_FIRST, reason=HintReason.CHANGED, due_at=company.now())
    company.hints.add_many("CUSTOMER", [hint])
    company.requests.request("CUSTOMER")


def _parked(company: Company) -> None:
    company.crm.refuse = lambda write: (
        "no" if write.values.get("address1_city") == "Leeds" else None
    )
    company.edit("bc", "CUSTOMER", _FIRST, city="Leeds")
    for _ in range(5):
        _hint(company)
        company.pass_although_processes_die()
    assert [each.parked for each in company.outcome_list("CUSTOMER")] == [True]
    company.crm.refuse = lambda write: None


def _made_by_coupler_and_apart(company: Company) -> None:
    """A customer that was made of an account, whose coupling was removed and account deleted."""
    account = str(company.crm.put("accounts", crm_account(3))["accountid"])
    company.pass_although_processes_die()
    [pair] = company.couplings.find_by_crm("CUSTOMER", [account]).values()
    company.edit("bc", "CUSTOMER", pair.bc_id, blocked="_x0020_")  # as the service fills it in
    pair_requests(company).uncouple(Selection(crm=[account]))
    company.pass_although_processes_die()
    company.crm.delete("accounts", account)


def _want_partner(company: Company) -> None:
    """For the customer without partner."""
    [customer] = company.bc.tables["customers"].keys() - {_FIRST, _SECOND}
    partner_creation(company).ask(bc=[customer], crm=[])


def _retry(company: Company) -> None:
    company.decisions().retry_group(mapping="CUSTOMER")


def _several_edits(company: Company) -> None:
    for bc_id in (_FIRST, _SECOND):
        company.edit("bc", "CUSTOMER", bc_id, city="Leeds")
        company.edit("crm", "CUSTOMER", company.partner("CUSTOMER", bc_id), telephone1="123")


SCENARIOS = [
    _scenario(
        "a new customer in Business Central",
        lambda company: company.bc.put("customers", bc_customer("30000")),
        lambda company: len(_accounts(company)) == 3,
    ),
    _scenario(
        "a new account in CRM",
        lambda company: company.crm.put("accounts", crm_account(3)),
        lambda company: len(company.bc.tables["customers"]) == 3,
    ),
    _scenario(
        "an edit in Business Central",
        lambda company: company.edit("bc", "CUSTOMER", _FIRST, city="Leeds"),
        lambda company: _account(company)["address1_city"] == "Leeds",
    ),
    _scenario(
        "an edit in CRM",
        lambda company: company.edit(
            "crm", "CUSTOMER", company.partner("CUSTOMER", _FIRST), address1_city="York"
        ),
        lambda company: _customer(company)["city"] == "York",
    ),
    _scenario(
        "edits of different fields",
        _edit_apart,
        lambda company: (
            _account(company)["address1_city"] == "Leeds"
            and _customer(company)["phoneNumber"] == "123"
        ),
    ),
    _scenario(
        "edits of the same field",
        _edit_both,
        lambda company: (
            _account(company)["address1_city"] == "York"
            and _customer(company)["city"] == "Leeds"
            and _customer(company)["phoneNumber"] == "123"
        ),
    ),
    _scenario(
        "a conflict that the policy settles",
        _edit_both,
        lambda company: _account(company)["address1_city"] == "Leeds",
        policies={"update_conflict": UpdateConflict.SEND_TO_CRM},
    ),
    _scenario(
        "a conflict that a person resolves",
        _held,
        lambda company: _customer(company)["city"] == "York",
        coupler=_resolve,
    ),
    _scenario(
        "a deletion that is reported",
        _delete_account,
        lambda company: len(company.outcome_list("CUSTOMER")) == 1,
    ),
    _scenario(
        "a deletion that is carried over",
        _delete_customer,
        lambda company: len(_accounts(company)) == 1,
        policies={"deletion_conflict": DeletionConflict.DELETE},
    ),
    _scenario(
        "a deletion that is undone",
        _delete_account,
        lambda company: len(_accounts(company)) == 2 and not company.outcome_list(),
        policies={"deletion_conflict": DeletionConflict.RESTORE},
    ),
    _scenario(
        "a deletion in Business Central that is undone",
        _delete_customer,
        lambda company: len(company.bc.tables["customers"]) == 2 and not company.outcome_list(),
        policies={"deletion_conflict": DeletionConflict.RESTORE},
    ),
    _scenario(
        "a deletion that ends the coupling",
        _delete_account,
        lambda company: company.couplings.count("CUSTOMER") == 1,
        policies={"deletion_conflict": DeletionConflict.UNCOUPLE},
    ),
    _scenario(
        "a record that a person restores",
        _deleted,
        lambda company: len(_accounts(company)) == 2 and not company.outcome_list(),
        coupler=_restore,
    ),
    _scenario(
        "a coupling that a person removes",
        _deleted,
        lambda company: company.couplings.count("CUSTOMER") == 1,
        coupler=_uncouple,
    ),
    _scenario(
        "a coupling of two records in conflict that a person removes",
        _held,
        lambda company: company.couplings.count("CUSTOMER") == 1 and len(_accounts(company)) == 2,
        coupler=_uncouple,
    ),
    _scenario(
        "a record made by Coupler that a person wants a partner for",
        _made_by_coupler_and_apart,
        lambda company: len(_accounts(company)) == 3 and not company.outcome_list(),
        coupler=_want_partner,
    ),
    _scenario(
        "an account and its contact, both new",
        _new_family_in_crm,
        lambda company: len(company.bc.tables["contacts"]) == 2,
        names=_PEOPLE,
    ),
    _scenario(
        "a contact that waited for its account",
        _waiting_contact,
        lambda company: len(company.bc.tables["contacts"]) == 2 and not company.outcome_list(),
        names=_PEOPLE,
    ),
    _scenario(
        "a new item with its price list",
        lambda company: company.bc.put("items", bc_item("2000")),
        lambda company: len(company.crm.tables["productpricelevels"]) == 2,
        names=_ITEMS,
    ),
    _scenario(
        "a new price of an item",
        lambda company: company.edit("bc", "ITEM-PRODUCT", bc_item("1000")["id"], unitPrice=120),
        lambda company: (
            [each["amount"] for each in company.crm.tables["productpricelevels"].values()] == [120]
        ),
        names=_ITEMS,
    ),
    _scenario(
        "a delta token that expired",
        _expire,
        lambda company: _account(company)["address1_city"] == "Leeds",
    ),
    _scenario(
        "a hint at an edited record",
        lambda company: company.edit("bc", "CUSTOMER", _FIRST, city="Leeds"),
        lambda company: _account(company)["address1_city"] == "Leeds",
        coupler=_hint,
    ),
    _scenario(
        "a parked record that is tried again",
        _parked,
        lambda company: _account(company)["address1_city"] == "Leeds",
        coupler=_retry,
    ),
    _scenario(
        "a worker that hands over in the middle of both feeds",
        _several_edits,
        lambda company: (
            _account(company, _SECOND)["address1_city"] == "Leeds"
            and _customer(company)["phoneNumber"] == "123"
        ),
        slice_seconds=2,
    ),
    _scenario("nothing at all", lambda company: None, lambda company: True),
]


@pytest.fixture(autouse=True)
def _pages_of_one_record(monkeypatch):
    monkeypatch.setattr("sync.table_pass.PAGE_SIZE", 1)
    monkeypatch.setattr("sync.lease_keeper.Thread", _NoThread)
    seconds = count()  # of working time: each look at the clock takes one
    monkeypatch.setattr("sync.pass_worker.time", SimpleNamespace(monotonic=lambda: next(seconds)))


class _NoThread:
    """Leases last long enough here; thousands of threads that extend them would not."""

    def __init__(self, **_: Any) -> None:
        pass

    def start(self) -> None:
        pass

    def join(self) -> None:
        pass


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_process_that_dies_at_any_point_changes_nothing_in_the_end(scenario):
    company = scenario.prepared()
    beginning = company.save()
    scenario.play(company, dies_at=None)
    assert scenario.ends_with(company)
    points, expected = company.points.passed, company.contents()
    for point in range(points):
        company.restore(beginning)
        scenario.play(company, dies_at=point)
        assert company.contents() == expected, f"the process died at point {point} of {points}"
