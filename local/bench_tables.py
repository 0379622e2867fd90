"""What the floor of a bench moves: the tables in the pages that the service reads them in.

Data, as the service's own requests were seen to be. (One thing is left out: the telephone numbers
of eight salespeople that the service corrects in Business Central.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from local.bench_bodies import (
    ADDRESS,
    ITEM,
    RESOURCE,
    Known,
    Part,
    Record,
    account,
    contact,
    currency,
    is_sellable,
    price,
    price_list,
    unit_group,
    works_for_account,
)

_BLANK = "_x0020_"
_ADDRESS_IN_BC, _ADDRESS_IN_CRM = ",".join(ADDRESS), ",".join(ADDRESS.values())
_PRODUCT_COLUMNS = (
    "productid,name,productnumber,price,standardcost,currentcost,quantityonhand,"
    "_defaultuomscheduleid_value,_defaultuomid_value,statecode"
)


_BASE_UNITS = "uoms?$select=uomid,_uomscheduleid_value&$filter=isschedulebaseuom eq true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Pages that are read whole before a table's own."""

    path: str
    """Of Business Central: below the company; of CRM: below the API's root."""
    in_crm: bool = False
    page: bool = False
    """Whether it is a page published as a web service of Business Central."""
    learn: Callable[[Known, Record], None] = lambda _known, _record: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table to be moved."""

    name: str
    """Of the table mapping."""
    source: Read
    existing: Read
    """All that CRM has of it."""
    before: tuple[Read, ...] = ()
    takes: Callable[[Known, Record], bool] = lambda _known, _record: True
    match: Callable[[Known, Record], str | None] = lambda _known, _record: None
    """The id of the CRM record that is there already."""
    body: Callable[[Known, Record], Record]
    """The CRM record to be made where there is none."""
    entity_set: str
    key: str
    bulk: str = ""
    """Logical name, where the table has CreateMultiple."""
    after: tuple[Callable[[Known, Record], Part], ...] = ()
    """Batches that follow one another once the records are there."""


def _user_of(known: Known, record: Record) -> str:
    known.owners[record["code"]] = user = known.users[record["email"]]
    return user


def _learn_local_currency(known: Known, record: Record) -> None:
    known.local_currency = record["currencyCode"]


def _learn_currency(known: Known, record: Record) -> None:
    known.currencies[record["isocurrencycode"]] = record["transactioncurrencyid"]


def _learn_rate(known: Known, record: Record) -> None:
    worth = record["exchangeRateAmount"] / record["relationalExchangeRateAmount"]
    known.rates[record["currencyCode"]] = round(worth, 10)


def _learn_user(known: Known, record: Record) -> None:
    known.users[record["internalemailaddress"]] = record["systemuserid"]


def _learn_base_unit(known: Known, record: Record) -> None:
    known.units[record["_uomscheduleid_value"]] = record["uomid"]


def _learn_relations(known: Known, record: Record) -> None:
    for related in record["contactsInformation"]:
        known.customer_of_contact[related["contactId"]] = record["id"]


_LOCAL_CURRENCY = (
    Read(path="companyInformation?$select=currencyCode", learn=_learn_local_currency),
    Read(
        path="transactioncurrencies?$select=transactioncurrencyid,isocurrencycode",
        in_crm=True,
        learn=_learn_currency,
    ),
)
_UNITS = Read(path=_BASE_UNITS, in_crm=True, learn=_learn_base_unit)


TABLES = (
    Table(
        name="SALESPEOPLE",
        source=Read(
            path="salespeoplePurchasers?$select=id,code,displayName,email,phoneNo&$count=true"
        ),
        existing=Read(
            path="systemusers?$select=systemuserid,fullname,internalemailaddress,mobilephone"
            "&$filter=isdisabled eq false and islicensed eq true and isintegrationuser eq false",
            in_crm=True,
            learn=_learn_user,
        ),
        match=_user_of,
        body=lambda _known, _record: {},
        entity_set="systemusers",
        key="systemuserid",
    ),
    Table(
        name="CURRENCY",
        before=(
            Read(
                path="currencyExchangeRates?$select=currencyCode,startingDate,exchangeRateAmount,"
                "relationalCurrencyCode,relationalExchangeRateAmount",
                learn=_learn_rate,
            ),
        ),
        source=Read(
            path="currencies?$select=id,code,displayName,amountDecimalPlaces,symbol&$count=true"
        ),
        existing=Read(
            path="transactioncurrencies?$select=transactioncurrencyid,currencyname,"
            "isocurrencycode,currencysymbol,currencyprecision,exchangerate",
            in_crm=True,
            learn=_learn_currency,
        ),
        match=lambda known, record: known.currencies.get(record["code"]),
        body=currency,
        entity_set="transactioncurrencies",
        key="transactioncurrencyid",
    ),
    Table(
        name="UNIT OF MEASURE",
        source=Read(path="unitsOfMeasure?$select=id,code,displayName&$count=true"),
        existing=Read(
            path="uomschedules?$select=uomscheduleid,name,baseuomname,statecode", in_crm=True
        ),
        body=unit_group,
        entity_set="uomschedules",
        key="uomscheduleid",
        bulk="uomschedule",
    ),
    Table(
        name="CUSTOMER",
        before=_LOCAL_CURRENCY,
        source=Read(
            path=f"customers?$select=id,number,displayName,{_ADDRESS_IN_BC},currencyCode,"
            "salespersonCode,creditLimit,blocked&$count=true"
        ),
        existing=Read(
            path=f"accounts?$select=accountid,name,accountnumber,{_ADDRESS_IN_CRM},"
            "_transactioncurrencyid_value,_ownerid_value,creditlimit,statecode"
            "&$filter=customertypecode eq 3",
            in_crm=True,
        ),
        takes=lambda _, record: record["blocked"] == _BLANK,
        body=account,
        entity_set="accounts",
        key="accountid",
        bulk="account",
    ),
    Table(
        name="CONTACT",
        before=(
            Read(
                path="customers?$select=id&$expand=contactsInformation($select=contactId,"
                "contactNumber,contactType)",
                learn=_learn_relations,
            ),
        ),
        source=Read(
            path=f"contacts?$select=id,number,displayName,jobTitle,{_ADDRESS_IN_BC},"
            "mobilePhoneNumber,companyNumber,companyName"
            "&$filter=type eq 'Person' and companyNumber ne ''&$count=true"
        ),
        existing=Read(
            path=f"contacts?$select=contactid,fullname,jobtitle,{_ADDRESS_IN_CRM},mobilephone,"
            "_parentcustomerid_value,statecode&$filter=_parentcustomerid_value ne null",
            in_crm=True,
        ),
        takes=works_for_account,
        body=contact,
        entity_set="contacts",
        key="contactid",
        bulk="contact",
    ),
    Table(
        name="RESOURCE-PRODUCT",
        before=(*_LOCAL_CURRENCY, _UNITS),
        source=Read(
            path="Resources?$select=SystemId,No,Name,Unit_Price,Unit_Cost,Capacity,"
            "Base_Unit_of_Measure,Blocked&$count=true",
            page=True,
        ),
        existing=Read(
            path=f"products?$select={_PRODUCT_COLUMNS}&$filter=producttypecode eq 3", in_crm=True
        ),
        takes=lambda _, record: not record["Blocked"],
        body=RESOURCE.create,
        entity_set="products",
        key="productid",
        bulk="product",
        after=(RESOURCE.price_list, RESOURCE.price_list_item, RESOURCE.activate),
    ),
    Table(
        name="ITEM-PRODUCT",
        before=(*_LOCAL_CURRENCY, _UNITS),
        source=Read(
            path="items?$select=id,number,displayName,unitPrice,unitCost,inventory,"
            "baseUnitOfMeasureCode,blocked&$count=true"
        ),
        existing=Read(
            path=f"products?$select={_PRODUCT_COLUMNS}&$filter=producttypecode eq 1", in_crm=True
        ),
        takes=lambda _, record: not record["blocked"],
        body=ITEM.create,
        entity_set="products",
        key="productid",
        bulk="product",
        after=(ITEM.price_list, ITEM.price_list_item, ITEM.activate),
    ),
    Table(
        name="CUSTPRCGRP-PRICE",
        before=(
            *_LOCAL_CURRENCY,
            Read(path="SalesPrices?$select=Sales_Type,Sales_Code,Currency_Code", page=True),
        ),
        source=Read(
            path="CustomerPriceGroups?$select=SystemId,Code,Description&$count=true", page=True
        ),
        existing=Read(
            path="pricelevels?$select=pricelevelid,name,_transactioncurrencyid_value"
            "&$filter=not endswith(name,' Default Price List')",
            in_crm=True,
        ),
        body=price_list,
        entity_set="pricelevels",
        key="pricelevelid",
        bulk="pricelevel",
    ),
    Table(
        name="SALESPRC-PRODPRICE",
        before=(_UNITS, Read(path="items?$select=number,baseUnitOfMeasureCode")),
        source=Read(
            path="SalesPrices?$select=SystemId,Sales_Code,Item_No,Unit_Price,Sales_Type,"
            "Minimum_Quantity,Variant_Code,Unit_of_Measure_Code,Starting_Date,Ending_Date"
            "&$orderby=Starting_Date desc&$count=true",
            page=True,
        ),
        existing=Read(
            path="productpricelevels?$select=productpricelevelid,productnumber,"
            "_pricelevelid_value,_productid_value,_uomid_value,amount",
            in_crm=True,
        ),
        takes=is_sellable,
        body=price,
        entity_set="productpricelevels",
        key="productpricelevelid",
    ),
)

FIRST = ("SALESPEOPLE", "CURRENCY", "UNIT OF MEASURE")
"""A few records that all else refers to."""

SIDE_BY_SIDE = (
    ("CUSTOMER", "CONTACT"),
    ("RESOURCE-PRODUCT", "ITEM-PRODUCT", "CUSTPRCGRP-PRICE", "SALESPRC-PRODPRICE"),
)
"""What the service has under way at once, by order of dependencies."""
