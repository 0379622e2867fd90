"""The roles that each business unit has: the platform's own and, in this simulator, Coupler's."""

from collections.abc import Iterator, Mapping
from uuid import NAMESPACE_URL, uuid5

from local.simulators.dataverse.privileges import (
    INTEGRATION_ROLES,
    SYSTEM_ADMINISTRATOR,
    SYSTEM_CUSTOMIZER,
)
from local.simulators.dataverse.schema import Row
from local.simulators.dataverse.store import Store

_TEMPLATES = {
    "System Administrator": SYSTEM_ADMINISTRATOR,
    "System Customizer": SYSTEM_CUSTOMIZER,
}


def _root_id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"dataverse-role:{name}"))


SYSTEM_ROLES = {name: _root_id(name) for name in _TEMPLATES}
STANDARD_ROLES = {**SYSTEM_ROLES, **INTEGRATION_ROLES}
"""The ids of the roles of the root business unit: the same in every organization."""


def missing_roles(store: Store, standard: Mapping[str, str]) -> Iterator[Row]:
    """The standard roles (ids by name) that a business unit lacks, the root unit's first."""
    units = sorted(
        store.tables["businessunit"].rows.values(),
        key=lambda unit: unit.get("_parentbusinessunitid_value") is not None,
    )
    for unit in units:
        own = [
            role
            for role in store.tables["role"].rows.values()
            if role["_businessunitid_value"] == unit["businessunitid"]
        ]
        names = {role["name"] for role in own}
        for name, root_id in standard.items():
            if name not in names:
                yield role_row(unit, name, root_id, _TEMPLATES.get(name))


def role_row(unit: Row, name: str, root_id: str, template: str | None) -> Row:
    """A role of a business unit: the root role itself, or one that has what that has."""
    is_root = unit.get("_parentbusinessunitid_value") is None
    return {
        "roleid": root_id if is_root else inherited_id(unit["businessunitid"], root_id),
        "name": name,
        "_businessunitid_value": unit["businessunitid"],
        "_roletemplateid_value": template,
        "_parentrootroleid_value": root_id,
        "_parentroleid_value": None if is_root else root_id,
        "componentstate": 0,
        "ismanaged": template is not None,
    }


def inherited_id(unit_id: str, root_id: str) -> str:
    """The id of a business unit's own copy of a root role."""
    return str(uuid5(NAMESPACE_URL, f"dataverse-role:{unit_id}/{root_id}"))
