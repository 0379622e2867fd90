"""An import carried on by one call after the other, and each way it fails."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from errors import AuthorizationError, RefusedRequestError, TransientError
from services.dataverse_administration import SYSTEM_ADMINISTRATOR, SYSTEM_CUSTOMIZER
from services.dataverse_solutions import SolutionRefusedError
from setup.solution.importing import IMPORT_TIMEOUT, Importing, Wanted
from setup.solution.model import ImportState, SolutionImport
from setup.solution.package import Package, read_package
from setup.solution.store import TABLE, SolutionStore
from tests.fakes.tables import MemoryAccount
from tests.unit.connections.examples import NOW, TENANT
from tests.unit.setup.solution.organization import ALL_ROLES, CLIENT, Organization
from tests.unit.setup.solution.packages import encoded

PACKAGE = read_package(encoded())
LONG, SHORT = 60.0, 0.0
FORBIDDEN = AuthorizationError("service-privilege-missing", "403: prvAssignRole is missing")


class Office:
    """An administrator's calls to import into one organization."""

    def __init__(self, organization: Organization, *, orders: bool = False) -> None:
        self.organization = organization
        self.store = SolutionStore(MemoryAccount().table(TABLE, TENANT), "cronus")
        self.time: datetime = NOW
        self.orders = orders

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def call(
        self,
        package: Package | None = None,
        *,
        redeploy: bool = False,
        seconds: float = LONG,
    ) -> SolutionImport:
        return Importing(
            store=self.store,
            administration=self.organization,  # type: ignore[arg-type]  # plays it
            solutions=self.organization,  # type: ignore[arg-type]  # plays it
            wanted=Wanted(client_id=CLIENT, orders_to_business_central=self.orders),
            now=lambda: self.time,
            sleep=self.sleep,
        ).go_on(package, redeploy=redeploy, caller="somebody", seconds=seconds)

    def refused(self, package: Package | None = None, **options) -> RefusedRequestError:
        with pytest.raises(RefusedRequestError) as refused:
            self.call(package, **options)
        assert refused.value.hint
        return refused.value

    @property
    def kept(self) -> SolutionImport:
        return self.store.load().value


def test_one_call_imports_assigns_the_roles_and_tells_the_version():
    office = Office(Organization())
    done = office.call(PACKAGE)
    assert done.state is ImportState.FINISHED
    assert (done.progress, done.version, done.roles) == (100, "1.0.0.0", tuple(ALL_ROLES))
    assert done.begun_by == "somebody"
    assert office.organization.held == ALL_ROLES
    assert not office.organization.orders_are_left
    assert office.kept == done


def test_calls_without_the_package_carry_an_import_on():
    office = Office(Organization(looks_until_done=5))
    first = office.call(PACKAGE, seconds=SHORT)
    assert (first.state, first.progress) == (ImportState.IMPORTING, 40)
    assert office.call(seconds=SHORT).state is ImportState.IMPORTING
    assert office.call(seconds=LONG).state is ImportState.FINISHED
    assert office.organization.calls.count("begin") == 1


def test_the_package_sent_again_while_it_is_imported_begins_nothing():
    office = Office(Organization(looks_until_done=9))
    office.call(PACKAGE, seconds=SHORT)
    office.call(PACKAGE, seconds=SHORT)
    assert office.organization.calls == ["stage", "begin"]


def test_an_imported_package_is_imported_again_only_to_redeploy_it():
    office = Office(Organization())
    office.call(PACKAGE)
    office.call(PACKAGE)
    assert office.organization.calls.count("stage") == 1
    assert office.call(PACKAGE, redeploy=True).state is ImportState.FINISHED
    assert office.organization.calls.count("stage") == 2


def test_another_package_is_imported_without_being_told():
    office = Office(Organization())
    office.call(PACKAGE)
    office.call(replace(PACKAGE, digest="another", version="1.1.0.0"))
    assert office.organization.calls.count("stage") == 2


def test_roles_taken_away_are_assigned_again_by_another_call():
    office = Office(Organization())
    office.call(PACKAGE)
    office.organization.held.clear()
    assert office.call().state is ImportState.FINISHED
    assert office.organization.held == ALL_ROLES


def test_a_solution_imported_by_hand_only_gets_its_roles_assigned():
    office = Office(Organization(installed="1.2.0.0"))
    done = office.call()
    assert (done.state, done.version) == (ImportState.FINISHED, "1.2.0.0")
    assert office.organization.calls == [f"role {name}" for name in ALL_ROLES]


def test_orders_are_left_to_business_central_where_that_was_chosen():
    office = Office(Organization(), orders=True)
    office.call(PACKAGE)
    assert office.organization.orders_are_left


def test_without_a_package_and_a_solution_there_is_nothing_to_carry_on():
    office = Office(Organization())
    assert office.refused().code == "package-missing"
    assert office.kept.state is ImportState.NONE


@pytest.mark.parametrize(
    ("templates", "named"),
    [
        ([SYSTEM_CUSTOMIZER], "System Administrator"),
        ([SYSTEM_ADMINISTRATOR], "System Customizer"),
        ([], "System Administrator and System Customizer"),
    ],
)
def test_whoever_lacks_one_of_both_roles_may_not_import(templates, named):
    office = Office(Organization(templates=templates))
    refusal = office.refused(PACKAGE)
    assert refusal.code == "administrator-needed"
    assert named in refusal.message
    assert office.organization.calls == []


def test_a_sign_in_that_the_organization_does_not_take_is_told_so():
    office = Office(Organization(refusal=AuthorizationError("service-login-refused", "401")))
    assert office.refused(PACKAGE).code == "administrator-not-accepted"
    assert office.kept.state is ImportState.NONE


def failing(code: str) -> SolutionRefusedError:
    return SolutionRefusedError(code, "Words of CRM.", hint="Do this.")


@pytest.mark.parametrize(
    ("organization", "code"),
    [
        (Organization(stage_refusal=failing("solution-not-valid")), "solution-not-valid"),
        (
            Organization(stage_refusal=failing("solution-dependency-missing")),
            "solution-dependency-missing",
        ),
        (Organization(begin_refusal=failing("import-in-progress")), "import-in-progress"),
        (Organization(failure=("It broke.", ())), "import-failed"),
        (Organization(failure=("It broke.", ("A column is taken.",))), "import-failed"),
        (Organization(brings_solution=False), "import-failed"),
        (Organization(looks_until_done=10_000), "import-timeout"),
        (Organization(has_user=False), "roles-without-user"),
        (Organization(brings_roles=False), "roles-not-assigned"),
        (Organization(role_refusal=FORBIDDEN), "roles-not-assigned"),
    ],
)
def test_each_way_of_failing_has_its_own_code_and_is_kept(organization, code):
    office = Office(organization)
    seconds = IMPORT_TIMEOUT.total_seconds() + 60
    refusal = office.refused(PACKAGE, seconds=seconds)
    assert refusal.code == code
    assert office.kept.state is ImportState.FAILED
    assert office.kept.problem is not None
    assert office.kept.problem.code == code
    assert office.kept.problem.message == refusal.message


def test_the_words_of_the_import_job_say_why_it_failed():
    office = Office(Organization(failure=("It broke.", ("A column is taken.",))))
    assert "A column is taken." in office.refused(PACKAGE).message


def test_a_failed_import_can_be_begun_again():
    office = Office(Organization(failure=("It broke.", ())))
    office.refused(PACKAGE)
    office.organization.failure = None
    assert office.call(PACKAGE).state is ImportState.FINISHED
    assert office.kept.problem is None


def test_roles_that_could_not_be_assigned_are_tried_again_without_another_import():
    office = Office(Organization(role_refusal=FORBIDDEN))
    office.refused(PACKAGE)
    office.organization.role_refusal = None
    assert office.call().state is ImportState.FINISHED
    assert office.organization.calls.count("begin") == 1


def test_an_import_whose_begin_was_not_answered_is_found_again():
    lost = TransientError("answer-lost", "The answer was lost.")
    office = Office(Organization(begin_refusal=lost, begins_before_it_refuses=True))
    with pytest.raises(TransientError):
        office.call(PACKAGE)
    assert office.kept.state is ImportState.STAGED
    office.organization.begin_refusal = None
    assert office.call().state is ImportState.FINISHED
    assert office.organization.calls.count("begin") == 1


def test_an_import_that_never_began_is_begun_by_the_next_call():
    lost = TransientError("service-unreachable", "It could not be reached.")
    office = Office(Organization(begin_refusal=lost))
    with pytest.raises(TransientError):
        office.call(PACKAGE)
    office.organization.begin_refusal = None
    assert office.call().state is ImportState.FINISHED
    assert office.organization.calls.count("begin") == 2
    assert office.organization.calls.count("stage") == 1


def test_of_two_calls_at_once_one_is_refused():
    office = Office(Organization(looks_until_done=9))
    office.call(PACKAGE, seconds=SHORT)
    stale = office.store.load()
    office.store.save(stale, replace(stale.value, progress=99))
    with pytest.raises(RefusedRequestError) as refused:
        office.store.save(stale, stale.value)
    assert (refused.value.status, refused.value.code) == (409, "import-elsewhere")
