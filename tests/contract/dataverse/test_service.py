"""Identity, metadata, limits and everything that belongs to no table."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from local.simulators.dataverse.limits import ServiceLimits
from tests.contract.dataverse.client import Client, assert_refused
from tests.contract.dataverse.conftest import STRANGER


@pytest.mark.parametrize("path", ["WhoAmI", "WhoAmI()"])
def test_who_am_i_names_the_application_user(client, path):
    found = client.get(path)
    user = client.get(f"systemusers({found['UserId']})")
    assert user["applicationid"] == "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
    assert user["_businessunitid_value"] == found["BusinessUnitId"]
    assert client.get("organizations")["value"][0]["organizationid"] == found["OrganizationId"]


def test_every_answer_carries_the_services_headers(client):
    answer = client.send("GET", "accounts")
    assert answer.headers["OData-Version"] == "4.0"
    assert answer.headers["Content-Type"] == "application/json; odata.metadata=minimal"
    assert UUID(answer.headers["REQ_ID"]).version == 4
    assert answer.headers["x-ms-dop-hint"] == "4"
    assert int(answer.headers["x-ms-ratelimit-burst-remaining-xrm-requests"]) == 5999
    assert float(answer.headers["x-ms-ratelimit-time-remaining-xrm-requests"]) <= 1200


def test_a_request_without_token_is_401(client):
    answer = client.send("GET", "accounts", Authorization="")
    assert_refused(answer, 401, "0x80040204")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_for_another_service_is_401(client, token_for):
    token = token_for("https://elsewhere.invalid")
    answer = client.send("GET", "accounts", Authorization=f"Bearer {token}")
    assert answer.status_code == 401


def test_an_application_without_user_is_403(client, token_for):
    token = token_for(client.base_url, STRANGER)
    answer = client.send("GET", "accounts", Authorization=f"Bearer {token}")
    assert_refused(answer, 403, "0x80072560", "not a member")


def test_a_disabled_application_user_is_403(client):
    user = client.get("WhoAmI")["UserId"]
    rows = client.admin("GET", "dump/systemusers")
    client.admin("POST", "seed", {"systemusers": [rows[0] | {"isdisabled": True}]})
    assert rows[0]["systemuserid"] == user
    assert_refused(client.send("GET", "accounts"), 403, "0x80041d1f", user, "is disabled")


def test_a_new_application_user_is_let_in_and_may_do_nothing_without_roles(client, token_for):
    unit = client.get("WhoAmI")["BusinessUnitId"]
    user = client.create(
        "systemusers", applicationid=STRANGER, businessunitid__bind=f"/businessunits({unit})"
    )
    bearer = f"Bearer {token_for(client.base_url, STRANGER)}"
    assert client.get("WhoAmI", Authorization=bearer)["UserId"] == user
    answer = client.send("GET", "accounts", Authorization=bearer)
    assert_refused(answer, 403, "0x80042f09", "not been assigned any roles")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "$metadata"),
        ("GET", "invoices"),
        ("POST", "ExportSolution"),
        ("GET", "accounts?$apply=aggregate(revenue with sum as total)"),
        ("GET", "accounts?fetchXml=<fetch/>"),
        ("GET", "accounts?$filter=tolower(name) eq 'x'"),
        ("GET", "accounts?$expand=ownerid"),
        ("GET", "accounts?$expand=primarycontactid($expand=parentcustomerid_account)"),
        ("POST", "salesorders"),
    ],
)
def test_what_is_not_imitated_is_501(client, method, path):
    body = {"name": "X", "customerid_account@odata.bind": None} if method == "POST" else None
    if path == "salesorders":
        account = client.create("accounts", name="A")
        body = {"name": "X", "customerid_account@odata.bind": f"/accounts({account})"}
    answer = client.send(method, path, body)
    assert_refused(answer, 501, "0x80060888", "does not implement")


def test_headers_that_are_not_imitated_are_501(client):
    for headers in ({"CallerObjectId": "x"}, {"MSCRM.SuppressDuplicateDetection": "false"}):
        answer = client.send("GET", "accounts", **headers)
        assert_refused(answer, 501, "0x80060888", next(iter(headers)))
    suppressed = {"MSCRM.SuppressDuplicateDetection": "true"}
    assert client.send("GET", "accounts", **suppressed).status_code == 200


def test_entity_definitions(client):
    query = "$select=LogicalName,EntitySetName,PrimaryIdAttribute&$filter=LogicalName eq 'account'"
    (found,) = client.rows("EntityDefinitions", query)
    assert (found["LogicalName"], found["EntitySetName"], found["PrimaryIdAttribute"]) == (
        "account",
        "accounts",
        "accountid",
    )
    same = client.get("EntityDefinitions(LogicalName='account')?$select=EntitySetName")
    assert same["MetadataId"] == found["MetadataId"]
    assert client.get(f"EntityDefinitions({found['MetadataId']})")["LogicalName"] == "account"


def test_change_tracking_shows_in_the_definitions(start):
    client = start(untracked=frozenset({"account"}))
    query = "$select=LogicalName&$filter=ChangeTrackingEnabled eq true"
    names = {item["LogicalName"] for item in client.rows("EntityDefinitions", query)}
    assert "contact" in names
    assert "account" not in names


def test_attributes_tell_lengths_and_options(client):
    entity = "EntityDefinitions(LogicalName='account')/Attributes"
    name = client.get(f"{entity}(LogicalName='name')")
    assert (name["AttributeType"], name["MaxLength"]) == ("String", 160)
    picklists = client.get(
        f"{entity}/Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
        "?$select=LogicalName&$expand=OptionSet($select=Options)"
    )["value"]
    (terms,) = (item for item in picklists if item["LogicalName"] == "paymenttermscode")
    labels = {
        option["Value"]: option["Label"]["LocalizedLabels"][0]["Label"]
        for option in terms["OptionSet"]["Options"]
    }
    assert labels == {1: "Net 30", 2: "2% 10, Net 30", 3: "Net 45", 4: "Net 60"}


@pytest.mark.parametrize(
    ("table", "supported"), [("account", True), ("productpricelevel", False), ("uom", False)]
)
def test_message_filters_tell_where_bulk_messages_exist(client, table, supported):
    query = (
        "$select=sdkmessagefilterid&$filter=sdkmessageid/name eq 'CreateMultiple' "
        f"and primaryobjecttypecode eq '{table}'"
    )
    assert bool(client.rows("sdkmessagefilters", query)) is supported


def test_too_many_requests_are_429(start):
    client = start(limits=ServiceLimits(requests=3))
    for _ in range(3):
        assert client.send("GET", "WhoAmI").status_code == 200
    first, second = client.send("GET", "WhoAmI"), client.send("GET", "WhoAmI")
    assert_refused(
        first, 429, "0x80072322", "exceeded the limit of 3 over time window of 300 seconds."
    )
    assert int(second.headers["Retry-After"]) > int(first.headers["Retry-After"]) > 290
    assert client.admin("GET", "requests")["throttled"] == 2


def test_too_much_execution_time_is_429(start):
    client = start(limits=ServiceLimits(execution_seconds=0.000_001))
    assert client.send("GET", "accounts").status_code == 200
    answer = client.send("GET", "accounts")
    assert_refused(answer, 429, "0x80072321", "Combined execution time of incoming requests")
    assert int(answer.headers["Retry-After"]) >= 1


def test_too_many_requests_at_once_are_429(start):
    client = start(limits=ServiceLimits(concurrent=1), latency_seconds=0.5)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.send("GET", "WhoAmI"), range(4)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert len(refused) < 4
    assert_refused(refused[0], 429, "0x80072326", "exceeded the limit of 1.")
    assert int(refused[0].headers["Retry-After"]) >= 1


def test_requests_are_counted_by_kind(client: Client):
    client.create("accounts", name="A")
    client.rows("accounts")
    client.send(
        "POST",
        "accounts/Microsoft.Dynamics.CRM.CreateMultiple",
        {"Targets": [{"@odata.type": "Microsoft.Dynamics.CRM.account", "name": "B"}] * 3},
    )
    counted = client.admin("GET", "requests")
    assert counted["requests"] == 3
    assert counted["operations"] == 5
    assert counted["by_kind"] == {
        "GET accounts": 1,
        "POST accounts": 1,
        "POST accounts/Microsoft.Dynamics.CRM.CreateMultiple": 1,
    }


def test_a_url_above_32_kilobytes_is_refused(client):
    answer = client.send("GET", "accounts?$select=" + ",".join(["name"] * 7000))
    assert answer.status_code in (400, 414)


def test_reset_gives_a_new_organization(client):
    client.create("accounts", name="A")
    client.admin("POST", "reset")
    assert client.rows("accounts") == []
    assert client.rows("uomschedules")[0]["name"] == "Default Unit"


def test_a_table_tells_its_privileges(client):
    path = "EntityDefinitions(LogicalName='{}')?$select=Privileges,CanChangeTrackingBeEnabled"
    order = client.get(path.format("salesorder"))
    assert order["CanChangeTrackingBeEnabled"]["Value"] is True
    told = {each["PrivilegeType"]: each for each in order["Privileges"]}
    assert told["AppendTo"]["Name"] == "prvAppendToOrder"
    assert told["Assign"]["CanBeBasic"] is True
    price = {each["Name"] for each in client.get(path.format("pricelevel"))["Privileges"]}
    assert "prvReadProduct" in price
    assert not any(name.startswith("prvAssign") for name in price)
    user = client.get("WhoAmI")["UserId"]
    held = client.get(f"systemusers({user})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()")
    ids = {each["PrivilegeId"] for each in held["RolePrivileges"]}
    assert told["AppendTo"]["PrivilegeId"] in ids


def test_attributes_tell_what_may_be_written_and_where_they_lead(client):
    rows = client.get("EntityDefinitions(LogicalName='contact')/Attributes")["value"]
    told = {row["LogicalName"]: row for row in rows}
    assert told["ownerid"]["AttributeType"] == "Owner"
    assert set(told["ownerid"]["Targets"]) == {"systemuser", "team"}
    assert told["parentcustomerid"]["AttributeType"] == "Customer"
    assert told["transactioncurrencyid"]["AttributeType"] == "Lookup"
    assert (told["contactid"]["IsValidForCreate"], told["contactid"]["IsValidForUpdate"]) == (
        True,
        False,
    )
    assert told["fullname"]["IsValidForCreate"] is told["fullname"]["IsValidForUpdate"] is False
    assert told["lastname"]["IsValidForUpdate"] is True


def test_the_organization_tells_its_currency_and_who_fulfils_orders(client):
    (row,) = client.get("organizations?$expand=basecurrencyid($select=isocurrencycode)")["value"]
    assert row["basecurrencyid"]["isocurrencycode"] == "USD"
    assert row["issopintegrationenabled"] is False
    changed = client.change(f"organizations({row['organizationid']})", issopintegrationenabled=True)
    assert changed.status_code == 204
    assert client.get("organizations")["value"][0]["issopintegrationenabled"] is True
