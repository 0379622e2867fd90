"""Messages as the Functions host receives them; and the account that they and the tables are of."""

from __future__ import annotations

import base64
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from azure.storage.queue import QueueClient

from errors import AuthorizationError, ConfigurationError, TransientError
from identity.model import TenantId
from settings import Settings
from storage.accounts import StorageAccount
from storage.queues import Queues, StorageQueues
from storage.rows import Row
from storage.traffic import TRANSACTIONS
from tests.fakes.queues import MemoryQueues

TENANT = TenantId("11111111-1111-1111-1111-111111111111")


@pytest.fixture(params=["memory", "azurite"])
def queues(request: pytest.FixtureRequest) -> Queues:
    if request.param == "memory":
        return MemoryQueues()
    return StorageQueues(request.getfixturevalue("azurite_account"))


@pytest.fixture
def queue_name() -> str:
    return f"test-{uuid.uuid4()}"


def test_a_message_is_base64_of_its_json(
    azurite_account: StorageAccount, azurite_settings: Settings, queue_name: str
):
    message: dict[str, Any] = {"tenant": TENANT, "run": "r1", "generation": 2, "name": "Å 😀"}

    StorageQueues(azurite_account).enqueue(queue_name, message)

    raw = QueueClient.from_connection_string(azurite_settings.storage_connection, queue_name)
    [received] = raw.receive_messages()
    assert json.loads(base64.b64decode(received.content)) == message


def test_a_delayed_message_is_not_delivered_before_its_time(
    azurite_account: StorageAccount, queue_name: str
):
    StorageQueues(azurite_account).enqueue(queue_name, {"run": "r1"}, delay_seconds=600)

    client = azurite_account.queue(queue_name)
    assert list(client.receive_messages()) == []
    assert client.get_queue_properties().approximate_message_count == 1


def test_the_fake_keeps_what_was_sent():
    queues = MemoryQueues()

    queues.enqueue("a", {"n": 1}, delay_seconds=5)
    queues.enqueue("b", {"n": 2})

    assert queues.sent[0].delay_seconds == 5
    assert queues.take("a") == [{"n": 1}]
    assert queues.take("a") == []
    assert queues.take("b") == [{"n": 2}]


@pytest.mark.parametrize("value", [{"nested": 1}, ["list"], 1.5, None])
def test_a_message_that_holds_more_than_keys_is_refused(
    queues: Queues, queue_name: str, value: Any
):
    with pytest.raises(ValueError, match="keys only"):
        queues.enqueue(queue_name, {"record": value})


def test_a_message_of_64_kib_once_encoded_is_the_largest(queues: Queues, queue_name: str):
    frame = len('{"k": ""}')

    queues.enqueue(queue_name, {"k": "x" * (48 * 1024 - frame)})
    with pytest.raises(ValueError, match="larger than a queue takes"):
        queues.enqueue(queue_name, {"k": "x" * (48 * 1024 - frame + 1)})


def test_tables_and_queues_are_created_once_however_many_ask_at_once(azurite_settings: Settings):
    name = f"t{uuid.uuid4().hex}"

    def write(number: int) -> None:
        account.table(name, TENANT).insert(Row(partition=(), key=(str(number),)))
        StorageQueues(account).enqueue(name, {"n": number})

    account = StorageAccount(azurite_settings)
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, range(12)))

    assert len(list(account.table(name, TENANT).scan(()))) == 12
    assert account.queue(name).get_queue_properties().approximate_message_count == 12
    assert TRANSACTIONS.by_kind()[f"POST {name}"] >= 24
    again = StorageAccount(azurite_settings)
    assert len(list(again.table(name, TENANT).scan(()))) == 12


def test_every_request_is_counted_and_a_batch_counts_once(azurite_account: StorageAccount):
    name = f"t{uuid.uuid4().hex}"
    table = azurite_account.table(name, TENANT)
    before = TRANSACTIONS.total()

    for number in range(25):
        table.upsert(Row(partition=("p",), key=(str(number),)))
    assert TRANSACTIONS.total() - before == 25

    list(table.scan(("p",), page_size=10))
    assert TRANSACTIONS.total() - before == 28


def test_a_table_that_disappeared_is_named(azurite_account: StorageAccount):
    name = f"t{uuid.uuid4().hex}"
    table = azurite_account.table(name, TENANT)
    table._client.delete_table()

    with pytest.raises(ConfigurationError, match=name):
        table.get(("p",), ("1",))
    with pytest.raises(ConfigurationError, match=name):
        table.insert(Row(partition=("p",), key=("1",)))


# azure-data-tables 12.7 tests an XML element's truth where the service answers in XML
@pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning")
def test_a_wrong_account_key_is_the_administrators_to_mend(azurite_settings: Settings):
    connection = azurite_settings.storage_connection.replace("Eby8vdM0", "AAAAAAAA")

    with pytest.raises(AuthorizationError, match="refused"):
        StorageAccount(replace(azurite_settings, storage_connection=connection)).table(
            "rows", TENANT
        )


@pytest.mark.parametrize("connection", ["", "nonsense", "AccountName=a"])
def test_a_missing_or_malformed_connection_is_named(azurite_settings: Settings, connection: str):
    with pytest.raises(ConfigurationError, match=r"storage account|AzureWebJobsStorage"):
        StorageAccount(replace(azurite_settings, storage_connection=connection)).table(
            "rows", TENANT
        )


def test_an_account_that_does_not_answer_is_a_passing_fault(
    azurite_settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("storage.accounts._NETWORK", {"retry_total": 0})
    connection = (
        "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=AAAA;"
        "TableEndpoint=http://127.0.0.1:1/a;QueueEndpoint=http://127.0.0.1:1/a"
    )

    with pytest.raises(TransientError, match="did not answer for table rows"):
        StorageAccount(replace(azurite_settings, storage_connection=connection)).table(
            "rows", TENANT
        )
