"""A service's own description of its tables, also from one that means ill."""

from __future__ import annotations

import pytest

from services.csdl import LARGEST_DOCUMENT, CsdlError, tables_of
from services.table_facts import ColumnFacts, ValueKind

HEAD = """<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
<edmx:DataServices>"""
SCHEMA = """<Schema Namespace="Microsoft.NAV" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EnumType Name="vendorBlocked"><Member Name="_x0020_" Value="0"/></EnumType>
  <EntityType Name="vendor">
    <Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.Guid" Nullable="false">{id}</Property>
    <Property Name="displayName" Type="Edm.String" MaxLength="100">{name}</Property>
    <Property Name="blocked" Type="Microsoft.NAV.vendorBlocked"/>
    <Property Name="balance" Type="Edm.Decimal" Scale="variable"/>
    <Property Name="due" Type="Edm.Date"/>
    <Property Name="lastModifiedDateTime" Type="Edm.DateTimeOffset"/>
    <Property Name="picture" Type="Edm.Stream"/>
    <Property Name="isActive" Type="Edm.Boolean"/>
  </EntityType>
  <EntityContainer Name="NAV">
    <EntitySet Name="vendors" EntityType="Microsoft.NAV.vendor"/>
    <EntitySet Name="strangers" EntityType="Microsoft.NAV.stranger"/>
  </EntityContainer>
</Schema>"""
ALLOWED = '<Annotation Term="NAV.{}" Bool="{}"/>'


def described(**annotations: str) -> bytes:
    schema = SCHEMA.format(**({"id": "", "name": ""} | annotations))
    return f"{HEAD}{schema}</edmx:DataServices></edmx:Edmx>".encode()


def columns(document: bytes) -> dict[str, ColumnFacts]:
    return dict(tables_of(document)["vendors"].columns)


def test_a_table_is_known_by_its_entity_set_with_its_key_and_fields():
    (table,) = tables_of(described()).values()
    assert (table.name, table.entity_set, table.key) == ("vendor", "vendors", "id")
    assert {name: each.kind for name, each in table.columns.items()} == {
        "id": ValueKind.ID,
        "displayName": ValueKind.TEXT,
        "blocked": ValueKind.TEXT,
        "balance": ValueKind.NUMBER,
        "due": ValueKind.DATE,
        "lastModifiedDateTime": ValueKind.TIME,
        "picture": ValueKind.OTHER,
        "isActive": ValueKind.FLAG,
    }
    assert {name: each.length for name, each in table.columns.items() if each.length} == {
        "displayName": 100
    }


def test_where_nothing_is_said_of_editing_everything_may_be_editable():
    assert all(each.on_update and each.on_create for each in columns(described()).values())


def test_what_may_be_edited_is_told_field_by_field():
    found = columns(
        described(
            id=ALLOWED.format("AllowEditOnCreate", "true"),
            name=ALLOWED.format("AllowEdit", "true"),
        )
    )
    told = {name: (each.on_create, each.on_update) for name, each in found.items()}
    assert told["id"] == (True, False)
    assert told["displayName"] == (True, True)
    assert told["balance"] == (False, False)


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (BOMB.encode(), "document type"),
        (b'<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "document type"),
        (b'<?xml version="1.0" encoding="utf-16"?>' + BOMB.encode("utf-16"), "UTF-8"),
        (BOMB.encode("utf-16"), "UTF-8"),
        (b"<x>", "broken"),
        (b"", "broken"),
        (b"{}", "broken"),
        (b"<x/>" + b" " * LARGEST_DOCUMENT, "more than"),
    ],
)
def test_what_is_no_plain_description_is_refused(document, why):
    with pytest.raises(CsdlError, match=why):
        tables_of(document)


def test_a_declared_encoding_does_not_hide_anything():
    document = described().replace(b'encoding="utf-8"', b'encoding="utf-7"')
    assert "vendors" in tables_of(document)


def test_xml_of_another_kind_describes_no_tables():
    assert tables_of(b"<html/>") == {}
