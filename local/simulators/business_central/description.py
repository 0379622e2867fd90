"""How an interface describes itself: the service document, and ``$metadata`` (CSDL 4.0).

Web services belong to the schema ``NAV``, entities of the API to ``Microsoft.NAV``. Enums are told
as text, as the service does unless ``$schemaversion`` asks for more.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import quoteattr

from local.simulators.business_central.fields import EntitySet, Field, Type
from local.simulators.business_central.representation import HEADERS
from local.simulators.core.messages import SimResponse

_TYPES = {
    Type.TEXT: "Edm.String",
    Type.CODE: "Edm.String",
    Type.ENUM: "Edm.String",
    Type.GUID: "Edm.Guid",
    Type.DECIMAL: "Edm.Decimal",
    Type.INTEGER: "Edm.Int32",
    Type.BOOLEAN: "Edm.Boolean",
    Type.DATE: "Edm.Date",
    Type.MOMENT: "Edm.DateTimeOffset",
}
_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">'
    "<edmx:DataServices>"
)
_FOOT = "</Schema></edmx:DataServices></edmx:Edmx>"
_XML = {"Content-Type": "application/xml", "OData-Version": "4.0"}

API_NAMESPACE, SERVICE_NAMESPACE = "Microsoft.NAV", "NAV"


def service_document(root: str, names: Iterable[str]) -> SimResponse:
    """The names of an interface's entity sets."""
    value = [{"name": name, "kind": "EntitySet", "url": name} for name in names]
    body = {"@odata.context": f"{root}/$metadata", "value": value}
    return SimResponse(
        status=200, body=body, headers=HEADERS, operations=0, kind="GET service document"
    )


def metadata(namespace: str, sets: Iterable[EntitySet]) -> SimResponse:
    """The entity types and sets of an interface."""
    found = list(sets)
    types = "".join(_entity_type(namespace, each) for each in found)
    names = "".join(
        f"<EntitySet Name={quoteattr(each.name)} "
        f"EntityType={quoteattr(f'{namespace}.{each.entity}')} />"
        for each in found
    )
    container = f'<EntityContainer Name="NAV">{names}</EntityContainer>'
    schema = f'<Schema Namespace="{namespace}" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
    body = f"{_HEAD}{schema}{types}{container}{_FOOT}"
    return SimResponse(status=200, body=body, headers=_XML, operations=0, kind="GET $metadata")


def _entity_type(namespace: str, schema: EntitySet) -> str:
    names = (schema.id_field,) if namespace == API_NAMESPACE else schema.key_fields
    key = "".join(f"<PropertyRef Name={quoteattr(name)} />" for name in names)
    properties = "".join(_property(namespace, schema, field, names) for field in schema.fields)
    return f"<EntityType Name={quoteattr(schema.entity)}><Key>{key}</Key>{properties}</EntityType>"


def _property(namespace: str, schema: EntitySet, field: Field, key: tuple[str, ...]) -> str:
    attributes = f"Name={quoteattr(field.name)} Type={quoteattr(_TYPES[field.type])}"
    if field.name in key:
        attributes += ' Nullable="false"'
    if field.length:
        attributes += f' MaxLength="{field.length}"'
    if field.type is Type.DECIMAL:
        attributes += ' Scale="Variable"'
    settable = field.editable and not field.stamped
    told = {
        "AllowEdit": settable and schema.modify,
        "AllowEditOnCreate": (settable or field.name == schema.id_field) and schema.insert,
    }
    annotations = "".join(
        f'<Annotation Term="{namespace}.{name}" Bool="{str(allowed).lower()}" />'
        for name, allowed in told.items()
    )
    return f"<Property {attributes}>{annotations}</Property>"
