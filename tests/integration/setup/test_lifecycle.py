"""From enabled to on hold, with new credentials, and away, through the local host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.http_client import Answer
from local.identities import SERVICE, TENANT
from tests.integration.full_sync.installation import BC, statuses, until
from tests.integration.setup.guided import Guided

TABLE = "CURRENCY"
TABLES = ["SALESPEOPLE", "CURRENCY", "CUSTOMER"]


@pytest.fixture
def connection(guided: Guided) -> Iterator[str]:
    """An enabled connection with a table in step."""
    guided.begin_anew()
    connection = guided.installation.connect(guided.data.company)
    review = guided.installation.synchronize(connection, [TABLE])
    assert statuses(review) == {TABLE: "finished"}
    yield connection
    guided.installation.forget(connection)


def versioned(guided: Guided, method: str, path: str, body: Any = None, query: str = "") -> Answer:
    """A change of what was just read."""
    base = f"{guided.platform.addresses.function_app}/api/"
    headers = {"Authorization": f"Bearer {guided.installation.token}"}
    client = guided.platform.client
    seen = client.request("GET", f"{base}{path.removesuffix('/credentials')}", headers=headers)
    headers["If-Match"] = seen.headers["ETag"]
    return client.request(method, f"{base}{path}{query}", body=body, headers=headers)


def credentials(secret_name: str) -> dict[str, str]:
    return {
        "tenant_id": TENANT,
        "client_id": SERVICE.client_id,
        "client_secret_name": secret_name,
    }


def gone(guided: Guided, connection: str) -> None:
    def is_gone() -> bool | None:
        return guided.call("GET", f"connections/{connection}").status == 404 or None

    until(is_gone, f"the removal of {connection}")


def test_nothing_but_previews_runs_while_a_connection_is_on_hold(guided, connection):
    held = guided.call("POST", f"connections/{connection}/disable", {"reason": "stocktaking"})
    assert (held.body["state"], held.body["hold_reason"]) == ("on_hold", "stocktaking")
    for path in ("full-sync/start", "incremental/run", "reconcile"):
        refused = guided.call("POST", f"connections/{connection}/{path}", {})
        assert (refused.status, refused.body["code"]) == (409, "connection-not-enabled")
    assert guided.installation.preview(connection, [TABLE])["run"]["state"] == "finished"
    again = guided.call("POST", f"connections/{connection}/enable", {})
    assert (again.body["state"], again.body["hold_reason"]) == ("active", "")
    assert guided.installation.start(connection, [TABLE]).status == 202
    guided.installation.ended(connection)


def test_new_credentials_are_tried_before_they_are_used(guided, connection):
    path = f"connections/{connection}/credentials"
    wrong = guided.store_secret("wrong", "not the application's secret")
    refused = versioned(guided, "PUT", path, credentials(wrong))
    assert 400 <= refused.status < 500
    assert "not the application's secret" not in str(refused.body)
    right = guided.store_secret("renewed", SERVICE.secret)
    taken = versioned(guided, "PUT", path, credentials(right))
    assert (taken.status, taken.body["state"]) == (200, "active")
    assert taken.body["credentials"]["client_secret_name"] == right
    review = guided.installation.synchronize(connection, [TABLE])
    assert statuses(review) == {TABLE: "finished"}


def at_work(guided: Guided, connection: str) -> bool:
    """Whether the customers are being synchronized."""
    customers = guided.installation.lines(connection)["CUSTOMER"]
    return bool(customers["job_queue_entry_status"] == "in-process")


@pytest.fixture
def _usual_secret_afterwards(guided: Guided) -> Iterator[None]:
    yield
    guided.installation.clear_faults()
    guided.set_secrets_of_service(SERVICE.secret)


@pytest.mark.usefixtures("_usual_secret_afterwards")
def test_credentials_are_rotated_while_work_goes_on(guided, connection):
    """Without waiting for what is at work with the old secret when that is taken away."""
    installation, path = guided.installation, f"connections/{connection}/credentials"
    old, new = (guided.store_secret(f"rotated-{n}", f"secret {n}") for n in (1, 2))
    guided.set_secrets_of_service(SERVICE.secret, "secret 1", "secret 2")
    assert versioned(guided, "PUT", path, credentials(old)).status == 200
    installation.plan_fault(BC, "slow", path="/customers", seconds=1.0)
    assert installation.start(connection, TABLES).status == 202
    until(lambda: at_work(guided, connection), "work on the customers")
    rotated = versioned(guided, "PUT", path, credentials(new))
    assert (rotated.status, rotated.body["state"]) == (200, "active")
    assert "secret 2" not in str(rotated.body)
    guided.set_secrets_of_service("secret 2")
    assert at_work(guided, connection), "the run was over too soon"
    assert statuses(installation.ended(connection)) == dict.fromkeys(TABLES, "finished")
    assert installation.client.outcomes(connection) == []
    assert guided.call("GET", f"connections/{connection}").body["stopped"] is None


@pytest.mark.parametrize("couplings", ["remove", "keep"])
def test_a_connection_is_removed_with_or_without_its_couplings(guided, connection, couplings):
    client, path = guided.installation.client, f"connections/{connection}"
    coupled = client.couplings(connection, TABLE)
    assert coupled
    assert versioned(guided, "DELETE", path).body["code"] == "connection-active"
    guided.call("POST", f"{path}/disable", {})
    assert versioned(guided, "DELETE", path, query=f"?couplings={couplings}").status == 202
    gone(guided, connection)

    assert guided.connect(connection_id=connection) == connection
    assert client.couplings(connection, TABLE) == (coupled if couplings == "keep" else [])
    assert client.outcomes(connection) == []
    assert client.review(connection)["run"] is None
