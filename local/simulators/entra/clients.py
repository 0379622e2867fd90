"""The application registrations that may ask for tokens."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from local.simulators.core.simulator import SeedError

_DEFAULT_EXPIRY_SECONDS = 3599
_MEMBERS = frozenset(
    {"tenant", "client_id", "secret", "secrets", "object_id", "roles", "public", "expires_in"}
)
_OBJECT_IDS = uuid.UUID("6f9f6f0a-4f0e-4a0b-9d53-0b9f5a1f2c11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One application in one tenant."""

    tenant: str
    client_id: str
    secrets: tuple[str, ...]
    """Each of which is good: an application may have several at a time, so that one is replaced
    while the other still works."""
    object_id: str
    """The service principal's id, the token's ``oid`` and ``sub``."""
    roles: tuple[str, ...]
    public: bool
    """Whether people may sign in by it without its secret (allow public client flows)."""
    expires_in: int
    """Seconds a token lives."""


def client_from(row: dict[str, Any]) -> Client:
    """A client from its JSON; raises ``SeedError`` that names the member."""
    if unknown := row.keys() - _MEMBERS:
        raise SeedError(f"clients: unknown members {sorted(unknown)}")
    tenant, client_id = (_text(row, name) for name in ("tenant", "client_id"))
    principal = uuid.uuid5(_OBJECT_IDS, f"{tenant.lower()}/{client_id.lower()}")
    return Client(
        tenant=tenant.lower(),
        client_id=client_id.lower(),
        secrets=_secrets(row),
        object_id=str(row.get("object_id", principal)),
        roles=tuple(row.get("roles", ())),
        public=bool(row.get("public", False)),
        expires_in=int(row.get("expires_in", _DEFAULT_EXPIRY_SECONDS)),
    )


def _secrets(row: dict[str, Any]) -> tuple[str, ...]:
    """The ``secrets``, or the only ``secret``."""
    if "secrets" not in row:
        return (_text(row, "secret"),)
    secrets = row["secrets"]
    if not isinstance(secrets, list) or not secrets or "secret" in row:
        raise SeedError("clients: secrets is no list of texts, or stands beside secret")
    return tuple(_text({"secrets": each}, "secrets") for each in secrets)


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise SeedError(f"clients: {name} is missing or no text")
    return value
