"""Reading an OData service's own description of its tables (CSDL, ``$metadata``). Pure.

The document comes from a service at an address that a tenant gave, so nothing in it is believed
beyond its elements: one that declares a document type or is not UTF-8 is refused, because entities
could make a small document grow without end, or reach for files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element, ParseError, XMLParser
from xml.parsers.expat import ExpatError

from services.table_facts import ColumnFacts, TableFacts, ValueKind

LARGEST_DOCUMENT = 16 * 1024 * 1024
"""Bytes. Business Central describes some hundreds of tables in two to three million."""
_EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
_KINDS = {
    "Edm.String": ValueKind.TEXT,
    "Edm.Guid": ValueKind.ID,
    "Edm.Boolean": ValueKind.FLAG,
    "Edm.Date": ValueKind.DATE,
    "Edm.DateTimeOffset": ValueKind.TIME,
    **dict.fromkeys(
        ("Edm.Byte", "Edm.Int16", "Edm.Int32", "Edm.Int64", "Edm.Decimal", "Edm.Double"),
        ValueKind.NUMBER,
    ),
}
_ON_UPDATE = ".AllowEdit"
_ON_CREATE = ".AllowEditOnCreate"


class CsdlError(ValueError):
    """The document is no description of tables; the text says why, without any of it."""


def tables_of(document: bytes) -> dict[str, TableFacts]:
    """The tables by the names of their entity sets; raises ``CsdlError``."""
    root = _parsed(document)
    schemas = list(root.iter(f"{_EDM}Schema"))
    types = {
        f"{schema.get('Namespace')}.{each.get('Name')}": each
        for schema in schemas
        for each in schema.iter(f"{_EDM}EntityType")
    }
    enums = {
        f"{schema.get('Namespace')}.{each.get('Name')}"
        for schema in schemas
        for each in schema.iter(f"{_EDM}EnumType")
    }
    tells_edits = any(_is_of(each, _ON_UPDATE) for each in root.iter(f"{_EDM}Annotation"))
    found = {}
    for entity_set in root.iter(f"{_EDM}EntitySet"):
        name, kind = entity_set.get("Name", ""), types.get(entity_set.get("EntityType", ""))
        if name and kind is not None:
            found[name] = _table(name, kind, enums, tells_edits=tells_edits)
    return found


def _parsed(document: bytes) -> Element:
    if len(document) > LARGEST_DOCUMENT:
        raise CsdlError(f"it has more than {LARGEST_DOCUMENT} bytes")
    try:
        text = document.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CsdlError("it is not UTF-8") from None
    if "<!" in text.replace("<!--", "").replace("<![CDATA[", ""):
        raise CsdlError("it declares a document type")
    parser = XMLParser(encoding="utf-8")  # noqa: S314 - without a document type, no entities
    try:
        parser.feed(text)
        root: Element = parser.close()
    except (ParseError, ExpatError, ValueError):
        raise CsdlError("its XML is broken") from None
    return root


def _table(name: str, kind: Element, enums: set[str], *, tells_edits: bool) -> TableFacts:
    keys = [each.get("Name", "") for each in kind.iterfind(f"{_EDM}Key/{_EDM}PropertyRef")]
    columns = {
        each.name: each for each in _columns(kind, enums, tells_edits=tells_edits) if each.name
    }
    return TableFacts(
        name=kind.get("Name", ""),
        entity_set=name,
        key=keys[0] if len(keys) == 1 else "",
        columns=columns,
    )


def _columns(kind: Element, enums: set[str], *, tells_edits: bool) -> Iterator[ColumnFacts]:
    for each in kind.iterfind(f"{_EDM}Property"):
        wanted, length = each.get("Type", ""), each.get("MaxLength", "")
        allowed = _allowed(each)
        on_update = allowed.get(_ON_UPDATE, not tells_edits)
        yield ColumnFacts(
            name=each.get("Name", ""),
            kind=ValueKind.TEXT if wanted in enums else _KINDS.get(wanted, ValueKind.OTHER),
            length=int(length) if length.isdecimal() else None,
            on_create=on_update or allowed.get(_ON_CREATE, False),
            on_update=on_update,
        )


def _allowed(property_: Element) -> Mapping[str, bool]:
    return {
        ending: each.get("Bool") == "true"
        for each in property_.iterfind(f"{_EDM}Annotation")
        for ending in (_ON_UPDATE, _ON_CREATE)
        if _is_of(each, ending)
    }


def _is_of(annotation: Element, ending: str) -> bool:
    return annotation.get("Term", "").endswith(ending)
