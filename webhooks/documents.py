"""A connection's webhooks as the API shows them; keys are never among it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sync.catalog import MappingCatalog
from webhooks.store import Registration


def registration_document(registration: Registration, catalog: MappingCatalog) -> dict[str, Any]:
    """Each synchronized table mapping with how either side tells of its changes."""
    expires = {one.entity_set: one.expires for one in registration.subscriptions}
    crm_calls = registration.is_wanted and registration.ring("crm").is_set
    return {
        "registered": registration.is_wanted,
        "checked_at": _shown(registration.checked_at),
        "problem": registration.problem,
        "last_delivery": {
            "bc": _shown(registration.delivered_at.get("bc")),
            "crm": _shown(registration.delivered_at.get("crm")),
        },
        "tables": [
            {
                "mapping": name,
                "crm": "webhook" if crm_calls else "polled",
                "bc": "webhook" if mapping.bc.name in expires else "polled",
                "bc_expires_at": _shown(expires.get(mapping.bc.name)),
            }
            for name, mapping in catalog.enabled.items()
        ],
    }


def _shown(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
