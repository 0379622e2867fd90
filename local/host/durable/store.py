"""The state of a task hub in three Azure tables: Instances, History and Inbox.

=========  ==============  ====================================  ==================================
table      partition       row                                   holds
=========  ==============  ====================================  ==================================
Instances  instance id     ``instance``                          everything but history and inbox
History    instance id     execution and number of the event     one event
Inbox      instance id     message id                            one message not yet in the history
=========  ==============  ====================================  ==================================

The commit rule: a turn's history rows first, in transactions, then the instance row. Its
``HistoryCount`` is the commit point, for history rows beyond it are not read and the next turn
writes over them. Inbox rows go only after that, so that a crash at any moment loses nothing.
"""

import json
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableTransactionError, UpdateMode
from azure.data.tables.aio import TableClient, TableServiceClient

from local.host.durable.history import MESSAGE_ID, Event, format_time, parse_time
from local.host.durable.instance import Instance, ParentTask, Status

MAX_TEXT = 160_000
"""The longest JSON text of an event, input, output or custom status, in characters. A property of
an Azure table takes 64 KiB of UTF-16, so that texts are cut into several; a row takes 1 MiB."""

_CHUNK = 32_000
_INSTANCE_ROW = "instance"
_TRANSACTION_ROWS = 100
_TRANSACTION_CHARACTERS = 400_000  # at most 1 MiB on the wire, where quotes are escaped once more
_UNFINISHED = [status for status in Status if not status.is_final]

_Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFilter:
    """Which instances to list; what is None or empty does not restrict."""

    statuses: Sequence[Status] = ()
    id_prefix: str = ""
    created_from: datetime | None = None
    created_to: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstancePage:
    """A page of a list of instances; `continuation` is the way to the next page, or None."""

    instances: list[Instance]
    continuation: Mapping[str, str] | None


def too_long(text: str | None) -> bool:
    """Whether the tables cannot hold `text`."""
    return text is not None and len(text) > MAX_TEXT


def encode_event(event: Event) -> str:
    """An event as it is stored."""
    return json.dumps(event)


class HubStore:
    """The tables of one task hub. All texts handed in must satisfy `too_long` not."""

    def __init__(self, tables: TableServiceClient, hub_name: str) -> None:
        self._tables = tables
        self._instances: TableClient = tables.get_table_client(f"{hub_name}Instances")
        self._history: TableClient = tables.get_table_client(f"{hub_name}History")
        self._inbox: TableClient = tables.get_table_client(f"{hub_name}Inbox")

    async def open(self) -> None:
        """Create the tables that do not exist yet."""
        for table in (self._instances, self._history, self._inbox):
            await self._tables.create_table_if_not_exists(table.table_name)

    async def unfinished(self) -> list[Instance]:
        """All instances without a final status."""
        query, parameters = _instance_query(InstanceFilter(statuses=_UNFINISHED))
        rows = self._instances.query_entities(query, parameters=parameters)
        return [_to_instance(row) async for row in rows]

    async def list_page(
        self, wanted: InstanceFilter, *, size: int, continuation: Mapping[str, str] | None
    ) -> InstancePage:
        """A page of at most `size` instances in the order of their ids."""
        query, parameters = _instance_query(wanted)
        pages = self._instances.query_entities(
            query, parameters=parameters, results_per_page=size
        ).by_page(
            continuation_token=continuation  # type: ignore[arg-type] # a mapping, for tables
        )
        async for page in pages:
            instances = [_to_instance(row) async for row in page]
            return InstancePage(
                instances=instances,
                continuation=pages.continuation_token,  # type: ignore[attr-defined] # untyped there
            )
        return InstancePage(instances=[], continuation=None)

    async def find(self, instance_id: str) -> Instance | None:
        """The instance as committed, or None."""
        try:
            return _to_instance(await self._instances.get_entity(instance_id, _INSTANCE_ROW))
        except ResourceNotFoundError:
            return None

    async def save(self, instance: Instance) -> None:
        """Write the instance row: the commit point."""
        await self._instances.upsert_entity(_to_row(instance), mode=UpdateMode.REPLACE)

    async def history(self, instance: Instance) -> list[Event]:
        """The committed events of the instance's current execution."""
        rows = self._history.query_entities(
            "PartitionKey eq @id and RowKey ge @first and RowKey lt @end",
            parameters={
                "id": instance.id,
                "first": _history_key(instance.execution, 0),
                "end": _history_key(instance.execution, instance.history_count),
            },
        )
        return [json.loads(_unpack(row, "Event") or "") for row in await _sorted(rows)]

    async def append_history(self, instance: Instance, events: Sequence[Event]) -> None:
        """Write `events` behind the committed ones; they count once the instance is saved."""
        rows = [
            {
                "PartitionKey": instance.id,
                "RowKey": _history_key(instance.execution, number),
                **_pack("Event", encode_event(event)),
            }
            for number, event in enumerate(events, start=instance.history_count)
        ]
        for batch in _batches(rows):
            await self._history.submit_transaction(
                [("upsert", row, {"mode": UpdateMode.REPLACE}) for row in batch]
            )

    async def drop_history(self, instance: Instance) -> None:
        """Delete the events of the executions before the current one."""
        first_kept = _history_key(instance.execution, 0)
        await _delete_rows(self._history, instance.id, "RowKey lt @end", {"end": first_kept})

    async def inboxes(self) -> dict[str, list[Event]]:
        """All messages, by instance and in the order of their ids."""
        inboxes: dict[str, list[Event]] = {}
        for row in await _sorted(self._inbox.list_entities()):
            inbox = inboxes.setdefault(row["PartitionKey"], [])
            inbox.append(json.loads(_unpack(row, "Event") or ""))
        return inboxes

    async def add_message(self, instance_id: str, message: Event) -> None:
        """Put a message into an inbox; no effect if it is there already."""
        row = {
            "PartitionKey": instance_id,
            "RowKey": message[MESSAGE_ID],
            **_pack("Event", encode_event(message)),
        }
        await self._inbox.upsert_entity(row, mode=UpdateMode.REPLACE)

    async def delete_messages(self, instance_id: str, message_ids: Iterable[str]) -> None:
        """Take messages out of an inbox; those that are gone already do not matter."""
        await _delete_keys(self._inbox, instance_id, list(message_ids))

    async def clear_inbox(self, instance_id: str) -> None:
        """Delete all messages of an instance."""
        await _delete_rows(self._inbox, instance_id)

    async def purge(self, instance_id: str) -> None:
        """Delete all that is known of an instance; its row last, so that it can be repeated."""
        await self.clear_inbox(instance_id)
        await _delete_rows(self._history, instance_id)
        await _delete_keys(self._instances, instance_id, [_INSTANCE_ROW])


def _history_key(execution: int, number: int) -> str:
    return f"{execution:08d}-{number:08d}"


def _pack(name: str, text: str | None) -> _Row:
    """`text` in properties `name`, `name1`, `name2`…; none if it is None."""
    if text is None:
        return {}
    chunks = [text[start : start + _CHUNK] for start in range(0, len(text) or 1, _CHUNK)]
    return {f"{name}{number or ''}": chunk for number, chunk in enumerate(chunks)}


def _unpack(row: Mapping[str, Any], name: str) -> str | None:
    if name not in row:
        return None
    chunks = [row[name]]
    while (following := f"{name}{len(chunks)}") in row:
        chunks.append(row[following])
    return "".join(chunks)


def _to_row(instance: Instance) -> _Row:
    row: _Row = {
        "PartitionKey": instance.id,
        "RowKey": _INSTANCE_ROW,
        "Name": instance.name,
        "RuntimeStatus": instance.status.value,
        "CreatedTime": format_time(instance.created),
        "LastUpdatedTime": format_time(instance.updated),
        "Version": instance.version,
        "Execution": instance.execution,
        "HistoryCount": instance.history_count,
        **_pack("Input", instance.input),
        **_pack("Output", instance.output),
        **_pack("CustomStatus", instance.custom_status),
    }
    if instance.taken_over:
        row |= _pack("TakenOver", json.dumps(instance.taken_over))
    if instance.parent:
        row["ParentInstanceId"] = instance.parent.instance_id
        row["ParentExecution"] = instance.parent.execution
        row["ParentTaskId"] = instance.parent.task_id
    return row


def _to_instance(row: Mapping[str, Any]) -> Instance:
    parent = None
    if "ParentInstanceId" in row:
        parent = ParentTask(
            instance_id=row["ParentInstanceId"],
            execution=row["ParentExecution"],
            task_id=row["ParentTaskId"],
        )
    return Instance(
        id=row["PartitionKey"],
        name=row["Name"],
        status=Status(row["RuntimeStatus"]),
        created=parse_time(row["CreatedTime"]),
        updated=parse_time(row["LastUpdatedTime"]),
        input=_unpack(row, "Input"),
        output=_unpack(row, "Output"),
        custom_status=_unpack(row, "CustomStatus"),
        version=row["Version"],
        execution=row["Execution"],
        history_count=row["HistoryCount"],
        parent=parent,
        taken_over=tuple(json.loads(_unpack(row, "TakenOver") or "[]")),
    )


def _instance_query(wanted: InstanceFilter) -> tuple[str, dict[str, str]]:
    conditions = ["RowKey eq @row"]
    parameters = {"row": _INSTANCE_ROW}
    if wanted.id_prefix:
        conditions.append("PartitionKey ge @prefix and PartitionKey lt @beyond")
        parameters["prefix"] = wanted.id_prefix
        parameters["beyond"] = wanted.id_prefix[:-1] + chr(ord(wanted.id_prefix[-1]) + 1)
    if wanted.statuses:
        names = {f"status{number}": status for number, status in enumerate(wanted.statuses)}
        either = " or ".join(f"RuntimeStatus eq @{name}" for name in names)
        conditions.append(f"( {either} )")  # the SDK finds parameters between blanks only
        parameters |= {name: status.value for name, status in names.items()}
    if wanted.created_from:
        conditions.append("CreatedTime ge @from")
        parameters["from"] = format_time(wanted.created_from)
    if wanted.created_to:
        conditions.append("CreatedTime le @to")
        parameters["to"] = format_time(wanted.created_to)
    return " and ".join(conditions), parameters


def _batches(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    """`rows` cut to what one transaction takes, in number and in size."""
    batch: list[_Row] = []
    characters = 0
    for row in rows:
        size = sum(len(value) for value in row.values())
        if batch and (
            len(batch) == _TRANSACTION_ROWS or characters + size > _TRANSACTION_CHARACTERS
        ):
            yield batch
            batch, characters = [], 0
        batch.append(row)
        characters += size
    if batch:
        yield batch


async def _sorted(rows: AsyncIterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted([row async for row in rows], key=lambda row: str(row["RowKey"]))


async def _delete_rows(
    table: TableClient, partition: str, condition: str = "", parameters: Mapping[str, str] = {}
) -> None:
    rows = table.query_entities(
        "PartitionKey eq @id" + (f" and {condition}" if condition else ""),
        parameters={"id": partition, **parameters},
        select=["PartitionKey", "RowKey"],
    )
    await _delete_keys(table, partition, [row["RowKey"] async for row in rows])


async def _delete_keys(table: TableClient, partition: str, keys: Sequence[str]) -> None:
    for batch in _batches({"PartitionKey": partition, "RowKey": key} for key in keys):
        try:
            await table.submit_transaction([("delete", row) for row in batch])
        except (TableTransactionError, ResourceNotFoundError):
            # One of them is gone already, and the transaction with it; those left go singly.
            for row in batch:
                await table.delete_entity(row["PartitionKey"], row["RowKey"])
