"""A process that dies at any point of a synchronization leaves nothing that the next one spoils.

Every point is tried: just before and just after each write to a service, each storage request that
writes, and each message.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sync.jobs import JobState
from sync.references import References
from tests.support.crashes import CrashingWorld
from tests.support.table_jobs import (
    bc_contact,
    bc_customer,
    bc_item,
    bc_price,
    crm_account,
    crm_contact,
)

_MAPPINGS = (
    "CUSTOMER",
    "CONTACT",
    "UNIT OF MEASURE",
    "ITEM-PRODUCT",
    "CUSTPRCGRP-PRICE",
    "SALESPRC-PRODPRICE",
)
_TWIN = {"displayName": "Twin", "companyNumber": "CO10000"}


class SmallCompany(CrashingWorld):
    """Every kind of record that a synchronization creates, couples or completes."""

    def __init__(self) -> None:
        super().__init__()
        self.bc.defaults["contacts"] = {"companyName": ""}
        for number in ("10000", "20000"):
            self.bc.put("customers", bc_customer(number))
        self.bc.put("customers", bc_customer("30000", phoneNumber="123"))
        self.crm.put("accounts", crm_account(3, accountnumber="30000", name="Customer 30000"))
        for account in (4, 5):  # alike, but for their ids
            self.crm.put("accounts", crm_account(account, name="Branch"))
        for contact in (1, 2):
            self.bc.put("contacts", bc_contact(contact, **_TWIN))
        self.crm.put("contacts", crm_contact(6, crm_account(3)["accountid"]))
        self.bc.put("unitsOfMeasure", {"id": "uom", "code": "PCS", "displayName": "Piece"})
        for number in ("1000", "2000"):
            self.bc.put("items", bc_item(number))
        self.bc.put("CustomerPriceGroups", {"SystemId": "group", "Code": "RETAIL"})
        self.bc.put("SalesPrices", bc_price(1))
        self.bc.put("SalesPrices", bc_price(2, Item_No="2000"))

    def load_references(self) -> References:
        cards = {each["id"]: f"CO{each['number']}" for each in self.bc.tables["customers"].values()}
        customers = {card: customer for customer, card in cards.items()}
        return replace(
            self.references,
            company_card_of_customer=cards,
            customer_of_contact={
                each["id"]: customers[each["companyNumber"]]
                for each in self.bc.tables["contacts"].values()
            },
            base_units={each: f"base unit of {each}" for each in self.crm.tables["uomschedules"]},
            unit_of_item={
                each["number"]: each["baseUnitOfMeasureCode"]
                for each in self.bc.tables["items"].values()
            },
            price_group_currencies={"RETAIL": {""}},
        )

    def contents(self) -> dict[str, Any]:
        """Everything that a user of either system, or of the review, could see."""
        return {
            **{f"BC {name}": _rows(table) for name, table in self.bc.tables.items()},
            **{f"CRM {name}": _rows(table) for name, table in self.crm.tables.items()},
            "couplings": {
                (name, each.bc_id, each.crm_id, each.bc_key, each.state)
                for name in _MAPPINGS
                for each in self.couplings.scan(name)
            },
            "outcomes": {each.key for each in self.outcome_list()},
        }


def _rows(table: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        key: {name: value for name, value in row.items() if name != "@odata.etag"}
        for key, row in table.items()
    }


def _undisturbed() -> SmallCompany:
    world = SmallCompany()
    lines = world.synchronize_although_processes_die(*_MAPPINGS)
    assert {line.state for line in lines.values()} == {JobState.FINISHED}
    return world


_CALM = _undisturbed()
_CONTENTS = _CALM.contents()


def test_the_small_company_is_synchronized_whole():
    assert _CONTENTS["outcomes"] == set()
    assert {name: len(_CALM.bc.tables[name]) for name in ("customers", "contacts", "items")} == {
        "customers": 5,
        "contacts": 3,
        "items": 2,
    }
    sizes = {name: len(table) for name, table in _CALM.crm.tables.items() if table}
    assert sizes == {
        "accounts": 5,
        "contacts": 3,
        "uomschedules": 1,
        "products": 2,
        "pricelevels": 3,
        "productpricelevels": 4,
    }
    assert len(_CONTENTS["couplings"]) == 5 + 3 + 1 + 2 + 1 + 2


@pytest.mark.parametrize("point", range(_CALM.points.passed))
def test_a_crash_leaves_no_duplicate_nothing_uncoupled_and_nothing_to_write(point):
    world = SmallCompany()
    world.points.dies_at = point
    lines = world.synchronize_although_processes_die(*_MAPPINGS)
    assert {line.state for line in lines.values()} == {JobState.FINISHED}
    assert world.contents() == _CONTENTS
    world.bc.writes.clear()
    world.crm.writes.clear()
    world.synchronize_although_processes_die(*_MAPPINGS)
    assert (world.bc.writes, world.crm.writes) == ([], [])
    assert world.contents() == _CONTENTS
