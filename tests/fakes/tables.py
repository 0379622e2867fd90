"""Azure Tables in memory, at the level of the storage SDK's client.

``TenantTable`` runs on it unchanged: the same errors, ETags, limits and orders as the service. The
contract suite, which runs against this and against Azurite, holds it to that.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from threading import RLock
from typing import Any, cast

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
type _Rows = dict[_Key, TableEntity]


class MemoryAccount:
    """Tables by name, empty at first; stands in for ``StorageAccount``."""

    def __init__(self) -> None:
        self._clients: dict[str, MemoryTableClient] = {}

    def client(self, name: str) -> MemoryTableClient:
        return self._clients.setdefault(name, MemoryTableClient(name))

    def table(self, name: str, tenant: TenantId) -> TenantTable:
        return TenantTable(cast(TableClient, self.client(name)), tenant)


class MemoryTableClient:
    """The calls of ``azure.data.tables.TableClient`` that ``TenantTable`` makes."""

    def __init__(self, table_name: str) -> None:
        self.table_name = table_name
        self._rows: _Rows = {}
        self._lock = RLock()
        self._versions = itertools.count(1)
        self.transactions = 0
        """Requests that the service would have answered."""

    def get_entity(self, partition_key: str, row_key: str) -> TableEntity:
        with self._lock:
            self.transactions += 1
            return _copied(_existing(self._rows, (partition_key, row_key)))

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
        with self._lock:
            self.transactions += 1
            keys = [_key(operation[1]) for operation in operations]
            if len({partition for partition, _ in keys}) != 1:
                raise ValueError("Partition Keys in the batch must all be the same.")
            if len(operations) > 100:
                raise _failure(HttpResponseError, 400, "InvalidInput")
            if len(set(keys)) < len(keys):
                raise _refusal_at(0, 400, "InvalidDuplicateRow")
            draft = dict(self._rows)
            answers = []
            for index, (verb, entity, *options) in enumerate(operations):
                try:
                    answers.append(self._apply(draft, verb, entity, options[0] if options else {}))
                except HttpResponseError as error:
                    raise _refusal_at(index, error.status_code, error.message) from None
            self._rows = draft
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
        after: tuple[bytes, bytes] | None = None
        while True:
            page = self._page(comparisons, after, results_per_page)
            for entity in page:
                yield _selected(entity, select)
            if len(page) < results_per_page:
                return
            after = _order(_key(page[-1]))

    def _page(
        self,
        comparisons: list[tuple[str, str, str]],
        after: tuple[bytes, bytes] | None,
        size: int,
    ) -> list[TableEntity]:
        with self._lock:
            self.transactions += 1
            matching = (
                entity
                for key, entity in sorted(self._rows.items(), key=lambda item: _order(item[0]))
                if (after is None or _order(key) > after)
                and all(_holds(entity, comparison) for comparison in comparisons)
            )
            return list(itertools.islice(matching, size))

    def _write(
        self, verb: str, entity: Mapping[str, Any], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        with self._lock:
            self.transactions += 1
            return self._apply(self._rows, verb, entity, options)

    def _apply(
        self, rows: _Rows, verb: str, entity: Mapping[str, Any], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        key = _key(entity)
        _check_sizes(entity)
        if verb == "create" and key in rows:
            raise _failure(ResourceExistsError, 409, "EntityAlreadyExists")
        if verb in ("update", "delete"):
            _check_version(_existing(rows, key), options)
        if verb == "delete":
            del rows[key]
            return {"etag": None}
        stored = TableEntity()
        if verb == "update" and options["mode"] is UpdateMode.MERGE:
            stored.update(rows[key])
        stored.update({name: _stored(value) for name, value in entity.items()})
        etag = f"W/\"version'{next(self._versions)}'\""
        stored._metadata = {"etag": etag, "timestamp": None}
        rows[key] = stored
        return {"etag": etag}


def _check_version(stored: TableEntity, options: Mapping[str, Any]) -> None:
    if options["match_condition"] is MatchConditions.Unconditionally:
        return
    if options["etag"] != stored.metadata["etag"]:
        raise _failure(ResourceModifiedError, 412, "UpdateConditionNotSatisfied")


def _check_sizes(entity: Mapping[str, Any]) -> None:
    for value in entity.values():
        if isinstance(value, str) and len(value.encode("utf-16-le")) > 64 * 1024:
            raise _failure(HttpResponseError, 400, "PropertyValueTooLarge")


def _existing(rows: _Rows, key: _Key) -> TableEntity:
    if key not in rows:
        raise _failure(ResourceNotFoundError, 404, "ResourceNotFound")
    return rows[key]


def _stored(value: Any) -> Any:
    if isinstance(value, tuple):
        number, kind = value
        return EntityProperty(number, EdmType(kind))
    return value


def _copied(entity: TableEntity) -> TableEntity:
    copied = copy(entity)
    copied._metadata = entity.metadata.copy()
    return copied


def _selected(entity: TableEntity, select: Sequence[str] | None) -> TableEntity:
    copied = _copied(entity)
    for name in [] if select is None else set(entity) - set(select):
        del copied[name]
    return copied


def _comparison(text: str, parameters: Mapping[str, str]) -> tuple[str, str, str]:
    column, operator, parameter = text.split(" ")
    return column, operator, parameters[parameter.removeprefix("@")]


def _holds(entity: TableEntity, comparison: tuple[str, str, str]) -> bool:
    column, operator, text = comparison
    if column not in entity:
        return False
    left, right = entity[column].encode("utf-16-be"), text.encode("utf-16-be")
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


def _order(key: _Key) -> tuple[bytes, bytes]:
    """The service compares texts by UTF-16 code units, Python by code points."""
    return key[0].encode("utf-16-be"), key[1].encode("utf-16-be")


def _failure(kind: type[HttpResponseError], status: int, code: str) -> HttpResponseError:
    return _marked(kind(message=code), status, code)


def _refusal_at(index: int, status: int | None, code: str) -> HttpResponseError:
    return _marked(TableTransactionError(message=f"{index}:{code}"), status, code)


def _marked(error: Any, status: int | None, code: str) -> HttpResponseError:
    """The SDK, too, adds these after construction."""
    error.status_code = status
    error.error_code = code
    return cast(HttpResponseError, error)
