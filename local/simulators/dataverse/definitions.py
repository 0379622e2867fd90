"""Requests to the metadata: EntityDefinitions."""

from local.simulators.core.messages import SimResponse
from local.simulators.dataverse.errors import DataverseError, not_implemented
from local.simulators.dataverse.messages import metadata_id
from local.simulators.dataverse.metadata import (
    Item,
    attribute,
    create_key,
    entity_definition,
    key_description,
    references,
    select_items,
)
from local.simulators.dataverse.paths import Segment
from local.simulators.dataverse.projection import query_options
from local.simulators.dataverse.schema import TableSchema
from local.simulators.dataverse.state import Call, State, json_response, no_content
from local.simulators.dataverse.store import AlternateKey

_CAST = "Microsoft.Dynamics.CRM."
_LOGICAL_NAME = "LogicalName='"


class Definitions:
    """Answers requests below `EntityDefinitions`."""

    def __init__(self, state: State) -> None:
        self._state = state

    def handle(self, segments: list[Segment], call: Call) -> SimResponse:
        """Answer a request to the definitions of tables."""
        first = segments[0]
        if first.key is None and len(segments) == 1:
            _only_get(call)
            tables = self._state.store.schema.tables.values()
            return _list(call, "EntityDefinitions", [self._definition(table) for table in tables])
        table = self._table(first.key)
        if len(segments) == 1:
            _only_get(call)
            return _one(call, "EntityDefinitions", self._definition(table))
        if segments[1].name == "Attributes":
            _only_get(call)
            return _attributes(table, segments[1:], call)
        if segments[1].name == "Keys" and len(segments) == 2:
            return self._keys(table, segments[1].key, call)
        if segments[1].name == "ManyToOneRelationships" and len(segments) == 2:
            _only_get(call)
            return _list(call, "ManyToOneRelationships", references(table))
        raise not_implemented(f"EntityDefinitions/{segments[1].name}")

    def _definition(self, table: TableSchema) -> Item:
        return entity_definition(self._state.store, table, self._state.tracks(table.name))

    def _table(self, key: str | None) -> TableSchema:
        for table in self._state.store.schema.tables.values():
            if key in (f"{_LOGICAL_NAME}{table.name}'", metadata_id(table.name)):
                return table
        raise DataverseError(
            404, "0x80060888", f"Could not find an entity with the key {key} in this organization."
        )

    def _keys(self, table: TableSchema, key: str | None, call: Call) -> SimResponse:
        rows = self._state.store.tables[table.name]
        match (call.request.method, key):
            case ("GET", None):
                items = [key_description(table, entry) for entry in rows.alternate_keys]
                return _list(call, "Keys", items)
            case ("POST", None):
                payload = call.payload("Keys")
                created = create_key(self._state.store, table, payload)
                path = f"EntityDefinitions(LogicalName='{table.name}')/Keys({created.key_id})"
                return no_content({"OData-EntityId": call.url(path)})
            case ("DELETE", str()):
                rows.drop_alternate_key(_key_by_id(rows.alternate_keys, key))
                return no_content()
            case _:
                raise not_implemented(f"{call.request.method} on keys")


def _key_by_id(keys: list[AlternateKey], key_id: str) -> AlternateKey:
    for key in keys:
        if key.key_id == key_id.lower():
            return key
    raise DataverseError(404, "0x80040217", f"There is no key {key_id}.")


def _attributes(table: TableSchema, segments: list[Segment], call: Call) -> SimResponse:
    items = [attribute(table, column) for column in table.columns.values()]
    key = segments[0].key
    if key is not None:
        for item in items:
            if key in (f"{_LOGICAL_NAME}{item['LogicalName']}'", item["MetadataId"]):
                return _one(call, "Attributes", item)
        raise DataverseError(404, "0x80060888", f"{table.name} has no attribute {key}.")
    if len(segments) > 1:
        wanted = "#" + segments[1].name
        if not segments[1].name.startswith(_CAST):
            raise not_implemented(f"Attributes/{segments[1].name}")
        items = [item for item in items if item["@odata.type"] == wanted]
    else:
        # options are members of the derived type only
        items = [{k: v for k, v in item.items() if k != "OptionSet"} for item in items]
    return _list(call, "Attributes", items)


def _list(call: Call, name: str, items: list[Item]) -> SimResponse:
    found = select_items(items, query_options(call.request.query_string))
    body = {"@odata.context": call.url(f"$metadata#{name}"), "value": found}
    return json_response(body)


def _one(call: Call, name: str, item: Item) -> SimResponse:
    options = query_options(call.request.query_string)
    found = select_items([item], {k: v for k, v in options.items() if k != "$filter"})
    return json_response({"@odata.context": call.url(f"$metadata#{name}/$entity")} | found[0])


def _only_get(call: Call) -> None:
    if call.request.method != "GET":
        raise not_implemented(f"{call.request.method} on the metadata")
