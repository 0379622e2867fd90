"""What triggers need of the connection that they are about: its table mappings, its services."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from connections.model import Connection, Ownership
from connections.services import open_connections
from connections.store import connections_of
from identity.model import Caller, TenantId
from sync.catalog import CatalogSource, MappingCatalog
from sync.mapping_editing import MappingEditor, Verify
from sync.mapping_options import MappingOptions
from sync.mappings import MAPPINGS
from sync.opening import Services, mapping_store, now


def mapping_options(connection: Connection) -> MappingOptions:
    """The connection's options as far as they concern its mappings."""
    options = connection.options
    by_team = options.ownership is Ownership.TEAM
    return MappingOptions(
        owning_team=options.team_id if by_team else "",
        separate_companies=options.separate_companies,
    )


def catalog_source(tenant: TenantId, connection_id: str) -> CatalogSource:
    """Loads the connection's table mappings when they are first needed, and keeps them.

    Loading raises ``RefusedRequestError`` (404) where the tenant has no such connection.
    """

    @cache
    def load() -> MappingCatalog:
        connection = connections_of(tenant).load(connection_id).connection
        stored = mapping_store(tenant, connection_id).load_current()
        changed = {name: each.mapping for name, each in stored.items()}
        return MappingCatalog.of(MAPPINGS | changed, mapping_options(connection))

    return load


def services_source(tenant: TenantId, connection_id: str) -> Callable[[], Services]:
    """Opens the connection's two services when they are first needed, and keeps them.

    Opening raises as ``connections.services`` does, and ``RefusedRequestError`` (404) where the
    tenant has no such connection.
    """

    @cache
    def load() -> Services:
        opened = open_connections().services(tenant, connections_of(tenant).load(connection_id))
        return opened.business_central, opened.crm

    return load


def mapping_editor(
    caller: Caller, connection_id: str, verify: Verify = lambda mapping, _: (mapping, [])
) -> MappingEditor:
    """What edits the connection's mappings for a caller; ``verify`` holds them against the
    services, which an edit that leaves tables and columns as they are needs not."""
    return MappingEditor(
        mapping_store(caller.tenant, connection_id),
        verify=verify,
        now=now,
        by=caller.name or caller.subject,
    )
