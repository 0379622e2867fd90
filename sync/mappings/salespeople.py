"""SALESPEOPLE: CRM users become Business Central salespeople, so that owners can be named."""

from sync.mapping import (
    BcTable,
    Condition,
    CrmTable,
    Direction,
    FieldMapping,
    MatchKey,
    TableMapping,
)

SALESPEOPLE = TableMapping(
    name="SALESPEOPLE",
    bc=BcTable(name="salespeoplePurchasers", key="code", title=("displayName",)),
    crm=CrmTable(
        name="systemuser",
        entity_set="systemusers",
        id_column="systemuserid",
        title="fullname",
        scope=(
            Condition(field="isdisabled", values=(False,)),
            Condition(field="islicensed", values=(True,)),
            Condition(field="isintegrationuser", values=(False,)),
        ),
    ),
    direction=Direction.FROM_CRM,
    fields=(
        FieldMapping(
            bc="code",
            crm="internalemailaddress",
            direction=Direction.FROM_CRM,
            transformation="salesperson_code",
            bc_length=20,
            crm_length=100,
            only_on_insert=True,
        ),
        FieldMapping(
            bc="email",
            crm="internalemailaddress",
            direction=Direction.FROM_CRM,
            transformation="text",
            bc_length=80,
            crm_length=100,
        ),
        FieldMapping(
            bc="displayName",
            crm="fullname",
            direction=Direction.FROM_CRM,
            transformation="text",
            bc_length=50,
            crm_length=200,
            truncate=True,
        ),
        FieldMapping(
            bc="phoneNo",
            crm="mobilephone",
            direction=Direction.FROM_CRM,
            transformation="text",
            bc_length=30,
            crm_length=64,
        ),
    ),
    match=(MatchKey.of(("email", "internalemailaddress")),),
    creates_in_crm=False,
    creates_in_bc=True,
)
