"""What a call of either service says, as far as it is believed: which record of which table.

Everything else a call holds is ignored, for the record is read again from the service. Sources:
"Use webhooks to create external handlers for server events" (Dataverse), "Working with webhooks"
(Business Central).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from webhooks.store import KnownSubscription

_GUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_CRM_MESSAGES = frozenset({"Create", "Update", "Delete"})
_RECORD_CHANGES = frozenset({"created", "updated", "deleted"})
_BC_RESOURCE = re.compile(
    rf"(?:https?://[^?#]*?)?/?(?P<set>api/v2\.0/companies\({_GUID}\)/\w+)"
    rf"(?:\((?P<id>{_GUID})\))?(?:\?.*)?",
    re.DOTALL,
)

_CLIENT_STATE = re.compile(rb'"clientState"\s*:\s*"([A-Za-z0-9_-]{1,100})"')
_BEGINNING = 4096
"""Bytes: more than one entry has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One announced change."""

    table: str
    """CRM's logical name, or Business Central's entity set."""
    record_id: str
    """Lower case; empty where a whole table changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a call of Business Central, not verified yet."""

    client_state: str
    change_type: str
    resource: str

    def change(self, subscriptions: Iterable[KnownSubscription]) -> Change | None:
        """The change; None where no subscription is of that company and entity set."""
        named = _BC_RESOURCE.fullmatch(self.resource)
        if named is None:
            return None
        for known in subscriptions:
            if known.resource.strip("/").lower() != named["set"].lower():
                continue
            if self.change_type == "collection":
                return Change(table=known.entity_set, record_id="")
            if self.change_type in _RECORD_CHANGES and named["id"]:
                return Change(table=known.entity_set, record_id=named["id"].lower())
        return None


def first_client_state(body: bytes) -> str:
    """The secret of an entry near the beginning of a call that is too long to be parsed; empty
    where none is found."""
    found = _CLIENT_STATE.search(body[:_BEGINNING])
    return found[1].decode("ascii") if found else ""


def parsed(body: bytes) -> object:
    """The JSON of a call; raises ``ValueError`` for anything else."""
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def crm_change(document: object) -> Change | None:
    """The change that Dataverse announces; None where it is none that Coupler knows.

    A call whose context was too large for its body lacks most members, but not these three.
    """
    if not isinstance(document, dict) or document.get("MessageName") not in _CRM_MESSAGES:
        return None
    table, record_id = document.get("PrimaryEntityName"), document.get("PrimaryEntityId")
    if not isinstance(table, str) or not isinstance(record_id, str):
        return None
    if not re.fullmatch(_GUID, record_id):
        return None
    return Change(table=table, record_id=record_id.lower())


def bc_entries(document: object) -> list[Entry]:
    """The entries of a call of Business Central; malformed ones are left out."""
    values = document.get("value") if isinstance(document, dict) else None
    if not isinstance(values, list):
        return []
    entries = []
    for value in values:
        members = value if isinstance(value, dict) else {}
        texts = [members.get(name) for name in ("clientState", "changeType", "resource")]
        if all(isinstance(text, str) for text in texts):
            state, kind, resource = map(str, texts)
            entries.append(Entry(client_state=state, change_type=kind, resource=resource))
    return entries
