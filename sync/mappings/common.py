"""Pieces that several mappings share."""

from __future__ import annotations

from sync.mapping import (
    Constant,
    Direction,
    FieldMapping,
    Lookup,
    LookupBy,
    LookupTarget,
    Requirement,
)

BLANK_ENUM = "_x0020_"
"""How Business Central's JSON writes a blank option."""

CRM_CUSTOMER = 3
"""``customertypecode`` of an account that is a customer."""

CRM_SALES_INVENTORY = 1
CRM_SERVICES = 3
"""``producttypecode``: by it the origin of a product is recognized."""

CRM_CURRENCY_AMOUNT = 1
"""``pricingmethodcode`` of a price list item that names an amount."""

DEFAULT_PRICE_LIST_SUFFIX = " Default Price List"
"""A product's own price list is named by its number and this; users should not edit it."""

ACTIVE = Requirement(
    field="statecode",
    values=(0,),
    code="inactive-in-crm",
    message="The record is inactive in Dynamics 365 Sales.",
    hint="Activate it to have both coupled, or leave it as it is.",
)

CURRENCY_LOOKUP = Lookup(
    mappings=("CURRENCY",),
    by=LookupBy.KEY,
    navigation="transactioncurrencyid",
    entity_set="transactioncurrencies",
    blank_is_local_currency=True,
)


def two_way_text(bc: str, crm: str, bc_length: int, crm_length: int) -> FieldMapping:
    """Free text that either side may edit."""
    return FieldMapping(
        bc=bc,
        crm=crm,
        direction=Direction.BOTH,
        transformation="text",
        bc_length=bc_length,
        crm_length=crm_length,
    )


ADDRESS_FIELDS = (
    two_way_text("addressLine1", "address1_line1", 100, 250),
    two_way_text("addressLine2", "address1_line2", 50, 250),
    two_way_text("city", "address1_city", 30, 80),
    two_way_text("state", "address1_stateorprovince", 30, 50),
    two_way_text("postalCode", "address1_postalcode", 20, 20),
    two_way_text("country", "address1_country", 10, 80),
    two_way_text("phoneNumber", "telephone1", 30, 50),
    two_way_text("email", "emailaddress1", 80, 100),
    two_way_text("website", "websiteurl", 80, 200),
)
"""The address block that customers and contacts share."""


def product_fields(
    *,
    number: str,
    name: str,
    price: str,
    cost: str,
    stock: str,
    unit: str,
    blocked: str,
    name_direction: Direction,
) -> tuple[FieldMapping, ...]:
    """The fields of a product, whether it is an item or a resource in Business Central."""
    unit_group = Lookup(
        mappings=("UNIT OF MEASURE",),
        by=LookupBy.KEY,
        navigation="defaultuomscheduleid",
        entity_set="uomschedules",
    )
    base_unit = Lookup(
        mappings=("UNIT OF MEASURE",),
        by=LookupBy.KEY,
        navigation="defaultuomid",
        entity_set="uoms",
        target=LookupTarget.BASE_UNIT,
    )
    return (
        FieldMapping(
            bc=number,
            crm="productnumber",
            direction=Direction.TO_CRM,
            transformation="text",
            crm_length=100,
        ),
        FieldMapping(
            bc=name,
            crm="name",
            direction=name_direction,
            transformation="text",
            bc_length=100,
            crm_length=100,
        ),
        FieldMapping(
            bc=price, crm="price", direction=Direction.TO_CRM, transformation="not_negative"
        ),
        FieldMapping(
            bc=cost, crm="standardcost", direction=Direction.TO_CRM, transformation="not_negative"
        ),
        FieldMapping(
            bc=cost, crm="currentcost", direction=Direction.TO_CRM, transformation="not_negative"
        ),
        FieldMapping(
            bc=stock, crm="quantityonhand", direction=Direction.TO_CRM, transformation="quantity"
        ),
        FieldMapping(
            bc=unit, crm="defaultuomscheduleid", direction=Direction.TO_CRM, lookup=unit_group
        ),
        FieldMapping(bc=unit, crm="defaultuomid", direction=Direction.TO_CRM, lookup=base_unit),
        FieldMapping(
            bc=blocked,
            crm="statecode",
            direction=Direction.TO_CRM,
            transformation="product_state",
            last=True,
        ),
    )


def product_constants(product_type: int) -> tuple[Constant, ...]:
    """What every new product gets; its type tells whether it came from an item or a resource."""
    return (
        Constant(name="producttypecode", value=product_type),
        Constant(name="quantitydecimal", value=2),
        Constant(name="transactioncurrencyid", value=None, lookup_local_currency=True),
    )


def not_blocked(field: str, record: str) -> Requirement:
    """Blocked records are not created in CRM."""
    return Requirement(
        field=field,
        values=(False,),
        code="blocked-in-bc",
        message=f"The {record} is blocked in Business Central.",
        hint=f"Nothing, or unblock the {record} to have it sent.",
    )
