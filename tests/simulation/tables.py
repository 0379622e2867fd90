"""The tables that simulated users work in, and how their records look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from couplings.model import Side
from tests.support.table_jobs import (
    LOCAL_CURRENCY_ID,
    bc_contact,
    bc_customer,
    bc_item,
    crm_account,
    crm_contact,
    crm_user,
)

type Record = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimTable:
    """One table mapping as users see it."""

    mapping: str
    bc: str
    crm: str
    bc_key: str
    crm_key: str
    both: tuple[tuple[str, str], ...] = ()
    """Fields that either side may edit."""
    to_crm: tuple[tuple[str, str], ...] = ()
    """Text fields that belong to Business Central."""
    from_crm: tuple[tuple[str, str], ...] = ()
    """Text fields that belong to CRM."""
    amounts: tuple[tuple[str, str], ...] = ()
    """Numbers that belong to Business Central."""
    created_in: tuple[Side, ...]
    """Where users create records that the other side is to get."""
    scope: tuple[Side, str, object, object] | None = None
    """Side and field that decide whether a record is the mapping's business, with a value of one
    that is and of one that is not."""
    new_bc: Callable[[str, str], Record] | None = None
    """A record of this id and number as Business Central shows it."""
    new_crm: Callable[[str, str], Record] | None = None

    def name(self, side: Side) -> str:
        return self.bc if side == "bc" else self.crm

    def key(self, side: Side) -> str:
        return self.bc_key if side == "bc" else self.crm_key

    def new(self, side: Side) -> Callable[[str, str], Record]:
        made = self.new_bc if side == "bc" else self.new_crm
        if made is None:
            raise LookupError(f"nobody creates records of {self.mapping} in {side}")
        return made


TABLES = {
    table.mapping: table
    for table in (
        SimTable(
            mapping="SALESPEOPLE",
            bc="salespeoplePurchasers",
            crm="systemusers",
            bc_key="id",
            crm_key="systemuserid",
            from_crm=(
                ("email", "internalemailaddress"),
                ("displayName", "fullname"),
                ("phoneNo", "mobilephone"),
            ),
            created_in=("crm",),
            scope=("crm", "isdisabled", False, True),
            new_crm=lambda id_, number: crm_user(
                id_, fullname=f"User {number}", internalemailaddress=f"user{number}@example.com"
            ),
        ),
        SimTable(
            mapping="CURRENCY",
            bc="currencies",
            crm="transactioncurrencies",
            bc_key="id",
            crm_key="transactioncurrencyid",
            to_crm=(("displayName", "currencyname"),),
            created_in=("bc",),
            new_bc=lambda id_, number: {
                "id": id_,
                "code": f"C{number}",
                "displayName": f"Currency {number}",
                "symbol": "",
                "amountDecimalPlaces": "2:2",
            },
            new_crm=lambda id_, number: {
                "transactioncurrencyid": id_,
                "isocurrencycode": f"C{number}",
                "currencyname": f"Currency {number}",
                "currencysymbol": f"C{number}",
                "currencyprecision": 2,
                "exchangerate": 1.0,
            },
        ),
        SimTable(
            mapping="UNIT OF MEASURE",
            bc="unitsOfMeasure",
            crm="uomschedules",
            bc_key="id",
            crm_key="uomscheduleid",
            created_in=("bc",),
            new_bc=lambda id_, number: {
                "id": id_,
                "code": f"U{number}",
                "displayName": f"Unit {number}",
            },
            new_crm=lambda id_, number: {
                "uomscheduleid": id_,
                "name": f"NAV U{number}",
                "baseuomname": f"U{number}",
                "statecode": 0,
            },
        ),
        SimTable(
            mapping="CUSTOMER",
            bc="customers",
            crm="accounts",
            bc_key="id",
            crm_key="accountid",
            both=(
                ("displayName", "name"),
                ("city", "address1_city"),
                ("phoneNumber", "telephone1"),
                ("email", "emailaddress1"),
            ),
            to_crm=(("number", "accountnumber"),),
            amounts=(("creditLimit", "creditlimit"),),
            created_in=("bc", "crm"),
            scope=("crm", "customertypecode", 3, 2),
            new_bc=lambda id_, number: bc_customer(number, id=id_),
            new_crm=lambda id_, number: crm_account(0, accountid=id_, name=f"Account {number}"),
        ),
        SimTable(
            mapping="CONTACT",
            bc="contacts",
            crm="contacts",
            bc_key="id",
            crm_key="contactid",
            both=(
                ("displayName", "fullname"),
                ("jobTitle", "jobtitle"),
                ("phoneNumber", "telephone1"),
                ("mobilePhoneNumber", "mobilephone"),
            ),
            created_in=("bc", "crm"),
            scope=("bc", "type", "Person", "Company"),
            new_bc=lambda id_, number: bc_contact(int(number), id=id_),
            new_crm=lambda id_, number: crm_contact(
                0, "", contactid=id_, fullname=f"Human {number}", lastname=number
            ),
        ),
        SimTable(
            mapping="ITEM-PRODUCT",
            bc="items",
            crm="products",
            bc_key="id",
            crm_key="productid",
            both=(("displayName", "name"),),
            amounts=(
                ("unitPrice", "price"),
                ("unitCost", "standardcost"),
                ("inventory", "quantityonhand"),
            ),
            created_in=("bc",),
            new_bc=lambda id_, number: bc_item(number, id=id_),
        ),
    )
}

LOCAL_CURRENCY = {
    "transactioncurrencyid": LOCAL_CURRENCY_ID,
    "isocurrencycode": "GBP",
    "currencyname": "Pound",
    "currencysymbol": "£",
    "currencyprecision": 2,
    "exchangerate": 1.0,
}
"""The one currency that every CRM organization has from the beginning."""

MAPPING_OF = {
    (side, table.name(side)): table for table in TABLES.values() for side in ("bc", "crm")
}
