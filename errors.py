"""The families of errors. The type says who must act; the text says what on which record and how.

Every error a part of Coupler raises on purpose is one of these. A family is chosen by the remedy,
not by the place where the error arose:

=====================  =========================================================================
family                 who acts, and how
=====================  =========================================================================
RefusedRequestError       the caller: mend the request (a 4xx answer)
ConfigurationError     the administrator: mend the connection, a mapping or a service's settings
AuthorizationError     the administrator: mend credentials, roles or privileges
TransientError         nobody: the work is tried again by itself
ThrottledError         nobody: the work is tried again after ``retry_after`` seconds
RecordError            a user: mend this one record; every other record goes on
ConcurrencyError       nobody: somebody else wrote first; read again and decide again
WatermarkExpiredError  nobody: the change feed cannot go on from here; everything is compared
=====================  =========================================================================

``str(error)`` is meant for people and never holds a secret or a raw answer of a remote service.
"""

from __future__ import annotations

import math


class CouplerError(Exception):
    """Base of all families.

    ``code`` is stable and machine-readable (kebab-case); ``hint`` tells the next step and may be
    empty where the message already does.
    """

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def explained(self) -> str:
        """Message and hint as one sentence sequence for a person."""
        return f"{self.message} {self.hint}".strip()


class RefusedRequestError(CouplerError):
    """The caller's request cannot be carried out as it stands; nothing was changed."""

    def __init__(self, status: int, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(code, message, hint=hint)
        if not 400 <= status <= 499:
            raise ValueError(f"a refused request answers 4xx, not {status}")
        self.status = status


class TenantBusyError(RefusedRequestError):
    """The caller's tenant asks for more at once than one tenant may: 429, and when to ask again."""

    def __init__(self, message: str, *, retry_after: float, hint: str = "") -> None:
        super().__init__(429, "tenant-busy", message, hint=hint)
        self.headers = {"Retry-After": str(max(1, math.ceil(retry_after)))}


class ConfigurationError(CouplerError):
    """A setting, mapping or address is wrong; the work stops until mended."""


class AuthorizationError(CouplerError):
    """Credentials or privileges are missing; work of this connection stops until mended."""


class TransientError(CouplerError):
    """A passing fault of a service or the network; retrying the same work is safe and expected."""


class ThrottledError(TransientError):
    """A service asked to slow down."""

    def __init__(self, code: str, message: str, *, retry_after: float, hint: str = "") -> None:
        super().__init__(code, message, hint=hint)
        self.retry_after = retry_after
        """Seconds to wait before the same work is tried again."""


class RecordError(CouplerError):
    """One record cannot be synchronized for its own content; it is reported and skipped."""

    def __init__(
        self, code: str, message: str, *, field: str = "", value: str = "", hint: str = ""
    ) -> None:
        super().__init__(code, message, hint=hint)
        self.field = field
        self.value = value


class ConcurrencyError(CouplerError):
    """A row or record changed between reading and writing it, or a lease was lost to another."""


class WatermarkExpiredError(CouplerError):
    """A service no longer tells what changed since a watermark: too old, invalidated, or the table
    is not tracked. Both sides of the table are to be compared wholly."""
