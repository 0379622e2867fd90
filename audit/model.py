"""What the audit trail tells of one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from identity.model import Role

type Fact = str | int | bool
"""A detail that a trigger adds. Never a secret, never a record's contents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One call of an authenticated caller that could have changed something."""

    at: datetime
    """When it came in, by this service's clock."""
    subject: str
    """Object id of the person or application."""
    name: str
    """A person's sign-in name or an application's client id, as the token told it."""
    is_application: bool
    role: Role | None
    """The caller's, not the one the call needs; None for a caller who was given none."""
    action: str
    """The name of the function that was called."""
    connection: str
    """The connection that the call names; empty where it names none."""
    targets: Mapping[str, str]
    """What else its path names: a table mapping, a record, a step."""
    correlation_id: str
    status: int | None = None
    """The answer's HTTP status; None where nobody knows how the call ended: see ``audit.trail``."""
    code: str = ""
    """The code of the problem that was answered; empty where the call was served."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
