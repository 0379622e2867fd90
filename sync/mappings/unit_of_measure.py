"""UNIT OF MEASURE: one CRM unit group per unit; CRM makes the group's base unit by itself."""

from sync.mapping import (
    BcTable,
    CrmTable,
    Direction,
    FieldMapping,
    MatchKey,
    Requirement,
    TableMapping,
)

UNIT_OF_MEASURE = TableMapping(
    name="UNIT OF MEASURE",
    bc=BcTable(name="unitsOfMeasure", key="code", title=("displayName",)),
    crm=CrmTable(
        name="uomschedule",
        entity_set="uomschedules",
        id_column="uomscheduleid",
        title="name",
        requires=(
            Requirement(
                field="statecode",
                values=(0,),
                code="unit-group-inactive",
                message="The unit group is inactive in Dynamics 365 Sales.",
                hint="Activate the unit group, or rename it to have a new one made.",
            ),
        ),
    ),
    direction=Direction.TO_CRM,
    fields=(
        FieldMapping(
            bc="code",
            crm="name",
            direction=Direction.TO_CRM,
            transformation="unit_group_name",
            crm_length=200,
        ),
        FieldMapping(
            bc="code",
            crm="baseuomname",
            direction=Direction.TO_CRM,
            transformation="code",
            crm_length=100,
            only_on_insert=True,
        ),
    ),
    match=(MatchKey.of(("unitGroupName", "name")),),
    creates_in_crm=True,
    creates_in_bc=False,
    rule="unit_of_measure",
    not_offered=("unit group mapping (one unit group per item with all of its units)",),
)
