"""Which of Business Central's prices counts today. Pure.

Business Central keeps several prices of an item for a price group and unit: by date, minimum
quantity and variant. Dataverse holds one for a price list, product and unit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from services.records import Record

NO_DATE = "0001-01-01"
"""How Business Central writes an empty date."""

type PriceKey = tuple[str, str, str]
"""Price group, item and unit: what CRM has one price for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRows:
    """The BC prices of one key."""

    current: str = ""
    """Id of the price that is valid today, blank where none is."""
    others: tuple[str, ...] = ()


def price_key(price: Record, unit_of_item: dict[str, str]) -> PriceKey:
    """What CRM has one price for; a price without unit is for the item's base unit."""
    unit = price["Unit_of_Measure_Code"] or unit_of_item.get(price["Item_No"], "")
    return price["Sales_Code"], price["Item_No"], unit


def current_prices(
    prices: Iterable[Record], unit_of_item: dict[str, str], today: date
) -> dict[PriceKey, PriceRows]:
    """The one price of each key that counts today, and the others. Pure.

    Of several valid ones the newest counts, of equally new ones the lowest, as in a sale.
    """
    ids: dict[PriceKey, list[str]] = {}
    best: dict[PriceKey, tuple[str, float, str]] = {}
    for price in prices:
        key = price_key(price, unit_of_item)
        ids.setdefault(key, []).append(price["SystemId"])
        if not _counts(price, today):
            continue
        rank = (price["Starting_Date"], -float(price["Unit_Price"]), price["SystemId"])
        best[key] = max(best.get(key, rank), rank)
    return {
        key: _price_rows(best[key][2] if key in best else "", some) for key, some in ids.items()
    }


def _price_rows(current: str, ids: list[str]) -> PriceRows:
    return PriceRows(current=current, others=tuple(each for each in ids if each != current))


def is_plain(price: Record) -> bool:
    """For any quantity and for no variant, as CRM's prices are."""
    return price["Minimum_Quantity"] in (0, 1) and not price["Variant_Code"]


def _counts(price: Record, today: date) -> bool:
    ends = price["Ending_Date"] if price["Ending_Date"] not in ("", NO_DATE) else "9999-12-31"
    return is_plain(price) and price["Starting_Date"] <= today.isoformat() <= ends
