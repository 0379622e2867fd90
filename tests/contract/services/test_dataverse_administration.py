"""What the setup guide asks a CRM organization, against the simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from errors import AuthorizationError
from services.dataverse_administration import (
    SYSTEM_ADMINISTRATOR,
    DataverseAdministration,
)
from services.transport import Transport
from tests.contract.services.conftest import CLIENT, Admin

ROLES = ("Coupler Integration User", "Coupler Integration Administrator")


@pytest.fixture
def admin(dataverse_url: str, session: requests.Session) -> Iterator[Admin]:
    admin = Admin(dataverse_url, session)
    admin.reset()
    yield admin
    admin.reset()


@pytest.fixture
def crm(
    admin: Admin, new_transport: Callable[[str, str, str], Transport]
) -> DataverseAdministration:
    return DataverseAdministration(
        new_transport("Dynamics 365 Sales", admin.url, f"{admin.url}/.default")
    )


def user(admin: Admin, **changes: Any) -> None:
    admin.command("user", {"user": CLIENT} | changes)


def test_the_caller_is_found_as_an_application_user(crm):
    identity = crm.who_am_i()
    found = crm.user(identity.user_id)
    assert found is not None
    assert found == crm.application_user(CLIENT)
    assert found.application_id == CLIENT
    assert not found.is_disabled
    assert not found.is_interactive
    assert found.business_unit_id == identity.business_unit_id


def test_nobody_is_found_by_what_is_nobodys(crm):
    nobody = "99999999-0000-4000-8000-000000000000"
    assert crm.user(nobody) is None
    assert crm.application_user(nobody) is None
    assert crm.user_of_email("nobody@cronus.example") is None
    assert crm.team_name(nobody) is None
    assert crm.solution("Nothing") is None
    assert crm.table("nothing") is None


def test_the_version_and_the_organization_are_told(crm, admin):
    assert crm.version().startswith("9.2.")
    admin.command("organization", {"version": "9.1.0.1"})
    assert crm.version() == "9.1.0.1"
    organization = crm.organization()
    assert organization.base_currency_id in crm.currencies()
    assert not organization.orders_are_integrated
    admin.command("organization", {"version": "9.2.24044.195"})


def test_roles_are_told_with_the_templates_they_were_made_from(crm, admin):
    user(admin, roles=["System Administrator", ROLES[0]])
    roles = crm.roles_of(crm.who_am_i().user_id)
    assert {role.name: role.template_id for role in roles} == {
        "System Administrator": SYSTEM_ADMINISTRATOR,
        ROLES[0]: "",
    }
    named = crm.roles_named(ROLES, crm.who_am_i().business_unit_id)
    assert set(named) == set(ROLES)
    assert named[ROLES[0]] in {role.role_id for role in roles}


def test_privileges_follow_from_roles_and_are_named_by_tables(crm, admin):
    user(admin, roles=list(ROLES))
    held = crm.privileges_of(crm.who_am_i().user_id)
    account = crm.table("account")
    assert account is not None
    assert account.entity_set == "accounts"
    assert account.privileges["Assign"] == "prvAssignAccount"
    assert set(account.privileges.values()) - held <= {"prvShareAccount"}
    price_list = crm.table("pricelevel")
    assert price_list is not None
    assert price_list.privileges["Read"] == "prvReadProduct"
    admin.command("privileges", {"table": "account", "create": False})
    assert "prvCreateAccount" not in crm.privileges_of(crm.who_am_i().user_id)
    admin.command("privileges", {"table": "account", "create": True})


def test_change_tracking_and_columns_of_a_table_are_told(crm, admin):
    account = crm.table("account")
    assert account is not None
    assert account.tracks_changes
    admin.command("change-tracking", {"table": "account", "enabled": False})
    untracked = crm.table("account")
    assert untracked is not None
    assert not untracked.tracks_changes
    admin.command("change-tracking", {"table": "account", "enabled": True})
    assert crm.has_column("account", "accountnumber")
    assert not crm.has_column("account", "coupler_nothing")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"isdisabled": True}, "is disabled"),
        ({"remove": True}, "0x80072560"),
    ],
)
def test_a_user_who_is_not_let_in_is_told_in_crms_words(crm, admin, changes, words):
    user(admin, **changes)
    with pytest.raises(AuthorizationError, match=words):
        crm.who_am_i()


def test_a_user_without_roles_is_known_and_may_read_nothing(crm, admin):
    user(admin, roles=[])
    assert crm.who_am_i().user_id
    with pytest.raises(AuthorizationError, match="not been assigned any roles"):
        crm.organization()


def test_administration_mode_is_told(crm, admin):
    admin.command("organization", {"administration_mode": True})
    with pytest.raises(AuthorizationError, match="administration mode"):
        crm.who_am_i()
    admin.command("organization", {"administration_mode": False})
