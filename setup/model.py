"""What the setup guide finds: its steps, and what each check of a step says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Step(StrEnum):
    """The steps of the guide in their order; each rests on those before it."""

    ADDRESSES = "addresses"
    TOKENS = "tokens"
    CRM = "crm"
    BUSINESS_CENTRAL = "business-central"
    SYNCHRONIZATION_USER = "synchronization-user"
    SOLUTION = "solution"
    CURRENCIES = "currencies"
    TABLES = "tables"
    ITEM_AVAILABILITY = "item-availability"
    SALES_ORDERS = "sales-orders"
    WEBHOOKS = "webhooks"


class Result(StrEnum):
    PASSED = "passed"
    WARNING = "warning"  # the connection works, and something is not as it should be
    FAILED = "failed"  # the connection cannot be enabled
    NOT_CHECKED = "not_checked"  # what it rests on failed, or the option is not chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check says of one thing."""

    check: str
    """Stable name of the check, such as ``web-service-published``."""
    result: Result
    subject: str = ""
    """What was looked at, by the name that people know: a page, a table, a user."""
    message: str = ""
    hint: str = ""
    """What to do next, where anything is to be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """All findings of one step, none left out after the first that fails."""

    step: Step
    findings: tuple[Finding, ...]
    checked_at: datetime
    settings_mark: str
    """Which settings and mappings were looked at; others make the result stale."""

    @property
    def result(self) -> Result:
        """The worst of its findings; a step without any was not checked."""
        found = {finding.result for finding in self.findings}
        for worst in (Result.FAILED, Result.NOT_CHECKED, Result.WARNING):
            if worst in found:
                return worst
        return Result.PASSED if found else Result.NOT_CHECKED


def blocking(results: Iterable[StepResult]) -> list[Finding]:
    """The findings for which the connection cannot be enabled."""
    return [
        finding for each in results for finding in each.findings if finding.result is Result.FAILED
    ]
