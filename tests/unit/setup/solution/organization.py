"""A CRM organization in memory, as importing a solution sees it."""

from __future__ import annotations

from dataclasses import dataclass, field

from errors import AuthorizationError
from services.dataverse_administration import (
    SYSTEM_ADMINISTRATOR,
    SYSTEM_CUSTOMIZER,
    Identity,
    Role,
    Solution,
    User,
)
from services.dataverse_solutions import (
    ImportJob,
    Operation,
    OperationState,
    SolutionRefusedError,
    Staged,
)
from setup.solution.contents import ROLES, SOLUTION

CLIENT = "55555555-5555-4555-8555-555555555555"


@dataclass
class Organization:
    """Plays both ``DataverseAdministration`` and ``DataverseSolutions``."""

    looks_until_done: int = 2
    templates: list[str] = field(default_factory=lambda: [SYSTEM_ADMINISTRATOR, SYSTEM_CUSTOMIZER])
    has_user: bool = True
    refusal: AuthorizationError | None = None
    stage_refusal: SolutionRefusedError | None = None
    begin_refusal: Exception | None = None
    begins_before_it_refuses: bool = False
    failure: tuple[str, tuple[str, ...]] | None = None
    """Message of the operation and problems of the import job, where the import is to fail."""
    role_refusal: AuthorizationError | None = None
    brings_roles: bool = True
    brings_solution: bool = True
    installed: str = ""
    jobs: dict[str, int] = field(default_factory=dict)
    """Looks at each import job."""
    held: list[str] = field(default_factory=list)
    """Roles of the synchronization user."""
    calls: list[str] = field(default_factory=list)
    orders_are_left: bool = False

    # DataverseAdministration

    def who_am_i(self) -> Identity:
        if self.refusal:
            raise self.refusal
        return Identity(user_id="admin", business_unit_id="b", organization_id="o")

    def roles_of(self, user_id: str) -> list[Role]:
        if user_id == "admin":
            return [Role(role_id=each, name=each, template_id=each) for each in self.templates]
        return [Role(role_id=name, name=name, template_id="") for name in self.held]

    def application_user(self, client_id: str) -> User | None:
        assert client_id == CLIENT
        if not self.has_user:
            return None
        return User(
            user_id="sync",
            name="# coupler",
            email="",
            application_id=CLIENT,
            is_disabled=False,
            is_licensed=False,
            is_interactive=False,
            business_unit_id="b",
        )

    def roles_named(self, names: tuple[str, ...], business_unit_id: str) -> dict[str, str]:
        assert business_unit_id == "b"
        return {name: f"role {name}" for name in names} if self.brings_roles else {}

    def solution(self, name: str) -> Solution | None:
        assert name == SOLUTION
        if not self.installed:
            return None
        return Solution(unique_name=SOLUTION, version=self.installed, is_managed=False)

    # DataverseSolutions

    def stage(self, package: bytes) -> Staged:
        self.calls.append("stage")
        if self.stage_refusal:
            raise self.stage_refusal
        return Staged(upload_id="upload", version="1.0.0.0")

    def begin_import(self, staged: Staged, import_job_id: str) -> str:
        self.calls.append("begin")
        if self.begin_refusal is None or self.begins_before_it_refuses:
            self.jobs[import_job_id] = 0
        if self.begin_refusal:
            raise self.begin_refusal
        return "operation"

    @property
    def is_done(self) -> bool:
        return all(looks >= self.looks_until_done for looks in self.jobs.values())

    def import_job(self, import_job_id: str) -> ImportJob | None:
        if import_job_id not in self.jobs:
            return None
        self.jobs[import_job_id] += 1
        if self.is_done and not self.failure and self.brings_solution:
            self.installed = "1.0.0.0"
        return ImportJob(
            progress=min(100, 40 * self.jobs[import_job_id]),
            is_completed=self.is_done,
            problems=self.failure[1] if self.is_done and self.failure else (),
        )

    def operation(self, operation_id: str) -> Operation:
        assert operation_id == "operation"
        if not self.is_done:
            return Operation(state=OperationState.RUNNING)
        if self.failure:
            return Operation(state=OperationState.FAILED, message=self.failure[0])
        return Operation(state=OperationState.SUCCEEDED)

    def assign_role(self, user_id: str, role_id: str) -> None:
        assert user_id == "sync"
        if self.role_refusal:
            raise self.role_refusal
        self.calls.append(role_id)
        self.held.append(role_id.removeprefix("role "))

    def leave_orders_to_business_central(self, organization_id: str) -> None:
        assert organization_id == "o"
        self.orders_are_left = True


ALL_ROLES = list(ROLES)
