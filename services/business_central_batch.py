"""The text of Business Central's ``$batch``: many operations in one JSON body, and their answers.

Pure. Source: "Using OData batch".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_OPERATIONS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation inside a batch. ``path`` is relative to the service's root."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationAnswer:
    """The answer to one operation; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: Any


def encode(operations: Sequence[Operation]) -> bytes:
    """The body of a batch. An operation's id is its position."""
    if not 1 <= len(operations) <= MOST_OPERATIONS:
        raise ValueError(f"a batch holds 1 to {MOST_OPERATIONS} operations, not {len(operations)}")
    requests = [
        {
            "id": str(position),
            "method": operation.method,
            "url": operation.path,
            "headers": dict(operation.headers),
        }
        | ({} if operation.body is None else {"body": operation.body})
        for position, operation in enumerate(operations)
    ]
    return json.dumps({"requests": requests}, separators=(",", ":")).encode()


def decode(answer: Any, count: int) -> list[OperationAnswer | None]:
    """The answers to ``count`` operations by position; None for an operation left unanswered.

    Raises ``ValueError`` for anything that is not the answer of such a batch.
    """
    responses = answer.get("responses") if isinstance(answer, dict) else None
    if not isinstance(responses, list):
        raise ValueError("the answer holds no list of responses")  # noqa: TRY004  data, not a call
    answers: list[OperationAnswer | None] = [None] * count
    for response in responses:
        position, answered = _answer(response)
        if not 0 <= position < count or answers[position] is not None:
            raise ValueError("the answer speaks of an operation that was not in the batch")
        answers[position] = answered
    return answers


def _answer(response: Any) -> tuple[int, OperationAnswer]:
    try:
        headers = response.get("headers") or {}
        return int(response["id"]), OperationAnswer(
            status=int(response["status"]),
            headers={str(name).lower(): str(value) for name, value in headers.items()},
            body=response.get("body"),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ValueError("a response of the batch has no id or no status") from None
