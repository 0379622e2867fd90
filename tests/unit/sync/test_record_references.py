"""What single records need to know of other tables, and what it costs to read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any, cast

import pytest

from services.business_central import BusinessCentral
from services.records import Write
from sync import record_references
from sync.prices import PriceRows
from sync.record_references import RecordReferences
from sync.references import Asked, References
from tests.fakes.services import FakeBusinessCentral
from tests.support.table_jobs import (
    SyncWorld,
    bc_contact,
    bc_customer,
    bc_item,
    bc_price,
    crm_contact,
)

GROUP = "Customer_x0020_Price_x0020_Group"


class Loader:
    """Loads from fake tables, and counts the calls by table."""

    def __init__(self) -> None:
        ids = {"customers": "id", "items": "id", "SalesPrices": "SystemId"}
        self.bc = FakeBusinessCentral(ids)
        self.calls: Counter[tuple[str, str]] = Counter()
        self.bc.before_call = lambda call, table: self.calls.update([(call, table)])
        self.references = References(today=date(2026, 6, 26))
        self._loader = RecordReferences(cast(BusinessCentral, self.bc), self.references)

    def load(self, **asked: Any) -> References:
        self._loader.load(Asked(**asked))
        return self.references

    def customer(self, number: int, *persons: str, name: str = "") -> str:
        """A customer with its company contact and persons."""
        record = bc_customer(f"{number}0000", displayName=name or f"Customer {number}")
        cards = [
            {"contactId": f"co{number}", "contactNumber": f"CO{number}", "contactType": "Company"},
            *(
                {"contactId": each, "contactNumber": each.upper(), "contactType": "Person"}
                for each in persons
            ),
        ]
        self.bc.put("customers", record | {"contactsInformation": cards})
        return str(record["id"])


@pytest.fixture
def loader() -> Loader:
    return Loader()


# persons and customers


def test_a_person_s_customer_is_found_by_the_company_s_name(loader):
    customer = loader.customer(1, "p")
    loader.customer(2, "q")
    assert loader.load(companies_of_contacts={"p": "Customer 1"}).customer_of_contact == {
        "p": customer
    }
    assert loader.calls == {("fetch_many_by", "customers"): 1}


def test_of_customers_of_one_name_the_one_whose_person_it_is_counts(loader):
    loader.customer(1, "q", name="Twins")
    customer = loader.customer(2, "p", name="Twins")
    found = loader.load(companies_of_contacts={"p": "Twins"}).customer_of_contact
    assert found["p"] == customer


@pytest.mark.parametrize("company", ["Another name", ""], ids=["renamed", "nameless"])
def test_a_person_not_found_by_name_is_looked_for_among_all(loader, company):
    customer = loader.customer(1, "p")
    found = loader.load(companies_of_contacts={"p": company}).customer_of_contact
    assert found == {"p": customer}
    assert loader.calls["fetch_pages", "customers"] == 1


def test_a_person_of_no_customer_is_looked_for_among_all_once(loader):
    loader.customer(1, "p")
    for _ in range(2):
        assert "x" not in loader.load(companies_of_contacts={"x": "Nobody"}).customer_of_contact
    loader.load(companies_of_contacts={"y": "Nobody"}, customers=frozenset({"z"}))
    assert loader.calls["fetch_pages", "customers"] == 1


def test_a_person_that_moved_to_another_company_meanwhile_is_asked_for_anew(loader):
    loader.customer(1, "p")
    loader.load(companies_of_contacts={"p": "Customer 1"})
    loader.customer(1)
    new = loader.customer(2, "p")
    found = loader.load(companies_of_contacts={"p": "Customer 2"}).customer_of_contact
    assert found["p"] == new


def test_what_is_known_is_not_asked_for_again(loader):
    loader.customer(1, "p")
    for _ in range(2):
        loader.load(companies_of_contacts={"p": "Customer 1"})
    assert loader.calls.total() == 1


def test_a_customer_s_company_contact_is_found_by_the_customer(loader):
    first, second = loader.customer(1), loader.customer(2)
    found = loader.load(customers=frozenset({second})).company_card_of_customer
    assert found == {second: "CO2"}
    assert first not in found
    assert loader.calls == {("fetch_many_by", "customers"): 1}


# prices


def price(loader: Loader, number: int, **fields: Any) -> str:
    record = bc_price(number, **fields)
    loader.bc.put("SalesPrices", record)
    return str(record["SystemId"])


def test_an_item_s_unit_and_prices_are_known(loader):
    loader.bc.put("items", bc_item("1000"))
    loader.bc.put("items", bc_item("2000"))
    old = price(loader, 1, Starting_Date="2025-01-01")
    new = price(loader, 2, Starting_Date="2026-01-01")
    price(loader, 3, Item_No="2000")
    found = loader.load(items=frozenset({"1000"}))
    assert found.unit_of_item == {"1000": "PCS"}
    assert found.prices == {("RETAIL", "1000", "PCS"): PriceRows(current=new, others=(old,))}
    assert loader.calls == {
        ("fetch_many_by", "items"): 1,
        ("fetch_many_by", "SalesPrices"): 1,
    }


def test_a_group_s_currencies_take_a_request_each_however_many_prices_there_are(loader):
    for number in range(50):
        price(loader, number, Currency_Code="USD" if number % 2 else "")
    price(loader, 50, Sales_Code="OTHER", Currency_Code="EUR")
    found = loader.load(price_groups=frozenset({"RETAIL", "NONE"})).price_group_currencies
    assert found == {"RETAIL": {"", "USD"}}
    assert loader.calls == {("fetch_another", "SalesPrices"): 4}


def test_only_prices_of_price_groups_give_a_group_its_currencies(loader):
    price(loader, 1, Sales_Type="Customer", Currency_Code="EUR")
    price(loader, 2, Currency_Code="USD")
    found = loader.load(price_groups=frozenset({"RETAIL"})).price_group_currencies
    assert found == {"RETAIL": {"USD"}}


# many


@pytest.mark.parametrize("many", [False, True])
def test_few_or_many_give_the_same_answers(loader, monkeypatch, many):
    if many:
        monkeypatch.setattr(record_references, "_MANY", 0)
        monkeypatch.setattr(record_references, "_MANY_PRICE_GROUPS", 0)
    fresh = RecordReferences(cast(BusinessCentral, loader.bc), loader.references)
    customer = loader.customer(1, "p")
    loader.bc.put("items", bc_item("1000"))
    price(loader, 1, Currency_Code="USD")
    for _ in range(2):
        fresh.load(
            Asked(
                companies_of_contacts={"p": "Customer 1"},
                customers=frozenset({customer}),
                price_groups=frozenset({"RETAIL"}),
                items=frozenset({"1000"}),
            )
        )
    found = loader.references
    assert found.customer_of_contact == {"p": customer}
    assert found.company_card_of_customer == {customer: "CO1"}
    assert found.price_group_currencies == {"RETAIL": {"USD"}}
    assert found.unit_of_item == {"1000": "PCS"}
    assert list(found.prices) == [("RETAIL", "1000", "PCS")]
    whole = {key: number for key, number in loader.calls.items() if key[0] == "fetch_pages"}
    expected = {("fetch_pages", "customers"): 1, ("fetch_pages", "items"): 1}
    assert whole == (expected | {("fetch_pages", "SalesPrices"): 2} if many else {})


def test_the_keys_of_several_pages_count_together(loader, monkeypatch):
    monkeypatch.setattr(record_references, "_MANY", 3)
    fresh = RecordReferences(cast(BusinessCentral, loader.bc), loader.references)
    for each in ("1", "2"):
        fresh.load(Asked(items=frozenset({each, each + "0"})))
    assert loader.calls["fetch_pages", "items"] == 1
    assert loader.calls["fetch_many_by", "items"] == 1


# passes


class LoadingWorld(SyncWorld):
    """A world whose references come from its own tables."""

    def reference_loader(self, references: References) -> Callable[[Asked], None]:
        return RecordReferences(cast(BusinessCentral, self.bc), references).load

    def load_references(self) -> References:
        today = self.references.today
        return References(today=today, local_currency=self.references.local_currency)


def relate(world: SyncWorld, customer: dict[str, Any], *persons: dict[str, Any]) -> None:
    card = {"contactId": "x", "contactNumber": customer["number"], "contactType": "Company"}
    cards = [
        {"contactId": each["id"], "contactNumber": each["number"], "contactType": "Person"}
        for each in persons
    ]
    world.bc.put("customers", customer | {"contactsInformation": [card, *cards]})


def company(size: int) -> LoadingWorld:
    """So many customers in step, each with a person who works there."""
    world = LoadingWorld()
    world.bc.defaults["contacts"] = {"companyName": "", "companyNumber": ""}
    for number in range(size):
        customer = bc_customer(str(10000 + number), displayName=f"Customer {number}")
        person = bc_contact(
            number, companyName=customer["displayName"], companyNumber=customer["number"]
        )
        world.bc.put("contacts", person)
        relate(world, customer, person)
    world.synchronize("CUSTOMER", "CONTACT")
    assert world.couplings.count("CONTACT") == size
    for _ in range(2):
        one_pass(world)
    return world


def one_pass(world: SyncWorld) -> Counter[tuple[str, str]]:
    """A pass over contacts; the calls to Business Central by table."""
    calls: Counter[tuple[str, str]] = Counter()
    world.bc.before_call = lambda call, table: calls.update([(call, table)])
    world.pass_time(20 * 60)
    world.pass_worker().handle("CONTACT")
    return calls


def test_a_pass_after_one_change_costs_the_same_in_a_company_of_any_size():
    cost = []
    for size in (3, 30):
        world = company(size)
        world.bc.put("contacts", {"id": bc_contact(1)["id"], "jobTitle": "Head"})
        cost.append(one_pass(world))
        (changed,) = [r for r in world.crm.tables["contacts"].values() if r["jobtitle"] == "Head"]
        assert changed["_parentcustomerid_value"]
    assert cost[0] == cost[1]
    assert cost[0]["fetch_pages", "customers"] == 0


def test_a_person_that_moved_to_another_company_moves_in_crm_too():
    world = company(3)
    person = world.bc.tables["contacts"][bc_contact(1)["id"]]
    first, second = (bc_customer(str(number)) for number in (10001, 10002))
    relate(world, first | {"displayName": "Customer 1"})
    relate(
        world,
        second | {"displayName": "Customer 2"},
        person,
        world.bc.tables["contacts"][bc_contact(2)["id"]],
    )
    moved = {"id": person["id"], "companyName": "Customer 2", "companyNumber": second["number"]}
    world.bc.put("contacts", moved)
    calls = one_pass(world)
    coupling = world.couplings.find_by_bc("CONTACT", [person["id"]])[person["id"]]
    account = world.couplings.find_by_bc("CUSTOMER", [second["id"]])[second["id"]].crm_id
    contact = world.crm.tables["contacts"][coupling.crm_id]
    assert contact["_parentcustomerid_value"] == account
    assert calls["fetch_pages", "customers"] == 0


def test_a_new_contact_in_crm_is_created_at_the_company_of_its_account():
    world = company(3)
    first = bc_customer("10000")
    account = world.couplings.find_by_bc("CUSTOMER", [first["id"]])[first["id"]].crm_id
    world.crm.put("contacts", crm_contact(9, account))
    persons = [world.bc.tables["contacts"][bc_contact(0)["id"]]]

    def join_company(write: Write) -> None:
        person = world.bc.put("contacts", {"id": write.id, "companyName": "Customer 0"})
        relate(world, first | {"displayName": "Customer 0"}, *persons, person)

    world.bc.after_write = join_company
    calls = one_pass(world)
    new = world.bc.tables["contacts"][
        world.ids().of("CONTACT", "crm", crm_contact(9, "")["contactid"])
    ]
    assert new["companyNumber"] == "10000"
    assert calls["fetch_pages", "customers"] == 0
