"""The CRM records that the floor of a bench makes of Business Central's records.

A few plain functions, to the letter what the service sends for a generated company that CRM knows
nothing of; nothing is decided, compared or checked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

type Record = dict[str, Any]

_NAMESPACE = UUID("2f1c1b52-6f0e-4b57-9a3c-3c2e6f7e8a10")
ADDRESS = {
    "addressLine1": "address1_line1",
    "addressLine2": "address1_line2",
    "city": "address1_city",
    "state": "address1_stateorprovince",
    "postalCode": "address1_postalcode",
    "country": "address1_country",
    "phoneNumber": "telephone1",
    "email": "emailaddress1",
    "website": "websiteurl",
}


@dataclass(slots=True)
class Known:
    """What was read or made so far and later bodies refer to."""

    local_currency: str = ""
    """Its code."""
    rates: dict[str, float] = field(default_factory=dict)
    currencies: dict[str, str] = field(default_factory=dict)
    """CRM ids by ISO code."""
    users: dict[str, str] = field(default_factory=dict)
    """CRM ids by e-mail address."""
    owners: dict[str, str] = field(default_factory=dict)
    """CRM ids of users by the salesperson's code."""
    units: dict[str, str] = field(default_factory=dict)
    """CRM ids of base units by their unit group's id."""
    accounts: dict[str, str] = field(default_factory=dict)
    """CRM ids by the customer's id."""
    products: dict[str, str] = field(default_factory=dict)
    """CRM ids by the item's number."""
    customer_of_contact: dict[str, str] = field(default_factory=dict)

    @property
    def base_currency(self) -> str:
        return f"/transactioncurrencies({self.currencies[self.local_currency]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One request of a batch."""

    method: str
    path: str
    body: Record
    if_match: str = ""


def new_id(*parts: str) -> str:
    """The same id for the same parts, as the service chooses its ids."""
    return str(uuid5(_NAMESPACE, "\n".join(parts)))


def bc_id(record: Record) -> str:
    return str(record.get("id") or record["SystemId"])


def works_for_account(known: Known, record: Record) -> bool:
    """Whether the customer of a person was taken: blocked ones were not."""
    return known.customer_of_contact[record["id"]] in known.accounts


def is_sellable(known: Known, record: Record) -> bool:
    """Whether CRM can hold a price: it knows no quantities, and no blocked items."""
    return record["Minimum_Quantity"] <= 1 and record["Item_No"] in known.products


def currency(known: Known, record: Record) -> Record:
    return {
        "transactioncurrencyid": new_id("currencies", record["id"]),
        "isocurrencycode": record["code"],
        "currencyname": record["displayName"],
        "currencysymbol": record["symbol"] or record["code"],
        "currencyprecision": 2,
        "exchangerate": known.rates[record["code"]],
    }


def unit_group_id(code: str) -> str:
    return new_id("uomschedules", code)


def unit_group(known: Known, record: Record) -> Record:
    del known
    return {
        "uomscheduleid": unit_group_id(record["code"]),
        "name": f"NAV {record['code']}",
        "baseuomname": record["code"],
    }


def account(known: Known, record: Record) -> Record:
    currency_id = known.currencies[record["currencyCode"]]
    known.accounts[record["id"]] = account_id = new_id("accounts", record["id"])
    return {
        "accountid": account_id,
        "customertypecode": 3,
        "accountnumber": record["number"],
        "name": record["displayName"],
        **{crm: record[bc] for bc, crm in ADDRESS.items()},
        "transactioncurrencyid@odata.bind": f"/transactioncurrencies({currency_id})",
        "ownerid@odata.bind": f"/systemusers({known.owners[record['salespersonCode']]})",
        "creditlimit": float(record["creditLimit"]),
    }


def contact(known: Known, record: Record) -> Record:
    first, _, last = record["displayName"].rpartition(" ")
    account_id = known.accounts[known.customer_of_contact[record["id"]]]
    return {
        "contactid": new_id("contacts", record["id"]),
        "firstname": first,
        "lastname": last,
        "jobtitle": record["jobTitle"],
        **{crm: record[bc] for bc, crm in ADDRESS.items()},
        "mobilephone": record["mobilePhoneNumber"],
        "parentcustomerid_account@odata.bind": f"/accounts({account_id})",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Product:
    """How a product's columns are called where it comes from, and what is made of them."""

    kind: int
    number: str
    name: str
    price: str
    cost: str
    stock: str
    unit: str

    def create(self, known: Known, record: Record) -> Record:
        group = unit_group_id(record[self.unit])
        cost = float(record[self.cost])
        product = new_id("products", bc_id(record))
        known.products[record[self.number]] = product
        return {
            "productid": product,
            "producttypecode": self.kind,
            "quantitydecimal": 2,
            "transactioncurrencyid@odata.bind": known.base_currency,
            "productnumber": record[self.number],
            "name": record[self.name],
            "price": float(record[self.price]),
            "standardcost": cost,
            "currentcost": cost,
            "quantityonhand": max(0.0, float(record[self.stock])),
            "defaultuomscheduleid@odata.bind": f"/uomschedules({group})",
            "defaultuomid@odata.bind": f"/uoms({known.units[group]})",
        }

    def price_list(self, known: Known, record: Record) -> Part:
        return Part(
            method="PATCH",
            path=f"pricelevels({new_id('own list', bc_id(record))})?$select=pricelevelid",
            body={
                "name": f"{record[self.number]} Default Price List",
                "transactioncurrencyid@odata.bind": known.base_currency,
            },
        )

    def price_list_item(self, known: Known, record: Record) -> Part:
        own = bc_id(record)
        unit = known.units[unit_group_id(record[self.unit])]
        path = f"productpricelevels({new_id('own price', own)})?$select=productpricelevelid"
        return Part(
            method="PATCH",
            path=path,
            body={
                "pricelevelid@odata.bind": f"/pricelevels({new_id('own list', own)})",
                "productid@odata.bind": f"/products({new_id('products', own)})",
                "uomid@odata.bind": f"/uoms({unit})",
                "pricingmethodcode": 1,
                "amount": float(record[self.price]),
            },
        )

    def activate(self, known: Known, record: Record) -> Part:
        del known
        own = bc_id(record)
        return Part(
            method="PATCH",
            path=f"products({new_id('products', own)})?$select=productid",
            body={
                "statecode": 0,
                "statuscode": 1,
                "pricelevelid@odata.bind": f"/pricelevels({new_id('own list', own)})",
            },
            if_match="*",
        )


ITEM = _Product(
    kind=1,
    number="number",
    name="displayName",
    price="unitPrice",
    cost="unitCost",
    stock="inventory",
    unit="baseUnitOfMeasureCode",
)
RESOURCE = _Product(
    kind=3,
    number="No",
    name="Name",
    price="Unit_Price",
    cost="Unit_Cost",
    stock="Capacity",
    unit="Base_Unit_of_Measure",
)


def price_list_id(code: str) -> str:
    return new_id("pricelevels", code)


def price_list(known: Known, record: Record) -> Record:
    return {
        "pricelevelid": price_list_id(record["Code"]),
        "name": record["Code"],
        "transactioncurrencyid@odata.bind": known.base_currency,
    }


def price(known: Known, record: Record) -> Record:
    unit = known.units[unit_group_id(record["Unit_of_Measure_Code"])]
    product = known.products[record["Item_No"]]
    return {
        "productpricelevelid": new_id("productpricelevels", record["SystemId"]),
        "pricingmethodcode": 1,
        "quantitysellingcode": 1,
        "pricelevelid@odata.bind": f"/pricelevels({price_list_id(record['Sales_Code'])})",
        "productid@odata.bind": f"/products({product})",
        "uomid@odata.bind": f"/uoms({unit})",
        "amount": float(record["Unit_Price"]),
    }
