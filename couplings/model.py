"""A coupling: the statement that one BC record and one CRM record are the same thing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

type Side = Literal["bc", "crm"]


class CouplingState(StrEnum):
    """What became of the pair when it was last looked at."""

    COUPLED = "coupled"  # in step, or its changes are still to be carried over
    WAITING = "waiting"  # depends on a record that is not coupled yet; heals by itself
    CONFLICT = "conflict"  # both sides changed the same field
    FAILED = "failed"  # the last attempt was refused; it will be tried again
    SKIPPED = "skipped"  # left the mapping's filter, or a rule leaves it out for now
    PARKED = "parked"  # refused again and again; tried only when somebody asks for it


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseSnapshot:
    """The mapped fields of both sides when they last agreed: JSON values by field name."""

    bc: dict[str, Any]
    crm: dict[str, Any]

    def digest(self, side: Side) -> str:
        """A short stable hash of one side's values; see ``digest_of``."""
        return digest_of(self.bc if side == "bc" else self.crm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupling:
    """One pair of records under one table mapping."""

    mapping: str
    bc_id: str
    crm_id: str
    bc_key: str
    """Natural key of the BC record (its number or code), by which lookups of other tables find
    it."""
    name: str
    """How people call the record; for display only."""
    base: BaseSnapshot | None
    """None where the two sides have not agreed yet, or where it was not loaded."""
    bc_version: str | None
    """ETag of the BC record at last agreement, None where unknown."""
    crm_version: str | None
    state: CouplingState
    coupled_at: datetime
    synchronized_at: datetime | None
    """When both sides were last found or made equal; None before the first time."""
    etag: str = field(default="", compare=False)
    """Version of the stored coupling this was read from; empty where it was not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CouplingIndexEntry:
    """As much of a coupling as deciding about many records needs."""

    bc_id: str
    crm_id: str
    bc_key: str
    bc_digest: str
    """Empty where there is no base snapshot."""
    crm_digest: str
    state: CouplingState
    etag: str = field(default="", compare=False)
    """As of ``Coupling``."""


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def digest_of(values: dict[str, Any]) -> str:
    """A hash of JSON values, 24 hexadecimal digits, equal for equal values.

    The order of fields does not matter, nor does the form of a number (10, 10.0, 1e1). True is not
    1, a missing field is not an empty one.
    """
    text = _ENCODER.encode(_canonical(values))
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _canonical(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value  # as most are
    if isinstance(value, dict):
        return {name: _canonical(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(member) for member in value]
    if isinstance(value, Decimal):
        value = float(value) if value % 1 else int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
