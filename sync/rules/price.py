"""Price lists and their items: what Business Central's prices can be in CRM, and what they cannot.

Dataverse holds one price for a price list, product and unit, without dates, quantities or variants.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from errors import RecordError
from services.records import Record
from sync.mapping import Lookup
from sync.plan import WaitingFor
from sync.prices import NO_DATE, PriceRows, is_plain, price_key
from sync.references import Asked
from sync.rules.base import RecordSkippedError, Rule, RuleContext


class PriceListRule(Rule):
    def asks_for(self, bc: Iterable[Record], crm: Iterable[Record], context: RuleContext) -> Asked:
        del crm, context
        return Asked(price_groups=frozenset(each["Code"] for each in bc))

    def derive(self, record: Record, context: RuleContext) -> Record:
        currencies = context.references.price_group_currencies.get(record["Code"], {""})
        if len(currencies) > 1:
            named = ", ".join(sorted(code or "local currency" for code in currencies))
            raise RecordError(
                "several-currencies",
                f"The prices of customer price group {record['Code']} are in several currencies "
                f"({named}), and a CRM price list has one.",
                field="Currency_Code",
                value=named,
                hint="Use one customer price group per currency.",
            )
        return record | {"currencyCode": next(iter(currencies))}


class PriceRule(Rule):
    def asks_for(self, bc: Iterable[Record], crm: Iterable[Record], context: RuleContext) -> Asked:
        del crm, context
        return Asked(items=frozenset(each["Item_No"] for each in bc))

    def derive(self, record: Record, context: RuleContext) -> Record:
        _check_dates(record, context.references.today)
        _check_superseded(record, context)
        _, _, unit = price_key(record, context.references.unit_of_item)
        record = record | {"unitCode": unit}
        for name, column, field in (
            ("priceListId", "pricelevelid", "Sales_Code"),
            ("productId", "productid", "Item_No"),
            ("unitId", "uomid", "unitCode"),
        ):
            record[name] = _resolved(record[field], column, context)
        return record

    def predecessors(self, record: Record, context: RuleContext) -> tuple[str, ...]:
        """The price that counts takes the place of the one that counted before."""
        return _rows_like(record, context).others

    def may_create(self, record: Record, context: RuleContext) -> None:
        base_unit = context.references.unit_of_item.get(record["Item_No"], "")
        if record["unitCode"] != base_unit:
            raise RecordSkippedError(
                "unit-not-in-group",
                f"The price is for unit {record['unitCode']}, and the product's unit group in CRM "
                f"has only the item's base unit {base_unit}.",
                field="Unit_of_Measure_Code",
                value=record["unitCode"],
                hint="Nothing to do, unless the product must be sold in this unit in CRM.",
            )

    def belongs(self, crm_record: Record, context: RuleContext) -> bool:
        lookup = _lookup("pricelevelid", context)
        known = context.resolver.to_bc(lookup, crm_record["_pricelevelid_value"])
        return not isinstance(known, WaitingFor)


def _check_dates(record: Record, today: date) -> None:
    start, end = record["Starting_Date"], record["Ending_Date"]
    if start > today.isoformat():
        raise RecordSkippedError(
            "price-not-yet-valid",
            f"The price is valid from {start}.",
            field="Starting_Date",
            value=start,
            hint="It is sent by the first synchronization on or after that day.",
        )
    if end not in ("", NO_DATE) and end < today.isoformat():
        raise RecordSkippedError(
            "price-no-longer-valid",
            f"The price was valid until {end}.",
            field="Ending_Date",
            value=end,
            hint="Nothing, or delete its price list item in Dynamics 365 Sales where it has one.",
        )


def _rows_like(record: Record, context: RuleContext) -> PriceRows:
    """All prices that CRM has one place for."""
    key = price_key(record, context.references.unit_of_item)
    return context.references.prices.get(key, PriceRows())


def _check_superseded(record: Record, context: RuleContext) -> None:
    current = _rows_like(record, context).current
    if current and current != record["SystemId"] and is_plain(record):
        raise RecordSkippedError(
            "price-superseded",
            "Another price for the same price group, item and unit is newer, and CRM has one.",
            field="Starting_Date",
            value=record["Starting_Date"],
            hint="Nothing, or end the newer price in Business Central.",
        )


def _resolved(value: str, column: str, context: RuleContext) -> str:
    found = context.resolver.to_crm(_lookup(column, context), value) if value else ""
    return "" if isinstance(found, WaitingFor) else found


def _lookup(column: str, context: RuleContext) -> Lookup:
    found = next(field.lookup for field in context.mapping.fields if field.crm == column)
    if found is None:
        raise LookupError(f"the price mapping must look up {column}")
    return found
