"""Importing the CRM solution, carried on by one call after the other.

    none ─▶ staged ─▶ importing ─▶ imported ─▶ roles assigned ─▶ finished
               └──────────┴────────────┴──────────────┴─▶ failed (with what to do)

Each call brings the administrator's token, goes as far as it can within its time, and forgets it.
What the organization does by itself goes on between two calls. Each step is kept after it was done,
so a call that dies repeats at most one, and each may be repeated: staging changes nothing, a role
is assigned once, and an import is recognised by the id that was chosen for it.

    a call                               the organization
    keeps: staged, import job J
    begins the import of J
                                         imports J
    dies before it hears so
    the next call reads: staged, J
    asks for the import job J: there
    keeps: importing, and waits for it
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NoReturn

from errors import AuthorizationError, ConfigurationError, RefusedRequestError
from services.dataverse_administration import DataverseAdministration, Identity
from services.dataverse_solutions import (
    DataverseSolutions,
    OperationState,
    SolutionRefusedError,
    Staged,
)
from setup.solution.administrator import verified_administrator
from setup.solution.contents import ROLES, SOLUTION
from setup.solution.model import ImportState, Problem, SolutionImport
from setup.solution.package import Package
from setup.solution.store import SolutionStore, StoredImport

log = logging.getLogger(__name__)

IMPORT_TIMEOUT = timedelta(minutes=30)
_POLL_SECONDS = 2.0
_TRY_AGAIN = "Import the package again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an import is to lead to."""

    client_id: str
    """The application whose user gets the roles."""
    orders_to_business_central: bool
    """CRM is to leave fulfilling and invoicing of orders to Business Central."""


class Importing:
    """The import of one connection, with the rights of who signed in."""

    def __init__(
        self,
        *,
        store: SolutionStore,
        administration: DataverseAdministration,
        solutions: DataverseSolutions,
        wanted: Wanted,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self._store = store
        self._administration = administration
        self._solutions = solutions
        self._wanted = wanted
        self._now = now
        self._sleep = sleep

    def go_on(
        self, package: Package | None, *, redeploy: bool, caller: str, seconds: float
    ) -> SolutionImport:
        """Carry the import on for about so many seconds; how it goes then.

        A package begins an import where none is under way and this one was not imported yet, or is
        to be redeployed. Without one, what is under way is carried on, or the roles of a solution
        that is there already are assigned.

        Raises ``RefusedRequestError``: 422 as ``verified_administrator``, ``package-missing``, and
        under its own code for each way an import fails, which is kept as well; 409 where another
        call carries it on. The families of the services otherwise; calling again is the remedy.
        """
        identity = verified_administrator(self._administration)
        stored = self._store.load()
        if not stored.value.is_under_way:
            stored = self._begun_anew(stored, package, redeploy=redeploy, caller=caller)
        if stored.value.state is ImportState.STAGED:
            stored = self._begin(stored)
        if stored.value.state is ImportState.IMPORTING:
            stored = self._wait(stored, self._now() + timedelta(seconds=seconds))
        if stored.value.state in (ImportState.IMPORTED, ImportState.FINISHED):
            stored = self._assign_roles(stored)
        if stored.value.state is ImportState.ROLES_ASSIGNED:
            stored = self._finish(stored, identity)
        return stored.value

    def _begun_anew(
        self, stored: StoredImport, package: Package | None, *, redeploy: bool, caller: str
    ) -> StoredImport:
        is_finished = stored.value.state is ImportState.FINISHED
        if package is not None:
            if is_finished and not redeploy and package.digest == stored.value.digest:
                return stored
            return self._stage(stored, package, caller)
        if is_finished and not redeploy:
            return stored
        installed = None if redeploy else self._administration.solution(SOLUTION)
        if installed is None:
            raise RefusedRequestError(
                422,
                "package-missing",
                "There is no import to carry on, and the package of a new one is missing.",
                hint="Send the solution's package as well.",
            )
        # imported by hand, or before its roles could be assigned
        return self._keep(
            replace(stored, value=SolutionImport(began_at=self._now(), begun_by=caller)),
            state=ImportState.IMPORTED,
            progress=100,
            version=installed.version,
        )

    def _stage(self, stored: StoredImport, package: Package, caller: str) -> StoredImport:
        now = self._now()
        begun = SolutionImport(
            version=package.version,
            digest=package.digest,
            import_job_id=str(uuid.uuid4()),
            began_at=now,
            changed_at=now,
            begun_by=caller,
        )
        stored = replace(stored, value=begun)
        try:
            staged = self._solutions.stage(package.content)
        except SolutionRefusedError as error:
            self._fail(stored, error.code, error.message, error.hint)
        return self._keep(stored, state=ImportState.STAGED, upload_id=staged.upload_id)

    def _begin(self, stored: StoredImport) -> StoredImport:
        value = stored.value
        if self._solutions.import_job(value.import_job_id) is not None:
            return self._keep(stored, state=ImportState.IMPORTING)
        staged = Staged(upload_id=value.upload_id, version=value.version)
        try:
            operation = self._solutions.begin_import(staged, value.import_job_id)
        except SolutionRefusedError as error:
            self._fail(stored, error.code, error.message, error.hint)
        return self._keep(stored, state=ImportState.IMPORTING, operation_id=operation)

    def _wait(self, stored: StoredImport, until: datetime) -> StoredImport:
        while True:
            stored = self._look(stored)
            if stored.value.state is not ImportState.IMPORTING or self._now() >= until:
                return stored
            self._sleep(_POLL_SECONDS)

    def _look(self, stored: StoredImport) -> StoredImport:
        value = stored.value
        job = self._solutions.import_job(value.import_job_id)
        problems = " ".join(job.problems) if job else ""
        state, why = self._operation(
            value.operation_id, problems, is_done=bool(job and job.is_completed)
        )
        if state is OperationState.FAILED:
            self._fail(
                stored,
                "import-failed",
                f"The organization did not import the solution: {problems or why}",
                "Do what this says, then import the package again.",
            )
        if state is OperationState.SUCCEEDED:
            return self._verify(stored)
        if value.began_at and self._now() - value.began_at > IMPORT_TIMEOUT:
            self._fail(
                stored,
                "import-timeout",
                f"The import did not end within {IMPORT_TIMEOUT.seconds // 60} minutes.",
                f"Look at the solution's history in Power Apps. {_TRY_AGAIN}",
            )
        progress = job.progress if job else value.progress
        return stored if progress == value.progress else self._keep(stored, progress=progress)

    def _operation(
        self, operation_id: str, problems: str, *, is_done: bool
    ) -> tuple[OperationState, str]:
        """The state of the operation, or, where its id was never heard, of the import job."""
        if operation_id:
            operation = self._solutions.operation(operation_id)
            return operation.state, operation.message
        if not is_done:
            return OperationState.RUNNING, ""
        return (OperationState.FAILED if problems else OperationState.SUCCEEDED), ""

    def _verify(self, stored: StoredImport) -> StoredImport:
        installed = self._administration.solution(SOLUTION)
        if installed is None:
            self._fail(
                stored,
                "import-failed",
                "The import ended, and the organization has no such solution.",
                _TRY_AGAIN,
            )
        return self._keep(
            stored, state=ImportState.IMPORTED, progress=100, version=installed.version
        )

    def _assign_roles(self, stored: StoredImport) -> StoredImport:
        user = self._administration.application_user(self._wanted.client_id)
        if user is None:
            self._fail(
                stored,
                "roles-without-user",
                f"The solution is imported, and the application {self._wanted.client_id} has no "
                "user to give its roles to.",
                "Make it an application user in the Power Platform admin center, then send this "
                "again without the package.",
            )
        found = self._administration.roles_named(ROLES, user.business_unit_id)
        held = {role.name for role in self._administration.roles_of(user.user_id)}
        for name in ROLES:
            if name in held:
                continue
            if name not in found:
                self._fail_roles(stored, f"the organization has no role {name}")
            try:
                self._solutions.assign_role(user.user_id, found[name])
            except (AuthorizationError, ConfigurationError) as error:
                self._fail_roles(stored, error.message)
        held = {role.name for role in self._administration.roles_of(user.user_id)}
        if missing := [name for name in ROLES if name not in held]:
            self._fail_roles(stored, f"{user.name} still lacks {' and '.join(missing)}")
        return self._keep(stored, state=ImportState.ROLES_ASSIGNED, roles=ROLES, problem=None)

    def _finish(self, stored: StoredImport, identity: Identity) -> StoredImport:
        if self._wanted.orders_to_business_central:
            self._solutions.leave_orders_to_business_central(identity.organization_id)
        return self._keep(stored, state=ImportState.FINISHED)

    def _keep(self, stored: StoredImport, **changes: object) -> StoredImport:
        value = replace(stored.value, changed_at=self._now(), **changes)  # type: ignore[arg-type]  # typed where it is called
        log.info("solution import: %s, %d %%", value.state.value, value.progress)
        return self._store.save(stored, value)

    def _fail_roles(self, stored: StoredImport, why: str) -> NoReturn:
        self._fail(
            stored,
            "roles-not-assigned",
            f"The solution is imported, and its roles could not be assigned: {why}.",
            "Send this again without the package, or assign the roles in the Power Platform admin "
            "center.",
        )

    def _fail(self, stored: StoredImport, code: str, message: str, hint: str) -> NoReturn:
        problem = Problem(code=code, message=message, hint=hint)
        self._keep(stored, state=ImportState.FAILED, problem=problem)
        status = 409 if code == "import-in-progress" else 422
        raise RefusedRequestError(status, code, message, hint=hint)
