"""RESOURCE-PRODUCT: resources become products of type service.

The web service publishes a list page, which cannot be edited; so the name flows one way, where the
built-in integration has it both ways.
"""

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
from sync.mappings.common import CRM_SERVICES, product_fields

RESOURCE_PRODUCT = TableMapping(
    name="RESOURCE-PRODUCT",
    bc=BcTable(
        name="Resources",
        page=True,
        key="No",
        title=("Name",),
        requires=(
            Requirement(
                field="Blocked",
                values=(False,),
                code="blocked-in-bc",
                message="The resource is blocked in Business Central.",
                hint="Nothing, or unblock the resource to have it sent.",
            ),
        ),
    ),
    crm=CrmTable(
        name="product",
        entity_set="products",
        id_column="productid",
        title="name",
        filter=f"producttypecode eq {CRM_SERVICES}",
    ),
    direction=Direction.TO_CRM,
    dependencies=("UNIT OF MEASURE",),
    fields=(
        *product_fields(
            number="No",
            name="Name",
            price="Unit_Price",
            cost="Unit_Cost",
            stock="Capacity",
            unit="Base_Unit_of_Measure",
            name_direction=Direction.TO_CRM,
        ),
        FieldMapping(
            bc="Blocked",
            crm="statecode",
            direction=Direction.TO_CRM,
            transformation="product_state",
            last=True,
        ),
    ),
    constants_in_crm=(
        Constant(name="producttypecode", value=CRM_SERVICES),
        Constant(name="quantitydecimal", value=2),
        Constant(name="transactioncurrencyid", value=None, lookup_local_currency=True),
    ),
    match=(MatchKey(pairs=(("No", "productnumber"),)),),
    creates_in_crm=True,
    creates_in_bc=False,
    rule="product",
    not_offered=("Vendor No. → vendorid", "Name ← name (the published page is read-only)"),
)
