"""What an environment publishes, permits and tells of itself; web service access keys."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from xml.etree import ElementTree

import pytest
import requests

from local.certificates import Certificates
from local.simulators.business_central.simulator import BusinessCentralSimulator
from local.simulators.core.server import running
from local.simulators.core.tokens import TokenVerifier
from tests.contract.business_central.client import Client, refusal
from tests.unit.simulators_business_central.world import (
    COMPANY,
    COMPANY_NAME,
    OTHER_COMPANY,
    ROOT,
    SERVICES,
    TENANT,
    world,
)

ODATA = f"/v2.0/{TENANT}/production/ODataV4"
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


def names(client: Client, root: str) -> set[str]:
    return {each["name"] for each in client.send("GET", f"{root}/").json()["value"]}


def entity_type(client: Client, root: str, entity_set: str) -> ElementTree.Element:
    answer = client.send("GET", f"{root}/$metadata", Accept="application/xml")
    assert answer.headers["Content-Type"] == "application/xml"
    schema = ElementTree.fromstring(answer.content)
    (found,) = (each for each in schema.iter(f"{EDM}EntitySet") if each.get("Name") == entity_set)
    name = str(found.get("EntityType")).rpartition(".")[2]
    (kind,) = (each for each in schema.iter(f"{EDM}EntityType") if each.get("Name") == name)
    return kind


def members(kind: ElementTree.Element, name: str) -> dict[str, Any]:
    (found,) = (each for each in kind.iter(f"{EDM}Property") if each.get("Name") == name)
    told = {str(each.get("Term")): each.get("Bool") for each in found.iter(f"{EDM}Annotation")}
    return {**found.attrib, **told}


def test_the_service_document_lists_what_is_published(client):
    assert names(client, ODATA) == {
        "Company",
        "CustomerPriceGroups",
        "ItemUnitsOfMeasure",
        "Resources",
        "SalesPrices",
    }
    assert {"companies", "customers", "items"} <= names(client, ROOT)


def test_an_unpublished_web_service_is_gone_until_it_is_published_again(client):
    client.admin("POST", "web-service", {"service": "SalesPrices", "published": False})
    assert "SalesPrices" not in names(client, ODATA)
    assert b"SalesPrices" not in client.send("GET", f"{ODATA}/$metadata").content
    answer = client.send("GET", f"{SERVICES}/SalesPrices")
    assert refusal(answer) == (404, "BadRequest_ResourceNotFound")
    client.admin("POST", "web-service", {"service": "SalesPrices", "published": True})
    assert client.send("GET", f"{SERVICES}/SalesPrices").status_code == 200


def test_the_api_describes_its_tables(client):
    kind = entity_type(client, ROOT, "customers")
    assert [each.get("Name") for each in kind.iter(f"{EDM}PropertyRef")] == ["id"]
    number = members(kind, "number")
    assert (number["Type"], number["MaxLength"]) == ("Edm.String", "20")
    assert number["Microsoft.NAV.AllowEdit"] == "true"
    stamp = members(kind, "lastModifiedDateTime")
    assert stamp["Type"] == "Edm.DateTimeOffset"
    assert stamp["Microsoft.NAV.AllowEdit"] == "false"
    identity = members(kind, "id")
    assert identity["Microsoft.NAV.AllowEditOnCreate"] == "true"
    assert identity["Microsoft.NAV.AllowEdit"] == "false"
    assert members(kind, "creditLimit")["Type"] == "Edm.Decimal"


def test_web_services_describe_their_pages(client):
    kind = entity_type(client, ODATA, "ItemUnitsOfMeasure")
    keys = [each.get("Name") for each in kind.iter(f"{EDM}PropertyRef")]
    assert keys == ["Item_No", "Code"]
    quantity = members(kind, "Qty_per_Unit_of_Measure")
    assert (quantity["Type"], quantity["NAV.AllowEdit"]) == ("Edm.Decimal", "false")


def test_a_description_is_only_read(client):
    for path in (f"{ROOT}/$metadata", f"{ROOT}/"):
        assert refusal(client.send("POST", path, {})) == (405, "BadRequest_MethodNotAllowed")


@pytest.mark.parametrize(
    ("action", "send"),
    [
        ("read", lambda client, key: client.get("customers?$top=1")),
        ("read", lambda client, key: client.get(f"customers({key})")),
        ("insert", lambda client, key: client.post("customers", {"displayName": "A"})),
        (
            "modify",
            lambda client, key: client.patch(
                f"customers({key})", {"displayName": "A"}, If_Match="*"
            ),
        ),
        ("delete", lambda client, key: client.delete(f"customers({key})", If_Match="*")),
    ],
)
def test_a_missing_permission_is_told(
    client, cannon, action, send: Callable[[Client, str], requests.Response]
):
    client.admin("POST", "permissions", {"set": "customers", action: False})
    answer = send(client, cannon["id"])
    assert refusal(answer) == (403, "Internal_ServerError")
    message = answer.json()["error"]["message"]
    assert f"(TableData 18 Customer {action.capitalize()}: Base Application)" in message
    assert client.get("items?$top=1").status_code == 200
    client.admin("POST", "permissions", {"set": "customers", action: True})
    assert send(client, cannon["id"]).status_code != 403


def test_a_missing_permission_is_told_to_a_part_of_a_batch_and_of_a_page(client):
    client.admin("POST", "permissions", {"set": "customers", "insert": False})
    part = {
        "method": "POST",
        "id": "1",
        "url": f"companies({COMPANY})/customers",
        "headers": {"Content-Type": "application/json"},
        "body": {"displayName": "A"},
    }
    (answer,) = client.batch([part]).json()["responses"]
    assert answer["status"] == 403
    client.admin("POST", "permissions", {"set": "Resources", "read": False})
    assert client.send("GET", f"{SERVICES}/Resources").status_code == 403


def test_a_company_is_taken_away(client):
    client.admin("POST", "remove-company", {"company": COMPANY_NAME})
    listed = client.send("GET", f"{ROOT}/companies").json()["value"]
    assert [each["id"] for each in listed] == [OTHER_COMPANY]
    assert refusal(client.get("customers")) == (404, "Internal_CompanyNotFound")


@pytest.mark.parametrize(
    ("command", "values"),
    [
        ("web-service", {"service": "Nothing", "published": False}),
        ("web-service", {"service": "Resources"}),
        ("permissions", {"set": "customers"}),
        ("permissions", {"set": "nothing", "read": False}),
        ("permissions", {"set": "customers", "fly": False}),
        ("remove-company", {"company": "Nobody"}),
    ],
)
def test_malformed_demands_are_refused(client, command, values):
    assert client.admin("POST", command, values).status_code == 400


@pytest.fixture
def on_premises(entra: str, certificates: Certificates, tokens: dict[str, str]) -> Iterator[Client]:
    with ExitStack() as stack:
        simulator = BusinessCentralSimulator(web_service_users={"COUPLER": "the-key"})
        verifier = TokenVerifier(entra, ca_file=str(certificates.ca))
        url = stack.enter_context(
            running(
                simulator,
                certificate=certificates.certificate,
                key=certificates.key,
                verifier=verifier,
            )
        )
        client = Client(url, str(certificates.ca), tokens["good"])
        stack.callback(client.close)
        client.seed(world())
        yield client


def basic(user: str, key: str) -> dict[str, str]:
    encoded = base64.b64encode(f"{user}:{key}".encode()).decode()
    return {"Authorization": f"Basic {encoded}"}


@pytest.mark.parametrize(
    "path", ["/BC250/ODataV4/", "/BC250/api/v2.0/companies", f"{SERVICES}/Resources"]
)
def test_on_premises_a_web_service_key_lets_in(on_premises, path):
    assert on_premises.send("GET", path, **basic("COUPLER", "the-key")).status_code == 200
    assert on_premises.send("GET", path).status_code == 200  # a token does as well


@pytest.mark.parametrize(
    "header",
    [
        basic("COUPLER", "guessed"),
        basic("NOBODY", "the-key"),
        basic("NOBODY", ""),
        {"Authorization": "Basic %"},
    ],
)
def test_a_wrong_web_service_key_is_rejected(on_premises, header):
    answer = on_premises.send("GET", "/BC250/ODataV4/", **header)
    assert refusal(answer) == (401, "Authentication_InvalidCredentials")


def test_online_no_web_service_key_is_taken(client):
    answer = client.send("GET", f"{ODATA}/", **basic("COUPLER", "the-key"))
    assert refusal(answer) == (401, "Authentication_InvalidCredentials")
    assert client.send("GET", "/BC250/ODataV4/").status_code == 404
