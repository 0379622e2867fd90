"""SALESPRC-PRODPRICE: the prices of customer price groups become price list items."""

from sync.mapping import (
    BcTable,
    Condition,
    Constant,
    CrmTable,
    Direction,
    FieldMapping,
    Lookup,
    LookupBy,
    LookupTarget,
    MatchKey,
    Requirement,
    TableMapping,
)
from sync.mappings.common import CRM_CURRENCY_AMOUNT

SALES_PRICE = TableMapping(
    name="SALESPRC-PRODPRICE",
    bc=BcTable(
        name="SalesPrices",
        page=True,
        key="SystemId",
        title=("Sales_Code", "Item_No"),
        scope=(
            # Only prices of customer price groups become price list items.
            Condition(
                field="Sales_Type", values=("Customer_x0020_Price_x0020_Group",), asked=False
            ),
        ),
        compared_daily=True,
        requires=(
            Requirement(
                field="Minimum_Quantity",
                values=(0, 1),
                code="quantity-break",
                message="A CRM price list item has no minimum quantity, this price has.",
                hint="Nothing: salespeople in CRM see the price without minimum quantity.",
            ),
            Requirement(
                field="Variant_Code",
                values=("",),
                code="price-of-variant",
                message="CRM products have no variants, and this price is for one.",
                hint="Nothing: salespeople in CRM see the price of the item without variant.",
            ),
        ),
        also_read=("Unit_of_Measure_Code", "Starting_Date", "Ending_Date"),
    ),
    crm=CrmTable(
        name="productpricelevel",
        entity_set="productpricelevels",
        id_column="productpricelevelid",
        title="productnumber",
    ),
    direction=Direction.TO_CRM,
    dependencies=("CUSTPRCGRP-PRICE", "ITEM-PRODUCT"),
    fields=(
        FieldMapping(
            bc="Sales_Code",
            crm="pricelevelid",
            direction=Direction.TO_CRM,
            only_on_insert=True,
            lookup=Lookup(
                mappings=("CUSTPRCGRP-PRICE",),
                by=LookupBy.KEY,
                navigation="pricelevelid",
                entity_set="pricelevels",
            ),
        ),
        FieldMapping(
            bc="Item_No",
            crm="productid",
            direction=Direction.TO_CRM,
            only_on_insert=True,
            lookup=Lookup(
                mappings=("ITEM-PRODUCT",),
                by=LookupBy.KEY,
                navigation="productid",
                entity_set="products",
            ),
        ),
        FieldMapping(
            bc="unitCode",
            crm="uomid",
            direction=Direction.TO_CRM,
            only_on_insert=True,
            lookup=Lookup(
                mappings=("UNIT OF MEASURE",),
                by=LookupBy.KEY,
                navigation="uomid",
                entity_set="uoms",
                target=LookupTarget.BASE_UNIT,
            ),
            derived="`Unit_of_Measure_Code`, or the item's base unit where the price names none",
        ),
        FieldMapping(
            bc="Unit_Price",
            crm="amount",
            direction=Direction.TO_CRM,
            transformation="not_negative",
        ),
    ),
    constants_in_crm=(
        Constant(name="pricingmethodcode", value=CRM_CURRENCY_AMOUNT),
        Constant(name="quantitysellingcode", value=1),
    ),
    match=(
        MatchKey.of(
            ("priceListId", "_pricelevelid_value"),
            ("productId", "_productid_value"),
            ("unitId", "_uomid_value"),
        ),
    ),
    creates_in_crm=True,
    creates_in_bc=False,
    rule="price",
    not_offered=("Item No. → productnumber (CRM derives it from the product)",),
)
