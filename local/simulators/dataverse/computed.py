"""Columns that the platform computes: owner, currency and base amounts, full names, copies."""

from typing import Any

from local.simulators.dataverse.errors import invalid_argument
from local.simulators.dataverse.events import Caller
from local.simulators.dataverse.schema import LOOKUP_TABLE, Row, TableSchema
from local.simulators.dataverse.store import Store
from local.simulators.dataverse.values import rounded

_BASE_DECIMALS = 4
_RATE_DECIMALS = 10
_DEFAULT_PRICING_DECIMALS = 2
_CURRENCY = "_transactioncurrencyid_value"
_OWNER = "_ownerid_value"

_FULL_NAMES = {
    0: "{last}, {first}",
    1: "{first} {last}",
    2: "{last}, {first} {initial}",
    3: "{first} {initial} {last}",
    4: "{last}, {first} {middle}",
    5: "{first} {middle} {last}",
    6: "{last} {first}",
    7: "{last}{first}",
}
_DEFAULT_NAME_ORDER = 1

# Per table the customer lookup and the read-only copies of it by the table it leads to.
_CUSTOMER_COPIES = {
    "contact": (
        "_parentcustomerid_value",
        {"account": "_accountid_value", "contact": "_parentcontactid_value"},
    ),
    "salesorder": (
        "_customerid_value",
        {"account": "_accountid_value", "contact": "_contactid_value"},
    ),
}


def organization_of(store: Store) -> Row:
    """The one organization row."""
    return next(iter(store.tables["organization"].rows.values()))


def complete(store: Store, table: TableSchema, row: Row, former: Row | None, owner: Caller) -> None:
    """Set the computed columns of a row that is about to be stored (`former`: what it replaces)."""
    properties = table.properties
    if _OWNER in properties:
        _set_owner(store, row, owner)
    if "_organizationid_value" in properties and former is None:
        row["_organizationid_value"] = organization_of(store)["organizationid"]
    elif "organizationid" in properties and former is None and table.name != "organization":
        row["organizationid"] = organization_of(store)["organizationid"]
    if table.name == "productpricelevel":
        _copy_to_price_list_item(store, row)
    if _CURRENCY in properties and "exchangerate" in properties:
        _set_amounts(store, table, row, former)
    if table.name in ("contact", "systemuser"):
        _set_full_name(store, row)
    if table.name in _CUSTOMER_COPIES:
        _copy_customer(table.name, row)


def _set_owner(store: Store, row: Row, caller: Caller) -> None:
    if row.get(_OWNER) is None:
        row[_OWNER] = caller.user_id
        row[_OWNER + LOOKUP_TABLE] = "systemuser"
    kind = row[_OWNER + LOOKUP_TABLE]
    row["_owninguser_value"] = row[_OWNER] if kind == "systemuser" else None
    row["_owningteam_value"] = row[_OWNER] if kind == "team" else None
    owner = store.row(kind, row[_OWNER])
    row["_owningbusinessunit_value"] = owner["_businessunitid_value"] if owner else None


def _set_amounts(store: Store, table: TableSchema, row: Row, former: Row | None) -> None:
    amounts = [column for column in table.money if row.get(column.name) is not None]
    if row.get(_CURRENCY) is None and amounts:
        row[_CURRENCY] = organization_of(store)["_basecurrencyid_value"]
    currency = store.row("transactioncurrency", row.get(_CURRENCY))
    if currency is None:
        row["exchangerate"] = None
        return
    if former is None or former.get(_CURRENCY) != row[_CURRENCY] or not row.get("exchangerate"):
        row["exchangerate"] = rounded(currency["exchangerate"], _RATE_DECIMALS)
    for column in table.money:
        amount = row.get(column.name)
        if amount is None:
            row.pop(f"{column.name}_base", None)
            continue
        if former is not None and _is_unchanged(column.name, row, former):
            continue
        decimals = money_decimals(store, column.precision, currency)
        row[column.name] = rounded(amount, decimals)
        base = row[column.name] / row["exchangerate"]
        row[f"{column.name}_base"] = rounded(base, _BASE_DECIMALS)


def _is_unchanged(amount: str, row: Row, former: Row) -> bool:
    return all(row[name] == former.get(name) for name in (amount, "exchangerate"))


def money_decimals(store: Store, precision: int | str | None, currency: Row) -> int:
    """Decimals of an amount, by the setting that its column names."""
    if precision == "pricing":
        setting = organization_of(store).get("pricingdecimalprecision")
        return _DEFAULT_PRICING_DECIMALS if setting is None else int(setting)
    return int(currency["currencyprecision"])


def _set_full_name(store: Store, row: Row) -> None:
    order = organization_of(store).get("fullnameconventioncode")
    first, middle, last = (row.get(name) or "" for name in ("firstname", "middlename", "lastname"))
    pattern = _FULL_NAMES[_DEFAULT_NAME_ORDER if order is None else order]
    initial = f"{middle[0]}." if middle else ""
    text = pattern.format(first=first, middle=middle, last=last, initial=initial)
    row["fullname"] = " ".join(text.split()).strip(", ") or None


def _copy_customer(table: str, row: Row) -> None:
    source, copies = _CUSTOMER_COPIES[table]
    kind = row.get(source + LOOKUP_TABLE)
    for target, prop in copies.items():
        row[prop] = row.get(source) if target == kind else None


def _copy_to_price_list_item(store: Store, row: Row) -> None:
    """The currency follows the price list, number and unit group the product and its unit."""
    price_list = store.row("pricelevel", row.get("_pricelevelid_value"))
    product = store.row("product", row.get("_productid_value"))
    unit = store.row("uom", row.get("_uomid_value"))
    if price_list is None or product is None or unit is None:
        return  # a required lookup is missing, which is refused elsewhere
    currency = price_list["_transactioncurrencyid_value"]
    if row.get(_CURRENCY) not in (None, currency):
        raise invalid_argument(
            "The currency of the price list item must match the currency of the price list."
        )
    copies: dict[str, Any] = {
        _CURRENCY: currency,
        "productnumber": product.get("productnumber"),
        "_uomscheduleid_value": unit["_uomscheduleid_value"],
    }
    row.update(copies)
