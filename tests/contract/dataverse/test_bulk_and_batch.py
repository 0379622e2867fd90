"""Many rows in one request: the *Multiple messages and `$batch`."""

import time
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.contract.dataverse.batches import (
    CONTINUE,
    batch,
    change_set,
    create,
    names,
    part,
    statuses,
)
from tests.contract.dataverse.client import Client, assert_refused

ACCOUNT = {"@odata.type": "Microsoft.Dynamics.CRM.account"}


def multiple(
    client: Client, message: str, targets: Any, entity_set: str = "accounts"
) -> requests.Response:
    path = f"{entity_set}/Microsoft.Dynamics.CRM.{message}"
    return client.send("POST", path, {"Targets": targets})


def test_create_multiple_answers_the_ids_in_order(client):
    answer = multiple(client, "CreateMultiple", [ACCOUNT | {"name": f"{n}"} for n in range(9)])
    assert answer.status_code == 200
    body = answer.json()
    assert body["@odata.context"].endswith("#Microsoft.Dynamics.CRM.CreateMultipleResponse")
    names = {row["accountid"]: row["name"] for row in client.rows("accounts")}
    assert [names[row_id] for row_id in body["Ids"]] == [f"{n}" for n in range(9)]


def test_update_and_upsert_multiple_answer_nothing(client):
    first, second = str(uuid4()), str(uuid4())
    targets = [
        ACCOUNT | {"accountid": first, "name": "A"},
        ACCOUNT | {"@odata.id": f"accounts({second})", "name": "B"},
    ]
    for _ in range(2):
        answer = multiple(client, "UpsertMultiple", targets)
        assert (answer.status_code, answer.content) == (204, b"")
    changed = [ACCOUNT | {"accountid": first, "name": "C"}]
    assert multiple(client, "UpdateMultiple", changed).status_code == 204
    assert {row["accountid"]: row["name"] for row in client.rows("accounts")} == {
        first: "C",
        second: "B",
    }


@pytest.mark.parametrize("message", ["CreateMultiple", "UpsertMultiple"])
def test_one_bad_row_rolls_back_all(client, message):
    account = client.create("accounts", name="Before")
    good = {"accountid": account if message == "UpsertMultiple" else str(uuid4()), "name": "Good"}
    bad = {"accountid": str(uuid4()), "name": "x" * 161}
    answer = multiple(client, message, [ACCOUNT | good, ACCOUNT | bad])
    assert_refused(answer, 400, "0x80044331")
    assert [row["name"] for row in client.rows("accounts")] == ["Before"]


def test_update_multiple_of_a_missing_row_rolls_back_all(client):
    account = client.create("accounts", name="Before")
    missing = str(uuid4())
    targets = [ACCOUNT | {"accountid": row_id, "name": "After"} for row_id in (account, missing)]
    answer = multiple(client, "UpdateMultiple", targets)
    assert_refused(answer, 404, "0x80040217", f"account With Ids = {missing} Do Not Exist")
    assert client.get(f"accounts({account})")["name"] == "Before"


def test_a_duplicate_in_create_multiple(client):
    account = client.create("accounts", name="Before")
    targets = [ACCOUNT | {"name": "A"}, ACCOUNT | {"accountid": account, "name": "B"}]
    assert_refused(multiple(client, "CreateMultiple", targets), 412, "0x80040237")
    assert len(client.rows("accounts")) == 1


def test_upsert_multiple_refuses_key_columns_in_the_body_of_a_create(client):
    key = {"SchemaName": "k", "KeyAttributes": ["accountnumber"]}
    client.send("POST", "EntityDefinitions(LogicalName='account')/Keys", key)
    target = ACCOUNT | {"@odata.id": "accounts(accountnumber='1')", "name": "A"}
    with_key = target | {"accountnumber": "1"}
    assert multiple(client, "UpsertMultiple", [with_key]).status_code == 400
    assert multiple(client, "UpsertMultiple", [target]).status_code == 204
    assert multiple(client, "UpsertMultiple", [with_key]).status_code == 204


@pytest.mark.parametrize(
    "targets", [[], None, [{"name": "A"}], [ACCOUNT | {"@odata.type": "#x"}], ["A"]]
)
def test_targets_need_their_type(client, targets):
    assert multiple(client, "CreateMultiple", targets).status_code == 400


@pytest.mark.parametrize(
    "entity_set", ["productpricelevels", "uoms", "transactioncurrencies", "systemusers"]
)
@pytest.mark.parametrize("message", ["CreateMultiple", "UpdateMultiple", "UpsertMultiple"])
def test_tables_without_bulk_messages(client, entity_set, message):
    answer = multiple(client, message, [{"@odata.type": "x"}], entity_set)
    assert_refused(answer, 404, "0x8006088a", message)


def test_a_batch_answers_its_parts_in_order(client):
    absolute = f"{client.base_url}/api/data/v9.2/accounts?$select=name"
    answer = batch(client, create("A"), part("GET", absolute), create("B"))
    assert answer.status_code == 200
    assert statuses(answer) == [204, 200, 204]
    assert answer.headers["Content-Type"].startswith("multipart/mixed; boundary=batchresponse_")
    assert '"name":"A"' in answer.text
    assert "Location: " in answer.text
    assert "OData-EntityId: " in answer.text


@pytest.mark.parametrize("content_type", ["multipart/mixed; boundary=batch_1", None])
@pytest.mark.parametrize("lead", [b"", b"\r\n"])
def test_boundaries_quoted_or_not_and_a_leading_line_break(client, content_type, lead):
    answer = batch(client, create("A"), content_type=content_type, lead=lead)
    assert (answer.status_code, statuses(answer)) == (200, [204])


def test_a_batch_stops_at_the_first_failure(client):
    answer = batch(client, create("A"), create("x" * 161), create("B"))
    assert answer.status_code == 400
    assert statuses(answer) == [204, 400]
    assert "0x80044331" in answer.text
    assert names(client) == ["A"]


def test_a_batch_that_continues_on_error(client):
    answer = batch(client, create("A"), create("x" * 161), create("B"), prefer=CONTINUE)
    assert answer.status_code == 200
    assert statuses(answer) == [204, 400, 204]
    assert "REQ_ID: " in answer.text
    assert names(client) == ["A", "B"]


def test_a_change_set_is_all_or_nothing(client):
    answer = batch(
        client,
        change_set(create("A", content_id="1"), create("x" * 161, content_id="2")),
        create("B"),
        prefer=CONTINUE,
    )
    assert statuses(answer) == [400, 204]
    assert names(client) == ["B"]


def test_content_ids_stand_for_the_records(client):
    answer = batch(
        client,
        change_set(
            create("A", content_id="1"),
            part("PATCH", "$1", {"telephone1": "7"}, content_id="2"),
            part(
                "POST",
                "/api/data/v9.2/contacts",
                {"lastname": "L", "parentcustomerid_account@odata.bind": "$1"},
                content_id="3",
            ),
        ),
    )
    assert (answer.status_code, statuses(answer)) == (200, [204, 204, 204])
    assert "Content-ID: 3" in answer.text
    assert "changesetresponse_" in answer.text
    (account,), (contact,) = client.rows("accounts"), client.rows("contacts")
    assert account["telephone1"] == "7"
    assert contact["_parentcustomerid_value"] == account["accountid"]


def test_an_unknown_content_id(client):
    answer = batch(client, change_set(part("PATCH", "$9", {"name": "x"}, content_id="1")))
    assert answer.status_code == 400
    assert "Content-ID Reference: '$9' does not exist in the batch context." in answer.text


def test_a_change_set_holds_no_get(client):
    answer = batch(client, change_set(part("GET", "/api/data/v9.2/accounts")))
    assert statuses(answer) == [400]


def test_conditions_work_inside_a_batch(client):
    account = client.create("accounts", name="A")
    url = f"/api/data/v9.2/accounts({account})"
    answer = batch(
        client,
        part("PATCH", url, {"name": "B"}, If_Match='W/"1"'),
        part("PATCH", url, {"name": "C"}, If_Match="*"),
        part("GET", f"{url}?$select=name"),
        part("DELETE", f"/api/data/v9.2/accounts({uuid4()})"),
        prefer=CONTINUE,
    )
    assert statuses(answer) == [412, 204, 200, 404]
    assert names(client) == ["C"]


def test_deletes_inside_a_batch_may_ask_for_a_version(client):
    ids = [client.create("accounts", name=name) for name in "AB"]
    tags = [client.get(f"accounts({row})")["@odata.etag"] for row in ids]
    client.change(f"accounts({ids[0]})", name="changed meanwhile")
    urls = [f"/api/data/v9.2/accounts({row})" for row in ids]
    deletes = [
        part("DELETE", url, If_Match=tag, content_id=str(number))
        for number, (url, tag) in enumerate(zip(urls, tags, strict=True))
    ]
    assert statuses(batch(client, change_set(*deletes))) == [412]
    assert len(names(client)) == 2
    assert statuses(batch(client, *deletes, prefer=CONTINUE)) == [412, 204]
    assert names(client) == ["changed meanwhile"]


def test_a_batch_is_not_part_of_a_batch(client):
    answer = batch(client, part("POST", "/api/data/v9.2/$batch"))
    assert statuses(answer) == [400]


def test_a_thousand_parts_and_no_more(client):
    started = time.process_time()
    answer = batch(client, *[create(f"Row {n}") for n in range(1000)])
    assert time.process_time() - started < 5
    assert statuses(answer) == [204] * 1000
    assert client.admin("GET", "requests")["operations"] == 1000
    assert_refused(batch(client, *[create("x")] * 1001), 400, "0x80040203", "1000")
    assert len(client.rows("accounts")) == 1000


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "multipart/mixed; boundary=b"),
        (b"--b\r\n\r\n", "multipart/mixed; boundary=b"),
        (b"--b--\r\n", "multipart/mixed; boundary=b"),
        (b"--b\r\n\r\nnonsense\r\n--b--", "multipart/mixed; boundary=b"),
        (b"{}", "application/json"),
    ],
)
def test_a_malformed_batch_is_400(client, body, content_type):
    answer = client.send("POST", "$batch", body, Content_Type=content_type)
    assert answer.status_code == 400
    assert "error" in answer.json()
