"""Step ``solution``: Coupler's own solution in the CRM organization, where it was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.dataverse_administration import Solution
from setup.checks.findings import Trouble, failed, failed_by, not_checked, passed
from setup.model import Finding

INSTALLED = "solution-installed"
VERSION = "solution-version"
ROLES = "solution-roles"
COLUMN = "company-column"

_IMPORT = "Import the CRM solution here with an administrator's sign-in."


@dataclass(frozen=True, slots=True, kw_only=True)
class SolutionFacts:
    name: str
    lowest_version: tuple[int, ...]
    solution: Solution | Trouble | None
    roles: Mapping[str, str] | Trouble
    """The ids of the solution's roles in the business unit of the synchronization user, by name."""
    wanted_roles: tuple[str, ...]
    column: str
    columns: Mapping[str, bool | Trouble]
    """Whether each table has the company column; empty where companies are not kept apart."""


def not_chosen(name: str) -> list[Finding]:
    words = "Importing the CRM solution is not chosen in the connection's options."
    return [not_checked(INSTALLED, name, words)]


def check_solution(facts: SolutionFacts) -> list[Finding]:
    return [*_installed(facts), _roles(facts), *_columns(facts)]


def version_of(text: str) -> tuple[int, ...]:
    """A version as numbers to compare; a part that is no number counts as 0."""
    return tuple(int(part) if part.isdigit() else 0 for part in text.split("."))


def _installed(facts: SolutionFacts) -> list[Finding]:
    if isinstance(facts.solution, Trouble):
        return [failed_by(INSTALLED, facts.name, facts.solution)]
    if facts.solution is None:
        message = f"The solution {facts.name} is not installed in the CRM organization."
        return [failed(INSTALLED, facts.name, message, _IMPORT)]
    version = facts.solution.version
    installed = passed(INSTALLED, facts.name, f"Version {version} is installed.")
    if version_of(version) < facts.lowest_version:
        lowest = ".".join(map(str, facts.lowest_version))
        return [
            installed,
            failed(
                VERSION,
                version,
                f"Version {version} of the solution is too old: {lowest} is needed.",
                "Import the present package of the solution.",
            ),
        ]
    return [installed, passed(VERSION, version, "The version is recent enough.")]


def _roles(facts: SolutionFacts) -> Finding:
    if isinstance(facts.roles, Trouble):
        return failed_by(ROLES, facts.name, facts.roles)
    missing = [role for role in facts.wanted_roles if role not in facts.roles]
    if missing:
        return failed(
            ROLES,
            ", ".join(missing),
            f"The organization has no role {' and no role '.join(missing)}.",
            _IMPORT,
        )
    return passed(ROLES, ", ".join(facts.wanted_roles), "The solution's roles are there.")


def _columns(facts: SolutionFacts) -> list[Finding]:
    found: list[Finding] = []
    for table, has_it in facts.columns.items():
        if isinstance(has_it, Trouble):
            found.append(failed_by(COLUMN, table, has_it))
        elif has_it:
            found.append(passed(COLUMN, table, f"The table has the column {facts.column}."))
        else:
            message = (
                f"The table {table} has no column {facts.column}, which tells companies apart."
            )
            found.append(failed(COLUMN, table, message, _IMPORT))
    return found
