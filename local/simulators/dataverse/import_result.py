"""How an import ended, and the XML in which the service keeps that (`importjobs`, `data`)."""

from dataclasses import dataclass, field
from typing import Self
from xml.sax.saxutils import quoteattr

from local.simulators.dataverse.import_plan import ImportFault
from local.simulators.dataverse.installation import Problem
from local.simulators.dataverse.solution_package import Package

_GENERIC, _DEPENDENCIES = "0x8004801E", "0x8004801D"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Whether an import succeeded, and by component what went wrong."""

    message: str = ""
    """Of an import that failed: what its system job tells."""
    code: str = ""
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        """Whether everything was imported."""
        return not self.message

    @classmethod
    def of(cls, package: Package, problems: list[Problem], fault: ImportFault | None) -> Self:
        """The outcome of importing a package in which these problems were found."""
        found = {problem.component: problem.text for problem in problems}
        if fault is ImportFault.CANCELLED:
            return cls(message="The operation was canceled.", code=_GENERIC, problems=found)
        if fault is ImportFault.FAILS_ON_DEPENDENCY or package.missing:
            missing = ", ".join(package.missing) or "msdynce_Sales"
            text = (
                f"The following solution cannot be imported: {package.unique_name}. Some "
                f"dependencies are missing. The missing dependencies are : {missing}"
            )
            return cls(message=text, code=_DEPENDENCIES, problems={package.unique_name: text})
        if fault is ImportFault.FAILS:
            first = package.roles[0].name if package.roles else package.unique_name
            found = {first: "An item with the same key has already been added."}
        if not found:
            return cls()
        component, text = next(iter(found.items()))
        message = f"ImportSolution failed with exception: Error while importing {component}: {text}"
        return cls(message=message, code=_GENERIC, problems=found)


def job_data(package: Package, outcome: Outcome, moment: str) -> str:
    """The result of every component, in the form of the import job."""
    tables = sorted({each.table for each in package.columns})
    roles = [each.name for each in package.roles]
    succeeded = "success" if outcome.succeeded else "failure"
    name = quoteattr(package.unique_name)
    parts = [
        f'<importexportxml start="{moment}" stop="{moment}" progress="100" processed="true"',
        f' succeeded="{succeeded}"><solutionManifests>',
        f'<solutionManifest languagecode="1033" id={name} processed="true">',
        f"<UniqueName>{package.unique_name}</UniqueName>",
        _result(package.unique_name, outcome, moment),
        "</solutionManifest></solutionManifests>",
        *_components("entities", "entity", tables, outcome, moment),
        *_components("securityroles", "securityrole", roles, outcome, moment),
        "</importexportxml>",
    ]
    return "".join(parts)


def _components(
    group: str, name: str, components: list[str], outcome: Outcome, moment: str
) -> list[str]:
    inside = [
        f'<{name} id={quoteattr(each)} LocalizedName={quoteattr(each)} processed="true">'
        f"{_result(each, outcome, moment)}</{name}>"
        for each in components
    ]
    return [f"<{group}>", *inside, f"</{group}>"]


def _result(component: str, outcome: Outcome, moment: str) -> str:
    text = outcome.problems.get(component, "")
    code = outcome.code if text else "0"
    result = "failure" if text else "success"
    quoted = quoteattr(text, {'"': "&quot;"})
    return f'<result result="{result}" errorcode="{code}" errortext={quoted} datetime="{moment}" />'
