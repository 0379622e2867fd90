"""Reading findings in tests."""

from __future__ import annotations

from collections.abc import Iterable

from setup.checks.findings import Trouble
from setup.model import Finding, Result

TROUBLE = Trouble(code="service-unreachable", message="It could not be reached.", hint="Wait.")


def failures(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    """Check and subject of everything that failed."""
    return [(each.check, each.subject) for each in findings if each.result is Result.FAILED]


def results(findings: Iterable[Finding]) -> dict[tuple[str, str], Result]:
    return {(each.check, each.subject): each.result for each in findings}


def the(findings: Iterable[Finding], check: str, subject: str | None = None) -> Finding:
    """The one finding of that check (and subject)."""
    [found] = [
        each
        for each in findings
        if each.check == check and (subject is None or each.subject == subject)
    ]
    return found


def only_passed(findings: Iterable[Finding]) -> bool:
    found = list(findings)
    return bool(found) and all(each.result is Result.PASSED for each in found)
