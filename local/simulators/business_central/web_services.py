"""Field tables of the published page web services: data that API v2.0 does not have.

Names are the pages' control names; ``SystemId`` and ``SystemModifiedAt`` are exposed as well, as
an administrator must do to let records be coupled. All four are read only to the API; people edit
them in the client.
"""

from __future__ import annotations

from local.simulators.business_central.fields import (
    BLANK,
    EntitySet,
    boolean,
    code,
    date,
    decimal,
    enum,
    guid,
    stamp,
    text,
)

_ID = guid("SystemId", editable=False)
_MODIFIED = stamp("SystemModifiedAt", editable=False)

CUSTOMER_PRICE_GROUPS = EntitySet(
    name="CustomerPriceGroups",
    entity="CustomerPriceGroups",
    table="Customer Price Group",
    key=(("Code", "Code"),),
    id_field="SystemId",
    modified_field="SystemModifiedAt",
    fields=(
        _ID,
        code("Code", 10),
        text("Description", 100),
        enum("Price_Calculation_Method", BLANK, "Lowest_x0020_Price"),
        boolean("Allow_Line_Disc"),
        boolean("Allow_Invoice_Disc"),
        boolean("Price_Includes_VAT"),
        code("VAT_Bus_Posting_Gr_Price", 20),
        _MODIFIED,
    ),
)

RESOURCES = EntitySet(
    name="Resources",
    entity="Resources",
    table="Resource",
    key=(("No", "No."),),
    id_field="SystemId",
    modified_field="SystemModifiedAt",
    fields=(
        _ID,
        code("No", 20),
        text("Name", 100),
        enum("Type", "Person", "Machine"),
        code("Base_Unit_of_Measure", 10),
        code("Resource_Group_No", 20),
        decimal("Direct_Unit_Cost"),
        decimal("Indirect_Cost_Percent"),
        decimal("Unit_Cost"),
        enum(
            "Price_Profit_Calculation",
            "Profit_x003D_Price-Cost",
            "Price_x003D_Cost_x002B_Profit",
            "No_x0020_Relationship",
        ),
        decimal("Profit_Percent"),
        decimal("Unit_Price"),
        code("Gen_Prod_Posting_Group", 20),
        code("VAT_Prod_Posting_Group", 20),
        boolean("Privacy_Blocked"),
        code("Search_Name", 100),
        boolean("Blocked"),
        decimal("Capacity"),
        _MODIFIED,
    ),
)

ITEM_UNITS_OF_MEASURE = EntitySet(
    name="ItemUnitsOfMeasure",
    entity="ItemUnitsOfMeasure",
    table="Item Unit of Measure",
    key=(("Item_No", "Item No."), ("Code", "Code")),
    id_field="SystemId",
    modified_field="SystemModifiedAt",
    indexed=("Item_No",),
    fields=(
        _ID,
        code("Item_No", 20),
        code("Code", 10),
        decimal("Qty_per_Unit_of_Measure"),
        decimal("Height"),
        decimal("Width"),
        decimal("Length"),
        decimal("Cubage"),
        decimal("Weight"),
        _MODIFIED,
    ),
)

SALES_PRICES = EntitySet(
    name="SalesPrices",
    entity="SalesPrices",
    table="Sales Price",
    key=(
        ("Item_No", "Item No."),
        ("Sales_Type", "Sales Type"),
        ("Sales_Code", "Sales Code"),
        ("Starting_Date", "Starting Date"),
        ("Currency_Code", "Currency Code"),
        ("Variant_Code", "Variant Code"),
        ("Unit_of_Measure_Code", "Unit of Measure Code"),
        ("Minimum_Quantity", "Minimum Quantity"),
    ),
    blank_keys=(
        "Sales_Code",
        "Starting_Date",
        "Currency_Code",
        "Variant_Code",
        "Unit_of_Measure_Code",
        "Minimum_Quantity",
    ),
    id_field="SystemId",
    modified_field="SystemModifiedAt",
    fields=(
        _ID,
        code("Item_No", 20),
        enum(
            "Sales_Type",
            "Customer",
            "Customer_x0020_Price_x0020_Group",
            "All_x0020_Customers",
            "Campaign",
        ),
        code("Sales_Code", 20),
        code("Variant_Code", 10),
        code("Currency_Code", 10),
        code("Unit_of_Measure_Code", 10),
        decimal("Minimum_Quantity"),
        decimal("Unit_Price"),
        date("Starting_Date"),
        date("Ending_Date"),
        boolean("Price_Includes_VAT"),
        boolean("Allow_Line_Disc"),
        boolean("Allow_Invoice_Disc"),
        code("VAT_Bus_Posting_Gr_Price", 20),
        _MODIFIED,
    ),
)

WEB_SERVICES = (CUSTOMER_PRICE_GROUPS, RESOURCES, ITEM_UNITS_OF_MEASURE, SALES_PRICES)
