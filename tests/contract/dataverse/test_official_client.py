"""Microsoft's own Python client, unchanged, against the simulator."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from azure.core.credentials import AccessToken
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError
from PowerPlatform.Dataverse.models.filters import col
from PowerPlatform.Dataverse.models.upsert import UpsertItem


class Credential:
    """Tokens of the Entra ID simulator in the form the client wants them."""

    def __init__(self, token_for) -> None:
        self._token_for = token_for

    def get_token(self, *scopes: str, **_) -> AccessToken:
        token = self._token_for(scopes[0].removesuffix("/.default"))
        return AccessToken(token, int(time.time()) + 3000)


@pytest.fixture
def official(client, certificates, token_for, monkeypatch) -> Iterator[DataverseClient]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.ca))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with DataverseClient(client.base_url, Credential(token_for)) as found:
        yield found


def test_create_read_update_delete(official, client):
    created = official.records.create(
        "account", {"name": "O'Hara & Söhne", "accountnumber": "10000", "creditlimit": 12.5}
    )
    record = official.records.retrieve("account", created, select=["name", "creditlimit"])
    assert (record["name"], record["creditlimit"]) == ("O'Hara & Söhne", 12.5)
    official.records.update("account", created, {"name": "O'Hara"})
    assert client.get(f"accounts({created})")["name"] == "O'Hara"
    official.records.delete("account", created)
    assert official.records.retrieve("account", created) is None


def test_labels_of_choices_are_understood(official, client):
    created = official.records.create("account", {"name": "A", "paymenttermscode": "Net 45"})
    assert client.get(f"accounts({created})")["paymenttermscode"] == 3


def test_create_and_update_many(official, client):
    ids = official.records.create("account", [{"name": f"Many {n}"} for n in range(25)])
    assert len(set(ids)) == 25
    official.records.update("account", ids, {"telephone1": "1"})
    changes = [{"name": f"Changed {n}"} for n in range(25)]
    official.records.update("account", ids, changes)
    rows = client.rows("accounts")
    assert {row["name"] for row in rows} == {f"Changed {n}" for n in range(25)}
    assert {row["telephone1"] for row in rows} == {"1"}


def test_a_bad_row_fails_the_whole_call(official, client):
    with pytest.raises(HttpError, match="maximum allowed length of '160'"):
        official.records.create("account", [{"name": "A"}, {"name": "x" * 161}])
    assert client.rows("accounts") == []


def test_upsert_by_alternate_key(official, client):
    key = official.tables.create_alternate_key("account", "by_number", ["accountnumber"])
    (listed,) = official.tables.get_alternate_keys("account")
    assert listed.metadata_id == key.metadata_id
    assert listed.key_attributes == ["accountnumber"]
    for name in ("first", "second"):
        official.records.upsert("account", [UpsertItem({"accountnumber": "O'1"}, {"name": name})])
    items = [UpsertItem({"accountnumber": f"N{n}"}, {"name": f"N {n}"}) for n in range(3)]
    official.records.upsert("account", items)
    official.records.upsert("account", items)
    found = {row["accountnumber"]: row["name"] for row in client.rows("accounts")}
    assert found == {"O'1": "second", "N0": "N 0", "N1": "N 1", "N2": "N 2"}
    official.tables.delete_alternate_key("account", key.metadata_id)
    with pytest.raises(HttpError):
        official.records.upsert("account", [UpsertItem({"accountnumber": "O'1"}, {"name": "x"})])


def test_listing_pages_through_all_rows(official):
    official.records.create("account", [{"name": f"Row {n:03}"} for n in range(25)])
    pages = list(
        official.records.list_pages(
            "account",
            select=["name"],
            orderby=["name desc"],
            page_size=10,
            include_annotations="*",
        )
    )
    assert [len(page) for page in pages] == [10, 10, 5]
    names = [record["name"] for page in pages for record in page]
    assert names == [f"Row {n:03}" for n in reversed(range(25))]


def test_filters_of_the_client(official):
    official.records.create(
        "account",
        [{"name": "Alpha", "numberofemployees": 5}, {"name": "Beta", "numberofemployees": 50}],
    )
    by_number = official.records.list("account", filter=col("numberofemployees") > 10)
    assert [record["name"] for record in by_number] == ["Beta"]
    by_list = official.records.list("account", filter=col("name").in_(["ALPHA", "x"]))
    assert [record["name"] for record in by_list] == ["Alpha"]


def test_a_batch_with_a_change_set(official, client):
    batch = official.batch.new()
    with batch.changeset() as change_set:
        reference = change_set.records.create("account", {"name": "Set"})
        change_set.records.update("account", reference, {"telephone1": "7"})
        change_set.records.create(
            "contact", {"lastname": "L", "parentcustomerid_account@odata.bind": reference}
        )
    batch.records.create("account", {"name": "Alone"})
    result = batch.execute()
    assert [item.status_code for item in result.responses] == [204, 204, 204, 204]
    accounts = {row["name"]: row for row in client.rows("accounts")}
    assert accounts["Set"]["telephone1"] == "7"
    (contact,) = client.rows("contacts")
    assert contact["_parentcustomerid_value"] == accounts["Set"]["accountid"]
    assert "Alone" in accounts


def test_a_failed_change_set_leaves_nothing(official, client):
    batch = official.batch.new()
    with batch.changeset() as change_set:
        change_set.records.create("account", {"name": "Good"})
        change_set.records.create("account", {"name": "x" * 161})
    batch.records.create("account", {"name": "After"})
    result = batch.execute(continue_on_error=True)
    assert [item.status_code for item in result.responses] == [400, 204]
    assert [row["name"] for row in client.rows("accounts")] == ["After"]
