"""Delta links: what changed in a table since it was read."""

from datetime import timedelta

import pytest
import requests

from tests.contract.dataverse.client import Client, assert_refused

TRACK = "odata.track-changes"


def initial(
    client: Client, query: str = "accounts?$select=name", prefer: str = TRACK
) -> requests.Response:
    answer = client.send("GET", query, Prefer=prefer)
    assert answer.status_code == 200, answer.text
    return answer


def delta_link(client: Client) -> str:
    return str(initial(client).json()["@odata.deltaLink"])


def test_the_first_read_gives_all_rows_and_a_delta_link(client):
    client.create("accounts", name="A")
    answer = initial(client)
    assert answer.headers["Preference-Applied"] == TRACK
    body = answer.json()
    assert [row["name"] for row in body["value"]] == ["A"]
    link = body["@odata.deltaLink"]
    token = link.partition("$deltatoken=")[2]
    assert "accounts?$select=name&$deltatoken=" in link
    assert token.endswith("%2107%2f01%2f2026%2012%3a00%3a00")


def test_nothing_changed(client):
    client.create("accounts", name="A")
    body = client.get(delta_link(client))
    assert body["value"] == []
    assert body["@odata.context"].endswith("$metadata#accounts(name)/$delta")
    assert client.get(body["@odata.deltaLink"])["value"] == []


def test_changes_come_by_version_and_deletions_last(client):
    old, gone = client.create("accounts", name="Old"), client.create("accounts", name="Gone")
    link = delta_link(client)
    client.send("DELETE", f"accounts({gone})")
    new = client.create("accounts", name="New")
    client.change(f"accounts({old})", telephone1="1")
    client.create("contacts", lastname="of another table")
    body = client.get(link)
    assert [row.get("name") for row in body["value"]] == ["New", "Old", None]
    assert [row.get("accountid") for row in body["value"]] == [new, old, None]
    assert set(body["value"][0]) == {"@odata.etag", "name", "accountid"}
    deleted = body["value"][2]
    assert (deleted["id"], deleted["reason"]) == (gone, "deleted")
    assert deleted["@odata.context"].endswith("$metadata#accounts/$deletedEntity")
    token = body["@odata.deltaLink"].partition("?")[2]
    assert client.get(f"accounts?{token}")["value"] == []


def test_a_row_created_and_deleted_in_between_shows_as_deleted(client):
    link = delta_link(client)
    account = client.create("accounts", name="A")
    client.send("DELETE", f"accounts({account})")
    assert [row["id"] for row in client.get(link)["value"]] == [account]


def test_a_row_deleted_and_created_again_shows_as_changed(client):
    account = client.create("accounts", name="A")
    link = delta_link(client)
    client.send("DELETE", f"accounts({account})")
    client.create("accounts", accountid=account, name="B")
    assert [row.get("name") for row in client.get(link)["value"]] == ["B"]


def test_the_count_of_changes(client):
    link = delta_link(client)
    for name in "ABC":
        client.create("accounts", name=name)
    token = link.partition("$deltatoken=")[2]
    assert client.send("GET", f"accounts/$count?$deltatoken={token}").text == "3"


def test_the_first_read_in_pages(client):
    for number in range(5):
        client.create("accounts", name=f"Row {number}")
    prefer = f"{TRACK},odata.maxpagesize=2"
    first = initial(client, prefer=prefer).json()
    assert "@odata.deltaLink" not in first
    changed = first["value"][0]["accountid"]
    client.change(f"accounts({changed})", name="Changed meanwhile")
    second = client.get(first["@odata.nextLink"], Prefer=prefer)
    third = client.get(second["@odata.nextLink"], Prefer=prefer)
    assert [len(page["value"]) for page in (first, second, third)] == [2, 2, 1]
    rows = client.get(third["@odata.deltaLink"])["value"]
    assert [row["name"] for row in rows] == ["Changed meanwhile"]


def test_changes_in_pages(client):
    keep = [client.create("accounts", name=f"Row {number}") for number in range(5)]
    link = delta_link(client)
    for account in keep[:3]:
        client.change(f"accounts({account})", telephone1="1")
    for account in keep[3:]:
        client.send("DELETE", f"accounts({account})")
    url, pages = link, []
    while url:
        pages.append(client.get(url, Prefer=f"{TRACK},odata.maxpagesize=2"))
        url = pages[-1].get("@odata.nextLink")
    rows = [row for page in pages for row in page["value"]]
    assert [row.get("accountid", row.get("id")) for row in rows] == keep
    assert [("@odata.deltaLink" in page) for page in pages] == [False, False, True]
    assert client.get(pages[-1]["@odata.deltaLink"])["value"] == []


@pytest.mark.parametrize(
    ("option", "value"),
    [("filter", "name eq 'A'"), ("orderby", "name"), ("expand", "primarycontactid"), ("top", "1")],
)
def test_forbidden_options(client, option, value):
    words = f'The "${{{option}}}" query parameter isn\'t supported when Change Tracking is enabled.'
    answer = client.send("GET", f"accounts?${option}={value}", Prefer=TRACK)
    assert_refused(answer, 400, "0x80060888", words)
    later = client.send("GET", f"{delta_link(client)}&${option}={value}")
    assert_refused(later, 400, "0x80060888", words)


def test_a_token_lives_for_seven_days(client, clock):
    link = delta_link(client)
    clock.now += timedelta(days=7)
    assert client.send("GET", link).status_code == 200
    clock.now += timedelta(seconds=1)
    answer = client.send("GET", link)
    assert_refused(answer, 400, "0x80044352", "Please perform a full sync.")


def test_the_organization_sets_how_long_tokens_live(client, clock):
    organization = client.get("organizations")["value"][0]["organizationid"]
    client.change(f"organizations({organization})", expirechangetrackingindays=1)
    link = delta_link(client)
    clock.now += timedelta(days=1, seconds=1)
    assert_refused(client.send("GET", link), 400, "0x80044352")


@pytest.mark.parametrize("token", ["x", "1", "99999999!07/01/2026 12:00:00", "1!13/41/2026 1:2:3"])
def test_a_token_of_nobody(client, token):
    assert client.send("GET", f"accounts?$deltatoken={token}").status_code == 400


def test_a_table_without_change_tracking(start):
    client = start(untracked=frozenset({"account"}))
    answer = client.send("GET", "accounts", Prefer=TRACK)
    assert_refused(answer, 400, "0x80060888", "change tracking")
    assert initial(client, "contacts").json()["value"] == []


def test_the_link_covers_all_that_happens_from_the_first_page_on(client):
    rows = [client.create("accounts", name=f"Row {number}") for number in range(6)]
    prefer = f"{TRACK},odata.maxpagesize=2"
    seen = [initial(client, prefer=prefer).json()]
    read = [row["accountid"] for row in seen[0]["value"]]
    unread = [row for row in rows if row not in read]
    client.change(f"accounts({read[0]})", name="read, then changed")
    client.send("DELETE", f"accounts({read[1]})")
    client.change(f"accounts({unread[-1]})", name="changed, then read")
    client.send("DELETE", f"accounts({unread[0]})")
    new = client.create("accounts", name="new")
    while "@odata.nextLink" in seen[-1]:
        seen.append(client.get(seen[-1]["@odata.nextLink"], Prefer=prefer))
    changes = client.get(seen[-1]["@odata.deltaLink"])["value"]
    changed = {row["accountid"]: row["name"] for row in changes if "accountid" in row}
    assert changed == {
        read[0]: "read, then changed",
        unread[-1]: "changed, then read",
        new: "new",
    }
    assert {row["id"] for row in changes if "id" in row} == {read[1], unread[0]}


def test_what_changes_while_changes_are_paged_comes_with_the_next_link(client):
    rows = [client.create("accounts", name=f"Row {number}") for number in range(4)]
    link = delta_link(client)
    for row in rows:
        client.change(f"accounts({row})", telephone1="1")
    prefer = f"{TRACK},odata.maxpagesize=1"
    page = client.get(link, Prefer=prefer)
    client.change(f"accounts({rows[0]})", name="again, after its page")
    client.change(f"accounts({rows[2]})", name="again, before its page")
    client.send("DELETE", f"accounts({rows[3]})")
    seen = [row["accountid"] for row in page["value"]]
    while "@odata.nextLink" in page:
        page = client.get(page["@odata.nextLink"], Prefer=prefer)
        seen += [row["accountid"] for row in page["value"]]
    assert seen == [rows[0], rows[1]]
    changes = client.get(page["@odata.deltaLink"])["value"]
    assert [row.get("accountid", row.get("id")) for row in changes] == [rows[0], rows[2], rows[3]]


def test_moving_the_clock_ages_tokens_and_stamps(client):
    link = delta_link(client)
    day = 24 * 3600
    client.admin("PUT", "clock", {"skew_seconds": 7 * day})
    assert client.send("GET", link).status_code == 200
    client.admin("PUT", "clock", {"step_seconds": 2})
    assert_refused(client.send("GET", link), 400, "0x80044352")
    client.admin("PUT", "clock", {"skew_seconds": -day})
    assert client.send("GET", link).status_code == 200
    account = client.create("accounts", name="A")
    assert client.get(f"accounts({account})")["modifiedon"] == "2026-06-30T12:00:00Z"


def test_a_change_of_metadata_kills_the_tokens_of_that_table_alone(client):
    client.create("accounts", name="A")
    link = delta_link(client)
    other = str(initial(client, "contacts").json()["@odata.deltaLink"])
    client.admin("POST", "invalidate-delta", {"table": "account"})
    assert_refused(client.send("GET", link), 400, "0x80044352")
    token = link.partition("$deltatoken=")[2]
    counted = client.send("GET", f"accounts/$count?$deltatoken={token}")
    assert_refused(counted, 400, "0x80044352")
    assert client.get(other)["value"] == []
    assert client.get(delta_link(client))["value"] == []


def test_a_read_that_is_under_way_when_the_metadata_changes_ends_with_a_dead_link(client):
    for name in "ABC":
        client.create("accounts", name=name)
    prefer = f"{TRACK},odata.maxpagesize=2"
    first = initial(client, prefer=prefer).json()
    client.admin("POST", "invalidate-delta", {"table": "account"})
    last = client.get(first["@odata.nextLink"], Prefer=prefer)
    assert_refused(client.send("GET", last["@odata.deltaLink"]), 400, "0x80044352")


def test_reading_needs_the_privilege(client):
    account = client.create("accounts", name="A")
    link = delta_link(client)
    client.admin("POST", "privileges", {"table": "account", "read": False})
    for path in ("accounts", link, f"accounts({account})", "accounts/$count"):
        answer = client.send("GET", path, Prefer=TRACK)
        assert_refused(answer, 403, "0x80040220", "prvReadAccount")
    assert initial(client, "contacts").json()["value"] == []
    client.admin("POST", "privileges", {"table": "account", "read": True})
    assert client.get(link)["value"] == []


@pytest.mark.parametrize(
    ("command", "values"),
    [
        ("invalidate-delta", {"table": "accounts"}),
        ("invalidate-delta", {}),
        ("privileges", {"table": "account"}),
        ("privileges", {"table": "account", "fly": False}),
    ],
)
def test_malformed_commands_are_refused(client, command, values):
    answer = client.send("POST", f"{client.base_url}/_sim/{command}", values)
    assert answer.status_code == 400
