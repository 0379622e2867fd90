"""The tables' own description: EntityDefinitions, their attributes and keys."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from local.simulators.core.odata import (
    Kind,
    ODataError,
    Property,
    UnknownPropertyError,
    compile_filter,
    parse_expand,
    parse_filter,
    parse_select,
)
from local.simulators.dataverse.errors import (
    DataverseError,
    invalid_argument,
    invalid_query,
    not_implemented,
)
from local.simulators.dataverse.messages import metadata_id
from local.simulators.dataverse.privileges import privilege_metadata
from local.simulators.dataverse.schema import Column, TableSchema
from local.simulators.dataverse.store import AlternateKey, Store

_LANGUAGE = 1033
_TYPES = {
    "text": "String",
    "memo": "Memo",
    "integer": "Integer",
    "bigint": "BigInt",
    "decimal": "Decimal",
    "double": "Double",
    "money": "Money",
    "boolean": "Boolean",
    "datetime": "DateTime",
    "date": "DateTime",
    "guid": "Uniqueidentifier",
    "choice": "Picklist",
    "state": "State",
    "status": "Status",
    "lookup": "Lookup",
}

Item = dict[str, Any]


def entity_definition(store: Store, table: TableSchema, tracked: bool) -> Item:
    """The description of a table."""
    return {
        "MetadataId": metadata_id(table.name),
        "LogicalName": table.name,
        "SchemaName": table.name,
        "EntitySetName": table.set_name,
        "LogicalCollectionName": table.set_name,
        "PrimaryIdAttribute": table.key,
        "PrimaryNameAttribute": table.title,
        "ChangeTrackingEnabled": tracked,
        "CanChangeTrackingBeEnabled": {"Value": table.tracking, "CanBeChanged": table.tracking},
        "IsOptimisticConcurrencyEnabled": True,
        "IsPrivate": False,
        "IsCustomEntity": False,
        "HasKeys": bool(store.tables[table.name].alternate_keys),
        "Privileges": privilege_metadata(table.name),
    }


def attribute(table: TableSchema, column: Column) -> Item:
    """The description of a column."""
    kind = _TYPES[column.type]
    found: Item = {
        "@odata.type": f"#Microsoft.Dynamics.CRM.{kind}AttributeMetadata",
        "MetadataId": metadata_id(table.name, column.name),
        "LogicalName": column.name,
        "SchemaName": column.name,
        "EntityLogicalName": table.name,
        "AttributeType": _reference_kind(column) if column.type == "lookup" else kind,
        "IsPrimaryId": column.name == table.key,
        "IsPrimaryName": column.name == table.title,
        "IsValidForCreate": column.write in ("always", "create"),
        "IsValidForUpdate": column.write in ("always", "update") and column.name != table.key,
        "IsValidForRead": not column.secret,
        "RequiredLevel": {"Value": "SystemRequired" if column.required else "None"},
    }
    if column.length is not None:
        found["MaxLength"] = column.length
    if column.minimum is not None:
        found["MinValue"], found["MaxValue"] = column.minimum, column.maximum
    if isinstance(column.precision, int):
        found["Precision"] = column.precision
    if column.navigation:
        found["Targets"] = list(column.navigation)
    if column.type == "choice":
        found["OptionSet"] = {"Options": [_option(*pair) for pair in column.options.items()]}
    return found


def _reference_kind(column: Column) -> str:
    """Lookups of owners and of customers have types of their own."""
    if column.name == "ownerid":
        return "Owner"
    return "Customer" if set(column.navigation) == {"account", "contact"} else "Lookup"


def _option(value: int, label: str) -> Item:
    labels = [{"Label": label, "LanguageCode": _LANGUAGE}]
    return {"Value": value, "Label": {"LocalizedLabels": labels, "UserLocalizedLabel": labels[0]}}


def references(table: TableSchema) -> list[Item]:
    """The relationships of a table's lookups: one for each table that one may lead to."""
    return [
        {
            "MetadataId": metadata_id(table.name, column.name, target),
            "SchemaName": f"{table.name}_{navigation}_{target}",
            "RelationshipType": "OneToManyRelationship",
            "ReferencingEntity": table.name,
            "ReferencingAttribute": column.name,
            "ReferencingEntityNavigationPropertyName": navigation,
            "ReferencedEntity": target,
        }
        for column in table.columns.values()
        for target, navigation in column.navigation.items()
    ]


def key_description(table: TableSchema, key: AlternateKey) -> Item:
    """The description of an alternate key. Its index is ready at once here."""
    return {
        "MetadataId": key.key_id,
        "SchemaName": key.name,
        "LogicalName": key.name.lower(),
        "EntityLogicalName": table.name,
        "KeyAttributes": list(key.columns),
        "EntityKeyIndexStatus": "Active",
    }


def create_key(store: Store, table: TableSchema, payload: Any) -> AlternateKey:
    """Make an alternate key from an EntityKeyMetadata payload."""
    rows = store.tables[table.name]
    names = payload.get("KeyAttributes") if isinstance(payload, dict) else None
    title = payload.get("SchemaName") if isinstance(payload, dict) else None
    if not isinstance(names, list) or not names or not isinstance(title, str):
        raise invalid_argument("A key needs its SchemaName and its KeyAttributes.")
    for name in names:
        if name not in table.columns:
            raise invalid_argument(f"There is no attribute '{name}' of {table.name}.")
    properties = tuple(table.columns[name].row_name for name in names)
    if any(key.properties == properties or key.name == title for key in rows.alternate_keys):
        raise DataverseError(412, "0x80040237", f"A key '{title}' or of its columns exists.")
    key = AlternateKey(key_id=str(uuid4()), name=title, columns=tuple(names), properties=properties)
    rows.add_alternate_key(key)
    return key


def select_items(items: Iterable[Item], options: Mapping[str, str]) -> list[Item]:
    """Descriptions by `$filter`, with the members of `$select` and `$expand`."""
    found = list(items)
    if "$filter" in options:
        found = _filtered(found, options["$filter"])
    if "$select" not in options:
        return found
    try:
        names = list(parse_select(options["$select"]))
        names += [part.path for part in parse_expand(options.get("$expand") or "MetadataId")]
    except ODataError as error:
        raise invalid_query(str(error)) from error
    names += ["@odata.type", "MetadataId"]
    return [{name: item[name] for name in names if name in item} for item in found]


def _filtered(items: list[Item], text: str) -> list[Item]:
    members = {name: value for item in items for name, value in item.items()}

    def property_of(path: str) -> Property:
        if path not in members:
            raise UnknownPropertyError(path)
        kind = Kind.BOOLEAN if isinstance(members[path], bool) else Kind.TEXT
        kind = Kind.GUID if path == "MetadataId" else kind
        return Property(kind=kind, read=lambda item: item.get(path))

    try:
        matches = compile_filter(parse_filter(text), property_of, fold_case=False)
    except ODataError as error:
        raise not_implemented(f"this filter of metadata: {error}") from error
    return [item for item in items if matches(item)]
