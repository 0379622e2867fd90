"""Writes as parts of Dataverse's ``$batch``, and what their answers say."""

from __future__ import annotations

import json

from services import faults, odata
from services.dataverse_batch import Part, PartAnswer
from services.records import Write, WriteKind
from services.transport import Transport
from services.writing import PartOutcome


def part_of(root: str, write: Write, key: str) -> Part:
    """One write as a request below ``root``, the API's path on its host, to a table whose primary
    key column is ``key``.

    The representation is asked for to learn the new version, and only the key is selected to keep
    it small.
    """
    if write.kind is WriteKind.DELETE:
        return Part(
            method="DELETE",
            path=f"{root}/{odata.by_id(write.table, write.id)}",
            headers={} if write.version is None else {"If-Match": write.version},
        )
    headers = {
        "Content-Type": "application/json; type=entry",
        "Prefer": "return=representation",
    }
    if write.kind is WriteKind.INSERT:
        path, values = odata.name(write.table), {key: write.id, **write.values}
    else:
        path, values = odata.by_id(write.table, write.id), write.values
        if write.version is not None:
            headers["If-Match"] = write.version
        elif write.kind is WriteKind.UPDATE:
            headers["If-Match"] = "*"  # without a condition PATCH would create the record
    return Part(
        method="POST" if write.kind is WriteKind.INSERT else "PATCH",
        path=f"{root}/{path}{odata.query(select=[key])}",
        headers=headers,
        body=json_body(values),
    )


def outcome_of(transport: Transport, answer: PartAnswer | None) -> PartOutcome:
    """What an answer says of its write; None is no answer."""
    if answer is None:
        return PartOutcome(status=0)
    if answer.status > 299:
        return PartOutcome(
            status=answer.status,
            said=faults.words(answer.body),
            retry_after=transport.retry_after(answer.headers),
        )
    return PartOutcome(status=answer.status, version=_version(answer))


def _version(answer: PartAnswer) -> str | None:
    """The ETag that a write's answer tells, in its body or its headers."""
    try:
        told = json.loads(answer.body or b"{}").get("@odata.etag")
    except (ValueError, AttributeError):
        told = None
    return told or answer.headers.get("etag")


def json_body(values: object) -> bytes:
    """The values as the body of a request."""
    return json.dumps(values, separators=(",", ":")).encode()
