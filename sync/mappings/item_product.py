"""ITEM-PRODUCT: items become products that salespeople in CRM can sell."""

from sync.mapping import (
    BcTable,
    Condition,
    CrmTable,
    Direction,
    MatchKey,
    TableMapping,
)
from sync.mappings.common import (
    CRM_SALES_INVENTORY,
    not_blocked,
    product_constants,
    product_fields,
)

ITEM_PRODUCT = TableMapping(
    name="ITEM-PRODUCT",
    bc=BcTable(
        name="items",
        key="number",
        title=("displayName",),
        requires=(not_blocked("blocked", "item"),),
        has_stock=True,
    ),
    crm=CrmTable(
        name="product",
        entity_set="products",
        id_column="productid",
        title="name",
        scope=(Condition(field="producttypecode", values=(CRM_SALES_INVENTORY,)),),
    ),
    direction=Direction.BOTH,
    dependencies=("UNIT OF MEASURE",),
    fields=product_fields(
        number="number",
        name="displayName",
        price="unitPrice",
        cost="unitCost",
        stock="inventory",
        unit="baseUnitOfMeasureCode",
        blocked="blocked",
        name_direction=Direction.BOTH,
    ),
    constants_in_crm=product_constants(CRM_SALES_INVENTORY),
    match=(MatchKey.of(("number", "productnumber")),),
    creates_in_crm=True,
    creates_in_bc=False,
    rule="product",
    not_offered=(
        "Unit Volume → stockvolume, Gross Weight → stockweight",
        "Vendor No. → vendorid, Vendor Item No. → vendorpartnumber",
    ),
)
