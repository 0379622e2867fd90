"""Making findings, and what stands for a fact that could not be had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from errors import CouplerError
from setup.model import Finding, Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """In place of a fact: why it could not be found out."""

    code: str
    message: str
    hint: str

    @staticmethod
    def of(error: CouplerError) -> Trouble:
        return Trouble(code=error.code, message=error.message, hint=error.hint)


def tried[T](work: Callable[[], T]) -> T | Trouble:
    """What the work gives, or the trouble that it raises as one of ``errors``' families."""
    try:
        return work()
    except CouplerError as error:
        return Trouble.of(error)


def passed(check: str, subject: str, message: str) -> Finding:
    return Finding(check=check, result=Result.PASSED, subject=subject, message=message)


def warning(check: str, subject: str, message: str, hint: str) -> Finding:
    return Finding(check=check, result=Result.WARNING, subject=subject, message=message, hint=hint)


def failed(check: str, subject: str, message: str, hint: str) -> Finding:
    return Finding(check=check, result=Result.FAILED, subject=subject, message=message, hint=hint)


def not_checked(check: str, subject: str, message: str, hint: str = "") -> Finding:
    return Finding(
        check=check, result=Result.NOT_CHECKED, subject=subject, message=message, hint=hint
    )


def failed_by(check: str, subject: str, trouble: Trouble) -> Finding:
    """A finding that fails for what kept the check from being made."""
    return failed(check, subject, trouble.message, trouble.hint)
