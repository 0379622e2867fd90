"""CUSTOMER: customers and the accounts of type customer, both ways."""

from sync.mapping import (
    BcTable,
    Condition,
    Constant,
    CrmTable,
    Direction,
    FieldMapping,
    Lookup,
    LookupBy,
    MatchKey,
    Requirement,
    TableMapping,
)
from sync.mappings.common import (
    ACTIVE,
    ADDRESS_FIELDS,
    BLANK_ENUM,
    CRM_CUSTOMER,
    CURRENCY_LOOKUP,
    two_way_text,
)

CUSTOMER = TableMapping(
    name="CUSTOMER",
    bc=BcTable(
        name="customers",
        key="number",
        title=("displayName",),
        requires=(
            Requirement(
                field="blocked",
                values=(BLANK_ENUM,),
                code="blocked-in-bc",
                message="The customer is blocked in Business Central.",
                hint="Nothing, or unblock the customer to have it sent.",
            ),
        ),
    ),
    crm=CrmTable(
        name="account",
        entity_set="accounts",
        id_column="accountid",
        title="name",
        scope=(Condition(field="customertypecode", values=(CRM_CUSTOMER,)),),
        requires=(ACTIVE,),
    ),
    direction=Direction.BOTH,
    dependencies=("SALESPEOPLE", "CURRENCY"),
    fields=(
        FieldMapping(
            bc="number",
            crm="accountnumber",
            direction=Direction.TO_CRM,
            transformation="text",
            crm_length=20,
        ),
        two_way_text("displayName", "name", 100, 160),
        *ADDRESS_FIELDS,
        FieldMapping(
            bc="currencyCode",
            crm="transactioncurrencyid",
            direction=Direction.BOTH,
            lookup=CURRENCY_LOOKUP,
        ),
        FieldMapping(
            bc="salespersonCode",
            crm="ownerid",
            direction=Direction.TO_CRM,
            keep_if_blank=True,
            lookup=Lookup(
                mappings=("SALESPEOPLE",),
                by=LookupBy.KEY,
                navigation="ownerid",
                entity_set="systemusers",
            ),
        ),
        FieldMapping(
            bc="creditLimit",
            crm="creditlimit",
            direction=Direction.TO_CRM,
            transformation="not_negative",
        ),
        FieldMapping(
            bc="blocked",
            crm="statecode",
            direction=Direction.FROM_CRM,
            transformation="inactive_blocks",
        ),
    ),
    constants_in_crm=(Constant(name="customertypecode", value=CRM_CUSTOMER),),
    constants_in_bc=(Constant(name="type", value="Company"),),
    match=(
        MatchKey.of(("number", "accountnumber")),
        MatchKey.of(("displayName", "name"), ("postalCode", "address1_postalcode")),
    ),
    creates_in_crm=True,
    creates_in_bc=True,
    not_offered=(
        "Contact ↔ address1_primarycontactname, Primary Contact No. ↔ primarycontactid",
        "Fax No. ↔ fax",
        "Payment Terms, Shipment Method and Shipping Agent Code ↔ option columns",
    ),
)
