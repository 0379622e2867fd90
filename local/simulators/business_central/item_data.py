"""Field tables of API v2.0: items and the small tables that items and customers refer to.

Names and editability are those of the API pages, lengths those of the tables behind them.
"""

from __future__ import annotations

from local.simulators.business_central.fields import (
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
    UNITS_OF_MEASURE,
    CURRENCIES,
    CURRENCY_EXCHANGE_RATES,
    PAYMENT_TERMS,
    SHIPMENT_METHODS,
    ITEM_CATEGORIES,
    GENERAL_PRODUCT_POSTING_GROUPS,
    INVENTORY_POSTING_GROUPS,
)
