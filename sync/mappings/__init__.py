"""The default table mappings, one file each. Data only: how they are carried out is elsewhere."""

from __future__ import annotations

from sync.dependencies import check_dependencies
from sync.mapping import TableMapping
from sync.mappings.contact import CONTACT
from sync.mappings.currency import CURRENCY
from sync.mappings.customer import CUSTOMER
from sync.mappings.customer_price_group import CUSTOMER_PRICE_GROUP
from sync.mappings.item_product import ITEM_PRODUCT
from sync.mappings.resource_product import RESOURCE_PRODUCT
from sync.mappings.sales_price import SALES_PRICE
from sync.mappings.salespeople import SALESPEOPLE
from sync.mappings.unit_of_measure import UNIT_OF_MEASURE

MAPPINGS: dict[str, TableMapping] = {
    mapping.name: mapping
    for mapping in (
        SALESPEOPLE,
        CURRENCY,
        UNIT_OF_MEASURE,
        CUSTOMER,
        CONTACT,
        ITEM_PRODUCT,
        RESOURCE_PRODUCT,
        CUSTOMER_PRICE_GROUP,
        SALES_PRICE,
    )
}

DEPENDENCIES: dict[str, tuple[str, ...]] = {
    mapping.name: mapping.dependencies for mapping in MAPPINGS.values()
}

check_dependencies(DEPENDENCIES)
