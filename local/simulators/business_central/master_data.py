"""Field tables of API v2.0: companies, customers, contacts, salespeople, opportunities.

Names and editability are those of the API pages, lengths those of the tables behind them.
Web site addresses are held to 80 characters, which is what the API's published description says;
the newest versions allow more.
"""

from __future__ import annotations

from local.simulators.business_central.fields import (
    BLANK,
    EntitySet,
    Field,
    Type,
    boolean,
    code,
    date,
    decimal,
    enum,
    guid,
    stamp,
    text,
)

_NO = (("number", "No."),)
_CODE = (("code", "Code"),)
_ID = guid("id", editable=False)
_MODIFIED = stamp("lastModifiedDateTime")

_ADDRESS = (
    text("addressLine1", 100),
    text("addressLine2", 50),
    text("city", 30),
    text("state", 30),
    code("country", 10),
    code("postalCode", 20),
    text("phoneNumber", 30),
)

COMPANIES = EntitySet(
    name="companies",
    entity="company",
    table="Company",
    key=(("name", "Name"),),
    fields=(
        guid("id", editable=False),
        text("systemVersion", 250, editable=False),
        Field(name="timestamp", type=Type.INTEGER, editable=False),
        text("name", 30, editable=False),
        text("displayName", 250, editable=False),
        text("businessProfileId", 250, editable=False),
        stamp("systemCreatedAt", editable=False),
        guid("systemCreatedBy", editable=False),
        stamp("systemModifiedAt", editable=False),
        guid("systemModifiedBy", editable=False),
    ),
    modified_field="systemModifiedAt",
)

COMPANY_INFORMATION = EntitySet(
    name="companyInformation",
    entity="companyInformation",
    table="Company Information",
    key=(("id", "SystemId"),),
    modify=True,
    fields=(
        _ID,
        text("displayName", 100),
        *_ADDRESS,
        text("faxNumber", 30),
        text("email", 80),
        text("website", 80),
        text("taxRegistrationNumber", 20),
        code("currencyCode", 10, editable=False),
        date("currentFiscalYearStartDate", editable=False),
        text("industry", 30),
        text("picture", 0, editable=False),
        text("experience", 250),
        _MODIFIED,
    ),
)

CUSTOMERS = EntitySet(
    name="customers",
    parts=(
        "customerFinancialDetails",
        "picture",
        "defaultDimensions",
        "agedAccountsReceivable",
        "contactsInformation",
        "documentAttachments",
    ),
    entity="customer",
    table="Customer",
    key=_NO,
    insert=True,
    modify=True,
    delete=True,
    writes_simulated=True,
    hidden={"customerPriceGroup": code("customerPriceGroup", 10)},
    fields=(
        _ID,
        code("number", 20),
        text("displayName", 100),
        enum("type", "Company", "Person"),
        *_ADDRESS,
        text("email", 80),
        text("website", 80),
        code("salespersonCode", 20),
        decimal("balanceDue", editable=False, flow=True),
        decimal("creditLimit"),
        boolean("taxLiable"),
        guid("taxAreaId"),
        text("taxAreaDisplayName", 100, editable=False),
        text("taxRegistrationNumber", 20),
        guid("currencyId"),
        code("currencyCode", 10),
        guid("paymentTermsId"),
        guid("shipmentMethodId"),
        guid("paymentMethodId"),
        enum("blocked", BLANK, "Ship", "Invoice", "All"),
        _MODIFIED,
    ),
)

CONTACTS = EntitySet(
    name="contacts",
    parts=("picture",),
    entity="contact",
    table="Contact",
    key=_NO,
    insert=True,
    modify=True,
    delete=True,
    writes_simulated=True,
    indexed=("companyNumber",),
    fields=(
        _ID,
        code("number", 20),
        enum("type", "Company", "Person"),
        text("displayName", 100),
        text("jobTitle", 30),
        code("companyNumber", 20),
        text("companyName", 100),
        enum(
            "contactBusinessRelation",
            "None",
            "Customer",
            "Vendor",
            "Bank_x0020_Account",
            "Employee",
            "Other",
            "Multiple",
        ),
        *_ADDRESS,
        text("mobilePhoneNumber", 30),
        text("email", 80),
        text("website", 80),
        code("searchName", 100),
        boolean("privacyBlocked"),
        text("taxRegistrationNumber", 20),
        date("lastInteractionDate", editable=False),
        _MODIFIED,
    ),
)

CONTACTS_INFORMATION = EntitySet(
    name="contactsInformation",
    parts=("contacts",),
    entity="contactInformation",
    table="Contact Information Buffer",
    key=(("contactId", "Contact Id"),),
    id_field="contactId",
    modified_field="",
    fields=(
        guid("contactId"),
        code("contactNumber", 20),
        text("contactName", 100),
        enum("contactType", "Company", "Person"),
        guid("relatedId"),
        enum(
            "relatedType",
            BLANK,
            "Customer",
            "Vendor",
            "Bank_x0020_Account",
            "Employee",
            editable=False,
        ),
    ),
)

SALESPEOPLE = EntitySet(
    name="salespeoplePurchasers",
    entity="salespersonPurchaser",
    table="Salesperson/Purchaser",
    key=_CODE,
    insert=True,
    modify=True,
    delete=True,
    writes_simulated=True,
    fields=(
        _ID,
        code("code", 20),
        text("displayName", 50),
        text("email", 80),
        text("email2", 80),
        text("phoneNo", 30),
        text("jobTitle", 30),
        decimal("commisionPercent"),
        boolean("privacyBlocked"),
        boolean("blocked"),
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
    key=_NO,
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

OPPORTUNITIES = EntitySet(
    name="opportunities",
    entity="opportunity",
    table="Opportunity",
    key=_NO,
    insert=True,
    modify=True,
    delete=True,
    fields=(
        _ID,
        code("number", 20),
        code("contactNumber", 20),
        text("contactName", 100, editable=False),
        text("contactCompanyName", 100, editable=False),
        code("salespersonCode", 20),
        text("description", 100),
        enum("status", "Not_x0020_Started", "In_x0020_Progress", "Won", "Lost", editable=False),
        boolean("closed", editable=False),
        date("creationDate", editable=False),
        date("dateClosed", editable=False),
        decimal("calculatedCurrentValue", editable=False),
        decimal("chancesOfSuccessPrc", editable=False),
        decimal("completedPrc", editable=False),
        date("estimatedClosingDate", editable=False),
        decimal("estimatedValue", editable=False),
        stamp("systemCreatedAt", editable=False),
        stamp("lastModifiedDateTime", editable=False),
    ),
)

MASTER_DATA = (
    COMPANY_INFORMATION,
    CUSTOMERS,
    CONTACTS,
    CONTACTS_INFORMATION,
    SALESPEOPLE,
    OPPORTUNITIES,
)
