"""Webhooks: registering them, what they carry, and how often they are sent."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import parse_qs

import pytest

from local.simulators.dataverse.webhooks import WebhookTimes
from tests.contract.dataverse.batches import CONTINUE, batch, change_set, create, part
from tests.contract.dataverse.client import Client, assert_refused, body_of
from tests.contract.dataverse.conftest import CLIENT_ID, STRANGER
from tests.contract.dataverse.receiver import Received, Receiver, receiving, until

KEY = "k3y=&/+ä"
SETTINGS = '<settings><setting name="x-secret" value="a&amp;b"/></settings>'


@pytest.fixture
def receiver():
    with receiving() as found:
        yield found


@pytest.fixture
def client(start) -> Client:
    started: Client = start(webhooks=WebhookTimes(retry=0.01, timeout=0.3))
    return started


def endpoint_columns(url: str, /, **more: Any) -> dict[str, Any]:
    columns = {"name": "hook", "url": url, "contract": 8, "authtype": 4, "authvalue": KEY}
    return columns | more


def message_id(client: Client, message: str) -> str:
    (row,) = client.rows("sdkmessages", f"$select=sdkmessageid&$filter=name eq '{message}'")
    return str(row["sdkmessageid"])


def filter_id(client: Client, message: str, table: str) -> str:
    (row,) = client.rows(
        "sdkmessagefilters",
        "$select=sdkmessagefilterid&$filter="
        f"primaryobjecttypecode eq '{table}' and sdkmessageid/name eq '{message}'",
    )
    return str(row["sdkmessagefilterid"])


def step_columns(
    client: Client, endpoint: str, message: str, table: str, **more: Any
) -> dict[str, Any]:
    return {
        "name": f"{message} of {table}",
        "stage": 40,
        "mode": 1,
        "rank": 1,
        "supporteddeployment": 0,
        "asyncautodelete": True,
        "eventhandler_serviceendpoint__bind": f"/serviceendpoints({endpoint})",
        "sdkmessageid__bind": f"/sdkmessages({message_id(client, message)})",
        "sdkmessagefilterid__bind": f"/sdkmessagefilters({filter_id(client, message, table)})",
    } | more


def register(
    client: Client, receiver: Receiver, *steps: tuple[str, str], **columns: Any
) -> tuple[str, list[str]]:
    """The ids of an endpoint and of its steps (message, table)."""
    endpoint = client.create("serviceendpoints", **endpoint_columns(receiver.url))
    ids = [
        client.create(
            "sdkmessageprocessingsteps", **step_columns(client, endpoint, *step, **columns)
        )
        for step in steps
    ]
    return endpoint, ids


def settle(client: Client) -> dict[str, Any]:
    """The counters above zero once nothing is on its way."""
    until(lambda: client.admin("GET", "deliveries")["pending"] == 0)
    return {name: n for name, n in client.admin("GET", "deliveries").items() if n}


def only(receiver: Receiver) -> Received:
    (found,) = receiver.received
    return found


# registering


def test_registrations_are_listed_with_what_they_refer_to(client, receiver):
    register(client, receiver, ("Update", "account"), filteringattributes="name,telephone1")
    (step,) = client.rows(
        "sdkmessageprocessingsteps",
        "$select=name,stage,mode,filteringattributes&$expand="
        "eventhandler_serviceendpoint($select=name,url,authtype),"
        "sdkmessageid($select=name),sdkmessagefilterid($select=primaryobjecttypecode)"
        "&$filter=statecode eq 0",
    )
    assert (step["stage"], step["mode"]) == (40, 1)
    assert step["filteringattributes"] == "name,telephone1"
    endpoint = step["eventhandler_serviceendpoint"]
    assert (endpoint["url"], endpoint["authtype"]) == (receiver.url, 4)
    assert step["sdkmessageid"]["name"] == "Update"
    assert step["sdkmessagefilterid"]["primaryobjecttypecode"] == "account"


def test_the_secret_cannot_be_read(client, receiver):
    endpoint, _ = register(client, receiver)
    assert "authvalue" not in client.get(f"serviceendpoints({endpoint})")
    assert KEY not in str(client.admin("GET", "dump/serviceendpoints"))
    for query in ("$select=authvalue", "$filter=authvalue eq 'x'", "$orderby=authvalue"):
        assert client.send("GET", f"serviceendpoints?{query}").status_code == 400
    assert client.send("GET", f"serviceendpoints({endpoint})/authvalue").status_code == 404


@pytest.mark.parametrize(
    ("columns", "status", "words"),
    [
        ({"contract": 2}, 501, "contract 2"),
        ({"authtype": 2}, 400, "authtype"),
        ({"authvalue": ""}, 400, "authvalue"),
        ({"authvalue": "x" * 2049}, 400, "authvalue"),
        ({"authtype": 5, "authvalue": "plain"}, 400, "settings"),
        ({"url": "http://example.com/"}, 400, "https"),
        ({"url": None}, 400, "https"),
    ],
)
def test_an_endpoint_that_is_no_webhook_is_refused(client, receiver, columns, status, words):
    answer = client.send("POST", "serviceendpoints", endpoint_columns(receiver.url, **columns))
    assert answer.status_code == status, answer.text
    assert words in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("message", "columns", "status", "words"),
    [
        ("Update", {"mode": 0}, 501, "synchronous"),
        ("Update", {"stage": 20}, 501, "stage 20"),
        ("Update", {"sdkmessagefilterid__bind": None}, 501, "sdkmessagefilterid"),
        ("Update", {"filteringattributes": "name,nonsense"}, 400, "nonsense"),
        ("Create", {"filteringattributes": "name"}, 400, "Filtering attributes"),
        ("Retrieve", {}, 501, "message Retrieve"),
    ],
)
def test_a_step_that_is_not_imitated_or_wrong_is_refused(
    client, receiver, message, columns, status, words
):
    endpoint, _ = register(client, receiver)
    given = step_columns(client, endpoint, message, "account", **columns)
    answer = client.send("POST", "sdkmessageprocessingsteps", body_of(given))
    assert answer.status_code == status, answer.text
    assert words in answer.json()["error"]["message"]


def test_a_step_of_an_unknown_or_another_message_is_refused(client, receiver):
    endpoint, _ = register(client, receiver)
    nobody = "/sdkmessages(00000000-0000-4000-8000-000000000000)"
    for bind, status in ((nobody, 404), (f"/sdkmessages({message_id(client, 'Delete')})", 400)):
        given = step_columns(client, endpoint, "Update", "account", sdkmessageid__bind=bind)
        answer = client.send("POST", "sdkmessageprocessingsteps", body_of(given))
        assert answer.status_code == status, answer.text


def test_an_endpoint_goes_after_its_steps(client, receiver):
    endpoint, (step,) = register(client, receiver, ("Update", "account"))
    refused = client.send("DELETE", f"serviceendpoints({endpoint})")
    assert_refused(refused, 405, "0x80040227")
    for address in (f"sdkmessageprocessingsteps({step})", f"serviceendpoints({endpoint})"):
        assert client.send("DELETE", address).status_code == 204


def test_messages_cannot_be_made_and_registrations_not_seeded(client):
    assert client.send("POST", "sdkmessages", {"name": "X"}).status_code == 400
    seed = f"{client.base_url}/_sim/seed"
    answer = client.send("POST", seed, {"serviceendpoints": []})
    assert answer.status_code == 400


# what is sent


def test_a_created_row_is_announced_with_its_columns_typed(client, receiver):
    register(client, receiver, ("Create", "account"))
    contact = client.create("contacts", lastname="C")
    account = client.create(
        "accounts",
        name="A",
        creditlimit=12.5,
        customertypecode=3,
        primarycontactid__bind=f"/contacts({contact})",
    )
    settle(client)
    got = only(receiver)
    path, _, query = got.path.partition("?")
    assert (path, parse_qs(query)) == ("/api/crm", {"code": [KEY]})
    assert got.headers["x-ms-dynamics-organization"] == client.base_url.removeprefix("https://")
    assert got.headers["x-ms-dynamics-entity-name"] == "account"
    assert got.headers["x-ms-dynamics-request-name"] == "Create"
    assert got.headers["x-ms-correlation-request-id"] == got.body["CorrelationId"]
    assert "x-ms-dynamics-msg-size-exceeded" not in got.headers
    user = client.get("WhoAmI")["UserId"]
    assert (got.body["InitiatingUserId"], got.body["UserId"]) == (user, user)
    assert (got.body["MessageName"], got.body["Stage"], got.body["Mode"]) == ("Create", 40, 1)
    assert (got.body["PrimaryEntityName"], got.body["PrimaryEntityId"]) == ("account", account)
    assert got.body["OutputParameters"] == [{"key": "id", "value": account}]
    assert got.body["ParentContext"]["Stage"] == 30
    contracts = "http://schemas.microsoft.com/xrm/2011/Contracts"
    assert got.target["__type"] == f"Entity:{contracts}"
    assert got.attributes["accountid"] == account
    assert got.attributes["name"] == "A"
    assert got.attributes["creditlimit"] == {"__type": f"Money:{contracts}", "Value": 12.5}
    assert got.attributes["customertypecode"] == {
        "__type": f"OptionSetValue:{contracts}",
        "Value": 3,
    }
    assert got.attributes["createdon"] == "/Date(1782907200000)/"
    reference = got.attributes["primarycontactid"]
    assert (reference["Id"], reference["LogicalName"]) == (contact, "contact")
    assert reference["__type"] == f"EntityReference:{contracts}"


def test_an_update_is_announced_with_what_was_sent_and_the_stamps(client, receiver):
    account = client.create("accounts", name="A", telephone1="1")
    register(client, receiver, ("Update", "account"))
    client.change(f"accounts({account})", name="B", telephone1=None)
    settle(client)
    got = only(receiver)
    assert set(got.attributes) == {"accountid", "name", "telephone1", "modifiedon", "modifiedby"}
    assert (got.attributes["name"], got.attributes["telephone1"]) == ("B", None)
    assert got.body["OutputParameters"] == []


def test_a_deleted_row_is_announced_by_reference(client, receiver):
    account = client.create("accounts", name="A")
    register(client, receiver, ("Delete", "account"))
    client.send("DELETE", f"accounts({account})")
    settle(client)
    target = only(receiver).target
    assert target["__type"].startswith("EntityReference:")
    assert (target["Id"], target["LogicalName"]) == (account, "account")


def test_a_payload_above_256_kb_is_trimmed_and_says_so(client, receiver):
    register(client, receiver, ("Create", "account"))
    client.create("accounts", name="B", description="x" * 300_000)
    settle(client)
    got = only(receiver)
    assert "x-ms-dynamics-msg-size-exceeded" in got.headers
    gone = {"ParentContext", "InputParameters", "PreEntityImages", "PostEntityImages"}
    assert not gone & set(got.body)
    assert got.body["PrimaryEntityName"] == "account"
    assert got.body["PrimaryEntityId"]


@pytest.mark.parametrize("authtype", [5, 6])
def test_header_and_query_settings_are_sent(client, receiver, authtype):
    columns = endpoint_columns(receiver.url, authtype=authtype, authvalue=SETTINGS)
    endpoint = client.create("serviceendpoints", **columns)
    step = step_columns(client, endpoint, "Create", "account")
    client.create("sdkmessageprocessingsteps", **step)
    client.create("accounts", name="A")
    settle(client)
    got = only(receiver)
    query = "?x-secret=a%26b" if authtype == 6 else ""
    assert got.path == "/api/crm" + query
    assert got.headers.get("x-secret") == ("a&b" if authtype == 5 else None)


# when it is sent


def test_an_update_without_a_filtering_attribute_is_not_announced(client, receiver):
    account = client.create("accounts", name="A")
    register(client, receiver, ("Update", "account"), filteringattributes="name, primarycontactid")
    client.change(f"accounts({account})", telephone1="1")
    client.change(f"accounts({account})", name="A")  # the same value counts
    client.change(f"accounts({account})", primarycontactid__bind=None)
    settle(client)
    sent = [set(got.attributes) & {"name", "primarycontactid"} for got in receiver.received]
    assert sorted(map(sorted, sent)) == [["name"], ["primarycontactid"]]


def test_only_registered_messages_of_registered_tables_are_announced(client, receiver):
    register(client, receiver, ("Update", "account"))
    account = client.create("accounts", name="A")
    client.create("contacts", lastname="C")
    client.send("DELETE", f"accounts({account})")
    assert settle(client) == {}


def test_a_disabled_or_deleted_step_is_silent_and_an_enabled_one_speaks_again(client, receiver):
    _, (step,) = register(client, receiver, ("Create", "account"))
    address = f"sdkmessageprocessingsteps({step})"
    client.change(address, statecode=1, statuscode=2)
    client.create("accounts", name="silent")
    client.change(address, statecode=0, statuscode=1)
    client.create("accounts", name="heard")
    client.send("DELETE", address)
    client.create("accounts", name="silent")
    settle(client)
    assert only(receiver).attributes["name"] == "heard"


def test_a_changed_address_and_key_are_used_at_once(client, receiver):
    endpoint, _ = register(client, receiver, ("Create", "account"))
    client.change(f"serviceendpoints({endpoint})", url=f"{receiver.url}?v=2", authvalue="new")
    client.create("accounts", name="A")
    settle(client)
    assert only(receiver).path == "/api/crm?v=2&code=new"


def test_bulk_messages_announce_every_row(client, receiver):
    register(client, receiver, ("Create", "account"), ("Update", "account"))
    typed = {"@odata.type": "Microsoft.Dynamics.CRM.account"}
    targets = [typed | {"name": name} for name in "AB"]
    bulk = "accounts/Microsoft.Dynamics.CRM."
    ids = client.send("POST", f"{bulk}CreateMultiple", {"Targets": targets}).json()["Ids"]
    fresh = "accounts(00000000-0000-4000-8000-000000000001)"
    upserts = [typed | {"@odata.id": address} for address in (f"accounts({ids[0]})", fresh)]
    answer = client.send(
        "POST", f"{bulk}UpsertMultiple", {"Targets": [row | {"name": "C"} for row in upserts]}
    )
    assert answer.status_code == 204, answer.text
    settle(client)
    create, update = ("Create", "account"), ("Update", "account")
    assert receiver.messages() == [create, create, create, update]


def test_batches_announce_what_they_wrote_and_no_change_set_that_failed(client, receiver):
    register(client, receiver, ("Create", "account"), ("Delete", "account"))
    account = client.create("accounts", name="A")
    batch(
        client,
        change_set(create("B"), create("x" * 161)),
        change_set(create("C"), part("DELETE", f"/api/data/v9.2/accounts({account})")),
        create("D"),
        prefer=CONTINUE,
    )
    settle(client)
    assert [got.target["Id"] for got in receiver.received if "Attributes" not in got.target] == [
        account
    ]
    created = [got.attributes["name"] for got in receiver.received if "Attributes" in got.target]
    assert sorted(created) == ["A", "C", "D"]


def test_the_writer_is_named(start, receiver, token_for):
    client = start(clients=(CLIENT_ID, STRANGER))
    register(client, receiver, ("Create", "account"))
    other = {"Authorization": f"Bearer {token_for(client.base_url, STRANGER)}"}
    client.send("POST", "accounts", {"name": "A"}, **other)
    settle(client)
    user = client.get("WhoAmI", **other)["UserId"]
    got = only(receiver)
    assert (got.body["InitiatingUserId"], got.body["UserId"]) == (user, user)
    assert got.attributes["createdby"]["Id"] == user


def test_rows_that_the_platform_makes_or_deletes_itself_are_announced(client, receiver):
    register(client, receiver, ("Create", "uom"), ("Delete", "uom"))
    group = client.create("uomschedules", name="G", baseuomname="PCS")
    client.send("DELETE", f"uomschedules({group})")
    settle(client)
    assert receiver.messages() == [("Create", "uom"), ("Delete", "uom")]
    assert {got.body["Depth"] for got in receiver.received} == {2}


def test_what_was_rolled_back_is_not_announced(client, receiver):
    register(client, receiver, ("Create", "account"))
    typed = {"@odata.type": "Microsoft.Dynamics.CRM.account"}
    targets = [typed | {"name": "A"}, typed | {"name": "x" * 1000}]
    answer = client.send(
        "POST", "accounts/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": targets}
    )
    assert answer.status_code == 400
    assert client.send("POST", "accounts", {"name": "x" * 1000}).status_code == 400
    assert settle(client) == {}


def test_seeding_announces_nothing(client, receiver):
    register(client, receiver, ("Create", "account"))
    client.admin("POST", "seed", {"accounts": [{"name": "A"}]})
    assert settle(client) == {}


# retries


@pytest.mark.parametrize("status", [502, 503, 504])
def test_an_unavailable_receiver_is_tried_once_more(client, receiver, status):
    register(client, receiver, ("Create", "account"))
    receiver.statuses = [status, status]
    client.create("accounts", name="A")
    assert settle(client) == {"failed": 1, "retried": 1}
    assert len(receiver.received) == 2


def test_a_retry_that_succeeds_is_a_success(client, receiver):
    register(client, receiver, ("Create", "account"))
    receiver.statuses = [503]
    client.create("accounts", name="A")
    assert settle(client) == {"sent": 1, "retried": 1}
    assert client.rows("asyncoperations") == []


@pytest.mark.parametrize("status", [302, 400, 401, 410, 429, 500])
def test_any_other_refusal_is_final_and_the_run_is_kept(client, receiver, status):
    _, (step,) = register(client, receiver, ("Create", "account"))
    receiver.statuses = [status]
    client.create("accounts", name="A")
    assert settle(client) == {"failed": 1}
    query = f"$filter=_owningextensionid_value eq {step} and statuscode eq 31"
    (run,) = client.rows("asyncoperations", query)
    assert (run["statecode"], run["messagename"]) == (3, "Create")
    assert str(status) in run["message"]


def test_a_receiver_that_is_too_slow_is_given_up(client, receiver):
    register(client, receiver, ("Create", "account"))
    receiver.hold = threading.Event()
    client.create("accounts", name="A")
    assert settle(client) == {"failed": 1}
    assert len(receiver.received) == 1


def test_a_slow_receiver_does_not_hold_up_requests(start, receiver):
    client = start()
    register(client, receiver, ("Create", "account"))
    receiver.hold = threading.Event()
    for name in "ABC":
        client.create("accounts", name=name)
    assert len(client.rows("accounts")) == 3
    assert client.admin("GET", "deliveries")["pending"] == 3
    receiver.hold.set()
    assert settle(client) == {"sent": 3}


def test_a_run_that_succeeds_is_kept_unless_it_deletes_itself(client, receiver):
    register(client, receiver, ("Create", "account"), asyncautodelete=False)
    client.create("accounts", name="A")
    settle(client)
    (run,) = client.rows("asyncoperations", "$select=statuscode")
    assert run["statuscode"] == 30


def test_deliveries_can_be_dropped_and_doubled(client, receiver):
    register(client, receiver, ("Create", "account"))
    for action in ("drop", "duplicate"):
        client.admin("POST", "deliveries", {"action": action})
    for name in "AB":
        client.create("accounts", name=name)
    assert settle(client) == {"dropped": 1, "duplicated": 1, "sent": 2}
    assert [got.attributes["name"] for got in receiver.received] == ["B", "B"]
    client.admin("DELETE", "deliveries")
    assert settle(client) == {}
