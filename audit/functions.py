"""The trigger that answers the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import azure.functions as func

from audit.model import Entry
from audit.trail import Sought, audit_trail
from identity.model import Role
from web import answers
from web.edge import Request, route
from web.lists import USUAL_LIMIT, Continuation, Limit
from web.shapes import InvalidMembersError, Text

blueprint = func.Blueprint()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """Which calls are asked for."""

    since: Annotated[str, Text(longest=40)] | None = None
    """The oldest moment, in ISO 8601 with an offset."""
    until: Annotated[str, Text(longest=40)] | None = None
    connection: Annotated[str, Text(longest=50)] | None = None
    action: Annotated[str, Text(longest=100)] | None = None
    who: Annotated[str, Text(longest=100)] | None = None
    """An object id or a name."""
    limit: Limit = USUAL_LIMIT
    continuation: Continuation | None = None


@route(blueprint, Role.ADMINISTRATOR, "GET", "audit", query=AuditQuery)
def list_audit(req: Request) -> func.HttpResponse:
    """200 with the calls that could have changed something, newest first."""
    query = req.query(AuditQuery)
    sought = Sought(
        connection=query.connection or "",
        action=query.action or "",
        who=query.who or "",
        since=_moment("since", query.since),
        until=_moment("until", query.until),
    )
    page = audit_trail(req.caller.tenant).list_page(
        sought, limit=query.limit, continuation=query.continuation
    )
    entries = [_document(entry) for entry in page.entries]
    return answers.ok({"entries": entries, "continuation": page.continuation})


def _moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        fault = "must be a time in ISO 8601 with an offset, such as 2026-01-31T08:00:00Z"
        raise InvalidMembersError("query", [(name, fault)])
    return moment


def _document(entry: Entry) -> dict[str, Any]:
    return {
        "at": entry.at.isoformat(),
        "who": {
            "subject": entry.subject,
            "name": entry.name,
            "kind": "application" if entry.is_application else "person",
            "role": entry.role.value if entry.role else None,
        },
        "action": entry.action,
        "connection": entry.connection or None,
        "targets": dict(entry.targets),
        "status": entry.status,
        "code": entry.code or None,
        "facts": dict(entry.facts),
        "correlation_id": entry.correlation_id,
    }
