"""Write ``source/`` from the roles and the company column that ``solution.roles`` names.

    python -m solution.write_source

The three files are CRM's own format of an unmanaged solution. They are kept in the repository, so
that what is imported can be read and compared; a test holds them to what this module writes.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import quoteattr

from solution.pack import SOURCE
from solution.roles import COMPANY_COLUMN, COMPANY_TABLES, PRIVILEGES, ROLE_IDS

VERSION = "1.0.0.0"
_ENGLISH = 1033
_COMPONENT_TABLE, _COMPONENT_ROLE = 1, 20
_SHELL = 2  # of a table only the components listed in customizations.xml
_SCHEMA = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
_HEADER = '<?xml version="1.0" encoding="utf-8"?>\n'

_CONTENT_TYPES = (
    _HEADER
    + '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">\n'
    + '  <Default Extension="xml" ContentType="application/octet-stream" />\n'
    + "</Types>\n"
)

_COLUMN = """\
            <attribute PhysicalName="{column}">
              <Type>nvarchar</Type>
              <Name>{column}</Name>
              <LogicalName>{column}</LogicalName>
              <RequiredLevel>none</RequiredLevel>
              <DisplayMask>ValidForAdvancedFind|ValidForForm|ValidForGrid</DisplayMask>
              <ImeMode>auto</ImeMode>
              <ValidForUpdateApi>1</ValidForUpdateApi>
              <ValidForReadApi>1</ValidForReadApi>
              <ValidForCreateApi>1</ValidForCreateApi>
              <IsCustomField>1</IsCustomField>
              <IsAuditEnabled>0</IsAuditEnabled>
              <IsSecured>0</IsSecured>
              <IntroducedVersion>{version}</IntroducedVersion>
              <Format>text</Format>
              <MaxLength>36</MaxLength>
              <Length>72</Length>
              <displaynames>
                <displayname description="Business Central Company" languagecode="{language}" />
              </displaynames>
              <Descriptions>
                <Description description="The id of the Business Central company that the record \
belongs to." languagecode="{language}" />
              </Descriptions>
            </attribute>
"""


def solution_xml() -> str:
    """The manifest: who publishes which version, and what is in it."""
    tables = [
        f'      <RootComponent type="{_COMPONENT_TABLE}" schemaName={quoteattr(name.lower())} '
        f'behavior="{_SHELL}" />\n'
        for name in COMPANY_TABLES
    ]
    roles = [
        f'      <RootComponent type="{_COMPONENT_ROLE}" id="{{{role_id}}}" behavior="0" />\n'
        for role_id in ROLE_IDS.values()
    ]
    name = f'<LocalizedName description="Coupler" languagecode="{_ENGLISH}" />'
    return (
        f'{_HEADER}<ImportExportXml version="9.2.0.0" SolutionPackageVersion="9.2" '
        f'languagecode="{_ENGLISH}" {_SCHEMA}>\n'
        "  <SolutionManifest>\n"
        "    <UniqueName>Coupler</UniqueName>\n"
        f"    <LocalizedNames>{name}</LocalizedNames>\n"
        "    <Descriptions />\n"
        f"    <Version>{VERSION}</Version>\n"
        "    <Managed>0</Managed>\n"
        "    <Publisher>\n"
        "      <UniqueName>coupler</UniqueName>\n"
        f"      <LocalizedNames>{name}</LocalizedNames>\n"
        "      <Descriptions />\n"
        '      <EMailAddress xsi:nil="true" />\n'
        '      <SupportingWebsiteUrl xsi:nil="true" />\n'
        "      <CustomizationPrefix>coupler</CustomizationPrefix>\n"
        "      <CustomizationOptionValuePrefix>27180</CustomizationOptionValuePrefix>\n"
        "    </Publisher>\n"
        "    <RootComponents>\n" + "".join(tables + roles) + "    </RootComponents>\n"
        "    <MissingDependencies />\n"
        "  </SolutionManifest>\n"
        "</ImportExportXml>\n"
    )


def customizations_xml() -> str:
    """The company column of each table, and the privileges of each role."""
    column = _COLUMN.format(column=COMPANY_COLUMN, version=VERSION, language=_ENGLISH)
    return (
        f"{_HEADER}<ImportExportXml {_SCHEMA}>\n"
        "  <Entities>\n"
        + "".join(_table(name, column) for name in COMPANY_TABLES)
        + "  </Entities>\n"
        "  <Roles>\n" + "".join(_role(name) for name in PRIVILEGES) + "  </Roles>\n"
        "  <Workflows />\n"
        "  <FieldSecurityProfiles />\n"
        "  <Templates />\n"
        "  <EntityMaps />\n"
        "  <EntityRelationships />\n"
        "  <OrganizationSettings />\n"
        "  <optionsets />\n"
        "  <CustomControls />\n"
        "  <EntityDataProviders />\n"
        "  <Languages>\n"
        f"    <Language>{_ENGLISH}</Language>\n"
        "  </Languages>\n"
        "</ImportExportXml>\n"
    )


def files() -> dict[str, str]:
    """Every file of the source by its name."""
    return {
        "[Content_Types].xml": _CONTENT_TYPES,
        "customizations.xml": customizations_xml(),
        "solution.xml": solution_xml(),
    }


def _table(name: str, column: str) -> str:
    quoted = quoteattr(name)
    return (
        "    <Entity>\n"
        f"      <Name LocalizedName={quoted} OriginalName={quoted}>{name}</Name>\n"
        "      <EntityInfo>\n"
        f"        <entity Name={quoted}>\n"
        "          <attributes>\n" + column + "          </attributes>\n"
        "        </entity>\n"
        "      </EntityInfo>\n"
        "    </Entity>\n"
    )


def _role(name: str) -> str:
    privileges = "".join(
        f'        <RolePrivilege name="{privilege}" level="Global" />\n'
        for privilege in sorted(PRIVILEGES[name])
    )
    return (
        f'    <Role id="{{{ROLE_IDS[name]}}}" name={quoteattr(name)}>\n'
        "      <IsCustomizable>1</IsCustomizable>\n"
        "      <RolePrivileges>\n" + privileges + "      </RolePrivileges>\n"
        "    </Role>\n"
    )


def main() -> None:
    for name, text in files().items():
        Path(SOURCE, name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
