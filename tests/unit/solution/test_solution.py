"""The CRM solution: its source is what its roles say, and packing it is repeatable."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
import zipfile

from solution.pack import SOURCE, packed
from solution.roles import COMPANY_COLUMN, INTEGRATION_USER, PRIVILEGES
from solution.write_source import files


def parsed(name: str) -> ET.Element:
    with zipfile.ZipFile(io.BytesIO(packed())) as archive:
        return ET.fromstring(archive.read(name))


def test_the_source_is_what_the_roles_and_columns_say():
    found = {path.name: path.read_text(encoding="utf-8") for path in SOURCE.iterdir()}
    assert found == files(), "write it anew: python -m solution.write_source"


def test_packing_twice_gives_the_same_bytes(tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in sorted(SOURCE.iterdir(), reverse=True):  # other times, another order
        (copy / path.name).write_bytes(path.read_bytes())
    assert packed(copy) == packed()


def test_the_package_has_the_files_that_crm_looks_for_at_its_root():
    with zipfile.ZipFile(io.BytesIO(packed())) as archive:
        assert archive.namelist() == ["[Content_Types].xml", "customizations.xml", "solution.xml"]
        assert archive.testzip() is None


def test_the_manifest_names_the_solution_and_its_version():
    manifest = parsed("solution.xml").find("SolutionManifest")
    assert manifest is not None
    assert manifest.findtext("UniqueName") == "Coupler"
    assert manifest.findtext("Version") == "1.0.0.0"
    assert manifest.findtext("Publisher/CustomizationPrefix") == "coupler"


def test_the_roles_bring_their_privileges_for_the_whole_organization():
    roles = parsed("customizations.xml").findall("Roles/Role")
    found = {
        str(role.get("name")): {
            (each.get("name"), each.get("level")) for each in role.iter("RolePrivilege")
        }
        for role in roles
    }
    assert found == {
        name: {(privilege, "Global") for privilege in privileges}
        for name, privileges in PRIVILEGES.items()
    }
    assert "prvCreateAccount" in PRIVILEGES[INTEGRATION_USER]


def test_every_table_of_a_company_gets_its_column():
    tables = parsed("customizations.xml").findall("Entities/Entity")
    columns = {
        table.findtext("Name"): [each.findtext("LogicalName") for each in table.iter("attribute")]
        for table in tables
    }
    wanted = ("Account", "Contact", "PriceLevel", "Product", "SalesOrder")
    assert columns == {table: [COMPANY_COLUMN] for table in wanted}
