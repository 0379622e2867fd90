"""Connections that are put on hold because a service refuses them for good.

A tenant whose privileges or credentials were taken away would be asked for ever, and its
administrator would see a connection that is enabled and does nothing. After some hours the
connection is put on hold with the reason; enabling it again runs all checks.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from audit.model import Entry, Fact
from audit.trail import AuditTrail
from connections.store import StoredConnection
from errors import RefusedRequestError
from setup.lifecycle import Lifecycle
from sync.health import ConnectionHealth

SERVICE = "Coupler"
"""Who did it, in the audit trail, where nobody asked for it."""
ACTION = "hold_refused_connections"


def refusal_of(health: ConnectionHealth, hours: int, now: datetime) -> str:
    """Why a connection is to be put on hold, in words for its administrator; empty where it is not.

    ``hours``: how long a service must have refused; 0 is never.
    """
    if not hours or not health.is_refused_for(timedelta(hours=hours), now):
        return ""
    since = health.refused_at.isoformat(timespec="minutes") if health.refused_at else ""
    return (
        f"Put on hold by Coupler: refused since {since}, {health.refusals} times in a row. "
        f"{health.message} {health.hint}"
    ).strip()


def hold_if_refused(
    stored: StoredConnection,
    *,
    lifecycle: Lifecycle,
    trail: AuditTrail,
    now: datetime,
) -> bool:
    """Whether the connection, as it was just read, was put on hold; the audit trail has it then.

    Raises ``TransientError`` where the audit trail cannot be written: then nothing was done. Where
    a run is in process, or somebody changed the connection meanwhile, nothing is done, either: the
    next look sees.
    """
    if not lifecycle.is_to_be_held(stored):
        return False
    reference = trail.begin(_entry(stored, now))

    def complete(status: int, code: str = "", facts: Mapping[str, Fact] | None = None) -> None:
        trail.complete(reference, status=status, code=code, facts=facts or {})

    try:
        held = lifecycle.hold_refused(stored)
    except RefusedRequestError as error:
        complete(error.status, error.code)
        return False
    if held is None:
        complete(409, "refusal-over")
        return False
    complete(200, facts={"reason": held.connection.hold_reason})
    return True


def _entry(stored: StoredConnection, now: datetime) -> Entry:
    return Entry(
        at=now,
        subject=SERVICE,
        name=SERVICE,
        is_application=True,
        role=None,
        action=ACTION,
        connection=stored.connection.connection_id,
        targets={},
        correlation_id=uuid.uuid4().hex,
    )
