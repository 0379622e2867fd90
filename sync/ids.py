"""Ids that Coupler chooses for the records it creates. Pure.

The id follows from what the record is made of, so a second attempt after an answer was lost
creates the same record again and is told "already exists", instead of making a duplicate.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid5

_NAMESPACE = UUID("6f0f3c0e-8a57-4a51-9d0a-6d5a1f6f5a31")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordIds:
    """The ids of one connection."""

    tenant: str
    connection: str

    def of(self, *parts: str) -> str:
        """The id of what ``parts`` name: a mapping and a source id, a companion of a record."""
        return str(uuid5(_NAMESPACE, "\n".join((self.tenant, self.connection, *parts))))
