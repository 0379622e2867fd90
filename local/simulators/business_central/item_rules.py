"""Triggers of the table Item: its units of measure and its inventory."""

from __future__ import annotations

from typing import override
from uuid import uuid4

from local.simulators.business_central.errors import NotSimulatedError, dialog
from local.simulators.business_central.fields import Row
from local.simulators.business_central.rules import Rules, Writer, next_number
from local.simulators.business_central.store import Company

_UNITS = "ItemUnitsOfMeasure"
_PRICES = "SalesPrices"


class ItemRules(Rules):
    """Triggers of the table Item."""

    @override
    def prepare_insert(self, company: Company, row: Row, given: set[str]) -> None:
        if "inventory" in given:
            raise dialog("Inventory cannot be changed during on insert.")
        row["number"] = row["number"] or next_number(company["items"], "", 4)

    @override
    def inserted(self, writer: Writer, row: Row) -> None:
        _ensure_base_unit(writer, row)

    @override
    def prepare_modify(self, company: Company, old: Row, row: Row) -> None:
        if row["inventory"] != old["inventory"]:
            raise NotSimulatedError("changing the inventory, which posts an item journal line")

    @override
    def modified(self, writer: Writer, old: Row, row: Row) -> None:
        _ensure_base_unit(writer, row)

    @override
    def check_delete(self, company: Company, row: Row) -> None:
        if company["salesOrderLines"].find("itemId", row["id"]):
            raise dialog(
                f"You cannot delete Item {row['number']} because there is at least one "
                "outstanding Sales Order that includes this item."
            )

    @override
    def deleted(self, writer: Writer, row: Row) -> None:
        units, prices = writer.company[_UNITS], writer.company[_PRICES]
        for unit in units.find("Item_No", row["number"]):
            units.delete(unit["SystemId"])
        for price in [each for each in prices.rows() if each["Item_No"] == row["number"]]:
            prices.delete(price["SystemId"])


def _ensure_base_unit(writer: Writer, row: Row) -> None:
    """The base unit is one of the item's units, with a quantity of one."""
    table = writer.company[_UNITS]
    unit = row["baseUnitOfMeasureCode"]
    if unit and table.by_key(row["number"], unit) is None:
        writer.store(
            _UNITS,
            table.schema.empty_row()
            | {
                "SystemId": str(uuid4()),
                "Item_No": row["number"],
                "Code": unit,
                "Qty_per_Unit_of_Measure": 1,
            },
        )
