"""Staging and importing solutions, with what they bring, and what goes wrong with them."""

import base64
import io
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
import requests

from solution.pack import packed
from solution.roles import COMPANY_COLUMN, INTEGRATION_USER, PRIVILEGES, ROLE_IDS
from tests.contract.dataverse.client import Client, assert_refused
from tests.contract.dataverse.conftest import CLIENT_ID, Clock

PACKAGE = base64.b64encode(packed()).decode()
SWITCHES = {"OverwriteUnmanagedCustomizations": True, "PublishWorkflows": True}


@pytest.fixture
def client(start: Callable[..., Client]) -> Client:
    """An administrator's client of an organization that knows nothing of Coupler."""
    found = start()
    found.admin("POST", "bare", {})
    return found


def repacked(**changes: tuple[str, str]) -> str:
    """The package with a text replaced in `solution.xml` or `customizations.xml`."""
    content = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(packed())) as source,
        zipfile.ZipFile(content, "w") as target,
    ):
        for name in source.namelist():
            text = source.read(name).decode()
            before, after = changes.get(name.removesuffix(".xml"), ("", ""))
            assert before in text
            target.writestr(name, text.replace(before, after) if before else text)
    return base64.b64encode(content.getvalue()).decode()


def stage(client: Client, package: str = PACKAGE) -> dict[str, Any]:
    answer = client.send("POST", "StageSolution", {"CustomizationFile": package})
    assert answer.status_code == 200, answer.text
    results: dict[str, Any] = answer.json()["StageSolutionResults"]
    return results


def begin(client: Client, package: str = PACKAGE) -> requests.Response:
    staged = {
        "SolutionParameters": {
            "StageSolutionUploadId": stage(client, package)["StageSolutionUploadId"]
        }
    }
    return client.send(
        "POST", "ImportSolutionAsync", SWITCHES | staged | {"ImportJobId": str(uuid4())}
    )


def ended(
    client: Client, clock: Clock, begun: requests.Response
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The system job and the import job, once the import had its time."""
    assert begun.status_code == 200, begun.text
    client.admin("PUT", "clock", {"step_seconds": 5})
    told = begun.json()
    operation = client.get(f"asyncoperations({told['AsyncOperationId']})")
    return operation, client.get(f"importjobs({told['ImportJobKey']})")


def test_a_staged_package_tells_what_it_is_and_changes_nothing(client):
    staged = stage(client)
    assert staged["StageSolutionStatus"] == "Passed"
    assert staged["MissingDependencies"] == staged["SolutionValidationResults"] == []
    assert staged["SolutionDetails"]["SolutionUniqueName"] == "Coupler"
    assert client.rows("solutions") == []
    assert client.rows("roles", f"$filter=name eq '{INTEGRATION_USER}'") == []


def test_an_import_brings_the_solution_its_roles_and_columns(client, clock):
    operation, job = ended(client, clock, begin(client))
    assert (operation["statecode"], operation["statuscode"]) == (3, 30)
    assert (job["progress"], job["solutionname"]) == (100, "Coupler")
    assert 'result="failure"' not in job["data"]
    (solution,) = client.rows("solutions", "$filter=uniquename eq 'Coupler'")
    assert (solution["version"], solution["ismanaged"]) == ("1.0.0.0", False)
    (role,) = client.rows("roles", f"$filter=name eq '{INTEGRATION_USER}'")
    assert role["roleid"] == ROLE_IDS[INTEGRATION_USER]
    held = client.get(
        f"roles({role['roleid']})/Microsoft.Dynamics.CRM.RetrieveRolePrivilegesRole()"
    )
    names = {each["PrivilegeName"] for each in held["RolePrivileges"]}
    assert names == set(PRIVILEGES[INTEGRATION_USER])
    account = client.create("accounts", **{"name": "A", COMPANY_COLUMN: "x" * 36})
    assert client.get(f"accounts({account})")[COMPANY_COLUMN] == "x" * 36
    attribute = (
        f"EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='{COMPANY_COLUMN}')"
    )
    assert client.get(attribute)["MaxLength"] == 36


def test_the_imported_roles_let_an_application_work(client, clock):
    ended(client, clock, begin(client))
    client.admin("POST", "user", {"user": CLIENT_ID, "roles": [INTEGRATION_USER]})
    account = client.create("accounts", name="A")
    assert client.change(f"accounts({account})", name="B").status_code == 204
    answer = client.send("POST", "StageSolution", {"CustomizationFile": PACKAGE})
    assert_refused(answer, 403, "0x80040220", "prvImportCustomization")


def test_a_delta_link_ends_with_a_new_column(client, clock):
    track = {"Prefer": "odata.track-changes"}
    link = client.get("accounts?$select=name", **track)["@odata.deltaLink"]
    ended(client, clock, begin(client))
    assert_refused(client.send("GET", link), 400, "0x80044352")
    again = client.get("accounts?$select=name", **track)["@odata.deltaLink"]
    ended(client, clock, begin(client))
    assert client.send("GET", again).status_code == 200


def test_an_import_needs_its_time_and_tells_how_far_it_is(client, clock):
    client.admin("POST", "imports", {"seconds": 10})
    told = begin(client).json()
    client.admin("PUT", "clock", {"step_seconds": 4})
    operation = client.get(f"asyncoperations({told['AsyncOperationId']})")
    assert (operation["statecode"], operation["statuscode"]) == (2, 20)
    assert client.get(f"importjobs({told['ImportJobKey']})")["progress"] == 40
    assert client.rows("solutions") == []
    client.admin("PUT", "clock", {"step_seconds": 6})
    assert client.get(f"asyncoperations({told['AsyncOperationId']})")["statuscode"] == 30


def test_there_is_one_import_at_a_time(client, clock):
    first = begin(client)
    assert_refused(begin(client), 429, "0x80071151", "another [Import]")
    assert ended(client, clock, first)[0]["statuscode"] == 30
    assert begin(client).status_code == 200


def test_a_solution_is_imported_at_once_too(client):
    values = SWITCHES | {"CustomizationFile": PACKAGE, "ImportJobId": str(uuid4())}
    assert client.send("POST", "ImportSolution", values).status_code == 204
    assert client.get(f"importjobs({values['ImportJobId']})")["progress"] == 100
    assert len(client.rows("solutions")) == 1
    assert client.send("POST", "ImportSolution", values).status_code == 400


def test_a_later_version_takes_the_place_of_an_earlier_one(client, clock):
    ended(client, clock, begin(client))
    ended(client, clock, begin(client, repacked(solution=("1.0.0.0", "1.1.0.0"))))
    (solution,) = client.rows("solutions")
    assert solution["version"] == "1.1.0.0"
    assert len(client.rows("roles", f"$filter=name eq '{INTEGRATION_USER}'")) == 1


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("fails", 31, "Coupler Integration User"),
        ("fails-on-dependency", 31, "Some dependencies are missing"),
        ("cancelled", 32, "canceled"),
    ],
)
def test_an_import_fails_as_planned_once(client, clock, fault, status, words):
    client.admin("POST", "imports", {"fault": fault})
    operation, job = ended(client, clock, begin(client))
    assert (operation["statecode"], operation["statuscode"]) == (3, status)
    assert words in operation["message"]
    assert job["completedon"]
    assert job["progress"] < 100
    assert client.rows("solutions") == []
    assert ended(client, clock, begin(client))[0]["statuscode"] == 30


def test_a_failed_component_is_told_in_the_import_job(client, clock):
    client.admin("POST", "imports", {"fault": "fails"})
    _, job = ended(client, clock, begin(client))
    assert 'result="failure" errorcode="0x8004801E" errortext="An item with' in job["data"]


def test_a_stuck_import_ends_when_it_is_let(client, clock):
    client.admin("POST", "imports", {"fault": "stuck"})
    begun = begin(client)
    assert ended(client, clock, begun)[0]["statecode"] == 2
    client.admin("POST", "imports", {"fault": None})
    assert ended(client, clock, begun)[0]["statuscode"] == 30


@pytest.mark.parametrize(
    ("fault", "member"),
    [("invalid", "SolutionValidationResults"), ("missing-dependency", "MissingDependencies")],
)
def test_staging_fails_as_planned_once(client, fault, member):
    client.admin("POST", "imports", {"fault": fault})
    staged = stage(client)
    assert staged["StageSolutionStatus"] == "Failed"
    assert len(staged[member]) == 1
    assert stage(client)["StageSolutionStatus"] == "Passed"


def test_another_import_is_under_way_as_planned(client):
    client.admin("POST", "imports", {"fault": "busy"})
    assert_refused(begin(client), 429, "0x80071151")
    assert begin(client).status_code == 200


@pytest.mark.parametrize(
    ("changes", "component"),
    [
        ({"customizations": ("prvReadAccount", "prvReadNothing")}, INTEGRATION_USER),
        (
            {
                "customizations": ("d0b-3a5b8c1e6f01", "d0b-3a5b8c1e6f03"),
                "solution": ("d0b-3a5b8c1e6f01", "d0b-3a5b8c1e6f03"),
            },
            INTEGRATION_USER,
        ),
    ],
)
def test_what_the_organization_cannot_take_is_found_when_staging(start, changes, component):
    (found,) = stage(start(), repacked(**changes))["SolutionValidationResults"]
    assert found["AdditionalInfo"] == component


def test_an_unknown_table_is_found_when_staging(client):
    changes = {
        "customizations": (">Account<", ">Accountant<"),
        "solution": ('"account"', '"accountant"'),
    }
    (found,) = stage(client, repacked(**changes))["SolutionValidationResults"]
    assert "accountant" in found["Message"]


@pytest.mark.parametrize(
    "package",
    [
        base64.b64encode(b"no zip").decode(),
        repacked(solution=("<UniqueName>Coupler</UniqueName>", "")),
        repacked(solution=('schemaName="contact"', 'schemaName="lead"')),
        repacked(customizations=("<Entities>", "<Entities")),
        repacked(customizations=("<ImportExportXml", "<!DOCTYPE x []><ImportExportXml")),
        "!",
    ],
)
def test_what_is_no_solution_is_refused(client, package):
    answer = client.send("POST", "StageSolution", {"CustomizationFile": package})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in ("0x80048060", "0x80040203")


def test_a_bare_organization_stays_bare(client):
    client.admin("POST", "seed", {"accounts": [{"name": "A"}]})
    names = {row["name"] for row in client.rows("roles")}
    assert names == {"System Administrator", "System Customizer"}


def test_a_solution_is_installed_and_removed_on_demand(client):
    installed = client.admin("POST", "solution", {"package": PACKAGE})
    assert installed == {"uniquename": "Coupler", "version": "1.0.0.0"}
    assert COMPANY_COLUMN in client.get(f"accounts({client.create('accounts', name='A')})")
    client.admin("POST", "solution", {"remove": "Coupler"})
    assert client.rows("solutions") == []
    assert COMPANY_COLUMN not in client.get("accounts")["value"][0]
