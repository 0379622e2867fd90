"""Field tables of API v2.0: items and their ledger, small tables that items and customers refer to.

Names and editability are those of the API pages, lengths those of the tables behind them.
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
    integer,
    stamp,
    text,
)

_CODE = (("code", "Code"),)
_ID = guid("id", editable=False)
_MODIFIED = stamp("lastModifiedDateTime")

ITEMS = EntitySet(
    name="items",
    parts=(
        "inventoryPostingGroup",
        "generalProductPostingGroup",
        "baseUnitOfMeasure",
        "picture",
        "defaultDimensions",
        "itemVariants",
        "documentAttachments",
    ),
    entity="item",
    table="Item",
    key=(("number", "No."),),
    insert=True,
    modify=True,
    delete=True,
    writes_simulated=True,
    fields=(
        _ID,
        code("number", 20),
        text("displayName", 100),
        text("displayName2", 50),
        enum("type", "Inventory", "Service", "Non-Inventory"),
        guid("itemCategoryId"),
        code("itemCategoryCode", 20),
        boolean("blocked"),
        code("gtin", 14),
        decimal("inventory", flow=True),
        decimal("unitPrice"),
        boolean("priceIncludesTax"),
        decimal("unitCost"),
        guid("taxGroupId"),
        code("taxGroupCode", 20),
        guid("baseUnitOfMeasureId"),
        code("baseUnitOfMeasureCode", 10),
        guid("generalProductPostingGroupId"),
        code("generalProductPostingGroupCode", 20),
        guid("inventoryPostingGroupId"),
        code("inventoryPostingGroupCode", 20),
        stamp("lastModifiedDateTime", editable=False),
    ),
)


ITEM_LEDGER_ENTRIES = EntitySet(
    name="itemLedgerEntries",
    entity="itemLedgerEntry",
    table="Item Ledger Entry",
    key=(("entryNumber", "Entry No."),),
    fields=(
        _ID,
        integer("entryNumber", editable=False),
        code("itemNumber", 20),
        date("postingDate"),
        enum(
            "entryType",
            "Purchase",
            "Sale",
            "Positive_x0020_Adjmt_x002E_",
            "Negative_x0020_Adjmt_x002E_",
            "Transfer",
            "Consumption",
            "Output",
            BLANK,
            "Assembly_x0020_Consumption",
            "Assembly_x0020_Output",
        ),
        code("sourceNumber", 20),
        enum("sourceType", BLANK, "Customer", "Vendor", "Item"),
        code("documentNumber", 20),
        enum(
            "documentType",
            BLANK,
            "Sales_x0020_Shipment",
            "Sales_x0020_Invoice",
            "Sales_x0020_Return_x0020_Receipt",
            "Sales_x0020_Credit_x0020_Memo",
            "Purchase_x0020_Receipt",
            "Purchase_x0020_Invoice",
            "Purchase_x0020_Return_x0020_Shipment",
            "Purchase_x0020_Credit_x0020_Memo",
            "Transfer_x0020_Shipment",
            "Transfer_x0020_Receipt",
            "Service_x0020_Shipment",
            "Service_x0020_Invoice",
            "Service_x0020_Credit_x0020_Memo",
            "Posted_x0020_Assembly",
            "Inventory_x0020_Receipt",
            "Inventory_x0020_Shipment",
            "Direct_x0020_Transfer",
        ),
        text("description", 100),
        decimal("quantity"),
        decimal("salesAmountActual"),
        decimal("costAmountActual"),
        _MODIFIED,
    ),
)


UNITS_OF_MEASURE = EntitySet(
    name="unitsOfMeasure",
    entity="unitOfMeasure",
    table="Unit of Measure",
    key=_CODE,
    insert=True,
    modify=True,
    delete=True,
    writes_simulated=True,
    fields=(
        _ID,
        code("code", 10),
        text("displayName", 50),
        code("internationalStandardCode", 10),
        text("symbol", 10),
        _MODIFIED,
    ),
)


CURRENCIES = EntitySet(
    name="currencies",
    entity="currency",
    table="Currency",
    key=_CODE,
    insert=True,
    modify=True,
    delete=True,
    writes_simulated=True,
    fields=(
        _ID,
        code("code", 10),
        text("displayName", 30),
        text("symbol", 10),
        text("amountDecimalPlaces", 5),
        decimal("amountRoundingPrecision"),
        _MODIFIED,
    ),
)


CURRENCY_EXCHANGE_RATES = EntitySet(
    name="currencyExchangeRates",
    entity="currencyExchangeRate",
    table="Currency Exchange Rate",
    key=(("currencyCode", "Currency Code"), ("startingDate", "Starting Date")),
    fields=(
        guid("id"),
        code("currencyCode", 10),
        date("startingDate"),
        decimal("exchangeRateAmount"),
        code("relationalCurrencyCode", 10),
        decimal("relationalExchangeRateAmount"),
        _MODIFIED,
    ),
)


PAYMENT_TERMS = EntitySet(
    name="paymentTerms",
    entity="paymentTerm",
    table="Payment Terms",
    key=_CODE,
    insert=True,
    modify=True,
    delete=True,
    writes_simulated=True,
    fields=(
        _ID,
        code("code", 10),
        text("displayName", 100),
        text("dueDateCalculation", 32),
        text("discountDateCalculation", 32),
        decimal("discountPercent"),
        boolean("calculateDiscountOnCreditMemos"),
        _MODIFIED,
    ),
)


SHIPMENT_METHODS = EntitySet(
    name="shipmentMethods",
    entity="shipmentMethod",
    table="Shipment Method",
    key=_CODE,
    insert=True,
    modify=True,
    delete=True,
    writes_simulated=True,
    fields=(_ID, code("code", 10), text("displayName", 100), _MODIFIED),
)


ITEM_CATEGORIES = EntitySet(
    name="itemCategories",
    entity="itemCategory",
    table="Item Category",
    key=_CODE,
    insert=True,
    modify=True,
    delete=True,
    writes_simulated=True,
    fields=(_ID, code("code", 20), text("displayName", 100), _MODIFIED),
)


GENERAL_PRODUCT_POSTING_GROUPS = EntitySet(
    name="generalProductPostingGroups",
    entity="generalProductPostingGroup",
    table="Gen. Product Posting Group",
    key=_CODE,
    fields=(
        guid("id"),
        code("code", 20),
        text("description", 100),
        code("defaultVATProductPostingGroup", 20),
        boolean("autoInsertDefault"),
        _MODIFIED,
    ),
)


INVENTORY_POSTING_GROUPS = EntitySet(
    name="inventoryPostingGroups",
    entity="inventoryPostingGroup",
    table="Inventory Posting Group",
    key=_CODE,
    fields=(guid("id"), code("code", 20), text("description", 100), _MODIFIED),
)


ITEM_DATA = (
    ITEMS,
    ITEM_LEDGER_ENTRIES,
    UNITS_OF_MEASURE,
    CURRENCIES,
    CURRENCY_EXCHANGE_RATES,
    PAYMENT_TERMS,
    SHIPMENT_METHODS,
    ITEM_CATEGORIES,
    GENERAL_PRODUCT_POSTING_GROUPS,
    INVENTORY_POSTING_GROUPS,
)
