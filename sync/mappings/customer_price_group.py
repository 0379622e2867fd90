"""CUSTPRCGRP-PRICE: customer price groups become price lists."""

from sync.mapping import (
    BcTable,
    Condition,
    CrmTable,
    Direction,
    FieldMapping,
    MatchKey,
    TableMapping,
)
from sync.mappings.common import CURRENCY_LOOKUP, DEFAULT_PRICE_LIST_SUFFIX

CUSTOMER_PRICE_GROUP = TableMapping(
    name="CUSTPRCGRP-PRICE",
    bc=BcTable(
        name="CustomerPriceGroups",
        page=True,
        key="Code",
        title=("Description",),
        compared_daily=True,
    ),
    crm=CrmTable(
        name="pricelevel",
        entity_set="pricelevels",
        id_column="pricelevelid",
        title="name",
        scope=(Condition(field="name", suffix=DEFAULT_PRICE_LIST_SUFFIX),),
    ),
    direction=Direction.TO_CRM,
    dependencies=("CURRENCY", "ITEM-PRODUCT"),
    fields=(
        FieldMapping(
            bc="Code",
            crm="name",
            direction=Direction.TO_CRM,
            transformation="code",
            crm_length=100,
        ),
        FieldMapping(
            bc="currencyCode",
            crm="transactioncurrencyid",
            direction=Direction.TO_CRM,
            lookup=CURRENCY_LOOKUP,
            only_on_insert=True,
            derived="the one currency of the group's prices, local currency where it has none",
        ),
    ),
    match=(MatchKey.of(("Code", "name")),),
    creates_in_crm=True,
    creates_in_bc=False,
    rule="price_list",
)
