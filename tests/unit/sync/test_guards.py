"""Every guard is needed: a scenario that holds breaks as soon as that one guard is switched off.

A guard that nothing needs would be a habit; one that a later change switches off by accident is
noticed here. Each scenario is told once and played twice.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from couplings.store import CouplingStore
from errors import TransientError
from identity.model import TenantId
from services.records import Write
from sync.catalog import DEFAULT_CATALOG
from sync.jobs import LeaseLostError
from sync.references import References
from sync.table_state import TableStateStore
from sync.watermark import BcWatermark
from tests.fakes.tables import MemoryAccount
from tests.support.table_jobs import (
    SyncWorld,
    bc_contact,
    bc_customer,
    crm_account,
    crm_contact,
)

_CUSTOMER = bc_customer("10000")["id"]


@pytest.fixture(params=[False, True], ids=["guarded", "unguarded"])
def unguarded(request: pytest.FixtureRequest) -> bool:
    """Whether the guard under test is switched off."""
    return bool(request.param)


def _verdict(unguarded: bool) -> AbstractContextManager[Any]:
    """The check holds with the guard, and must fail without."""
    return pytest.raises(AssertionError) if unguarded else nullcontext()


class Company(SyncWorld):
    """One customer in step with its account."""

    def __init__(self, account: MemoryAccount | None = None, **details: Any) -> None:
        super().__init__(account, **details)
        self.bc.defaults["contacts"] = {"companyName": ""}
        self.bc.put("customers", bc_customer("10000"))
        self.synchronize("CUSTOMER", "CONTACT")
        (self.account_id,) = self.crm.tables["accounts"]
        self.bc.writes.clear()
        self.crm.writes.clear()

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
        )

    def edit(self, **fields: Any) -> None:
        self.bc.put("customers", {"id": _CUSTOMER} | fields)

    def edit_in_crm(self, **columns: Any) -> None:
        self.crm.put("accounts", {"accountid": self.account_id} | columns)

    def pass_over(self, mapping: str = "CUSTOMER") -> None:
        self.pass_time(300)
        self.pass_worker().handle(mapping)

    @property
    def customer(self) -> dict[str, Any]:
        return self.bc.tables["customers"][_CUSTOMER]

    @property
    def in_crm(self) -> dict[str, Any]:
        return self.crm.tables["accounts"][self.account_id]


def test_an_echo_is_recognized_by_the_values_both_sides_agreed_on(unguarded, monkeypatch):
    """CRM's feed tells of Coupler's own write when Business Central's value is a newer one."""
    company = Company()
    company.edit(displayName="Adatum")
    company.pass_over()
    assert company.in_crm["name"] == "Adatum"
    company.edit(displayName="Contoso")
    if unguarded:
        monkeypatch.setattr("sync.plan.FieldState.agreed_before", False)
    company.pass_over()
    with _verdict(unguarded):
        assert company.in_crm["name"] == "Contoso"


def test_an_update_carries_the_version_that_was_read(unguarded, monkeypatch):
    company = Company()
    edited: list[str] = []

    def a_user_comes_first(write: Write) -> None:
        if not edited:
            edited.append(write.id)
            company.edit_in_crm(name="Entered meanwhile")

    company.crm.before_write = a_user_comes_first
    if unguarded:
        monkeypatch.setattr("sync.writing._version", lambda record: None)
    company.edit(displayName="Adatum")
    company.pass_over()
    with _verdict(unguarded):
        assert company.in_crm["name"] == "Entered meanwhile"


def test_a_worker_that_lost_its_table_stores_nothing(unguarded, monkeypatch):
    company = Company()
    states = company.states
    slow = states.acquire("CUSTOMER", "slow", company.now(), 60)
    company.pass_time(61)
    quick = states.acquire("CUSTOMER", "quick", company.now(), 60)
    quick = states.checkpoint(
        replace(quick, watermarks=replace(quick.watermarks, crm="9000")),
        now=company.now(),
        seconds=60,
    )
    if unguarded:
        _write_whatever_was_stored_meanwhile(monkeypatch)
    with suppress(LeaseLostError):
        states.checkpoint(slow, now=company.now(), seconds=60)
    with _verdict(unguarded):
        assert states.load("CUSTOMER").watermarks.crm == "9000"
        assert states.load("CUSTOMER").lease.owner == "quick"


def _write_whatever_was_stored_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    save = TableStateStore._save
    monkeypatch.setattr(
        TableStateStore, "_save", lambda self, state: save(self, replace(state, etag="*"))
    )


def test_every_reading_begins_an_overlap_window_earlier(unguarded, monkeypatch):
    """A record is stamped when its transaction begins, and seen when it commits."""
    company = Company()
    company.bc.put("customers", bc_customer("20000"))
    company.pass_over()
    handled = company.states.load("CUSTOMER").watermarks.bc.stamp
    clock = company.bc.clock
    company.bc.clock = lambda: clock() - timedelta(minutes=2)
    company.edit(city="Leeds")
    company.bc.clock = clock
    assert company.customer["lastModifiedDateTime"] < handled
    if unguarded:
        monkeypatch.setattr(BcWatermark, "since", lambda self, overlap: self.stamp)
    company.pass_over()
    with _verdict(unguarded):
        assert company.in_crm["address1_city"] == "Leeds"


def test_a_window_is_read_until_it_is_settled(unguarded, monkeypatch):
    """Two numbers do not tell of a record that gets another stamp inside the window."""
    company = Company()
    company.bc.put("customers", bc_customer("20000"))
    company.pass_over()
    clock = company.bc.clock
    company.bc.clock = lambda: clock() - timedelta(seconds=1)
    newest = company.states.load("CUSTOMER").watermarks.bc.stamp
    company.edit(city="Leeds")
    company.bc.clock = clock
    assert company.customer["lastModifiedDateTime"] < newest
    if unguarded:
        monkeypatch.setattr(
            BcWatermark,
            "is_quiet",
            lambda self, peek, *_: peek.recent == self.recent and peek.newest == self.stamp,
        )
    company.pass_over()
    with _verdict(unguarded):
        assert company.in_crm["address1_city"] == "Leeds"


def test_a_record_has_one_partner_because_both_rows_of_a_pair_are_unique(unguarded, monkeypatch):
    company = Company()
    coupling = company.couplings.find_by_bc("CUSTOMER", [_CUSTOMER])[_CUSTOMER]
    if unguarded:
        _insert_whatever_is_there(monkeypatch)
    company.couplings.couple_many(
        "CUSTOMER", [replace(coupling, bc_id=bc_customer("20000")["id"], etag="")]
    )
    with _verdict(unguarded):
        partners = [each.bc_id for each in company.couplings.scan("CUSTOMER")]
        assert partners == [_CUSTOMER]


def _insert_whatever_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    transact = CouplingStore._couple_one.__globals__["_insertion"]
    kind = CouplingStore._couple_one.__globals__["OperationKind"].UPSERT
    monkeypatch.setattr(
        "couplings.store._insertion",
        lambda coupling: [replace(each, kind=kind) for each in transact(coupling)],
    )


def test_a_child_waits_until_its_parent_is_coupled(unguarded, monkeypatch):
    company = Company()
    company.crm.put("accounts", crm_account(3, statecode=1))  # is not coupled: it is inactive
    company.crm.put("contacts", crm_contact(6, crm_account(3)["accountid"]))
    if unguarded:
        monkeypatch.setattr("sync.rules.contact.ContactRule.bc_fields", lambda *_: {})
    company.pass_over("CONTACT")
    with _verdict(unguarded):
        assert company.bc.tables["contacts"] == {}


def test_the_tenant_is_part_of_every_key(unguarded, monkeypatch):
    account = MemoryAccount()
    if unguarded:
        monkeypatch.setattr(
            "storage.tables.TenantTable._partition", lambda self, parts: "~".join(parts)
        )
    first = Company(account)
    other = SyncWorld(account, tenant=TenantId("22222222-2222-4222-8222-222222222222"))
    other.bc.put("contacts", bc_contact(1))
    with _verdict(unguarded):
        assert list(other.couplings.scan("CUSTOMER")) == []
        assert other.states.load("CUSTOMER").lineage == ""
    assert first.states.load("CUSTOMER").lineage == DEFAULT_CATALOG.named("CUSTOMER").lineage


def test_a_new_record_is_created_under_an_id_that_follows_from_its_source(unguarded, monkeypatch):
    """A second attempt after a lost answer finds what the first one made."""
    company = Company()
    company.crm.put("accounts", crm_account(3))
    numbers = iter(range(1, 99))
    if unguarded:
        monkeypatch.setattr(
            "sync.ids.RecordIds.of",
            lambda self, *parts: f"eeeeeeee-0000-4000-8000-{next(numbers):012d}",
        )
    lost: list[str] = []

    def answer_is_lost(call: str, table: str) -> None:
        if call == "apply" and not lost:
            lost.append(table)
            raise TransientError("lost", "The answer was lost.")

    company.bc.after_call = answer_is_lost
    company.pass_over()
    company.pass_over()
    company.pass_over()
    with _verdict(unguarded):
        assert len(company.bc.tables["customers"]) == 2
