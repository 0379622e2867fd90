"""Staging, importing and assigning roles, against the simulator."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
import requests

from errors import AuthorizationError
from services.dataverse_administration import DataverseAdministration
from services.dataverse_solutions import (
    DataverseSolutions,
    Operation,
    OperationState,
    SolutionRefusedError,
)
from services.transport import Transport
from solution.pack import packed
from solution.roles import INTEGRATION_ADMINISTRATOR, INTEGRATION_USER
from tests.contract.services.conftest import CLIENT, Admin

ADMINISTRATORS = ["System Administrator", "System Customizer"]
ROLES = (INTEGRATION_USER, INTEGRATION_ADMINISTRATOR)
DEADLINE_SECONDS = 20.0


@pytest.fixture
def admin(dataverse_url: str, session: requests.Session) -> Iterator[Admin]:
    """An organization without the solution, whose application user is an administrator."""
    admin = Admin(dataverse_url, session)
    admin.reset()
    admin.command("bare", {})
    admin.command("user", {"user": CLIENT, "roles": ADMINISTRATORS})
    admin.command("imports", {"seconds": 0.2, "fault": None})
    yield admin
    admin.command("imports", {"seconds": 2, "fault": None})
    admin.reset()


@pytest.fixture
def transport(admin: Admin, new_transport: Callable[[str, str, str], Transport]) -> Transport:
    return new_transport("Dynamics 365 Sales", admin.url, f"{admin.url}/.default")


@pytest.fixture
def solutions(transport: Transport) -> DataverseSolutions:
    return DataverseSolutions(transport)


@pytest.fixture
def crm(transport: Transport) -> DataverseAdministration:
    return DataverseAdministration(transport)


def ended(solutions: DataverseSolutions, operation_id: str) -> Operation:
    until = time.monotonic() + DEADLINE_SECONDS
    while (operation := solutions.operation(operation_id)).state is OperationState.RUNNING:
        assert time.monotonic() < until, "the import does not end"
        time.sleep(0.05)
    return operation


def test_an_import_goes_from_staging_to_the_installed_solution(solutions, crm):
    staged = solutions.stage(packed())
    assert staged.version == "1.0.0.0"
    assert crm.solution("Coupler") is None
    job_id = str(uuid4())
    assert solutions.import_job(job_id) is None
    operation_id = solutions.begin_import(staged, job_id)
    begun = solutions.import_job(job_id)
    assert begun is not None
    assert 0 <= begun.progress <= 100
    assert ended(solutions, operation_id).state is OperationState.SUCCEEDED
    done = solutions.import_job(job_id)
    assert done is not None
    assert (done.progress, done.is_completed, done.problems) == (100, True, ())
    installed = crm.solution("Coupler")
    assert installed is not None
    assert installed.version == "1.0.0.0"
    assert crm.has_column("account", "coupler_companyid")


def test_roles_are_assigned_once_however_often_it_is_asked(solutions, crm, admin):
    operation = solutions.begin_import(solutions.stage(packed()), str(uuid4()))
    ended(solutions, operation)
    user = crm.application_user(CLIENT)
    assert user is not None
    roles = crm.roles_named(ROLES, user.business_unit_id)
    for name in (*ROLES, *ROLES):
        solutions.assign_role(user.user_id, roles[name])
    held = [role.name for role in crm.roles_of(user.user_id)]
    assert sorted(held) == sorted([*ADMINISTRATORS, *ROLES])


def test_another_import_under_way_is_told_at_once(solutions, admin, patient):
    admin.command("imports", {"seconds": 30})
    solutions.begin_import(solutions.stage(packed()), str(uuid4()))
    with pytest.raises(SolutionRefusedError) as refused:
        solutions.begin_import(solutions.stage(packed()), str(uuid4()))
    assert refused.value.code == "import-in-progress"
    assert patient.slept == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [("invalid", "solution-not-valid"), ("missing-dependency", "solution-dependency-missing")],
)
def test_what_staging_finds_is_told(solutions, admin, fault, code):
    admin.command("imports", {"fault": fault})
    with pytest.raises(SolutionRefusedError) as refused:
        solutions.stage(packed())
    assert refused.value.code == code
    if code == "solution-dependency-missing":
        assert "msdynce_Sales" in refused.value.message


def test_a_package_that_is_no_solution_is_refused(solutions):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(SolutionRefusedError) as refused:
        solutions.stage(content.getvalue())
    assert refused.value.code == "solution-not-valid"


@pytest.mark.parametrize("fault", ["fails", "fails-on-dependency", "cancelled"])
def test_an_import_that_fails_tells_why(solutions, admin, fault):
    admin.command("imports", {"fault": fault})
    job_id = str(uuid4())
    operation = ended(solutions, solutions.begin_import(solutions.stage(packed()), job_id))
    assert operation.state is OperationState.FAILED
    job = solutions.import_job(job_id)
    assert job is not None
    assert operation.message or job.problems


def test_whoever_may_not_customize_may_not_stage(solutions, admin):
    admin.command("user", {"user": CLIENT, "roles": []})
    with pytest.raises(AuthorizationError):
        solutions.stage(packed())


def test_orders_are_left_to_business_central(solutions, crm):
    solutions.leave_orders_to_business_central(crm.who_am_i().organization_id)
    assert crm.organization().orders_are_integrated
