"""What a solution's zip file holds: its name and version, security roles, columns of tables.

Read are `solution.xml` and, of `customizations.xml`, roles and attributes. A package with other
components is refused as not implemented when it is imported, not passed over.
"""

import io
import zipfile
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from local.simulators.dataverse.errors import DataverseError, not_implemented
from local.simulators.dataverse.privileges import DEPTHS
from local.simulators.dataverse.schema import Column

_TABLE, _ROLE = "1", "20"  # types of root components
_TYPES = {
    "nvarchar": "text",
    "ntext": "memo",
    "int": "integer",
    "bit": "boolean",
    "decimal": "decimal",
    "float": "double",
    "datetime": "datetime",
    "uniqueidentifier": "guid",
}
_WRITE = {(True, True): "always", (True, False): "create", (False, True): "update"}
_READ = {"Entities", "Roles", "Languages"}
"""The parts of `customizations.xml` that are imported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedRole:
    """A security role; `privileges` are depths by name."""

    role_id: str
    name: str
    privileges: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedColumn:
    """A column of a table, by the table's logical name."""

    table: str
    column: Column


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A solution as it is imported."""

    unique_name: str
    friendly_name: str
    version: str
    managed: bool
    publisher: str
    roles: tuple[PackagedRole, ...] = ()
    columns: tuple[PackagedColumn, ...] = ()
    missing: tuple[str, ...] = field(default=())
    """Schema names that the package itself says it lacks (``MissingDependencies``)."""


def invalid_file(reason: str) -> DataverseError:
    """The refusal of a file that is no solution."""
    message = f"Solution package is invalid. The solution file is invalid. {reason}"
    return DataverseError(400, "0x80048060", message)


def read_package(content: bytes) -> Package:
    """The package in a zip file; raises `DataverseError`."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = {name.lower(): name for name in archive.namelist()}
            required = ("[content_types].xml", "solution.xml", "customizations.xml")
            absent = [name for name in required if name not in names]
            if absent:
                raise invalid_file(f"The compressed file must contain {', '.join(absent)}.")
            manifest, customizations = (_parsed(archive, names[name]) for name in required[1:])
    except (zipfile.BadZipFile, ElementTree.ParseError) as error:
        raise invalid_file(str(error)) from error
    return _package(manifest, customizations)


def _parsed(archive: zipfile.ZipFile, name: str) -> Any:
    content = archive.read(name)
    if b"<!DOCTYPE" in content:
        raise invalid_file(f"{name} declares a document type.")
    return ElementTree.fromstring(content)  # noqa: S314 - without a document type, no entities


def _package(manifest: Any, customizations: Any) -> Package:
    declared = manifest.find("SolutionManifest")
    if declared is None:
        raise invalid_file("solution.xml has no SolutionManifest.")
    name, version = declared.findtext("UniqueName"), declared.findtext("Version")
    if not name or not version or not all(part.isdigit() for part in version.split(".")):
        raise invalid_file("solution.xml needs a UniqueName and a Version such as 1.0.0.0.")
    others = sorted(part.tag for part in customizations if part.tag not in _READ and len(part))
    if others:
        raise not_implemented(f"importing {', '.join(others)} of a solution")
    package = Package(
        unique_name=name,
        friendly_name=_label(declared.find("LocalizedNames"), name),
        version=version,
        managed=declared.findtext("Managed") == "1",
        publisher=declared.findtext("Publisher/UniqueName") or "",
        roles=tuple(_role(each) for each in customizations.findall("Roles/Role")),
        columns=tuple(_columns(customizations)),
        missing=tuple(
            each.get("schemaName") or each.get("displayName") or ""
            for each in declared.findall("MissingDependencies/MissingDependency/Required")
        ),
    )
    _check_declared(package, declared)
    return package


def _label(labels: Any, otherwise: str) -> str:
    first = None if labels is None else next(iter(labels), None)
    return otherwise if first is None else first.get("description") or otherwise


def _check_declared(package: Package, declared: Any) -> None:
    """Every component must be a root component of the manifest."""
    roots = [dict(each.attrib) for each in declared.findall("RootComponents/RootComponent")]
    tables = {each.get("schemaName") for each in roots if each.get("type") == _TABLE}
    roles = {_guid(each.get("id")) for each in roots if each.get("type") == _ROLE}
    undeclared = [f"role {each.name}" for each in package.roles if each.role_id not in roles]
    undeclared += [f"entity {each.table}" for each in package.columns if each.table not in tables]
    if undeclared:
        raise invalid_file(
            f"The import has failed because component {undeclared[0]} is not declared in the "
            "solution file as a root component."
        )


def _role(element: Any) -> PackagedRole:
    privileges = {
        each.get("name"): each.get("level") for each in element.findall("RolePrivileges/*")
    }
    for name, level in privileges.items():
        if not name or level not in DEPTHS:
            raise invalid_file(f"The privilege '{name}' has the level '{level}'.")
    return PackagedRole(
        role_id=_guid(element.get("id")), name=element.get("name") or "", privileges=privileges
    )


def _guid(text: str | None) -> str:
    return (text or "").strip("{}").lower()


def _columns(customizations: Any) -> list[PackagedColumn]:
    found = []
    for entity in customizations.findall("Entities/Entity"):
        table = (entity.findtext("Name") or "").lower()
        attributes = entity.findall("EntityInfo/entity/attributes/attribute")
        found += [PackagedColumn(table=table, column=_column(each)) for each in attributes]
    return found


def _column(attribute: Any) -> Column:
    kind = attribute.findtext("Type") or ""
    if kind not in _TYPES:
        raise not_implemented(f"columns of the type '{kind}' in a solution")
    length = attribute.findtext("MaxLength")
    writable = tuple(
        attribute.findtext(name, "1") == "1" for name in ("ValidForCreateApi", "ValidForUpdateApi")
    )
    return Column(
        name=attribute.findtext("LogicalName") or attribute.get("PhysicalName").lower(),
        type=_TYPES[kind],
        write=_WRITE.get((writable[0], writable[1]), "never"),
        length=int(length) if length and kind == "nvarchar" else None,
    )
