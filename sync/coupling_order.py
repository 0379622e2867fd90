"""Which tables must be coupled before which: the dependency rules of coupling. Pure.

The rules are the incumbent's (business-central-integration, 4.5). The default mappings keep them by
their dependencies; a mapping of a tenant's own over the same tables has to keep them too, directly
or through others, or its records would wait for ones that are coupled only later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sync.mapping import TableMapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """A pair of tables whose records are coupled with each other."""

    bc: str
    """Entity set or page, in small letters."""
    crm: str
    words: str
    """How people call their records."""

    def are_of(self, mapping: TableMapping) -> bool:
        return mapping.bc.name.casefold() == self.bc and mapping.crm.name == self.crm


_SALESPEOPLE = Tables(bc="salespeoplepurchasers", crm="systemuser", words="salespeople with users")
_CURRENCIES = Tables(bc="currencies", crm="transactioncurrency", words="currencies")
_UNITS = Tables(bc="unitsofmeasure", crm="uomschedule", words="units of measure with unit groups")
_CUSTOMERS = Tables(bc="customers", crm="account", words="customers with accounts")
_ITEMS = Tables(bc="items", crm="product", words="items with products")
_RESOURCES = Tables(bc="resources", crm="product", words="resources with products")
_PRICE_GROUPS = Tables(
    bc="customerpricegroups", crm="pricelevel", words="customer price groups with price lists"
)
_PRICES = Tables(bc="salesprices", crm="productpricelevel", words="prices")
_ORDERS = Tables(bc="salesorders", crm="salesorder", words="sales orders")

RULES: tuple[tuple[Tables, tuple[Tables, ...]], ...] = (
    (_CUSTOMERS, (_SALESPEOPLE,)),
    (_ITEMS, (_UNITS,)),
    (_RESOURCES, (_UNITS,)),
    (_PRICES, (_PRICE_GROUPS, _CURRENCIES)),
    (_ORDERS, (_CUSTOMERS, _UNITS, _CURRENCIES, _PRICE_GROUPS, _ITEMS, _RESOURCES)),
)
"""Tables, and those that come before them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A dependency that a mapping lacks."""

    of: Tables
    first: Tables
    mappings: tuple[str, ...]
    """The mappings over ``first``; depending on one of them is enough."""

    @property
    def message(self) -> str:
        """What is wrong, and what would be right."""
        return (
            f"{self.first.words} must be coupled before {self.of.words}: add "
            f"{' or '.join(self.mappings)}"
        )


def missing_dependencies(
    mapping: TableMapping, known: Mapping[str, TableMapping]
) -> Iterator[Missing]:
    """The dependencies that the mapping lacks by the rules; ``known`` are all of the connection's.

    A table that no mapping is about is not asked for.
    """
    before = _ancestors(mapping, known)
    for tables, firsts in RULES:
        if not tables.are_of(mapping):
            continue
        for first in firsts:
            candidates = tuple(
                name for name, each in known.items() if first.are_of(each) and name != mapping.name
            )
            if candidates and before.isdisjoint(candidates):
                yield Missing(of=tables, first=first, mappings=candidates)


def _ancestors(mapping: TableMapping, known: Mapping[str, TableMapping]) -> set[str]:
    """Every mapping that comes first, directly or through others; circles are no harm."""
    found: set[str] = set()
    frontier = set(mapping.dependencies)
    while frontier:
        found |= frontier
        further = (name for each in frontier if each in known for name in known[each].dependencies)
        frontier = set(further) - found
    return found
