"""Table mappings as the API shows them: the document that is edited, and what is to be known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sync.dependencies import level_of_each
from sync.mapping import TableMapping
from sync.mapping_documents import mapping_document
from sync.mapping_editing import EditedMapping
from sync.mapping_faults import Fault
from sync.mapping_options import MappingOptions, told
from sync.mapping_store import MappingVersion


def overview_document(
    edited: EditedMapping, known: Mapping[str, TableMapping], options: MappingOptions
) -> dict[str, Any]:
    """One line of the list of mappings."""
    mapping, stored = edited.mapping, edited.stored
    return {
        "name": mapping.name,
        "origin": edited.origin.value,
        "version": stored.version if stored else 0,
        "changed_at": _time(stored.changed_at) if stored else None,
        "changed_by": stored.changed_by if stored else "",
        "enabled": mapping.enabled,
        "direction": mapping.direction.value,
        "bc_table": mapping.bc.name,
        "crm_table": mapping.crm.entity_set,
        "dependencies": list(mapping.dependencies),
        "level": level_of_each({name: each.dependencies for name, each in known.items()})[
            mapping.name
        ],
        "by_options": told(mapping, options),
        "warnings": warnings(mapping, known),
    }


def edited_document(
    edited: EditedMapping, known: Mapping[str, TableMapping], options: MappingOptions
) -> dict[str, Any]:
    """A mapping with the document that a change of it sends back."""
    overview = overview_document(edited, known, options)
    return overview | {"mapping": mapping_document(edited.mapping)}


def warnings(mapping: TableMapping, known: Mapping[str, TableMapping]) -> list[str]:
    """What an administrator should know of a mapping that is saved as it is."""
    if not mapping.enabled:
        return []
    return [
        f"{name} is disabled: records that refer to ones of {name} which are not coupled wait."
        for name in sorted(mapping.builds_on)
        if name in known and not known[name].enabled
    ]


def version_document(version: MappingVersion) -> dict[str, Any]:
    mapping = version.mapping
    return {
        "version": version.version,
        "kind": version.kind.value,
        "changed_at": _time(version.changed_at),
        "changed_by": version.changed_by,
        "mapping": mapping_document(mapping) if mapping else None,
    }


def faults_document(faults: Sequence[Fault]) -> dict[str, Any]:
    errors = [
        {"member": each["path"], "code": each["code"], "message": each["message"]}
        for each in map(asdict, faults)
    ]
    return {"valid": not errors, "errors": errors}


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
