"""Having partners made because a person asks."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace

import pytest

from errors import RefusedRequestError
from sync.by_hand.pair_requests import Selection
from sync.by_hand.partner_creation import Wanted
from tests.support.by_hand import drain_passes, pair_requests, partner_creation
from tests.support.table_jobs import SyncWorld, bc_customer, crm_account


class Company(SyncWorld):
    """Two customers in step."""

    def __init__(self) -> None:
        super().__init__()
        for number in ("10000", "20000"):
            self.bc.put("customers", bc_customer(number))
        self.synchronize("CUSTOMER")
        drain_passes(self)

    def account_of_the_first(self) -> str:
        bc_id = bc_customer("10000")["id"]
        return self.couplings.find_by_bc("CUSTOMER", [bc_id])[bc_id].crm_id

    def coupled(self) -> list[str]:
        return [each.bc_key for each in self.couplings.scan("CUSTOMER")]


@pytest.fixture
def company() -> Company:
    return Company()


def test_records_get_partners_once_and_coupled_ones_are_left_alone(company):
    company.bc.put("customers", bc_customer("30000"))
    for _ in range(2):
        wanted = partner_creation(company).ask(bc=["10000", "30000"], crm=[])
        assert wanted == Wanted(asked=1, coupled=1)
    drain_passes(company)
    assert company.coupled() == ["10000", "20000", "30000"]
    assert len(company.crm.tables["accounts"]) == 3
    assert partner_creation(company).ask(bc=["30000"], crm=[]) == Wanted(coupled=1)


def test_a_crm_record_gets_a_partner_and_one_outside_the_filter_does_not(company):
    account = company.crm.put("accounts", crm_account(7))
    vendor = company.crm.put("accounts", crm_account(8, customertypecode=11))
    wanted = partner_creation(company).ask(
        bc=[], crm=[account["accountid"], vendor["accountid"].upper()]
    )
    assert wanted == Wanted(asked=1, outside=1)
    drain_passes(company)
    assert len(company.bc.tables["customers"]) == 3


def test_a_record_taken_apart_gets_a_partner_when_somebody_asks(company):
    account = company.account_of_the_first()
    pair_requests(company).uncouple(Selection(bc=["10000"]))
    drain_passes(company)
    company.crm.delete("accounts", account)
    assert partner_creation(company).ask(bc=["10000"], crm=[]).asked == 1
    drain_passes(company)
    assert company.coupled() == ["10000", "20000"]
    assert company.outcome_list("CUSTOMER") == []


def test_partners_are_not_made_where_the_mapping_makes_none(company):
    with pytest.raises(RefusedRequestError) as refused:
        partner_creation(company, "ITEM-PRODUCT").ask(bc=[], crm=["x"])
    assert (refused.value.status, refused.value.code) == (409, "creates-none")


def test_unknown_records_are_named(company):
    with pytest.raises(RefusedRequestError, match="99999") as refused:
        partner_creation(company).ask(bc=["10000", "99999"], crm=[])
    assert (refused.value.status, refused.value.code) == (404, "record-unknown")


def made_by_coupler(company: Company) -> tuple[str, str]:
    """A customer that Coupler made of an account, and the account; taken apart."""
    account = company.crm.put("accounts", crm_account(7))["accountid"]
    company.requests.request("CUSTOMER")
    drain_passes(company)
    customer = company.couplings.find_by_crm("CUSTOMER", [account])[account].bc_id
    company.bc.put(
        "customers", {"id": customer, "blocked": "_x0020_"}
    )  # as the service fills it in
    pair_requests(company).uncouple(Selection(crm=[account]))
    drain_passes(company)
    return customer, account


def test_a_customer_that_coupler_made_gets_a_partner_when_somebody_asks(company):
    """Such a record may belong to what it was made of, so only comparing everything decides."""
    customer, account = made_by_coupler(company)
    company.crm.delete("accounts", account)
    assert partner_creation(company).ask(bc=[customer], crm=[]).asked == 1
    drain_passes(company)
    made = company.couplings.find_by_bc("CUSTOMER", [customer])[customer].crm_id
    assert made in company.crm.tables["accounts"]
    assert company.outcome_list("CUSTOMER") == []
    assert company.hints.left_for_comparison("CUSTOMER") == []


def test_a_customer_that_coupler_made_finds_its_account_when_somebody_asks(company):
    customer, account = made_by_coupler(company)
    assert partner_creation(company).ask(bc=[customer], crm=[]).asked == 1
    drain_passes(company)
    assert company.couplings.find_by_bc("CUSTOMER", [customer])[customer].crm_id == account
    assert len(company.crm.tables["accounts"]) == 3


def test_a_wish_that_comes_while_everything_is_compared_is_not_passed_by(company, monkeypatch):
    """However far the comparison is; it gets along with a page of one record at a time."""
    monkeypatch.setattr("sync.comparison.PAGE_SIZE", 1)
    looks = count()  # at the clock, each of which takes a second
    clock = SimpleNamespace(monotonic=lambda: next(looks))
    monkeypatch.setattr("sync.pass_worker.time", clock)
    customer, account = made_by_coupler(company)
    company.crm.delete("accounts", account)
    for last in ("e", "f"):
        values = bc_customer("90000") | {"number": f"9000{last}", "id": f"{last}{customer[1:]}"}
        company.bc.put("customers", values)
    drain_passes(company)
    for slices in range(1, 6):
        company.crm.expire_watermarks("accounts")
        company.requests.request("CUSTOMER")
        for _ in range(slices):
            if company.queues.messages:
                mapping = company.queues.messages.pop(0)["mapping"]
                company.pass_worker(slice_seconds=2).handle(mapping)
        assert partner_creation(company).ask(bc=[customer], crm=[]).asked == 1
        drain_passes(company)
        [pair] = company.couplings.find_by_bc("CUSTOMER", [customer]).values()
        pair_requests(company).uncouple(Selection(bc=[customer]))
        drain_passes(company)
        company.crm.delete("accounts", pair.crm_id)
