"""Importing the CRM solution through the local host: who may, how it goes on, and how it fails."""

from __future__ import annotations

import base64
from random import Random
from typing import Any

import pytest

from local.identities import ADMINISTRATOR, NOBODY, SERVICE, TENANT
from tests.integration.full_sync.installation import CRM
from tests.integration.secrets.life import Life
from tests.integration.secrets.test_secrets import forms, numbered
from tests.integration.setup.guided import PACKAGE, ROLES, Guided
from tests.unit.setup.solution.packages import encoded


@pytest.fixture
def connection(guided: Guided) -> str:
    """A connection to an organization that is still bare."""
    guided.begin_anew()
    guided.installation.world.make_crm_bare()
    return guided.connect(options={"crm_solution": True})


def roles_of_the_user(guided: Guided) -> set[str]:
    told = guided.platform.client.request(
        "POST",
        f"{guided.platform.addresses.crm}/_sim/user",
        body={"user": SERVICE.client_id},
    )
    return set(told.body["roles"])


def delegated_token(guided: Guided, connection: str) -> str:
    """A token of the administrator for the CRM organization, as the portal would get one."""
    code = guided.signed_in(connection)
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "client_id": SERVICE.client_id,
        "device_code": code,
    }
    url = f"{guided.platform.addresses.entra}/{TENANT}/oauth2/v2.0/token"
    answer = guided.platform.client.request("POST", url, form=form)
    assert answer.status == 200, answer.body
    return str(answer.body["access_token"])


def test_an_import_that_takes_long_is_carried_on_by_further_calls(guided: Guided, connection: str):
    guided.demand(CRM, "imports", {"seconds": 7})
    administrator = {"token": delegated_token(guided, connection)}
    begun = guided.import_solution(connection, administrator, package=PACKAGE)
    assert (begun.status, begun.body["state"]) == (202, "importing"), begun.body
    assert 0 < begun.body["progress"] < 100
    assert begun.headers["Location"] == f"/api/connections/{connection}/solution"
    assert roles_of_the_user(guided) == set()
    done = guided.import_solution(connection, administrator)
    assert (done.status, done.body["state"]) == (200, "finished"), done.body
    assert roles_of_the_user(guided) == set(ROLES)


def test_a_package_of_a_mebibyte_is_imported(guided: Guided, connection: str):
    administrator = {"token": delegated_token(guided, connection)}
    package = encoded({"Other/image.png": Random(1).randbytes(1024 * 1024)})
    done = guided.import_solution(connection, administrator, package=package)
    assert (done.status, done.body["state"]) == (200, "finished"), done.body


def test_until_the_sign_in_is_finished_the_caller_is_told_to_come_again(
    guided: Guided, connection: str
):
    begun = guided.sign_in(connection)
    assert set(begun) == {
        "user_code",
        "verification_uri",
        "device_code",
        "interval",
        "expires_in",
    }
    administrator = {"device_code": begun["device_code"]}
    pending = guided.import_solution(connection, administrator, package=PACKAGE)
    assert (pending.status, pending.body["code"]) == (409, "sign-in-pending")
    assert pending.headers["Retry-After"] == "5"
    guided.play(user_code=begun["user_code"], decline=True)
    declined = guided.import_solution(connection, administrator, package=PACKAGE)
    assert (declined.status, declined.body["code"]) == (422, "sign-in-declined")


@pytest.mark.parametrize(
    ("roles", "named"),
    [
        (["System Administrator"], "System Customizer"),
        (["System Customizer"], "System Administrator"),
    ],
)
def test_an_administrator_without_both_roles_is_told_which_is_missing(
    guided: Guided, connection: str, roles: list[str], named: str
):
    guided.demand(CRM, "user", {"user": ADMINISTRATOR.sign_in_name, "roles": roles})
    administrator = {"device_code": guided.signed_in(connection)}
    refused = guided.import_solution(connection, administrator, package=PACKAGE)
    assert (refused.status, refused.body["code"]) == (422, "administrator-needed")
    assert named in refused.body["detail"]
    state = guided.call("GET", f"connections/{connection}/solution").body["state"]
    assert state == "none"


def test_a_person_whom_the_organization_does_not_know_is_told_so(guided: Guided, connection: str):
    code = guided.signed_in(connection, NOBODY.sign_in_name)
    refused = guided.import_solution(connection, {"device_code": code}, package=PACKAGE)
    assert (refused.status, refused.body["code"]) == (422, "administrator-not-accepted")


@pytest.mark.parametrize(
    "administrator", [{}, {"token": "a", "device_code": "b"}], ids=["nobody", "both"]
)
def test_exactly_one_way_tells_who_imports(
    guided: Guided, connection: str, administrator: dict[str, str]
):
    refused = guided.import_solution(connection, administrator, package=PACKAGE)
    assert (refused.status, refused.body["code"]) == (422, "administrator-missing")


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("invalid", 422, "solution-not-valid"),
        ("missing-dependency", 422, "solution-dependency-missing"),
        ("busy", 409, "import-in-progress"),
        ("fails", 422, "import-failed"),
        ("fails-on-dependency", 422, "import-failed"),
        ("cancelled", 422, "import-failed"),
    ],
)
def test_each_way_the_organization_fails_it_is_told_and_kept(
    guided: Guided, connection: str, fault: str, status: int, code: str
):
    guided.demand(CRM, "imports", {"fault": fault})
    administrator = {"device_code": guided.signed_in(connection)}
    failed = guided.import_solution(connection, administrator, package=PACKAGE)
    assert (failed.status, failed.body["code"]) == (status, code), failed.body
    assert failed.body["hint"]
    kept = guided.call("GET", f"connections/{connection}/solution").body
    assert (kept["state"], kept["problem"]["code"]) == ("failed", code)
    again = {"device_code": guided.signed_in(connection)}
    assert guided.import_solution(connection, again, package=PACKAGE).status == 200


def test_roles_are_not_assigned_to_a_user_who_is_not_there(guided: Guided, connection: str):
    guided.demand(CRM, "user", {"user": SERVICE.client_id, "remove": True})
    administrator = {"device_code": guided.signed_in(connection)}
    failed = guided.import_solution(connection, administrator, package=PACKAGE)
    assert (failed.status, failed.body["code"]) == (422, "roles-without-user")
    assert "application user" in failed.body["hint"]


def test_a_strange_package_does_not_reach_the_organization(guided: Guided, connection: str):
    administrator = {"token": "a.b.c"}
    sent = encoded({"solution.xml": None})
    refused = guided.import_solution(connection, administrator, package=sent)
    assert (refused.status, refused.body["code"]) == (422, "package-not-valid")


def test_an_enabled_connection_is_not_imported_under(guided: Guided):
    guided.begin_anew()
    connection = guided.connect(options={"crm_solution": True})
    assert guided.call("POST", f"connections/{connection}/enable").status == 200
    refused = guided.import_solution(connection, {"token": "a.b.c"}, package=PACKAGE)
    assert (refused.status, refused.body["code"]) == (409, "connection-active")


def test_nothing_of_an_administrators_sign_in_is_left_anywhere(guided: Guided, connection: str):
    token, code = delegated_token(guided, connection), guided.signed_in(connection)
    life = Life(guided.platform)  # begun after the one answer that is meant to hold the code
    marked = "adm1nistrator-t0ken-that-is-n0ne"
    bodies: list[tuple[dict[str, str], dict[str, Any]]] = [
        ({"token": marked}, {"package": PACKAGE}),
        ({"token": token}, {"package": encoded({"solution.xml": "<"})}),
        ({"token": token, "unknown": marked}, {}),
        ({"token": f"{token} {marked}"}, {}),
        ({"token": token}, {"package": PACKAGE}),
        ({"device_code": code}, {"package": PACKAGE, "redeploy": True}),
        ({"device_code": code}, {}),
    ]
    statuses = [
        guided.import_solution(connection, administrator, **more).status
        for administrator, more in bodies
    ]
    assert statuses == [422, 422, 400, 400, 200, 200, 422]
    for path in ("solution", "setup", ""):
        assert guided.call("GET", f"connections/{connection}/{path}".rstrip("/")).status == 200
    assert guided.call("GET", "audit").status == 200

    sent = [
        base64.b64decode(each).decode()
        for messages in life.messages().values()
        for each in messages
    ]
    places = {**life.rows(), **life.said(), **numbered(life.log()), **numbered(sent)}
    assert any(place.startswith("solutions ") for place in places)
    assert any(place.startswith("audit ") for place in places)
    assert any("solution import: finished" in text for text in places.values())
    secrets = {"token": token, "signature": token.rpartition(".")[2], "code": code, "mark": marked}
    assert [
        (what, place)
        for what, secret in secrets.items()
        for place, text in places.items()
        if any(form in text for form in forms(secret))
    ] == []
