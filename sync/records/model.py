"""Records of one system with their coupling state, as values."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum

from couplings.model import Side


class RecordState(StrEnum):
    """How a record stands: as its coupling does, or as what was last said of it where it has no
    partner."""

    COUPLED = "coupled"
    UNCOUPLED = "uncoupled"  # as a filter: all without partner, whatever was said of them
    WAITING = "waiting"
    FAILED = "failed"
    CONFLICT = "conflict"
    SKIPPED = "skipped"
    PARKED = "parked"
    GONE = "gone"  # as a filter only: all whose partner was deleted, however their coupling stands


class RecordOrder(StrEnum):
    """By which a list is sorted; a minus is the other way round."""

    NAME = "name"
    NAME_DOWN = "-name"
    KEY = "key"
    KEY_DOWN = "-key"
    MODIFIED = "modified"
    MODIFIED_DOWN = "-modified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which records are asked for, and how."""

    side: Side
    state: RecordState | None = None
    search: str = ""
    """Part of a name, or how a number or code begins."""
    key: str = ""
    """Part of a number or code, of BC records."""
    order: RecordOrder = RecordOrder.NAME
    limit: int = 100

    def mark(self, mapping: str) -> str:
        """Stands for the list: pages of one list go on in no other."""
        parts = [mapping, self.side, self.state, self.search, self.key, self.order]
        return hashlib.blake2b(json.dumps(parts).encode(), digest_size=6).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    record_id: str
    name: str
    gone: bool
    """It was deleted, and the coupling is still there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What was last said of a record that is not in step."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRecord:
    record_id: str
    key: str
    """Number or code; blank in CRM."""
    name: str
    modified: str
    """As the service tells it; blank where it does not."""
    state: RecordState
    partner: Partner | None
    """None: it exists on this side only, as far as is known."""
    said: Said | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPage:
    records: list[ListedRecord]
    continuation: str | None
    """Opaque; None on the last page."""
