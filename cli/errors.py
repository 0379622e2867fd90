"""What may go wrong between a person at a terminal and the service, and how a command ends."""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """How a command ended, for scripts."""

    DONE = 0
    FAILED = 1  # the service refused, could not be reached, or its work failed
    USAGE = 2  # the command line or the settings are wrong
    PARTIAL = 3  # the work was done, and some records or checks need somebody


class UsageError(Exception):
    """The command line or a setting is wrong; the text says which, and what to do."""


class ServiceError(Exception):
    """The service did not do what it was asked; the text says why, and what to do."""

    def __init__(self, message: str, *, problem: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.problem = problem or {}
        """The service's problem document (RFC 9457), where there was one."""
