"""Azure Tables in memory, at the level of the storage SDK's client.

``TenantTable`` runs on it unchanged: the same errors, ETags, limits and orders as the service. The
contract suite, which runs against this and against Azurite, holds it to that.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from threading import RLock
from typing import Any, NamedTuple, cast

from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import (
    EdmType,
    EntityProperty,
    TableClient,
    TableEntity,
    TableTransactionError,
    UpdateMode,
)

from identity.model import TenantId
from storage.tables import TenantTable

type _Key = tuple[str, str]
type _Rows = dict[str, TableEntity]
"""The rows of one partition by their row keys."""

type Watch = Callable[[str, StorageCall], bool]
"""Told ``before`` and ``after`` every call; may raise, run other work, or move the time. True after
a call: the answer was lost, and the SDK sends the request again."""


class StorageCall(NamedTuple):
    """One request to a table."""

    table: str
    verb: str
    """``get``, ``query``, ``create``, ``update``, ``upsert``, ``delete`` or ``transact``."""
    partition: str
    """The partition's key; of a query over several partitions, where they begin."""
    entities: tuple[Mapping[str, Any], ...] = ()
    """What is written, in the SDK's form."""

    @property
    def writes(self) -> bool:
        return self.verb not in ("get", "query")


def _unwatched(moment: str, call: StorageCall) -> bool:
    del moment, call
    return False


class MemoryAccount:
    """Tables by name, empty at first; stands in for ``StorageAccount``."""

    def __init__(self, watch: Watch = _unwatched) -> None:
        self.clients: dict[str, MemoryTableClient] = {}
        self._watch = watch

    def client(self, name: str) -> MemoryTableClient:
        if name not in self.clients:
            self.clients[name] = MemoryTableClient(name, self._watch)
        return self.clients[name]

    def table(self, name: str, tenant: TenantId) -> TenantTable:
        return TenantTable(cast(TableClient, self.client(name)), tenant)


class MemoryTableClient:
    """The calls of ``azure.data.tables.TableClient`` that ``TenantTable`` makes."""

    def __init__(self, table_name: str, watch: Watch = _unwatched) -> None:
        self.table_name = table_name
        self.partitions: dict[str, _Rows] = {}
        self._in_order: dict[str, list[str]] = {}
        """Row keys of partitions in the service's order, until rows come or go."""
        self._lock = RLock()
        self._watch = watch
        self._versions = itertools.count(1)
        self.transactions = 0
        """Requests that the service would have answered."""

    def get_entity(self, partition_key: str, row_key: str) -> TableEntity:
        return self._watched(
            StorageCall(self.table_name, "get", partition_key),
            lambda: _copied(_existing(self._rows(partition_key), row_key)),
        )

    def create_entity(self, entity: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        return self._write("create", entity, options)

    def update_entity(self, entity: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        return self._write("update", entity, options)

    def upsert_entity(self, entity: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        return self._write("upsert", entity, options)

    def delete_entity(self, entity: Mapping[str, Any], **options: Any) -> None:
        try:
            self._write("delete", entity, options)
        except ResourceNotFoundError:
            return

    def submit_transaction(
        self, operations: Sequence[tuple[Any, ...]], **_options: Any
    ) -> list[dict[str, Any]]:
        keys = [_key(operation[1]) for operation in operations]
        if len({partition for partition, _ in keys}) != 1:
            raise ValueError("Partition Keys in the batch must all be the same.")
        entities = tuple(operation[1] for operation in operations)
        return self._watched(
            StorageCall(self.table_name, "transact", keys[0][0], entities),
            lambda: self._transact(keys, operations),
        )

    def _transact(
        self, keys: list[_Key], operations: Sequence[tuple[Any, ...]]
    ) -> list[dict[str, Any]]:
        if len(operations) > 100:
            raise _failure(HttpResponseError, 400, "InvalidInput")
        if len(set(keys)) < len(keys):
            raise _refusal_at(0, 400, "InvalidDuplicateRow")
        partition = keys[0][0]
        draft = dict(self._rows(partition))
        answers = []
        for index, (verb, entity, *options) in enumerate(operations):
            try:
                answers.append(self._apply(draft, verb, entity, options[0] if options else {}))
            except HttpResponseError as error:
                raise _refusal_at(index, error.status_code, error.message) from None
        self.partitions[partition] = draft
        self._in_order.pop(partition, None)
        return answers

    def query_entities(
        self,
        query_filter: str,
        *,
        parameters: Mapping[str, str],
        select: Sequence[str] | None,
        results_per_page: int,
    ) -> Iterator[TableEntity]:
        comparisons = [_comparison(text, parameters) for text in query_filter.split(" and ")]
        partition = next(text for column, _, text in comparisons if column == "PartitionKey")
        call = StorageCall(self.table_name, "query", partition)
        after: _Key | None = None
        while True:
            page = self._watched(call, partial(self._page, comparisons, after, results_per_page))
            for entity in page:
                yield _selected(entity, select)
            if len(page) < results_per_page:
                return
            after = _key(page[-1])

    def _page(
        self, comparisons: list[tuple[str, str, str]], after: _Key | None, size: int
    ) -> list[TableEntity]:
        of_partition = [each for each in comparisons if each[0] == "PartitionKey"]
        of_row = [each for each in comparisons if each[0] != "PartitionKey"]
        found: list[TableEntity] = []
        for partition in self._matching_partitions(of_partition):
            if after and _order(partition) < _order(after[0]):
                continue
            beyond = _order(after[1]) if after and after[0] == partition else None
            rows = self._rows(partition)
            for key in self._keys_in_order(partition):
                if beyond is not None and _order(key) <= beyond:
                    continue
                if all(_holds(rows[key], each) for each in of_row):
                    found.append(rows[key])
                    if len(found) == size:
                        return found
        return found

    def _matching_partitions(self, comparisons: list[tuple[str, str, str]]) -> list[str]:
        if comparisons[0][1] == "eq":
            return [comparisons[0][2]]
        return [
            partition
            for partition in sorted(self.partitions, key=_order)
            if all(_compares(partition, operator, text) for _, operator, text in comparisons)
        ]

    def load(self, partitions: dict[str, _Rows]) -> None:
        """Hold these rows and no others."""
        self.partitions = partitions
        self._in_order.clear()

    def _keys_in_order(self, partition: str) -> list[str]:
        rows = self._rows(partition)
        keys = self._in_order.get(partition)
        if keys is None:
            keys = self._in_order[partition] = sorted(rows, key=_order)
        return keys

    def _rows(self, partition: str) -> _Rows:
        return self.partitions.setdefault(partition, {})

    def _write(
        self, verb: str, entity: Mapping[str, Any], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        partition = entity["PartitionKey"]
        return self._watched(
            StorageCall(self.table_name, verb, partition, (entity,)),
            lambda: self._write_one(partition, verb, entity, options),
        )

    def _write_one(
        self, partition: str, verb: str, entity: Mapping[str, Any], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        if verb != "update":
            self._in_order.pop(partition, None)
        return self._apply(self._rows(partition), verb, entity, options)

    def _watched[Answer](self, call: StorageCall, work: Callable[[], Answer]) -> Answer:
        self._watch("before", call)
        while True:
            with self._lock:
                self.transactions += 1
                answer = work()
            if not self._watch("after", call):
                return answer

    def _apply(
        self, rows: _Rows, verb: str, entity: Mapping[str, Any], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        key = entity["RowKey"]
        columns = _stored(entity)
        if verb == "create" and key in rows:
            raise _failure(ResourceExistsError, 409, "EntityAlreadyExists")
        if verb in ("update", "delete"):
            _check_version(_existing(rows, key), options)
        if verb == "delete":
            del rows[key]
            return {"etag": None}
        is_merged = verb == "update" and options["mode"] is UpdateMode.MERGE
        stored = TableEntity(rows[key] | columns if is_merged else columns)
        etag = f"W/\"version'{next(self._versions)}'\""
        stored._metadata = {"etag": etag, "timestamp": None}
        rows[key] = stored
        return {"etag": etag}


def _check_version(stored: TableEntity, options: Mapping[str, Any]) -> None:
    if options["match_condition"] is MatchConditions.Unconditionally:
        return
    if options["etag"] != stored.metadata["etag"]:
        raise _failure(ResourceModifiedError, 412, "UpdateConditionNotSatisfied")


def _stored(entity: Mapping[str, Any]) -> dict[str, Any]:
    """The columns as the service keeps them; it refuses those that are too long."""
    stored = dict(entity)
    for name, value in entity.items():
        if isinstance(value, str):
            # A short one cannot be too long, however its characters are written.
            if len(value) > 16 * 1024 and len(value.encode("utf-16-le")) > 64 * 1024:
                raise _failure(HttpResponseError, 400, "PropertyValueTooLarge")
        elif isinstance(value, tuple):
            number, kind = value
            stored[name] = EntityProperty(number, EdmType(kind))
    return stored


def _existing(rows: _Rows, key: str) -> TableEntity:
    if key not in rows:
        raise _MISSING.with_traceback(None)
    return rows[key]


def _copied(entity: TableEntity) -> TableEntity:
    copied = TableEntity(entity)
    copied._metadata = entity.metadata.copy()
    return copied


def _selected(entity: TableEntity, select: Sequence[str] | None) -> TableEntity:
    copied = _copied(entity)
    if select is not None:
        for name in entity.keys() - set(select):
            del copied[name]
    return copied


def _comparison(text: str, parameters: Mapping[str, str]) -> tuple[str, str, str]:
    column, operator, parameter = text.split(" ")
    return column, operator, parameters[parameter.removeprefix("@")]


def _holds(entity: TableEntity, comparison: tuple[str, str, str]) -> bool:
    column, operator, text = comparison
    if column not in entity:
        return False
    value = entity[column]
    return value == text if operator == "eq" else _compares(value, operator, text)


def _compares(value: str, operator: str, text: str) -> bool:
    left, right = _order(value), _order(text)
    match operator:
        case "eq":
            return bool(left == right)
        case "ge":
            return bool(left >= right)
        case "gt":
            return bool(left > right)
        case "lt":
            return bool(left < right)
    raise AssertionError(f"the fake does not know the operator {operator}")


def _key(entity: Mapping[str, Any]) -> _Key:
    return entity["PartitionKey"], entity["RowKey"]


def _order(text: str) -> bytes:
    """The service compares texts by UTF-16 code units, Python by code points."""
    return text.encode("utf-16-be")


def service_failure(status: int, code: str) -> HttpResponseError:
    """What the SDK raises where the service answers with this status."""
    return _failure(HttpResponseError, status, code)


def _failure(kind: type[HttpResponseError], status: int, code: str) -> HttpResponseError:
    return _marked(kind(message=code), status, code)


def _refusal_at(index: int, status: int | None, code: str) -> HttpResponseError:
    return _marked(TableTransactionError(message=f"{index}:{code}"), status, code)


def _marked(error: Any, status: int | None, code: str) -> HttpResponseError:
    """The SDK, too, adds these after construction."""
    error.status_code = status
    error.error_code = code
    return cast(HttpResponseError, error)


_MISSING = _failure(ResourceNotFoundError, 404, "ResourceNotFound")
"""Made once: it answers most point reads."""
