"""What some tables need beyond their field mappings: derived fields and companion records."""

from __future__ import annotations

from sync.rules.base import Rule
from sync.rules.contact import ContactRule
from sync.rules.currency import CurrencyRule
from sync.rules.price import PriceListRule, PriceRule
from sync.rules.product import ProductRule
from sync.rules.unit_of_measure import UnitOfMeasureRule

RULES: dict[str, Rule] = {
    "": Rule(),
    "contact": ContactRule(),
    "currency": CurrencyRule(),
    "price": PriceRule(),
    "price_list": PriceListRule(),
    "product": ProductRule(),
    "unit_of_measure": UnitOfMeasureRule(),
}
"""By the name that a table mapping gives."""
