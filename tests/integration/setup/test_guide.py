"""The setup guide from a bare organization to an enabled connection, through the local host."""

from __future__ import annotations

from local.identities import SERVICE
from tests.integration.full_sync.installation import CRM
from tests.integration.setup.guided import (
    ALL_OPTIONS,
    PACKAGE,
    ROLES,
    Guided,
    failures,
    findings,
    told,
)


def test_a_bare_organization_is_guided_to_an_enabled_connection(guided: Guided):
    guided.begin_anew()
    guided.installation.world.make_crm_bare()
    connection = guided.connect(options=ALL_OPTIONS)

    never = guided.guide(connection)
    assert (never["state"], never["is_ready"]) == ("draft", False)
    assert never["next"]["step"] == "addresses"
    assert {step["result"] for step in never["steps"]} == {"not_checked"}

    bare = guided.set_up(connection)
    assert {step["step"]: step["result"] for step in bare["steps"]} == {
        "addresses": "passed",
        "tokens": "passed",
        "crm": "passed",
        "business-central": "passed",
        "synchronization-user": "failed",
        "solution": "failed",
        "currencies": "failed",
        "tables": "failed",
        "item-availability": "passed",
        "sales-orders": "failed",
        "webhooks": "warning",
    }
    assert bare["next"]["step"] == "synchronization-user"
    assert "Import the CRM solution" in bare["next"]["message"]

    refused = guided.call("POST", f"connections/{connection}/enable")
    assert (refused.status, refused.body["code"]) == (409, "setup-incomplete")
    assert {each["member"].partition("/")[0] for each in refused.body["errors"]} == {
        "synchronization-user",
        "solution",
        "currencies",
        "tables",
        "sales-orders",
    }

    code = guided.signed_in(connection)
    done = guided.import_solution(connection, {"device_code": code}, package=PACKAGE)
    assert (done.status, done.body["state"]) == (200, "finished"), done.body
    assert (done.body["progress"], done.body["version"]) == (100, "1.0.0.0")
    assert done.body["roles"] == ROLES
    kept = guided.call("GET", f"connections/{connection}/solution").body
    assert kept == done.body

    ready = guided.set_up(connection)
    assert failures(ready) == []
    assert ready["is_ready"]
    assert "/enable" in ready["next"]["message"]
    assert findings(ready, "warning") == {("webhooks", "webhooks-registered", ""): "warning"}

    enabled = guided.call("POST", f"connections/{connection}/enable")
    assert (enabled.status, enabled.body["state"]) == (200, "active"), enabled.body
    assert guided.guide(connection)["next"] is None

    assert guided.call("PUT", f"connections/{connection}/webhooks", {}).status == 200
    webhooks = guided.look(connection, "webhooks")
    assert set(findings(webhooks).values()) == {"passed"}
    assert told(webhooks, "webhooks", "crm-webhooks", "")["result"] == "passed"
    assert guided.call("DELETE", f"connections/{connection}/webhooks").status == 204


def test_a_change_of_settings_makes_what_was_found_stale(guided: Guided):
    guided.begin_anew()
    connection = guided.connect()
    assert guided.set_up(connection)["is_ready"]
    document = guided.installation.document(guided.data.company, name="Renamed")
    path = f"connections/{connection}"
    etag = guided.call("GET", path).headers["ETag"]
    changed = document | {"connection_id": connection, "options": {"item_availability": True}}
    answer = guided.platform.client.request(
        "PUT",
        f"{guided.platform.addresses.function_app}/api/{path}",
        body=changed,
        headers={"Authorization": f"Bearer {guided.installation.token}", "If-Match": etag},
    )
    assert answer.status == 200, answer.body
    stale = guided.guide(connection)
    assert not stale["is_ready"]
    assert {step["is_stale"] for step in stale["steps"]} == {True}
    assert guided.look(connection, "item-availability")["result"] == "passed"
    after = {step["step"]: step["is_stale"] for step in guided.guide(connection)["steps"]}
    assert [step for step, is_stale in after.items() if not is_stale] == ["item-availability"]


def test_the_guide_is_left_and_resumed_where_it_was(guided: Guided):
    guided.begin_anew()
    connection = guided.connect()
    guided.look(connection, "addresses")
    assert guided.guide(connection)["next"]["step"] == "tokens"
    guided.look(connection, "tokens")
    assert guided.guide(connection)["next"]["step"] == "crm"


def test_an_unknown_step_is_answered_with_the_known_ones(guided: Guided):
    guided.begin_anew()
    connection = guided.connect()
    answer = guided.call("POST", f"connections/{connection}/setup/coffee", {})
    assert (answer.status, answer.body["code"]) == (404, "step-unknown")
    assert "business-central" in answer.body["hint"]


def test_without_the_solution_what_the_users_own_roles_lack_is_named(guided: Guided):
    guided.begin_anew()
    connection = guided.connect()
    guided.demand(CRM, "solution", {"remove": "Coupler"})
    guided.demand(CRM, "user", {"user": SERVICE.client_id, "roles": ["System Customizer"]})
    guide = guided.set_up(connection)
    assert ("tables", "privileges", "account") in failures(guide)
    assert "prvAssignAccount" in told(guide, "tables", "privileges", "account")["message"]
    assert findings(guide)["solution", "solution-installed", "Coupler"] == "not_checked"
