"""Step ``crm``: the organization answers, is open, and is of a version that Coupler speaks with."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.dataverse_administration import Identity, Organization
from setup.checks.findings import Trouble, failed, failed_by, passed, warning
from setup.model import Finding

CRM_REACHABLE = "crm-reachable"

_LOWEST = (9, 2)
_USER_REFUSALS = ("service-login-refused", "service-privilege-missing")
"""The organization was reached and does not let the user in, or not to something."""
_ADMINISTRATION_MODE = re.compile(r"administration mode|admin(istrator)? mode", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmFacts:
    url: str
    identity: Identity | Trouble
    version: str | Trouble
    organization: Organization | Trouble


def is_reached(answer: object) -> bool:
    """Whether the organization answered, be it by refusing its user."""
    return not isinstance(answer, Trouble) or answer.code in _USER_REFUSALS


def check_crm(facts: CrmFacts) -> list[Finding]:
    """What is wrong with the user alone is left to the step of the synchronization user."""
    if not is_reached(facts.identity):
        assert isinstance(facts.identity, Trouble)
        return [failed_by(CRM_REACHABLE, facts.url, facts.identity)]
    name = "" if isinstance(facts.organization, Trouble) else f" {facts.organization.name}"
    return [
        passed(CRM_REACHABLE, facts.url, f"The organization{name} answers."),
        _mode(facts),
        _version(facts),
    ]


def _mode(facts: CrmFacts) -> Finding:
    check = "administration-mode"
    told = [facts.identity, facts.version, facts.organization]
    if any(
        isinstance(each, Trouble) and _ADMINISTRATION_MODE.search(each.message) for each in told
    ):
        return failed(
            check,
            facts.url,
            "The organization is in administration mode, in which only administrators may sign in.",
            "Switch administration mode off: Power Platform admin center, Environments, the "
            "environment, Edit details.",
        )
    return passed(check, facts.url, "The organization is not in administration mode.")


def _version(facts: CrmFacts) -> Finding:
    check = "crm-version"
    if isinstance(facts.version, Trouble):
        return warning(
            check,
            facts.url,
            f"The version could not be read: {facts.version.message}",
            "Mend what the step of the synchronization user names, then check again.",
        )
    if not re.fullmatch(r"\d+(\.\d+)+", facts.version):
        return warning(
            check,
            facts.url,
            f"The version {facts.version!r} is of no known form.",
            "Nothing, if the organization is of Dynamics 365 online.",
        )
    if tuple(map(int, facts.version.split(".")[:2])) < _LOWEST:
        return failed(
            check,
            facts.version,
            f"The organization's version {facts.version} is too old.",
            "Coupler needs version 9.2 or later, which every Dynamics 365 online has.",
        )
    return passed(check, facts.version, f"Version {facts.version} is supported.")
