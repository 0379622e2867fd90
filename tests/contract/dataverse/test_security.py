"""Users, roles and teams: who may do what, and how roles are given."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.contract.dataverse.client import Client, assert_refused, body_of
from tests.contract.dataverse.conftest import CLIENT_ID, STRANGER

INTEGRATION = ["Coupler Integration Administrator", "Coupler Integration User"]


@pytest.fixture
def integration(start: Callable[..., Client]) -> Client:
    """A client whose application user has the roles that an organization begins with."""
    return start(client_roles=tuple(INTEGRATION))


@pytest.fixture
def stranger(client: Client, token_for: Callable[..., str]) -> dict[str, str]:
    """The headers of an application user without roles."""
    unit = client.get("WhoAmI")["BusinessUnitId"]
    client.create(
        "systemusers", applicationid=STRANGER, businessunitid__bind=f"/businessunits({unit})"
    )
    return {"Authorization": f"Bearer {token_for(client.base_url, STRANGER)}"}


def user_of(client: Client, application: str = CLIENT_ID) -> str:
    (row,) = client.rows("systemusers", f"$filter=applicationid eq {application}")
    return str(row["systemuserid"])


def role_of(client: Client, name: str) -> str:
    (row,) = client.rows("roles", f"$filter=name eq '{name}'")
    return str(row["roleid"])


def roles_of(client: Client, user: str) -> list[str]:
    found = client.get(f"systemusers({user})/systemuserroles_association?$select=name")
    return sorted(row["name"] for row in found["value"])


def assign(client: Client, user: str, role: str, **headers: str):
    body = {"@odata.id": f"{client.base_url}/api/data/v9.2/roles({role})"}
    path = f"systemusers({user})/systemuserroles_association/$ref"
    return client.send("POST", path, body, **headers)


def test_the_version_is_told(client):
    assert client.get("RetrieveVersion()")["Version"].startswith("9.2.")
    told = client.admin("POST", "organization", {"version": "8.2.0.749"})
    assert client.get("RetrieveVersion")["Version"] == told["version"] == "8.2.0.749"


def test_an_organization_begins_with_its_roles(integration):
    rows = integration.get("roles?$select=name,_roletemplateid_value")["value"]
    assert {row["name"]: row["_roletemplateid_value"] for row in rows} == {
        "System Administrator": "627090ff-40a3-4053-8790-584edc5be201",
        "System Customizer": "119f245c-3cc8-4b62-b31c-d1a046ced15d",
        "Coupler Integration User": None,
        "Coupler Integration Administrator": None,
    }
    assert roles_of(integration, user_of(integration)) == INTEGRATION


def test_each_business_unit_has_the_roles_as_its_own(client):
    unit = client.get("WhoAmI")["BusinessUnitId"]
    root = client.admin("GET", "dump/businessunits")[0] | {"businessunitid": unit}
    branch = {"businessunitid": str(uuid4()), "name": "B", "_parentbusinessunitid_value": unit}
    client.admin("POST", "seed", {"businessunits": [root, branch]})
    rows = client.rows("roles", "$filter=name eq 'System Customizer'")
    assert {row["_businessunitid_value"] for row in rows} == {unit, branch["businessunitid"]}
    assert len({row["_parentrootroleid_value"] for row in rows}) == 1


def test_privileges_follow_the_roles(integration):
    path = f"systemusers({user_of(integration)})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()"
    found = {each["PrivilegeName"]: each for each in integration.get(path)["RolePrivileges"]}
    assert found["prvWriteAccount"]["Depth"] == "Global"
    assert "prvAssignRole" not in found
    integration.admin("POST", "user", {"user": CLIENT_ID, "roles": ["Coupler Integration User"]})
    integration.admin("POST", "privileges", {"table": "account", "write": False})
    names = {each["PrivilegeName"] for each in integration.get(path)["RolePrivileges"]}
    assert "prvReadAccount" in names
    assert "prvWriteAccount" not in names


@pytest.mark.parametrize(
    ("access", "method", "path", "columns", "privilege"),
    [
        ("create", "POST", "accounts", {"name": "B"}, "prvCreateAccount"),
        ("create", "PATCH", "accounts({new})", {"name": "B"}, "prvCreateAccount"),
        ("write", "PATCH", "accounts({old})", {"name": "B"}, "prvWriteAccount"),
        ("write", "PUT", "accounts({old})/name", {"value": "B"}, "prvWriteAccount"),
        ("delete", "DELETE", "accounts({old})", None, "prvDeleteAccount"),
        ("read", "GET", "accounts({old})/name", None, "prvReadAccount"),
        ("append", "PATCH", "accounts({old})", {"parentaccountid": 1}, "prvAppendAccount"),
        ("appendto", "PATCH", "accounts({old})", {"parentaccountid": 1}, "prvAppendToAccount"),
        ("assign", "PATCH", "accounts({old})", {"ownerid": 1}, "prvAssignAccount"),
    ],
)
def test_each_kind_of_access_needs_its_privilege(client, access, method, path, columns, privilege):
    old, other, boss = client.create("accounts", name="A"), str(uuid4()), str(uuid4())
    client.create("accounts", name="C", accountid=other)
    unit = client.get("WhoAmI")["BusinessUnitId"]
    person = {"systemuserid": boss, "lastname": "B", "_businessunitid_value": unit}
    client.admin(
        "POST", "seed", {"systemusers": [*client.admin("GET", "dump/systemusers"), person]}
    )
    binds = {
        "parentaccountid": {"parentaccountid__bind": f"/accounts({other})"},
        "ownerid": {"ownerid__bind": f"/systemusers({boss})"},
    }
    body = columns and body_of(binds.get(next(iter(columns)), columns))
    address = path.format(old=old, new=uuid4())
    client.admin("POST", "privileges", {"table": "account", access: False})
    answer = client.send(method, address, body)
    words = (f"is missing {privilege} privilege", "for entity 'account'", "privilegeCount=")
    assert_refused(answer, 403, "0x80040220", *words)
    client.admin("POST", "privileges", {"table": "account", access: True})
    assert client.send(method, address, body).ok


def test_a_part_of_a_bulk_message_needs_the_privilege_too(client):
    client.admin("POST", "privileges", {"table": "account", "create": False})
    target = {"@odata.type": "Microsoft.Dynamics.CRM.account", "name": "A"}
    path = "accounts/Microsoft.Dynamics.CRM.CreateMultiple"
    answer = client.send("POST", path, {"Targets": [target]})
    assert_refused(answer, 403, "0x80040220", "prvCreateAccount")
    assert client.rows("accounts") == []


def test_a_team_owns_only_what_its_roles_let_it_read(client):
    unit = client.get("WhoAmI")["BusinessUnitId"]
    team = {"teamid": str(uuid4()), "name": "T", "_businessunitid_value": unit, "teamtype": 0}
    client.admin("POST", "seed", {"teams": [team | {"teamroles_association": []}]})
    owned = {"name": "A", "ownerid@odata.bind": f"/teams({team['teamid']})"}
    answer = client.send("POST", "accounts", owned)
    assert_refused(answer, 403, "0x80040220", f"team (Id={team['teamid']}", "prvReadAccount")
    role = role_of(client, "Coupler Integration User")
    path = f"teams({team['teamid']})/teamroles_association/$ref"
    assert client.send("POST", path, {"@odata.id": f"/roles({role})"}).status_code == 204
    assert client.send("POST", "accounts", owned).status_code == 204


def test_the_roles_of_a_team_are_its_members(client, stranger):
    unit = client.get("WhoAmI")["BusinessUnitId"]
    role = role_of(client, "Coupler Integration User")
    team = {
        "teamid": str(uuid4()),
        "name": "T",
        "_businessunitid_value": unit,
        "teamroles_association": [{"roleid": role}],
    }
    client.admin("POST", "seed", {"teams": [team]})
    assert client.send("GET", "accounts", **stranger).status_code == 403
    member = {"@odata.id": f"/systemusers({user_of(client, STRANGER)})"}
    path = f"teams({team['teamid']})/teammembership_association/$ref"
    assert client.send("POST", path, member).status_code == 204
    assert client.send("GET", "accounts", **stranger).status_code == 200


def test_a_role_is_given_once_and_taken_back(client, stranger):
    user, role = user_of(client, STRANGER), role_of(client, "Coupler Integration User")
    assert assign(client, user, role).status_code == 204
    assert_refused(assign(client, user, role), 412, "0x80040237")
    assert roles_of(client, user) == ["Coupler Integration User"]
    assert client.send("GET", "accounts", **stranger).status_code == 200
    taken = f"systemusers({user})/systemuserroles_association({role})/$ref"
    assert client.send("DELETE", taken).status_code == 204
    assert_refused(client.send("DELETE", taken), 404, "0x80040217")
    again = f"systemusers({user})/systemuserroles_association/$ref?$id=roles({role})"
    assign(client, user, role)
    assert client.send("DELETE", again).status_code == 204
    assert roles_of(client, user) == []


def test_roles_are_given_by_administrators_only(client, stranger):
    user, role = user_of(client, STRANGER), role_of(client, "Coupler Integration User")
    client.admin("POST", "user", {"user": STRANGER, "roles": INTEGRATION})
    answer = assign(client, user, role, **stranger)
    assert_refused(answer, 403, "0x80040220", "prvAssignRole")


def test_a_role_of_another_business_unit_cannot_be_given(client):
    unit = client.get("WhoAmI")["BusinessUnitId"]
    user = user_of(client)
    root = client.admin("GET", "dump/businessunits")[0]
    branch = {"businessunitid": str(uuid4()), "name": "B", "_parentbusinessunitid_value": unit}
    client.admin("POST", "seed", {"businessunits": [root, branch]})
    rows = client.rows("roles", f"$filter=_businessunitid_value eq {branch['businessunitid']}")
    answer = assign(client, user, rows[0]["roleid"])
    assert_refused(answer, 400, "0x80040203", "business unit")


def test_administration_mode_lets_administrators_in_only(client, stranger):
    client.admin("POST", "user", {"user": STRANGER, "roles": INTEGRATION})
    client.admin("POST", "organization", {"administration_mode": True})
    assert client.send("GET", "WhoAmI").status_code == 200
    refused = client.send("GET", "WhoAmI", **stranger)
    assert refused.status_code == 403
    assert "administration mode" in refused.json()["error"]["message"]
    client.admin("POST", "organization", {"administration_mode": False})
    assert client.send("GET", "accounts", **stranger).status_code == 200


def test_a_user_is_disabled_removed_and_given_roles_on_demand(client, stranger):
    disabled = client.admin("POST", "user", {"user": STRANGER, "isdisabled": True})
    assert disabled["isdisabled"] is True
    assert_refused(client.send("GET", "WhoAmI", **stranger), 403, "0x80041d1f")
    changes = {"user": STRANGER, "isdisabled": False, "roles": ["System Administrator"]}
    assert client.admin("POST", "user", changes)["roles"] == ["System Administrator"]
    assert client.send("GET", "accounts", **stranger).status_code == 200
    client.admin("POST", "user", {"user": STRANGER, "remove": True})
    assert_refused(client.send("GET", "WhoAmI", **stranger), 403, "0x80072560")


def test_change_tracking_is_switched_on_demand(client):
    track = {"Prefer": "odata.track-changes"}
    client.admin("POST", "change-tracking", {"table": "account", "enabled": False})
    assert client.send("GET", "accounts?$select=name", **track).status_code == 400
    path = "EntityDefinitions(LogicalName='account')?$select=ChangeTrackingEnabled"
    assert client.get(path)["ChangeTrackingEnabled"] is False
    client.admin("POST", "change-tracking", {"table": "account", "enabled": True})
    assert client.send("GET", "accounts?$select=name", **track).status_code == 200


def test_a_row_is_taken_away_on_demand(client):
    (currency,) = client.get("transactioncurrencies")["value"]
    client.admin("POST", "delete", {"transactioncurrencies": [currency["transactioncurrencyid"]]})
    assert client.get("transactioncurrencies")["value"] == []


def test_what_was_dumped_gives_users_their_roles_again(client, start):
    client.admin("POST", "user", {"user": CLIENT_ID, "roles": ["System Customizer"]})
    sets = ("organizations", "businessunits", "transactioncurrencies", "systemusers")
    dumped = {name: client.admin("GET", f"dump/{name}") for name in sets}
    other = start()
    other.admin("POST", "seed", dumped)
    assert other.admin("POST", "user", {"user": CLIENT_ID})["roles"] == ["System Customizer"]
