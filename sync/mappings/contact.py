"""CONTACT: persons who work for a customer, both ways. Company contacts take no part."""

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
    TableMapping,
)
from sync.mappings.common import ACTIVE, ADDRESS_FIELDS, two_way_text

CONTACT = TableMapping(
    name="CONTACT",
    bc=BcTable(
        name="contacts",
        key="number",
        title=("displayName",),
        scope=(
            Condition(field="type", values=("Person",)),
            Condition(field="companyNumber"),
        ),
        also_read=("companyNumber", "companyName"),
    ),
    crm=CrmTable(
        name="contact",
        entity_set="contacts",
        id_column="contactid",
        title="fullname",
        scope=(Condition(field="_parentcustomerid_value"),),
        requires=(ACTIVE,),
    ),
    direction=Direction.BOTH,
    dependencies=("CUSTOMER",),
    fields=(
        FieldMapping(
            bc="displayName",
            crm="fullname",
            direction=Direction.BOTH,
            transformation="person_name",
            bc_length=100,
            crm_length=160,
        ),
        two_way_text("jobTitle", "jobtitle", 30, 100),
        *ADDRESS_FIELDS,
        two_way_text("mobilePhoneNumber", "mobilephone", 30, 50),
        FieldMapping(
            bc="customerId",
            crm="parentcustomerid",
            direction=Direction.TO_CRM,
            lookup=Lookup(
                mappings=("CUSTOMER",),
                by=LookupBy.ID,
                navigation="parentcustomerid_account",
                entity_set="accounts",
                named_by="companyName",
            ),
            derived="the customer whose `contactsInformation` names the person",
        ),
    ),
    constants_in_bc=(Constant(name="type", value="Person"),),
    match=(
        MatchKey.of(("parentAccountId", "_parentcustomerid_value"), ("email", "emailaddress1")),
        MatchKey.of(("parentAccountId", "_parentcustomerid_value"), ("displayName", "fullname")),
    ),
    creates_in_crm=True,
    creates_in_bc=True,
    rule="contact",
    not_offered=(
        "First Name, Middle Name and Surname (the API has the whole name only)",
        "Salesperson Code → ownerid, Currency Code ↔ transactioncurrencyid",
        "Fax No. ↔ fax, Pager ↔ pager",
    ),
)
