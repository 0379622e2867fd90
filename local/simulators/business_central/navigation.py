"""Records that belong to a record: what can be expanded or read below it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from local.simulators.business_central.contact_cards import contacts_information
from local.simulators.business_central.documents import (
    SALES_INVOICE_LINES,
    SALES_INVOICES,
    SALES_ORDER_LINES,
    SALES_ORDERS,
)
from local.simulators.business_central.fields import EntitySet, Row
from local.simulators.business_central.item_data import (
    GENERAL_PRODUCT_POSTING_GROUPS,
    INVENTORY_POSTING_GROUPS,
    ITEMS,
    UNITS_OF_MEASURE,
)
from local.simulators.business_central.master_data import CONTACTS_INFORMATION, CUSTOMERS
from local.simulators.business_central.store import Company

type Related = Callable[[Company, Row], list[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Navigation:
    """One navigation property."""

    target: EntitySet
    related: Related
    """The records behind it, ordered."""
    single: bool = False

    def version(self, company: Company, row: Row) -> int:
        """The version of a related record; contact information has its contact's."""
        if self.target is CONTACTS_INFORMATION:
            return company["contacts"].version(row["contactId"])
        return company[self.target.name].version(row[self.target.id_field])


def _one(target: EntitySet, id_field: str) -> Navigation:
    def related(company: Company, row: Row) -> list[Row]:
        found = company[target.name].get(row[id_field])
        return [] if found is None else [found]

    return Navigation(target=target, related=related, single=True)


def _lines(target: EntitySet) -> Navigation:
    def related(company: Company, row: Row) -> list[Row]:
        return sorted(company[target.name].find("documentId", row["id"]), key=target.key_of)

    return Navigation(target=target, related=related)


_NAVIGATION: dict[tuple[str, str], Navigation] = {
    (CUSTOMERS.name, "contactsInformation"): Navigation(
        target=CONTACTS_INFORMATION, related=contacts_information
    ),
    (ITEMS.name, "baseUnitOfMeasure"): _one(UNITS_OF_MEASURE, "baseUnitOfMeasureId"),
    (ITEMS.name, "generalProductPostingGroup"): _one(
        GENERAL_PRODUCT_POSTING_GROUPS, "generalProductPostingGroupId"
    ),
    (ITEMS.name, "inventoryPostingGroup"): _one(
        INVENTORY_POSTING_GROUPS, "inventoryPostingGroupId"
    ),
    (SALES_ORDERS.name, "salesOrderLines"): _lines(SALES_ORDER_LINES),
    (SALES_INVOICES.name, "salesInvoiceLines"): _lines(SALES_INVOICE_LINES),
}


def navigation(schema: EntitySet, name: str) -> Navigation | None:
    """The simulated navigation property of that name."""
    return _NAVIGATION.get((schema.name, name))
