"""What a connection's table mappings need of both services, derived from the mappings as data.

Pure. The setup guide compares it with what the services grant; nothing here is written down a
second time: a mapping that a tenant adds or changes is looked at like the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.dataverse_tables import TABLES
from sync.mapping import DeletionConflict, LookupTarget, TableMapping
from sync.references import Need, needs_of
from sync.rules import RULES


class Access(StrEnum):
    """Kinds of access to a CRM table; the values are CRM's own ``PrivilegeType``."""

    READ = "Read"
    CREATE = "Create"
    WRITE = "Write"
    DELETE = "Delete"
    APPEND = "Append"  # to refer to another record
    APPEND_TO = "AppendTo"  # to be referred to
    ASSIGN = "Assign"  # to change who owns a record


_KEEPS = (Access.READ, Access.CREATE, Access.WRITE, Access.APPEND)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmNeed:
    """What is needed of one CRM table."""

    table: str
    """Logical name."""
    access: tuple[Access, ...]
    """In the order of ``Access``."""
    used_by: tuple[str, ...]
    """Names of the mappings."""
    is_mapped: bool = False
    """The table itself is synchronized, so its changes are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BcNeed:
    """What is needed of one entity set or published page of Business Central."""

    name: str
    is_page: bool
    columns: tuple[str, ...]
    used_by: tuple[str, ...]
    is_written: bool = False


_COMPANIONS: Mapping[str, Mapping[str, tuple[Access, ...]]] = {
    # sync.rules.product keeps a price list with one item for each product
    "product": {
        "pricelevel": (*_KEEPS, Access.APPEND_TO),
        "productpricelevel": _KEEPS,
        "transactioncurrency": (Access.READ, Access.APPEND_TO),
        "uom": (Access.READ, Access.APPEND_TO),
        "product": (Access.APPEND_TO,),
    },
}
"""What the companion records of a rule need, by the rule's name."""

_CRM_REFERENCES: Mapping[Need, Mapping[str, tuple[Access, ...]]] = {
    Need.LOCAL_CURRENCY: {"transactioncurrency": (Access.READ, Access.APPEND_TO)},
    Need.BASE_UNITS: {"uom": (Access.READ,)},
    Need.EXCHANGE_RATES: {"organization": (Access.READ,), "transactioncurrency": (Access.READ,)},
}
STOCK_CHANGES = ("itemLedgerEntries", False, ("entryNumber", "itemNumber"))
"""How movements of stock are noticed: they leave the item's own stamp as it is."""
_BC_REFERENCES: Mapping[Need, tuple[tuple[str, bool, tuple[str, ...]], ...]] = {
    Need.LOCAL_CURRENCY: (("companyInformation", False, ("currencyCode",)),),
    Need.EXCHANGE_RATES: (
        ("companyInformation", False, ("currencyCode",)),
        (
            "currencyExchangeRates",
            False,
            (
                "currencyCode",
                "startingDate",
                "exchangeRateAmount",
                "relationalCurrencyCode",
                "relationalExchangeRateAmount",
            ),
        ),
    ),
}
"""What ``sync.references`` reads for all records of a mapping, by what it is asked for."""
_BC_OF_RULES: Mapping[str, tuple[tuple[str, bool, tuple[str, ...]], ...]] = {
    "contact": (("customers", False, ("id", "displayName")),),
    "price_list": (("SalesPrices", True, ("Sales_Type", "Sales_Code", "Currency_Code")),),
    "price": (
        ("items", False, ("number", "baseUnitOfMeasureCode")),
        ("SalesPrices", True, ("Unit_Price", "Starting_Date", "Ending_Date")),
    ),
}
"""What the rules of tables read beside their own table, by the rule's name."""


def crm_needs(mappings: Iterable[TableMapping]) -> list[CrmNeed]:
    """What the mappings need in CRM, table by table in the order of the mappings."""
    access: dict[str, set[Access]] = defaultdict(set)
    used_by: dict[str, dict[str, None]] = defaultdict(dict)
    mapped: set[str] = set()
    for mapping in mappings:
        mapped.add(mapping.crm.name)
        for table, kinds in _crm_needs_of(mapping):
            access[table].update(kinds)
            used_by[table][mapping.name] = None
    return [
        CrmNeed(
            table=table,
            access=tuple(each for each in Access if each in kinds),
            used_by=tuple(used_by[table]),
            is_mapped=table in mapped,
        )
        for table, kinds in access.items()
    ]


def bc_needs(mappings: Iterable[TableMapping]) -> list[BcNeed]:
    """What the mappings need in Business Central, entity sets and pages in their order."""
    columns: dict[tuple[str, bool], dict[str, None]] = defaultdict(dict)
    used_by: dict[tuple[str, bool], dict[str, None]] = defaultdict(dict)
    written: set[tuple[str, bool]] = set()
    for mapping in mappings:
        place = (mapping.bc.name, mapping.bc.page)
        if mapping.direction.writes_bc:
            written.add(place)
        needed = [
            (*place, mapping.bc_select()),
            *(each for need in _references_of(mapping) for each in _BC_REFERENCES.get(need, ())),
            *_BC_OF_RULES.get(mapping.rule, ()),
        ]
        if mapping.bc.has_stock:
            needed.append(STOCK_CHANGES)
        if mapping.bc.derived_from:
            needed.append((mapping.bc.derived_from, False, ("id",)))
        for name, is_page, names in needed:
            columns[name, is_page].update(dict.fromkeys(names))
            used_by[name, is_page][mapping.name] = None
    return [
        BcNeed(
            name=name,
            is_page=is_page,
            columns=tuple(columns[name, is_page]),
            used_by=tuple(mappings_of_it),
            is_written=(name, is_page) in written,
        )
        for (name, is_page), mappings_of_it in used_by.items()
    ]


def _crm_needs_of(mapping: TableMapping) -> list[tuple[str, tuple[Access, ...]]]:
    table = mapping.crm.name
    needs: list[tuple[str, tuple[Access, ...]]] = [(table, _access_to(mapping))]
    for each in mapping.fields:
        if each.lookup is None:
            continue
        target = _logical_name(each.lookup.entity_set)
        if not each.direction.writes_crm:
            needs.append((target, (Access.READ,)))
            continue
        if each.lookup.target is LookupTarget.BASE_UNIT:
            needs.append(("uom", (Access.READ, Access.APPEND_TO)))
        owns = (Access.ASSIGN,) if each.crm == "ownerid" else ()
        needs += [(table, (Access.APPEND, *owns)), (target, (Access.READ, Access.APPEND_TO))]
    if mapping.direction.writes_crm:
        needs += list(_COMPANIONS.get(mapping.rule, {}).items())
    needs += [item for need in _references_of(mapping) for item in _crm_references(need)]
    return needs


def _access_to(mapping: TableMapping) -> tuple[Access, ...]:
    if not mapping.direction.writes_crm:
        return (Access.READ,)
    restores = mapping.deletion_conflict is DeletionConflict.RESTORE
    wanted = {
        Access.READ: True,
        Access.WRITE: True,
        Access.CREATE: mapping.creates_in_crm or restores,
        Access.DELETE: mapping.deletion_conflict is DeletionConflict.DELETE,
        Access.APPEND: any(each.lookup_local_currency for each in mapping.constants_in_crm),
        Access.ASSIGN: any(each.name.startswith("ownerid") for each in mapping.constants_in_crm),
    }
    return tuple(access for access, is_wanted in wanted.items() if is_wanted)


def _crm_references(need: Need) -> list[tuple[str, tuple[Access, ...]]]:
    return list(_CRM_REFERENCES.get(need, {}).items())


def _references_of(mapping: TableMapping) -> list[Need]:
    return sorted(needs_of(mapping, RULES[mapping.rule].needs))


def _logical_name(entity_set: str) -> str:
    known = TABLES.get(entity_set)
    return known.logical_name if known else entity_set.removesuffix("s")
