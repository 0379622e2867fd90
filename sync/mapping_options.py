"""What a connection's options make of its table mappings. Pure.

Options come on top of whatever a tenant edited: they hold for all mappings, added ones included,
and what they change is not part of a mapping's document, so that choosing otherwise leaves nothing
behind.

Ownership by a team: records that Coupler creates in CRM belong to the team, no field sets an owner
any more, and salespeople are not synchronized. Separate companies: every CRM record that Coupler
touches bears its company's id, and only records of this company or of none are its business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sync.mapping import Condition, Constant, Direction, FieldMapping, TableMapping

SALESPEOPLE = "SALESPEOPLE"
COMPANY_COLUMN = "coupler_companyid"
"""The column that Coupler's solution adds to ``COMPANY_TABLES``."""
COMPANY_TABLES = frozenset({"account", "contact", "pricelevel", "product", "salesorder"})
_COMPANY_LENGTH = 36
_OWNED_TABLES = frozenset(
    {"account", "contact", "invoice", "lead", "opportunity", "quote", "salesorder"}
)
"""Tables whose records have an owner; the others belong to the organization."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingOptions:
    """The options of a connection that concern its mappings."""

    owning_team: str = ""
    """Id of the CRM team that owns new records; blank: the salesperson's user does."""
    separate_companies: bool = False


NO_OPTIONS = MappingOptions()


def with_options(
    mappings: Mapping[str, TableMapping], options: MappingOptions
) -> dict[str, TableMapping]:
    """The mappings under the options, whatever was edited; all but what belongs to a company."""
    if not options.owning_team:
        return dict(mappings)
    return {
        name: _owned_by_team(mapping, options.owning_team)
        for name, mapping in mappings.items()
        if name != SALESPEOPLE
    }


def _owned_by_team(mapping: TableMapping, team: str) -> TableMapping:
    fields = tuple(each for each in mapping.fields if not _names_owner(each))
    constants = tuple(each for each in mapping.constants_in_crm if each.name != "ownerid")
    if mapping.crm.name in _OWNED_TABLES and mapping.creates_in_crm:
        owner = Constant(name="ownerid", value=team, entity_set="teams")
        constants = (*constants, owner)
    return replace(
        mapping,
        dependencies=tuple(name for name in mapping.dependencies if name != SALESPEOPLE),
        fields=fields,
        constants_in_crm=constants,
    )


def told(mapping: TableMapping, options: MappingOptions) -> list[str]:
    """What the options change about the mapping, in words."""
    words = []
    if options.owning_team and mapping.name == SALESPEOPLE:
        words.append("Not synchronized: the records in CRM belong to a team.")
    elif options.owning_team and _owned_by_team(mapping, options.owning_team) != mapping:
        words.append(f"New records in CRM belong to the team {options.owning_team}.")
    if options.separate_companies and mapping.crm.name in COMPANY_TABLES:
        words.append(f"CRM records of this company or of none only, marked by {COMPANY_COLUMN}.")
    return words


def _names_owner(field: FieldMapping) -> bool:
    """Whether the field sets an owner, or cannot be resolved where salespeople take no part."""
    return field.crm == "ownerid" or (
        field.lookup is not None and SALESPEOPLE in field.lookup.mappings
    )


def of_company(mapping: TableMapping, company_id: str) -> TableMapping:
    """The mapping kept to one company's records; unchanged where its table has no such column.

    Records of no company take part, so that what was in CRM before can be coupled; coupling them
    stamps them, and from then on no other company finds them.
    """
    if mapping.crm.name not in COMPANY_TABLES:
        return mapping
    own_or_none = Condition(field=COMPANY_COLUMN, values=(company_id, None))
    crm = replace(mapping.crm, scope=(*mapping.crm.scope, own_or_none))
    if not mapping.direction.writes_crm:
        return replace(mapping, crm=crm)
    stamp = FieldMapping(
        bc=f"={COMPANY_COLUMN}",
        crm=COMPANY_COLUMN,
        direction=Direction.TO_CRM,
        transformation="text",
        constant=company_id,
        crm_length=_COMPANY_LENGTH,
    )
    return replace(mapping, crm=crm, fields=(*mapping.fields, stamp))
