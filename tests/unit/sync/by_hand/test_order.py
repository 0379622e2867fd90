"""Coupling out of order: what is named to be coupled first, and coupling that as well."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Any

import pytest

from errors import RefusedRequestError
from sync.by_hand.coupling import CoupledOtherwiseError
from sync.by_hand.order import Compared, ParentsFirstError
from sync.by_hand.pair_requests import Selection
from sync.by_hand.pairing import First
from sync.references import References
from tests.support.by_hand import (
    coupling_by_hand,
    coupling_in_order,
    drain_passes,
    pair_requests,
)
from tests.support.crashes import CrashingWorld
from tests.support.table_jobs import (
    LOCAL_CURRENCY_ID,
    bc_contact,
    bc_customer,
    bc_item,
    bc_price,
    crm_account,
    crm_contact,
    crm_user,
)


def uuid(number: int) -> str:
    return f"dddddddd-0000-4000-8000-{number:012d}"


SALESPERSON: dict[str, Any] = {
    "id": uuid(1),
    "code": "JO",
    "displayName": "Jo",
    "email": "jo@cronus.example",
}
USER: dict[str, Any] = crm_user(
    uuid(2), fullname="Jo Smith", internalemailaddress="jo@cronus.example"
)
EURO = {"id": uuid(3), "code": "EUR", "displayName": "Euro", "symbol": "€"}
CRM_EURO = {"transactioncurrencyid": uuid(4), "currencyname": "euro", "isocurrencycode": "EUR"}
UNIT = {"id": uuid(5), "code": "PCS", "displayName": "Piece"}
GROUP: dict[str, Any] = {"uomscheduleid": uuid(6), "name": "NAV PCS", "statecode": 0}
CUSTOMER = bc_customer("10000", currencyCode="EUR", salespersonCode="JO")
ACCOUNT = crm_account(1, accountnumber="10000")
PERSON: dict[str, Any] = bc_contact(1)
HUMAN = crm_contact(1, ACCOUNT["accountid"])
ITEM = bc_item("1000")
PRODUCT = {
    "productid": uuid(7),
    "productnumber": "1000",
    "name": "Item",
    "producttypecode": 1,
    "_defaultuomscheduleid_value": GROUP["uomscheduleid"],
}
RESOURCE = {
    "SystemId": uuid(8),
    "No": "LINDA",
    "Name": "Linda",
    "Unit_Price": 90,
    "Unit_Cost": 60,
    "Capacity": 8,
    "Base_Unit_of_Measure": "PCS",
    "Blocked": False,
}
SERVICE = PRODUCT | {"productid": uuid(9), "productnumber": "LINDA", "producttypecode": 3}
PRICE_GROUP: dict[str, Any] = {"SystemId": uuid(10), "Code": "RETAIL", "Description": "Retail"}
PRICE_LIST = {"pricelevelid": uuid(11), "name": "RETAIL"}
PRICE = bc_price(1)
PRICE_LIST_ITEM = {
    "productpricelevelid": uuid(12),
    "productnumber": "1000",
    "_pricelevelid_value": PRICE_LIST["pricelevelid"],
    "_productid_value": PRODUCT["productid"],
    "amount": 90,
}


class Company(CrashingWorld):
    """A company whose records all have partners in CRM, and none is coupled."""

    def __init__(self) -> None:
        super().__init__()
        self.points.counts = False
        for name, record in (
            ("salespeoplePurchasers", SALESPERSON),
            ("currencies", EURO),
            ("unitsOfMeasure", UNIT),
            ("customers", CUSTOMER),
            ("contacts", PERSON),
            ("items", ITEM),
            ("Resources", RESOURCE),
            ("CustomerPriceGroups", PRICE_GROUP),
            ("SalesPrices", PRICE),
        ):
            self.bc.put(name, record)
        for name, record in (
            ("systemusers", USER),
            ("transactioncurrencies", CRM_EURO),
            ("uomschedules", GROUP),
            ("accounts", ACCOUNT),
            ("contacts", HUMAN),
            ("products", PRODUCT),
            ("products", SERVICE),
            ("pricelevels", PRICE_LIST),
            ("productpricelevels", PRICE_LIST_ITEM),
        ):
            self.crm.put(name, record)

    def load_references(self) -> References:
        self.references.customer_of_contact = {PERSON["id"]: CUSTOMER["id"]}
        self.references.company_card_of_customer = {CUSTOMER["id"]: PERSON["companyNumber"]}
        self.references.exchange_rates = {"EUR": 1.2}
        self.references.price_group_currencies = {"RETAIL": {"EUR"}}
        self.references.base_units = {GROUP["uomscheduleid"]: uuid(13)}
        self.references.unit_of_item = {"1000": "PCS"}
        return self.references

    def couple_alone(self, mapping: str) -> None:
        bc, crm = PAIRS[mapping]
        coupling_by_hand(self, mapping).couple(bc, crm, First.NONE, replaces=False)

    def compare(self, mapping: str) -> Compared:
        return coupling_in_order(self, mapping).compare(*PAIRS[mapping])

    def couple(self, mapping: str, *, with_parents: bool = False, **how: Any) -> list[str]:
        """Couple the mapping's pair; the mappings of the parents that were coupled before."""
        coupled = coupling_in_order(self, mapping).couple(
            *PAIRS[mapping],
            how.get("first", First.NONE),
            replaces=how.get("replaces", False),
            with_parents=with_parents,
        )
        return [each.mapping for each in coupled.parents]

    def coupled(self) -> set[str]:
        """The mappings that have a coupling, which is the right one."""
        for mapping, (bc, crm) in PAIRS.items():
            for each in self.couplings.scan(mapping):
                assert bc in (each.bc_id, each.bc_key)
                assert each.crm_id == crm
        return {name for name in PAIRS if self.couplings.count(name)}


PAIRS = {
    "SALESPEOPLE": ("JO", USER["systemuserid"]),
    "CURRENCY": ("EUR", CRM_EURO["transactioncurrencyid"]),
    "UNIT OF MEASURE": ("PCS", GROUP["uomscheduleid"]),
    "CUSTOMER": ("10000", ACCOUNT["accountid"]),
    "CONTACT": ("CT000001", HUMAN["contactid"]),
    "ITEM-PRODUCT": ("1000", PRODUCT["productid"]),
    "RESOURCE-PRODUCT": ("LINDA", SERVICE["productid"]),
    "CUSTPRCGRP-PRICE": ("RETAIL", PRICE_LIST["pricelevelid"]),
    "SALESPRC-PRODPRICE": (PRICE["SystemId"], PRICE_LIST_ITEM["productpricelevelid"]),
}


@pytest.fixture
def company() -> Company:
    return Company()


# the rules


@pytest.mark.parametrize(
    ("what", "mapping", "parent", "coupled_before"),
    [
        ("salespeople before customers", "CUSTOMER", "SALESPEOPLE", ["CURRENCY"]),
        ("currencies before customers in one", "CUSTOMER", "CURRENCY", ["SALESPEOPLE"]),
        ("customers before their people", "CONTACT", "CUSTOMER", ["SALESPEOPLE", "CURRENCY"]),
        ("units before items", "ITEM-PRODUCT", "UNIT OF MEASURE", []),
        ("units before resources", "RESOURCE-PRODUCT", "UNIT OF MEASURE", []),
        ("currencies before foreign prices", "CUSTPRCGRP-PRICE", "CURRENCY", []),
        (
            "price groups before prices",
            "SALESPRC-PRODPRICE",
            "CUSTPRCGRP-PRICE",
            ["UNIT OF MEASURE", "ITEM-PRODUCT"],
        ),
        (
            "items before prices",
            "SALESPRC-PRODPRICE",
            "ITEM-PRODUCT",
            ["CURRENCY", "CUSTPRCGRP-PRICE", "UNIT OF MEASURE"],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " before " in value else "",
)
def test_coupling_out_of_order_names_what_to_couple_first(
    company, what, mapping, parent, coupled_before
):
    for name in coupled_before:
        company.couple_alone(name)
    with pytest.raises(ParentsFirstError) as refused:
        company.couple(mapping)
    assert (refused.value.status, refused.value.code) == (409, "parent-not-coupled")
    first = [each for each in refused.value.errors if each.get("mapping") == parent]
    bc, crm = PAIRS[parent]
    assert [each["crm_id"] for each in first] == [crm]
    assert parent in refused.value.hint
    assert company.coupled() == set(coupled_before)
    (told,) = company.compare(mapping).first
    assert told.suggestion is not None
    assert (told.suggestion.mapping, told.suggestion.crm_id) == (parent, crm)
    assert bc in (told.suggestion.bc_key, told.suggestion.bc_id)
    for name in dict.fromkeys([*_order_of(told.suggestion.first), parent, mapping]):
        company.couple_alone(name)  # as told, and now it goes
    assert mapping in company.coupled()


def _order_of(first: Any) -> list[str]:
    return [
        name
        for each in first
        for name in [*_order_of(each.suggestion.first), each.suggestion.mapping]
    ]


# doing it


def test_parents_are_coupled_first_and_their_parents_before_them(company):
    assert company.couple("CONTACT", with_parents=True) == ["CURRENCY", "SALESPEOPLE", "CUSTOMER"]
    assert company.coupled() == {"CURRENCY", "SALESPEOPLE", "CUSTOMER", "CONTACT"}


def test_a_price_has_everything_before_it_coupled_once(company):
    parents = company.couple("SALESPRC-PRODPRICE", with_parents=True)
    assert sorted(parents) == sorted(set(parents))
    assert set(parents) == {"CUSTPRCGRP-PRICE", "CURRENCY", "ITEM-PRODUCT", "UNIT OF MEASURE"}
    assert company.coupled() == {*parents, "SALESPRC-PRODPRICE"}


def test_the_chosen_side_counts_for_the_pair_alone(company):
    company.couple("CUSTOMER", with_parents=True, first=First.TO_CRM)
    drain_passes(company)
    assert company.crm.tables["accounts"][ACCOUNT["accountid"]]["name"] == "Customer 10000"


def test_a_pair_that_refers_to_nothing_uncoupled_is_coupled_alone(company):
    assert company.couple("SALESPEOPLE", with_parents=True) == []


def test_a_parent_known_in_crm_only_is_named_by_its_id(company):
    company.couple_alone("SALESPEOPLE")
    company.bc.put("customers", {"id": CUSTOMER["id"], "currencyCode": "GBP"})
    euro = CRM_EURO["transactioncurrencyid"]
    company.crm.put(
        "accounts", {"accountid": ACCOUNT["accountid"], "_transactioncurrencyid_value": euro}
    )
    (told,) = company.compare("CUSTOMER").first
    assert (told.side, told.ref) == ("crm", euro)
    assert told.suggestion is not None
    assert (told.suggestion.bc_key, told.suggestion.crm_id) == ("EUR", euro)


def test_who_asks_again_after_a_crash_gets_all_of_it():
    for dies_at in count():
        company = Company()
        company.points.begin(dies_at)
        survived = company.survives(partial(company.couple, "CONTACT", with_parents=True))
        company.points.counts = False
        if not survived:
            company.couple("CONTACT", with_parents=True)
        assert company.coupled() == {"CURRENCY", "SALESPEOPLE", "CUSTOMER", "CONTACT"}, dies_at
        if survived:
            return


# not guessing


def add_second_user(company: Company) -> None:
    company.crm.put("systemusers", USER | {"systemuserid": uuid(20)})


def rename_user(company: Company) -> None:
    mail = {"internalemailaddress": "other@cronus.example"}
    company.crm.put("systemusers", {"systemuserid": USER["systemuserid"]} | mail)


def couple_user_otherwise(company: Company) -> None:
    company.bc.put("salespeoplePurchasers", {"id": uuid(21), "code": "AL", "email": ""})
    coupling_by_hand(company, "SALESPEOPLE").couple(
        "AL", USER["systemuserid"], First.NONE, replaces=False
    )


def remove_salesperson(company: Company) -> None:
    company.bc.delete("salespeoplePurchasers", SALESPERSON["id"])


def disable_user(company: Company) -> None:
    company.crm.put("systemusers", {"systemuserid": USER["systemuserid"], "isdisabled": True})


def take_apart(company: Company) -> None:
    company.couple_alone("SALESPEOPLE")
    drain_passes(company)
    pair_requests(company, "SALESPEOPLE").uncouple(Selection(bc=["JO"]))
    drain_passes(company)


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (add_second_user, "2 records"),
        (rename_user, "No uncoupled record in Dynamics 365 Sales fits JO Jo"),
        (couple_user_otherwise, "No uncoupled record"),
        (remove_salesperson, "Not in salespeoplePurchasers"),
        (disable_user, "No uncoupled record"),
        (take_apart, "was uncoupled"),
    ],
)
def test_a_parent_that_not_exactly_one_record_fits_is_left_to_people(company, happens, why):
    company.couple_alone("CURRENCY")
    happens(company)
    before = company.couplings.count("SALESPEOPLE")
    (told,) = company.compare("CUSTOMER").first
    assert (told.suggestion, told.is_clear) == (None, False)
    assert why in told.why_none
    with pytest.raises(ParentsFirstError, match="JO") as refused:
        company.couple("CUSTOMER", with_parents=True)
    assert why in refused.value.hint
    assert "with_parents" not in refused.value.hint
    assert company.couplings.count("SALESPEOPLE") == before
    assert company.couplings.count("CUSTOMER") == 0


def test_a_parent_that_changed_since_it_was_taken_apart_is_one_like_any_other(company):
    company.couple_alone("CURRENCY")
    take_apart(company)
    company.crm.put("systemusers", {"systemuserid": USER["systemuserid"], "mobilephone": "5"})
    assert company.couple("CUSTOMER", with_parents=True) == ["SALESPEOPLE"]


def test_what_was_taken_apart_with_its_parent_stays_apart_when_that_is_coupled_again(company):
    company.couple("ITEM-PRODUCT", with_parents=True)
    drain_passes(company)
    for mapping in ("ITEM-PRODUCT", "UNIT OF MEASURE"):
        pair_requests(company, mapping).uncouple(Selection(bc=[PAIRS[mapping][0]]))
    for _ in range(2):
        drain_passes(company)
        company.synchronize("ITEM-PRODUCT")  # which meets every record
    assert company.coupled() == set()
    company.couple_alone("UNIT OF MEASURE")
    drain_passes(company)
    company.synchronize("ITEM-PRODUCT")
    assert company.coupled() == {"UNIT OF MEASURE"}


def test_where_one_of_several_parents_is_unclear_none_is_coupled(company):
    rename_user(company)
    with pytest.raises(ParentsFirstError):
        company.couple("CUSTOMER", with_parents=True)
    assert company.coupled() == set()


def test_parents_are_not_coupled_for_a_pair_that_other_partners_stand_in_the_way_of(company):
    company.bc.put("customers", bc_customer("20000"))
    coupling_by_hand(company).couple("20000", ACCOUNT["accountid"], First.NONE, replaces=False)
    with pytest.raises(CoupledOtherwiseError, match="20000"):
        company.couple("CUSTOMER", with_parents=True)
    assert company.couplings.count("SALESPEOPLE") == 0
    assert company.couple("CUSTOMER", with_parents=True, replaces=True) == [
        "CURRENCY",
        "SALESPEOPLE",
    ]


def test_what_stands_in_the_way_beside_the_order_is_told_as_well(company):
    company.bc.put("customers", {"id": CUSTOMER["id"], "blocked": "All"})
    with pytest.raises(ParentsFirstError) as refused:
        company.couple("CUSTOMER")
    told = " ".join(each["message"] for each in refused.value.errors)
    assert "blocked" in told
    assert "JO" in told


def test_unknown_records_are_refused_as_ever(company):
    with pytest.raises(RefusedRequestError) as refused:
        coupling_in_order(company).compare("99999", ACCOUNT["accountid"])
    assert refused.value.code == "record-unknown"


def test_local_currency_needs_no_coupling(company):
    company.couple_alone("SALESPEOPLE")
    company.bc.put("customers", {"id": CUSTOMER["id"], "currencyCode": "GBP"})
    company.crm.put(
        "accounts",
        {"accountid": ACCOUNT["accountid"], "_transactioncurrencyid_value": LOCAL_CURRENCY_ID},
    )
    assert company.couple("CUSTOMER") == []
