"""Which table mappings a service's webhooks tell of, derived from the mappings themselves."""

from __future__ import annotations

from collections.abc import Collection

from sync.catalog import MappingCatalog

CRM_MESSAGES = ("Create", "Update", "Delete")


def crm_tables(catalog: MappingCatalog) -> dict[str, Collection[str]]:
    """Every mapped CRM table, and the messages to register for."""
    return {mapping.crm.name: CRM_MESSAGES for mapping in catalog.enabled.values()}


def mappings_of_crm(catalog: MappingCatalog, table: str) -> list[str]:
    """Mappings of a CRM table, by its logical name; several may share one."""
    return [name for name, mapping in catalog.enabled.items() if mapping.crm.name == table]


def bc_entity_sets(catalog: MappingCatalog, supported: Collection[str]) -> list[str]:
    """Mapped entity sets of Business Central that can be subscribed to, in order."""
    return sorted({mapping.bc.name for mapping in catalog.enabled.values()} & set(supported))


def mappings_of_bc(catalog: MappingCatalog, entity_set: str) -> list[str]:
    """Mappings of an entity set of Business Central."""
    return [name for name, mapping in catalog.enabled.items() if mapping.bc.name == entity_set]
