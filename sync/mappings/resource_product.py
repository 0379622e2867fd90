"""RESOURCE-PRODUCT: resources become products of type service.

The web service publishes a list page, which cannot be edited; so the name flows one way, where the
built-in integration has it both ways.
"""

from sync.mapping import (
    BcTable,
    Condition,
    CrmTable,
    Direction,
    MatchKey,
    TableMapping,
)
from sync.mappings.common import (
    CRM_SERVICES,
    not_blocked,
    product_constants,
    product_fields,
)

RESOURCE_PRODUCT = TableMapping(
    name="RESOURCE-PRODUCT",
    bc=BcTable(
        name="Resources",
        page=True,
        key="No",
        title=("Name",),
        requires=(not_blocked("Blocked", "resource"),),
    ),
    crm=CrmTable(
        name="product",
        entity_set="products",
        id_column="productid",
        title="name",
        scope=(Condition(field="producttypecode", values=(CRM_SERVICES,)),),
    ),
    direction=Direction.TO_CRM,
    dependencies=("UNIT OF MEASURE",),
    fields=product_fields(
        number="No",
        name="Name",
        price="Unit_Price",
        cost="Unit_Cost",
        stock="Capacity",
        unit="Base_Unit_of_Measure",
        blocked="Blocked",
        name_direction=Direction.TO_CRM,
    ),
    constants_in_crm=product_constants(CRM_SERVICES),
    match=(MatchKey.of(("No", "productnumber")),),
    creates_in_crm=True,
    creates_in_bc=False,
    rule="product",
    not_offered=("Vendor No. → vendorid", "Name ← name (the published page is read-only)"),
)
