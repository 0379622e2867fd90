"""What a failed request answers: one table from error families to HTTP statuses (RFC 9457).

A problem names what the caller or the administrator can do about it and carries a stable ``code``
for programs. It never holds a stack trace, a secret or a remote service's raw answer: an error that
is not one of ours says only that it was logged, and under which correlation id.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from errors import (
    AuthorizationError,
    ConcurrencyError,
    ConfigurationError,
    CouplerError,
    RecordError,
    RefusedRequestError,
    ThrottledError,
    TransientError,
    WatermarkExpiredError,
)

RETRY_AFTER_SECONDS = 5
"""What a passing fault tells the caller to wait where nothing better is known."""

_STATUS_OF_FAMILY: tuple[tuple[type[CouplerError], int], ...] = (
    (ConcurrencyError, 409),  # somebody else wrote first: read again, then repeat
    (ConfigurationError, 422),  # understood, but this connection or mapping cannot do it as it is
    (RecordError, 422),
    (AuthorizationError, 424),  # the connected service refused us; repeating does not help
    (TransientError, 503),
    (WatermarkExpiredError, 503),  # whoever reads changes compares everything; nobody else reads
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An answer of ``application/problem+json`` before it meets HTTP."""

    status: int
    code: str
    detail: str
    hint: str = ""
    errors: tuple[dict[str, str], ...] = ()
    """What is wrong member by member, where a body or a query holds several faults."""
    headers: dict[str, str] = field(default_factory=dict)

    def document(self, correlation_id: str) -> dict[str, Any]:
        """The JSON object of the answer; optional members appear only where they say something."""
        optional = {"hint": self.hint, "errors": list(self.errors)}
        return {
            "type": f"urn:coupler:problem:{self.code}",
            "title": self.code.replace("-", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "correlationId": correlation_id,
        } | {name: value for name, value in optional.items() if value}


def problem_of(error: Exception) -> Problem:
    """The answer for any exception that left a trigger; total, never raises."""
    if isinstance(error, RefusedRequestError):
        return Problem(
            status=error.status,
            code=error.code,
            detail=error.message,
            hint=error.hint,
            errors=tuple(getattr(error, "errors", ())),
            headers=dict(getattr(error, "headers", {})),
        )
    if not isinstance(error, CouplerError) or _is_operators_business(error):
        return _unexpected()
    for family, status in _STATUS_OF_FAMILY:
        if isinstance(error, family):
            return Problem(
                status=status,
                code=error.code,
                detail=error.message,
                hint=error.hint,
                headers=_retry_headers(error),
            )
    return _unexpected()


def _is_operators_business(error: CouplerError) -> bool:
    """An app setting is no tenant's to mend, and its name is nothing to tell one."""
    return isinstance(error, ConfigurationError) and error.code.startswith("setting-")


def _retry_headers(error: CouplerError) -> dict[str, str]:
    if isinstance(error, ThrottledError):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
    if isinstance(error, TransientError):
        return {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return {}


def _unexpected() -> Problem:
    return Problem(
        status=500,
        code="unexpected-error",
        detail="Something failed that should not have; the failure is in the log.",
        hint="Tell the service's operators the correlation id of this answer.",
    )
