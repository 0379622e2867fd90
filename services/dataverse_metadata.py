"""What a CRM organization's own description says of its tables.

Source: "Query table definitions using the Web API". Lengths and the tables that a lookup leads to
are members of derived types, so each has a request of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from services import answers, odata
from services.dataverse_api import ROOT, get
from services.records import Record
from services.table_facts import ColumnFacts, TableFacts, ValueKind
from services.transport import Transport

_ATTRIBUTE = "Microsoft.Dynamics.CRM.{}AttributeMetadata"
_KINDS = {
    "Boolean": ValueKind.FLAG,
    "DateTime": ValueKind.TIME,
    "Memo": ValueKind.TEXT,
    "String": ValueKind.TEXT,
    "Uniqueidentifier": ValueKind.ID,
    **dict.fromkeys(("BigInt", "Decimal", "Double", "Integer", "Money"), ValueKind.NUMBER),
    **dict.fromkeys(("Customer", "Lookup", "Owner"), ValueKind.LOOKUP),
    **dict.fromkeys(("Picklist", "State", "Status"), ValueKind.OPTION),
}
_TABLE = ("LogicalName", "EntitySetName", "PrimaryIdAttribute")
_COLUMN = ("LogicalName", "AttributeType", "IsValidForCreate", "IsValidForUpdate")
_RELATION = ("ReferencingAttribute", "ReferencingEntityNavigationPropertyName")


class DataverseMetadata:
    """The description of one organization's tables. Safe to use from several threads.

    Every method raises the families of ``services.transport`` and ``services.answers``.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._service = transport.service_name

    def table(self, entity_set: str) -> TableFacts | None:
        """A table's columns, None where the organization has no such table."""
        where = f"EntitySetName eq {odata.literal(odata.name(entity_set))}"
        found = self._list("EntityDefinitions", _TABLE, where)
        if not found:
            return None
        name = str(found[0]["LogicalName"])
        place = f"EntityDefinitions(LogicalName={odata.literal(odata.name(name))})"
        lengths = self._lengths(f"{place}/Attributes")
        navigations = self._navigations(place)
        columns = [
            _column(row, lengths, navigations)
            for row in self._list(f"{place}/Attributes", _COLUMN, "")
        ]
        return TableFacts(
            name=name,
            entity_set=entity_set,
            key=str(found[0]["PrimaryIdAttribute"]),
            columns={each.name: each for each in columns},
        )

    def _lengths(self, attributes: str) -> dict[str, int]:
        found = {}
        for kind in ("String", "Memo"):
            cast = f"{attributes}/{_ATTRIBUTE.format(kind)}"
            for row in self._list(cast, ("LogicalName", "MaxLength"), ""):
                if isinstance(row.get("MaxLength"), int):
                    found[str(row["LogicalName"])] = int(row["MaxLength"])
        return found

    def _navigations(self, table: str) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for row in self._list(f"{table}/ManyToOneRelationships", _RELATION, ""):
            column, navigation = (str(row.get(name) or "") for name in _RELATION)
            found[column] = found.get(column, frozenset()) | {navigation}
        return found

    def _list(self, path: str, select: tuple[str, ...], where: str) -> list[Record]:
        query = odata.query(select=select, filter=where or None)
        response = get(self._transport, "table definitions", f"{ROOT}/{path}{query}")
        answer = answers.json_object(self._service, response)
        return answers.rows(self._service, response.request, answer)


def _column(
    row: Record, lengths: Mapping[str, int], navigations: Mapping[str, frozenset[str]]
) -> ColumnFacts:
    name = str(row["LogicalName"])
    return ColumnFacts(
        name=name,
        kind=_KINDS.get(str(row.get("AttributeType")), ValueKind.OTHER),
        length=lengths.get(name),
        on_create=row.get("IsValidForCreate") is True,
        on_update=row.get("IsValidForUpdate") is True,
        navigations=navigations.get(name, frozenset()),
    )
