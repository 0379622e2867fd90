from __future__ import annotations

from dataclasses import replace

import pytest

from services.dataverse_administration import SYSTEM_ADMINISTRATOR, Identity, Role, User
from setup.checks.findings import Trouble
from setup.checks.synchronization_user import UserFacts, check_synchronization_user
from setup.model import Result
from setup.solution.contents import ROLES
from tests.unit.setup.checks.telling import TROUBLE, failures, only_passed, the

CLIENT = "55555555-5555-4555-8555-555555555555"
USER = User(
    user_id="u",
    name="# coupler",
    email="",
    application_id=CLIENT,
    is_disabled=False,
    is_licensed=False,
    is_interactive=False,
    business_unit_id="b",
)
BOTH = tuple(Role(role_id=name, name=name, template_id="") for name in ROLES)
GOOD = UserFacts(
    client_id=CLIENT.upper(),
    identity=Identity(user_id="u", business_unit_id="b", organization_id="o"),
    user=USER,
    roles=BOTH,
    integration_roles=ROLES,
)


def refused(words: str) -> Trouble:
    return Trouble(code="service-privilege-missing", message=f"403: {words}", hint="")


def test_an_application_user_with_the_roles_passes_without_a_licence():
    assert only_passed(check_synchronization_user(GOOD))


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"identity": refused("0x80072560 not a member of the organization.")}, "user-exists"),
        ({"identity": refused("0x80040225 The specified user is disabled.")}, "user-enabled"),
        ({"user": None}, "user-exists"),
        ({"user": replace(USER, application_id="")}, "user-exists"),
        ({"user": replace(USER, is_disabled=True)}, "user-enabled"),
        ({"user": replace(USER, is_interactive=True)}, "user-licensed"),
        ({"user": TROUBLE}, "user-has-roles"),
        ({"roles": TROUBLE}, "user-has-roles"),
    ],
)
def test_each_thing_wrong_with_the_user_is_named(changes, check):
    findings = check_synchronization_user(replace(GOOD, **changes))
    assert [name for name, _ in failures(findings)] == [check]
    assert the(findings, check).hint


def test_a_user_without_roles_lacks_the_integration_roles_as_well():
    findings = check_synchronization_user(replace(GOOD, roles=()))
    assert [name for name, _ in failures(findings)] == [
        "user-has-roles",
        "user-integration-roles",
    ]


def test_a_system_administrator_is_refused_by_the_roles_template_whatever_its_name():
    role = Role(role_id="r", name="Systemadministrator", template_id=SYSTEM_ADMINISTRATOR)
    findings = check_synchronization_user(replace(GOOD, roles=(*BOTH, role)))
    assert failures(findings) == [("user-not-system-administrator", USER.name)]


def test_the_missing_integration_role_is_named():
    findings = check_synchronization_user(replace(GOOD, roles=BOTH[:1]))
    assert failures(findings) == [("user-integration-roles", USER.name)]
    assert ROLES[1] in the(findings, "user-integration-roles").message
    assert ROLES[0] not in the(findings, "user-integration-roles").message


def test_without_the_solution_the_integration_roles_are_not_asked_for():
    other = Role(role_id="r", name="Our own", template_id="")
    findings = check_synchronization_user(replace(GOOD, roles=(other,), integration_roles=()))
    assert failures(findings) == []
    assert the(findings, "user-integration-roles").result is Result.NOT_CHECKED
