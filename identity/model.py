"""Who a request speaks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

TenantId = NewType("TenantId", str)
"""An Entra ID tenant, lower-case GUID text; only ever taken from a verified token's ``tid``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A caller whose token was verified."""

    tenant: TenantId
    subject: str
    """Object id of the user or application; for traces, never for authorization."""
