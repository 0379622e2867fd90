"""Writes as operations of Business Central's ``$batch``, and what their answers say."""

from __future__ import annotations

from services import faults, odata
from services.business_central_batch import Operation, OperationAnswer
from services.records import Write, WriteKind
from services.transport import Transport
from services.writing import PartOutcome


def operation_of(path: str, write: Write) -> Operation:
    """One write as an operation; ``path`` is that of its entity set, relative to the service."""
    if write.kind is WriteKind.INSERT:
        return Operation(
            method="POST",
            path=path,
            headers={"Content-Type": "application/json"},
            # The caller's order of columns is kept: it is the order they are validated in.
            body={"id": write.id, **write.values},
        )
    record = f"{path}({odata.guid(write.id)})"
    if write.kind is WriteKind.DELETE:
        guard = {} if write.version is None else {"If-Match": write.version}
        return Operation(method="DELETE", path=record, headers=guard)
    return Operation(
        method="PATCH",
        path=record,
        # If-Match is required; "*" only where the caller asked for no guard.
        headers={"Content-Type": "application/json", "If-Match": write.version or "*"},
        body=write.values,
    )


def outcome_of(transport: Transport, answer: OperationAnswer | None) -> PartOutcome:
    """What an answer says of its write; None is no answer."""
    if answer is None:
        return PartOutcome(status=0)
    if answer.status > 299:
        return PartOutcome(
            status=answer.status,
            said=faults.words_of(answer.body),
            retry_after=transport.retry_after(answer.headers),
        )
    record = answer.body if isinstance(answer.body, dict) else None
    return PartOutcome(
        status=answer.status,
        record=record,
        version=(record or {}).get("@odata.etag") or answer.headers.get("etag"),
    )
