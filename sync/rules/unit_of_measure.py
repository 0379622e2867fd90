"""Units of measure: the unit group that a unit is found by."""

from __future__ import annotations

from services.records import Record
from sync.rules.base import Rule, RuleContext
from sync.transformations import unit_group_name


class UnitOfMeasureRule(Rule):
    def derive(self, record: Record, context: RuleContext) -> Record:
        del context
        return record | {"unitGroupName": unit_group_name(record["code"])}
