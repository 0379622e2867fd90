"""``$batch`` in JSON."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.business_central.client import not_simulated, refusal
from tests.unit.simulators_business_central.world import (
    BASE,
    CANNON,
    COMPANY,
    COMPANY_NAME,
    ROOT,
    TENANT,
)

CUSTOMERS = f"companies({COMPANY})/customers"


def create(name: str, part_id: Any = None, **headers: str) -> dict[str, Any]:
    part = {
        "method": "POST",
        "url": CUSTOMERS,
        "headers": {"Content-Type": "application/json"} | headers,
        "body": {"displayName": name},
    }
    return part if part_id is None else part | {"id": part_id}


FAILING = create("")


def names(client) -> list[str]:
    return [each["displayName"] for each in client.read("customers", "$orderby=number")][2:]


def test_parts_are_answered_in_order_with_their_ids(client):
    answer = client.batch([create("A", "1"), create("B"), create("C", 3)])
    assert answer.status_code == 200
    responses = answer.json()["responses"]
    assert [(each["id"], each["status"]) for each in responses] == [
        ("1", 201),
        (None, 201),
        (3, 201),
    ]
    assert [each["body"]["displayName"] for each in responses] == ["A", "B", "C"]
    assert responses[0]["headers"]["odata-version"] == "4.0"
    assert responses[0]["headers"]["content-type"].startswith("application/json")


def test_the_first_failure_ends_a_batch_and_what_was_done_stays(client):
    responses = client.batch([create("A"), FAILING, create("B")]).json()["responses"]
    assert [each["status"] for each in responses] == [201, 400]
    assert responses[1]["body"]["error"]["code"] == "Application_DialogException"
    assert names(client) == ["A"]


def test_a_batch_goes_on_behind_failures_where_it_should(client):
    answer = client.batch([create("A"), FAILING, create("B")], Prefer="odata.continue-on-error")
    assert [each["status"] for each in answer.json()["responses"]] == [201, 400, 201]
    assert names(client) == ["A", "B"]


@pytest.mark.parametrize("prefer", ["", "odata.continue-on-error"])
def test_a_failure_takes_a_snapshot_batch_back_as_a_whole(client, cannon, prefer):
    change = {
        "method": "PATCH",
        "url": f"{CUSTOMERS}({CANNON})",
        "headers": {"If-Match": "*"},
        "body": {"city": "Bath"},
    }
    client.batch([create("A"), change, FAILING], Isolation="snapshot", Prefer=prefer)
    assert names(client) == []
    assert client.read("customers", "$filter=number eq '10000'") == [cannon]
    client.batch([create("A"), create("B")], Isolation="snapshot")
    assert names(client) == ["A", "B"]


def test_a_part_may_select_and_may_want_nothing(client):
    selected = create("A") | {"url": f"{CUSTOMERS}?$select=number"}
    responses = client.batch([selected, create("B", Prefer="return-no-content")]).json()[
        "responses"
    ]
    assert set(responses[0]["body"]) == {"@odata.context", "@odata.etag", "number"}
    assert responses[1]["status"] == 204
    assert "body" not in responses[1]


def test_a_part_may_name_its_company_in_a_header(client):
    part = {"method": "GET", "url": "customers/$count"}
    named = [part | {"headers": {"Company": each}} for each in (COMPANY, COMPANY_NAME)]
    other = part | {"headers": {"Company": "My Company"}}
    responses = client.batch([*named, other]).json()["responses"]
    assert [each["body"] for each in responses] == ["2", "2", "0"]


@pytest.mark.parametrize("prefix", ["", f"{ROOT}/", "address"])
def test_a_part_is_addressed_relatively_or_absolutely(client, prefix):
    start = client.address + ROOT + "/" if prefix == "address" else prefix
    url = f"{start}{CUSTOMERS}?$filter=number%20eq%20'10000'&$select=number"
    (response,) = client.batch([{"method": "GET", "url": url}]).json()["responses"]
    assert [each["number"] for each in response["body"]["value"]] == ["10000"]


@pytest.mark.parametrize("start", ["https://elsewhere.invalid", ""])
def test_a_part_for_another_service_or_tenant_is_refused(client, start):
    path = ROOT if start else ROOT.replace(TENANT, "33333333-2222-4333-8444-555555555555")
    part = {"method": "GET", "url": f"{start}{path}/{CUSTOMERS}"}
    assert refusal(client.batch([part])) == (400, "BadRequest")


def test_a_changed_record_of_a_batch_is_guarded_by_its_etag(client, cannon):
    change = {
        "method": "PATCH",
        "url": f"{CUSTOMERS}({CANNON})",
        "headers": {"If-Match": cannon["@odata.etag"]},
        "body": {"city": "Bath"},
    }
    responses = client.batch([change, change]).json()["responses"]
    assert [each["status"] for each in responses] == [200, 409]
    assert responses[1]["body"]["error"]["code"] == "Request_EntityChanged"


def test_a_batch_takes_a_hundred_operations_and_no_more(client):
    part = {"method": "GET", "url": f"{CUSTOMERS}({CANNON})?$select=id"}
    assert len(client.batch([part] * 100).json()["responses"]) == 100
    assert refusal(client.batch([part] * 101)) == (400, "BadRequest")


@pytest.mark.parametrize(
    "body", [[], {}, {"requests": []}, {"requests": [1]}, {"requests": [{"method": "GET"}]}]
)
def test_a_malformed_batch_is_refused(client, body):
    assert refusal(client.send("POST", f"{ROOT}/$batch", body)) == (400, "BadRequest")


def test_dependencies_between_parts_are_not_imitated(client):
    assert not_simulated(client.batch([create("A") | {"dependsOn": ["1"]}]))


def test_operations_of_a_batch_are_counted_singly(client):
    client.admin("DELETE", "requests")
    client.batch([create("A"), create("B"), FAILING])
    counted = client.admin("GET", "requests").json()
    assert (counted["requests"], counted["operations"]) == (1, 2)
    assert counted["by_kind"] == {"POST $batch": 1}


def test_a_batch_is_only_posted(client):
    assert refusal(client.send("GET", f"{ROOT}/$batch")) == (405, "BadRequest_MethodNotAllowed")
    assert not_simulated(client.send("GET", f"{BASE}/$batch"))


def test_a_planned_fault_strikes_a_part_in_place_of_its_work(client):
    fault = {"match": {"method": "POST", "path": "customers"}, "part": True, "action": "status"}
    assert client.admin("POST", "faults", fault | {"status": 503}).status_code == 200
    responses = client.batch([create("A"), create("B")], Prefer="odata.continue-on-error").json()[
        "responses"
    ]
    assert [each["status"] for each in responses] == [503, 201]
    assert names(client) == ["B"]


def test_a_deletion_of_a_batch_is_guarded_by_its_etag_where_one_is_sent(client):
    made = client.batch([create("A"), create("B"), create("C")]).json()["responses"]
    first, second, third = (each["body"] for each in made)
    client.patch(f"customers({second['id']})", {"city": "Bath"}, If_Match="*")
    parts = [
        {"method": "DELETE", "url": f"{CUSTOMERS}({each['id']})", "headers": headers}
        for each, headers in (
            (first, {"If-Match": first["@odata.etag"]}),
            (second, {"If-Match": second["@odata.etag"]}),
            (third, {}),
            (third, {"If-Match": "*"}),
        )
    ]
    responses = client.batch(parts, Prefer="odata.continue-on-error").json()["responses"]
    assert [each["status"] for each in responses] == [204, 409, 204, 404]
    assert responses[1]["body"]["error"]["code"] == "Request_EntityChanged"
    assert names(client) == ["B"]
