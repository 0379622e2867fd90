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
