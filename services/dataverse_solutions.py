"""Bringing a solution into a CRM organization, and giving a user its roles.

Called with an administrator's token. Sources: the Web API's actions StageSolution and
ImportSolutionAsync, the tables asyncoperation and importjob, and associating records.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from errors import ConfigurationError, CouplerError
from services import answers, faults, odata
from services.dataverse_api import JSON, ROOT, get
from services.dataverse_writing import json_body
from services.faults import Meaning
from services.records import Record
from services.transport import Response, Transport

_COMPLETED = 3  # ``statecode`` of an asynchronous operation
_SUCCEEDED = 30  # its ``statuscode``
_BUSY = re.compile("0x80071151|another import|CustomizationLock", re.IGNORECASE)
_ERROR_TEXT = re.compile(r'errortext="([^"]{1,1000})"')
_MOST_TOLD = 3


class SolutionRefusedError(ConfigurationError):
    """The organization does not take the solution; the code tells which way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A package that the organization has checked and keeps for an import."""

    upload_id: str
    version: str


class OperationState(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """How an asynchronous import goes."""

    state: OperationState
    message: str = ""
    """Why it failed, in CRM's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportJob:
    """An import as the organization keeps it."""

    progress: int
    """Per cent."""
    is_completed: bool
    problems: tuple[str, ...] = ()
    """What the import says of the components that failed."""


class DataverseSolutions:
    """One organization's solutions, as an administrator changes them.

    Every method raises the families of ``services.transport`` and ``services.answers``.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._service = transport.service_name

    def stage(self, package: bytes) -> Staged:
        """Have the organization check a package, changing nothing yet.

        Raises ``SolutionRefusedError``: ``solution-dependency-missing`` names what the package
        needs and the organization lacks, ``solution-not-valid`` says what it found wrong.
        """
        values = {"CustomizationFile": base64.b64encode(package).decode()}
        response = self._send("POST", "StageSolution", "StageSolution", values, idempotent=True)
        if not response.ok:
            raise _refused(response)
        answer = answers.json_object(self._service, response)
        results = answers.member(
            self._service, response.request, answer, "StageSolutionResults", dict
        )
        _require_passed(results)
        details = results.get("SolutionDetails") or {}
        return Staged(
            upload_id=str(results["StageSolutionUploadId"]),
            version=str(details.get("SolutionVersion") or ""),
        )

    def begin_import(self, staged: Staged, import_job_id: str) -> str:
        """Start importing what was staged; the id of the asynchronous operation.

        Not repeated where its answer is lost: whether it began is told by the import job, whose
        id the caller chose. Raises ``SolutionRefusedError`` with ``import-in-progress`` where
        another import is under way, ``solution-not-valid`` where it is refused.
        """
        values = {
            "OverwriteUnmanagedCustomizations": True,
            "PublishWorkflows": True,
            "ImportJobId": import_job_id,
            "SolutionParameters": {"StageSolutionUploadId": staged.upload_id},
        }
        response = self._send(
            "POST", "ImportSolutionAsync", "ImportSolutionAsync", values, idempotent=False
        )
        if not response.ok:
            raise _refused(response)
        answer = answers.json_object(self._service, response)
        return str(answers.member(self._service, response.request, answer, "AsyncOperationId", str))

    def operation(self, operation_id: str) -> Operation:
        """How an asynchronous operation goes; one that is gone has failed."""
        columns = ("statecode", "statuscode", "message")
        row = self._row("asyncoperations", operation_id, columns)
        if row is None:
            return Operation(state=OperationState.FAILED, message="CRM keeps no trace of it.")
        if row["statecode"] != _COMPLETED:
            return Operation(state=OperationState.RUNNING)
        if row["statuscode"] == _SUCCEEDED:
            return Operation(state=OperationState.SUCCEEDED)
        message = faults.shortened(str(row.get("message") or ""))
        return Operation(state=OperationState.FAILED, message=message)

    def import_job(self, import_job_id: str) -> ImportJob | None:
        """An import's progress, and what failed in it; None where none of that id ever began."""
        row = self._row("importjobs", import_job_id, ("progress", "completedon", "data"))
        if row is None:
            return None
        told = dict.fromkeys(_ERROR_TEXT.findall(str(row.get("data") or "")))
        return ImportJob(
            progress=round(float(row.get("progress") or 0)),
            is_completed=bool(row.get("completedon")),
            problems=tuple(faults.shortened(text) for text in list(told)[:_MOST_TOLD]),
        )

    def assign_role(self, user_id: str, role_id: str) -> None:
        """Give a user a role; a user who has it already keeps it."""
        origin = self._transport.base_url
        response = self._send(
            "POST",
            f"{odata.by_id('systemusers', user_id)}/systemuserroles_association/$ref",
            "systemusers/systemuserroles_association",
            {"@odata.id": f"{origin}/{ROOT}/{odata.by_id('roles', role_id)}"},
            idempotent=True,
        )
        said = faults.words(response.body)
        if not response.ok and faults.judge(response.status, said.code) is Meaning.DUPLICATE:
            return
        answers.checked(self._service, response)

    def leave_orders_to_business_central(self, organization_id: str) -> None:
        """Have CRM leave fulfilling and invoicing of orders to Business Central."""
        response = self._transport.send(
            "PATCH",
            f"{ROOT}/{odata.by_id('organizations', organization_id)}",
            headers={**JSON, "If-Match": "*"},
            body=json_body({"issopintegrationenabled": True}),
            idempotent=True,
            kind="PATCH organizations",
        )
        answers.checked(self._service, response)

    def _row(self, entity_set: str, row_id: str, columns: tuple[str, ...]) -> Record | None:
        path = f"{ROOT}/{odata.by_id(entity_set, row_id)}{odata.query(select=columns)}"
        response = get(self._transport, entity_set, path)
        said = faults.words(response.body)
        if not response.ok and faults.judge(response.status, said.code) is Meaning.MISSING:
            return None
        return answers.json_object(self._service, response)

    def _send(
        self, method: str, path: str, kind: str, values: Record, *, idempotent: bool
    ) -> Response:
        return self._transport.send(
            method,
            f"{ROOT}/{path}",
            headers=JSON,
            body=json_body(values),
            idempotent=idempotent,
            kind=f"{method} {kind}",
        )


def _require_passed(results: dict[str, Any]) -> None:
    missing = [_component(each) for each in results.get("MissingDependencies") or ()]
    if missing:
        raise SolutionRefusedError(
            "solution-dependency-missing",
            f"The organization lacks what the solution needs: {', '.join(missing)}.",
            hint="Install the apps of Dynamics 365 Sales that bring these, then import again.",
        )
    if str(results.get("StageSolutionStatus")) == "Passed":
        return
    found = [
        faults.shortened(str(each.get("Message") or each.get("SolutionValidationResultType")))
        for each in results.get("SolutionValidationResults") or ()
    ]
    raise SolutionRefusedError(
        "solution-not-valid",
        f"CRM refuses the package: {' '.join(found) or 'without saying why.'}",
        hint="Pack the solution anew from its source, unchanged, and import that.",
    )


def _component(dependency: dict[str, Any]) -> str:
    """A missing component by the name that people know, as far as CRM tells one."""
    names = (
        dependency.get("RequiredComponentDisplayName"),
        dependency.get("RequiredComponentSchemaName"),
        dependency.get("RequiredSolutionName"),
        dependency.get("RequiredComponentId"),
    )
    return faults.shortened(str(next((name for name in names if name), "a component")))


def _refused(response: Response) -> CouplerError:
    said = faults.words(response.body)
    account = f"{said.code} {said.message}".strip() or f"status {response.status}"
    if _BUSY.search(account):
        return SolutionRefusedError(
            "import-in-progress",
            f"Another import is under way in this organization: {account}.",
            hint="Wait until it is done, then import again.",
        )
    if faults.judge(response.status, said.code) is Meaning.NO_SUCH_PLACE:
        return ConfigurationError(
            "solution-import-missing",
            f"The organization has no {response.request}.",
            hint="Check that its version is 9.2 or later.",
        )
    return SolutionRefusedError(
        "solution-not-valid",
        f"CRM refuses the package: {account}.",
        hint="Pack the solution anew from its source, unchanged, and import that.",
    )
