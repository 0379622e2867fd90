"""The people of a tenant."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from local.simulators.core.simulator import SeedError

_OBJECT_IDS = uuid.UUID("0d5b6f6e-7b0b-4a43-9d0c-7c1c0f4b8f10")
_MEMBERS = {
    "tenant",
    "sign_in_name",
    "name",
    "password",
    "object_id",
    "roles",
    "enabled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One person."""

    tenant: str
    sign_in_name: str
    """The user principal name, such as ``ada@contoso.com``."""
    name: str
    password: str
    object_id: str
    """The token's ``oid``."""
    roles: tuple[str, ...]
    """App roles, in every token of an API that has such."""
    enabled: bool


def user_from(row: dict[str, Any]) -> User:
    """A user from its JSON; raises ``SeedError`` that names the member."""
    if unknown := row.keys() - _MEMBERS:
        raise SeedError(f"users: unknown members {sorted(unknown)}")
    for name in ("tenant", "sign_in_name"):
        if not isinstance(row.get(name), str) or not row[name]:
            raise SeedError(f"users: {name} is missing or no text")
    tenant, sign_in_name = row["tenant"].lower(), row["sign_in_name"].lower()
    principal = uuid.uuid5(_OBJECT_IDS, f"{tenant}/{sign_in_name}")
    return User(
        tenant=tenant,
        sign_in_name=sign_in_name,
        name=str(row.get("name", sign_in_name)),
        password=str(row.get("password", "")),
        object_id=str(row.get("object_id", principal)),
        roles=tuple(row.get("roles", ())),
        enabled=bool(row.get("enabled", True)),
    )
