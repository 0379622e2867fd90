"""Who a request speaks for, and what one may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

TenantId = NewType("TenantId", str)
"""An Entra ID tenant, lower-case GUID text; only ever taken from a verified token's ``tid``."""


class Role(StrEnum):
    """What a caller may do; each may do all that those before it may."""

    READER = "reader"
    """Look at connections, runs, couplings and what is not in step."""
    OPERATOR = "operator"
    """Start, cancel, retry, decide: what a connection does, not what it is."""
    ADMINISTRATOR = "administrator"
    """Set up and change connections, mappings, policies and webhooks, and read the audit trail."""

    def covers(self, needed: Role) -> bool:
        """Whether whoever has this role may do what ``needed`` is for."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


ROLE_CLAIMS = {
    "Sync.Read": Role.READER,
    "Sync.Operate": Role.OPERATOR,
    "Sync.Admin": Role.ADMINISTRATOR,
}
"""The app roles of the application's registration, as a token's ``roles`` names them. Their tenant
assigns them to its people and applications; nobody else can."""

DELEGATED_SCOPE = "access_as_user"
"""The scope under which an application may act for a person who is signed in to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A caller whose token was verified."""

    tenant: TenantId
    subject: str
    """Object id of the user or application; for traces, never for authorization."""
    role: Role | None
    """None for a caller who was given none; no route admits such a one."""
    is_application: bool
    """An application that acts for itself; False for one that acts for a person."""
    name: str
    """The person's sign-in name or the application's client id as the token tells it: for people
    to read in the audit trail, never for authorization. May be empty."""
