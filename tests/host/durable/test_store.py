"""The three tables of a hub, on Azurite."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from local.host.durable.history import MESSAGE_ID, Event, EventType, new_event
from local.host.durable.instance import Instance, ParentTask, Status
from local.host.durable.store import MAX_TEXT, HubStore, InstanceFilter
from tests.host.processes import Azurite

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def store(azurite: Azurite) -> AsyncIterator[HubStore]:
    async with TableServiceClient.from_connection_string(azurite.connection_string) as tables:
        store = HubStore(tables, f"Hub{uuid.uuid4().hex[:12]}")
        await store.open()
        yield store


def instance(instance_id: str = "i", **changes: Any) -> Instance:
    members = {"name": "orchestrator", "status": Status.RUNNING} | changes
    return Instance(id=instance_id, created=NOW, updated=NOW, **members)


def events(count: int, text: str = "") -> list[Event]:
    return [new_event(EventType.EVENT_RAISED, NOW, Name=str(n), Input=text) for n in range(count)]


def message(number: int) -> Event:
    return {**events(1)[0], MESSAGE_ID: f"{number:020d}"}


async def test_an_instance_is_read_as_it_was_saved(store: HubStore) -> None:
    saved = instance(
        input='"x"',
        output="null",
        custom_status="1",
        version="v",
        execution=3,
        history_count=4,
        parent=ParentTask(instance_id="p", execution=1, task_id=2),
        taken_over=("a", "b"),
    )
    await store.save(saved)

    assert await store.find("i") == saved
    assert await store.find("another") is None


async def test_texts_as_long_as_allowed_fit_into_one_row(store: HubStore) -> None:
    text = '"' * MAX_TEXT
    saved = instance(input=text, output=text, custom_status=text)
    await store.save(saved)

    assert await store.find("i") == saved


async def test_a_saved_text_that_became_shorter_leaves_nothing_behind(store: HubStore) -> None:
    await store.save(instance(custom_status="9" * 100_000))
    await store.save(instance(custom_status="1"))

    found = await store.find("i")
    assert found is not None
    assert found.custom_status == "1"


async def test_more_events_than_a_transaction_takes_are_read_in_order(store: HubStore) -> None:
    await store.append_history(instance(), events(250))

    history = await store.history(instance(history_count=250))
    assert [event["Name"] for event in history] == [str(n) for n in range(250)]


async def test_many_long_events_are_stored(store: HubStore) -> None:
    await store.append_history(instance(), events(30, text='"\\' * 75_000))

    assert len(await store.history(instance(history_count=30))) == 30


async def test_events_beyond_the_committed_count_are_not_read_and_written_over(
    store: HubStore,
) -> None:
    await store.append_history(instance(), events(5))
    assert await store.history(instance(history_count=0)) == []

    again = events(2, text="again")
    await store.append_history(instance(), again)

    assert await store.history(instance(history_count=2)) == again


async def test_the_history_of_another_execution_is_apart_and_can_be_dropped(
    store: HubStore,
) -> None:
    await store.append_history(instance(execution=9), events(120))
    await store.append_history(instance(execution=10), events(2))

    await store.drop_history(instance(execution=10))

    assert await store.history(instance(execution=9, history_count=120)) == []
    assert len(await store.history(instance(execution=10, history_count=2))) == 2


async def test_inboxes_come_in_the_order_of_the_message_ids(store: HubStore) -> None:
    for number in (3, 1, 2):
        await store.add_message("i", message(number))
    await store.add_message("j", message(4))

    inboxes = await store.inboxes()

    assert inboxes == {"i": [message(1), message(2), message(3)], "j": [message(4)]}


async def test_deleting_messages_that_are_partly_gone_deletes_the_others(store: HubStore) -> None:
    for number in range(150):
        await store.add_message("i", message(number))
    ids = [message(number)[MESSAGE_ID] for number in range(150)]
    await store.delete_messages("i", ids[:3])

    await store.delete_messages("i", ids)

    assert await store.inboxes() == {}


async def test_only_unfinished_instances_are_recovered(store: HubStore) -> None:
    for status in Status:
        await store.save(instance(status.value, status=status))

    unfinished = await store.unfinished()

    assert {found.id for found in unfinished} == {"Pending", "Running", "Suspended"}


async def test_purging_deletes_every_row_and_can_be_repeated(store: HubStore) -> None:
    await store.save(instance(history_count=3))
    await store.append_history(instance(), events(3))
    await store.add_message("i", message(1))

    await store.purge("i")
    await store.purge("i")

    assert await store.find("i") is None
    assert await store.history(instance(history_count=3)) == []
    assert await store.inboxes() == {}


@pytest.mark.parametrize("prefix", ["a'", "a b", "ä"])
async def test_a_prefix_with_special_characters_is_found(store: HubStore, prefix: str) -> None:
    await store.save(instance(f"{prefix}1"))
    await store.save(instance("z"))

    page = await store.list_page(InstanceFilter(id_prefix=prefix), size=10, continuation=None)

    assert [found.id for found in page.instances] == [f"{prefix}1"]
