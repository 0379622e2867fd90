"""Staging and importing solutions: one import at a time, which needs its time.

An asynchronous import ends when the organization's clock says so. What then goes wrong with it is
planned by `ImportPlan`.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from local.simulators.dataverse.errors import DataverseError, invalid_argument
from local.simulators.dataverse.import_plan import ImportFault, ImportPlan
from local.simulators.dataverse.import_result import Outcome, job_data
from local.simulators.dataverse.installation import Installation, Problem
from local.simulators.dataverse.privileges import IMPORT_CUSTOMIZATION
from local.simulators.dataverse.schema import Row
from local.simulators.dataverse.security import require_named
from local.simulators.dataverse.solution_package import Package, invalid_file, read_package
from local.simulators.dataverse.state import Call, State
from local.simulators.dataverse.values import is_guid, utc_text

_IMPORT_OPERATION = 203  # operationtype: Import Solution
_COMPLETED, _LOCKED = 3, 2
_IN_PROGRESS, _SUCCEEDED, _FAILED, _CANCELED = 20, 30, 31, 32
_BUSY = (
    "Cannot start another [Import] because there is a previous [Import] running at this moment. "
    "Use Solution History for more details."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    package: Package
    operation_id: str
    job_id: str
    started: datetime
    fault: ImportFault | None
    user_id: str


class Solutions:
    """The actions StageSolution, ImportSolution and ImportSolutionAsync."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._store = state.store
        self._installation = Installation(state)
        self._staged: dict[str, Package] = {}
        self._running: _Running | None = None
        self.plan = ImportPlan()

    def stage(self, call: Call) -> dict[str, Any]:
        """Check a package and keep it; what is wrong with it is told, not raised."""
        require_named(call.caller, IMPORT_CUSTOMIZATION, "solution")
        content = _content(call.record_payload("StageSolution").get("CustomizationFile"))
        fault = self.plan.take(ImportFault.INVALID, ImportFault.MISSING_DEPENDENCY)
        package = read_package(content)
        problems = self._installation.problems(package)
        missing = list(package.missing)
        if fault is ImportFault.INVALID:
            problems.append(Problem("solution.xml", "The import file is invalid. XSD validation."))
        if fault is ImportFault.MISSING_DEPENDENCY:
            missing.append("msdynce_Sales")
        upload_id = str(uuid4())
        passed = not problems and not missing
        if passed:
            self._staged[upload_id] = package
        return {"StageSolutionResults": _stage_results(package, upload_id, problems, missing)}

    def import_now(self, call: Call) -> None:
        """ImportSolution: over when it answers."""
        package, job_id = self._wanted(call, needs_file=True)
        self._start(package, job_id, call)
        self._end()
        job = self._store.tables["importjob"].rows[job_id]
        if 'result="failure"' in job["data"]:
            raise DataverseError(400, "0x8004801e", _first_error(job["data"]))

    def import_later(self, call: Call) -> dict[str, str]:
        """ImportSolutionAsync: what to ask for it by."""
        package, job_id = self._wanted(call, needs_file=False)
        operation_id = self._start(package, job_id, call)
        return {"ImportJobKey": job_id, "AsyncOperationId": operation_id}

    def advance(self) -> None:
        """Bring the running import to where it is by now."""
        running = self._running
        if running is None:
            return
        elapsed = (self._state.clock() - running.started).total_seconds()
        is_stuck = running.fault is ImportFault.STUCK and self.plan.keeps_stuck
        if not is_stuck and elapsed >= self.plan.seconds:
            self._end()
            return
        share = elapsed / self.plan.seconds if self.plan.seconds else 0.0
        progress = round(min(max(share, 0.0), 0.99) * 100, 2)
        self._change("importjob", running.job_id, {"progress": progress})

    def install(self, content: bytes) -> Package:
        """Import a package at once, as if it had long been there."""
        package = read_package(content)
        problems = self._installation.problems(package)
        if problems:
            raise invalid_file(problems[0].text)
        self._installation.install(package)
        return package

    def remove(self, unique_name: str) -> bool:
        """Take away a solution with what it brought; False where it is not there."""
        return self._installation.remove(unique_name)

    def make_bare(self) -> None:
        """Take every solution and the integration roles away."""
        self._installation.make_bare()

    def _wanted(self, call: Call, *, needs_file: bool) -> tuple[Package, str]:
        require_named(call.caller, IMPORT_CUSTOMIZATION, "solution")
        payload = call.record_payload("ImportSolution")
        for name in ("OverwriteUnmanagedCustomizations", "PublishWorkflows"):
            if not isinstance(payload.get(name), bool):
                raise invalid_argument(f"Required parameter '{name}' is missing.")
        job_id = str(payload.get("ImportJobId") or ("" if needs_file else uuid4())).lower()
        if not is_guid(job_id) or self._store.row("importjob", job_id) is not None:
            raise invalid_argument(f"The ImportJobId '{job_id}' is missing, no GUID or used.")
        staged = (payload.get("SolutionParameters") or {}).get("StageSolutionUploadId")
        if staged is not None and not needs_file:
            package = self._staged.get(str(staged).lower())
            if package is None:
                raise invalid_argument(f"There is no staged solution '{staged}'.")
            return package, job_id
        return read_package(_content(payload.get("CustomizationFile"))), job_id

    def _start(self, package: Package, job_id: str, call: Call) -> str:
        self.advance()
        if self._running is not None or self.plan.take(ImportFault.BUSY):
            raise DataverseError(429, "0x80071151", _BUSY, {"Retry-After": "30"})
        now, operation_id = self._state.clock(), str(uuid4())
        common: Row = {
            "createdon": utc_text(now),
            "startedon": utc_text(now),
            "modifiedon": utc_text(now),
            "_createdby_value": call.caller.user_id,
            "_modifiedby_value": call.caller.user_id,
        }
        job = {
            "importjobid": job_id,
            "name": "Customizations",
            "solutionname": package.unique_name,
            "progress": 0.0,
        }
        operation = {
            "asyncoperationid": operation_id,
            "name": f"Import Solution: {package.unique_name}",
            "operationtype": _IMPORT_OPERATION,
            "messagename": "ImportSolutionAsync",
            "statecode": _LOCKED,
            "statuscode": _IN_PROGRESS,
        }
        with self._store.transaction():
            self._store.insert("importjob", common | job)
            self._store.insert("asyncoperation", common | operation)
        self._running = _Running(
            package=package,
            operation_id=operation_id,
            job_id=job_id,
            started=now,
            fault=self.plan.take(*ImportFault.of_running()),
            user_id=call.caller.user_id,
        )
        return operation_id

    def _end(self) -> None:
        running = self._running
        assert running is not None
        self._running = None
        problems = self._installation.problems(running.package)
        outcome = Outcome.of(running.package, problems, running.fault)
        if outcome.succeeded:
            self._installation.install(running.package)
        now = utc_text(self._state.clock())
        status = _SUCCEEDED if outcome.succeeded else _FAILED
        if running.fault is ImportFault.CANCELLED:
            status = _CANCELED
        ended: Row = {"completedon": now, "modifiedon": now}
        data = job_data(running.package, outcome, now)
        progress = 100.0 if outcome.succeeded else 60.0
        self._change("importjob", running.job_id, ended | {"progress": progress, "data": data})
        told = {"statecode": _COMPLETED, "statuscode": status, "message": outcome.message or None}
        self._change("asyncoperation", running.operation_id, ended | told)

    def _change(self, table: str, row_id: str, changes: Row) -> None:
        with self._store.transaction():
            self._store.replace(table, self._store.tables[table].rows[row_id] | changes)


def _content(text: Any) -> bytes:
    if not isinstance(text, str):
        raise invalid_argument("Required parameter 'CustomizationFile' is missing.")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise invalid_argument(f"CustomizationFile is no base64: {error}") from error


def _stage_results(
    package: Package, upload_id: str, problems: list[Problem], missing: list[str]
) -> dict[str, Any]:
    passed = not problems and not missing
    return {
        "StageSolutionUploadId": upload_id,
        "StageSolutionStatus": "Passed" if passed else "Failed",
        "SolutionValidationResults": [
            {
                "SolutionValidationResultType": "Error",
                "Message": problem.text,
                "ErrorCode": -2147188706,
                "AdditionalInfo": problem.component,
            }
            for problem in problems
        ],
        "MissingDependencies": [
            {
                "RequiredComponentSchemaName": name,
                "RequiredComponentDisplayName": name,
                "RequiredSolutionName": name,
                "DependentComponentSchemaName": package.unique_name,
            }
            for name in missing
        ],
        "SolutionComponentsDetails": [],
        "SolutionDetails": {
            "SolutionUniqueName": package.unique_name,
            "SolutionFriendlyName": package.friendly_name,
            "SolutionVersion": package.version,
            "IsManaged": package.managed,
            "SolutionPublisherUniqueName": package.publisher,
        },
    }


def _first_error(data: str) -> str:
    return data.split('errortext="', 1)[1].split('"', 1)[0]
