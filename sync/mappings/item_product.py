"""ITEM-PRODUCT: items become products that salespeople in CRM can sell."""

from sync.mapping import (
    BcTable,
    Constant,
    CrmTable,
    Direction,
    FieldMapping,
    MatchKey,
    Requirement,
    TableMapping,
)
from sync.mappings.common import CRM_SALES_INVENTORY, product_fields

ITEM_PRODUCT = TableMapping(
    name="ITEM-PRODUCT",
    bc=BcTable(
        name="items",
        key="number",
        title=("displayName",),
        requires=(
            Requirement(
                field="blocked",
                values=(False,),
                code="blocked-in-bc",
                message="The item is blocked in Business Central.",
                hint="Nothing, or unblock the item to have it sent.",
            ),
        ),
    ),
    crm=CrmTable(
        name="product",
        entity_set="products",
        id_column="productid",
        title="name",
        filter=f"producttypecode eq {CRM_SALES_INVENTORY}",
    ),
    direction=Direction.BOTH,
    dependencies=("UNIT OF MEASURE",),
    fields=(
        *product_fields(
            number="number",
            name="displayName",
            price="unitPrice",
            cost="unitCost",
            stock="inventory",
            unit="baseUnitOfMeasureCode",
            name_direction=Direction.BOTH,
        ),
        FieldMapping(
            bc="blocked",
            crm="statecode",
            direction=Direction.TO_CRM,
            transformation="product_state",
            last=True,
        ),
    ),
    constants_in_crm=(
        Constant(name="producttypecode", value=CRM_SALES_INVENTORY),
        Constant(name="quantitydecimal", value=2),
        Constant(name="transactioncurrencyid", value=None, lookup_local_currency=True),
    ),
    match=(MatchKey(pairs=(("number", "productnumber"),)),),
    creates_in_crm=True,
    creates_in_bc=False,
    rule="product",
    not_offered=(
        "Unit Volume → stockvolume, Gross Weight → stockweight",
        "Vendor No. → vendorid, Vendor Item No. → vendorpartnumber",
    ),
)
