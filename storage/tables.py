"""One tenant's part of an Azure table.

``TenantTable`` is made for one tenant; the tenant begins every partition key it ever sends, and no
call takes another. Reading and writing go through the conditions that Azure Tables offers (insert
only if absent, write only if unchanged, all or nothing within a partition): everything that must
hold under concurrency is built from these.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import AzureError
from azure.data.tables import TableClient, UpdateMode

from identity.model import TenantId
from storage.entities import entity_of, row_of
from storage.faults import is_missing_row, translated
from storage.keys import partition_key, parts_of, prefix_range, row_key
from storage.rows import (
    ANY_VERSION,
    TRANSACTION_LIMIT,
    Operation,
    OperationKind,
    Row,
)

_REPEATED: dict[str, Any] = {
    "retry_on_methods": frozenset({"GET", "PUT", "DELETE", "POST", "PATCH", "MERGE"})
}
"""The SDK alone would not repeat POST and PATCH after a connection was cut, as happens whenever the
service closes an idle one just when it is used again."""

_MANY_ROWS = 1000
"""Rows of one tenant, one after another: as many as come with one request."""


class TenantTable:
    """The rows of one tenant in one table; may be used by several threads at once.

    A request whose answer was lost is sent again, whatever its kind. So an insert may find its own
    row there (``RowExistsError``), and a guarded write its own change (``RowChangedError``): who
    needs to know reads the row and sees whether it is as intended.

    Every method raises ``TransientError`` or ``ThrottledError`` where the service fails or is
    busy, and ``AuthorizationError`` or ``ConfigurationError`` where it refuses this application.
    """

    def __init__(self, client: TableClient, tenant: TenantId) -> None:
        if not tenant:
            raise ValueError("a table is opened for a tenant; none was given")
        self._client = client
        self._tenant = tenant

    @property
    def name(self) -> str:
        return self._client.table_name

    @property
    def tenant(self) -> TenantId:
        return self._tenant

    def get(self, partition: tuple[str, ...], key: tuple[str, ...]) -> Row | None:
        """The row, or None where there is none."""
        try:
            entity = self._client.get_entity(self._partition(partition), row_key(*key))
        except AzureError as error:
            if is_missing_row(error):
                return None
            raise translated(error, self.name, key) from error
        return row_of(entity)

    def insert(self, row: Row) -> Row:
        """Store a new row and return it with its ETag; raises ``RowExistsError``."""
        try:
            answer = self._client.create_entity(self._entity(row), **_REPEATED)
        except AzureError as error:
            raise translated(error, self.name, row.key) from error
        return replace(row, etag=answer["etag"])

    def replace(self, row: Row, etag: str) -> Row:
        """Store all columns of the row if it still has this ETag; raises ``RowChangedError``."""
        return self._update(row, etag, UpdateMode.REPLACE)

    def merge(self, row: Row, etag: str) -> Row:
        """Store the given columns if the row still has this ETag; raises ``RowChangedError``.

        A column cannot be removed this way: ``ValueError`` for a value of None.
        """
        return self._update(row, etag, UpdateMode.MERGE)

    def upsert(self, row: Row) -> Row:
        """Store all columns of the row, whether or not it exists."""
        try:
            answer = self._client.upsert_entity(
                self._entity(row), mode=UpdateMode.REPLACE, **_REPEATED
            )
        except AzureError as error:
            raise translated(error, self.name, row.key) from error
        return replace(row, etag=answer["etag"])

    def delete(
        self, partition: tuple[str, ...], key: tuple[str, ...], etag: str | None = None
    ) -> None:
        """Remove the row; a missing row is no error. With an ETag, raises ``RowChangedError``
        where the row has another one."""
        try:
            self._client.delete_entity(
                {"PartitionKey": self._partition(partition), "RowKey": row_key(*key)},
                **_condition(etag or ANY_VERSION),
            )
        except AzureError as error:
            raise translated(error, self.name, key) from error

    def transact(self, partition: tuple[str, ...], operations: Sequence[Operation]) -> list[str]:
        """Carry out all operations on one partition, or none.

        At most 100, each on another row (``ValueError`` otherwise). Returns the new ETags in order,
        empty for a deletion. Raises ``TransactionRefusedError`` with the index of the operation
        whose condition did not hold; it does not hold for a deletion of a missing row either.
        """
        if not 1 <= len(operations) <= TRANSACTION_LIMIT:
            raise ValueError(f"a transaction has 1 to {TRANSACTION_LIMIT} operations")
        if len({operation.key for operation in operations}) < len(operations):
            raise ValueError("a transaction may touch each row only once")
        steps = [self._step(partition, operation) for operation in operations]
        try:
            answers = self._client.submit_transaction(steps, **_REPEATED)
        except AzureError as error:
            keys = [operation.key for operation in operations]
            raise translated(error, self.name, keys[0], transaction=keys) from error
        return [answer.get("etag") or "" for answer in answers]

    def scan(
        self,
        partition: tuple[str, ...],
        *,
        prefix: tuple[str, ...] = (),
        after: tuple[str, ...] | None = None,
        select: Sequence[str] | None = None,
        where: Mapping[str, str] | None = None,
        page_size: int = 1000,
    ) -> Iterator[Row]:
        """Rows of one partition in the order of their keys, read page by page as they are used.

        ``prefix``: only rows whose key begins with these parts and has more. ``after``: only rows
        beyond this key. ``where``: only rows whose text columns equal these. ``select``: only
        these columns (an empty list: keys only).
        """
        conditions = _Conditions()
        conditions.add("PartitionKey", "eq", self._partition(partition))
        if prefix:
            low, high = prefix_range(*prefix)
            conditions.add("RowKey", "ge", low)
            conditions.add("RowKey", "lt", high)
        if after is not None:
            conditions.add("RowKey", "gt", row_key(*after))
        return self._query(conditions, select, where, page_size)

    def scan_below(
        self,
        partition: tuple[str, ...],
        *,
        after: tuple[str, ...] | None = None,
        select: Sequence[str] | None = None,
        where: Mapping[str, str] | None = None,
        page_size: int = 1000,
    ) -> Iterator[Row]:
        """Rows of all partitions that begin with these parts and have more, else as ``scan``.

        ``after``: only partitions beyond this one.
        """
        low, high = prefix_range(self._tenant, *partition)
        conditions = _Conditions()
        conditions.add("PartitionKey", "ge", low)
        conditions.add("PartitionKey", "lt", high)
        if after is not None:
            conditions.add("PartitionKey", "gt", self._partition(after))
        return self._query(conditions, select, where, page_size)

    def _query(
        self,
        conditions: _Conditions,
        select: Sequence[str] | None,
        where: Mapping[str, str] | None,
        page_size: int,
    ) -> Iterator[Row]:
        for column, value in (where or {}).items():
            conditions.add(column, "eq", value)
        columns = None if select is None else ["PartitionKey", "RowKey", *select]
        try:
            for entity in self._client.query_entities(
                conditions.text(),
                parameters=conditions.parameters,
                select=columns,
                results_per_page=page_size,
            ):
                yield row_of(entity)
        except AzureError as error:
            raise translated(error, self.name, ()) from error

    def _update(self, row: Row, etag: str, mode: UpdateMode) -> Row:
        if not etag:
            raise ValueError("an update needs the ETag of the row, or ANY_VERSION")
        try:
            answer = self._client.update_entity(
                self._entity(row, merge=mode is UpdateMode.MERGE),
                mode=mode,
                **_condition(etag),
                **_REPEATED,
            )
        except AzureError as error:
            raise translated(error, self.name, row.key) from error
        return replace(row, etag=answer["etag"])

    def _step(self, partition: tuple[str, ...], operation: Operation) -> tuple[Any, ...]:
        """The operation as the SDK wants it: verb, entity, options."""
        row = Row(partition=partition, key=operation.key, values=operation.values)
        kind = operation.kind
        entity = self._entity(row, merge=kind is OperationKind.MERGE)
        match kind:
            case OperationKind.INSERT:
                return ("create", entity)
            case OperationKind.UPSERT:
                return ("upsert", entity, {"mode": UpdateMode.REPLACE})
            case OperationKind.DELETE:
                return ("delete", entity, _condition(operation.etag))
            case OperationKind.MERGE:
                mode = UpdateMode.MERGE
            case OperationKind.REPLACE:
                mode = UpdateMode.REPLACE
        return ("update", entity, {"mode": mode, **_condition(operation.etag)})

    def _partition(self, parts: tuple[str, ...]) -> str:
        return partition_key(self._tenant, *parts)

    def _entity(self, row: Row, *, merge: bool = False) -> dict[str, Any]:
        return entity_of(self._partition(row.partition), row, merge=merge)


def tenants_of(client: TableClient) -> Iterator[TenantId]:
    """The tenants of all rows of a table, each once; see ``StorageAccount.tenants``."""
    beginning: str | None = ""
    try:
        while beginning is not None:
            beginning = yield from _tenants_from(client, beginning)
    except AzureError as error:
        raise translated(error, client.table_name, ()) from error


def _tenants_from(client: TableClient, beginning: str) -> Generator[TenantId, None, str | None]:
    """Tenants from this partition key on; where to go on, None at the end.

    In the order of partition keys, which begin with the tenant. Tenants with few rows come many to
    a request; those with many are leapt over.
    """
    conditions = _Conditions()
    conditions.add("PartitionKey", "ge", beginning)
    last, met = "", 0
    for entity in client.query_entities(
        conditions.text(),
        parameters=conditions.parameters,
        select=["PartitionKey"],
        results_per_page=_MANY_ROWS,
    ):
        tenant = parts_of(str(entity["PartitionKey"]))[0]
        if tenant != last:
            last, met = tenant, 0
            yield TenantId(tenant)
        met += 1
        if met == _MANY_ROWS:
            return prefix_range(tenant)[1]
    return None


class _Conditions:
    """An AND of comparisons whose values travel as parameters, never as filter text."""

    def __init__(self) -> None:
        self._comparisons: list[str] = []
        self.parameters: dict[str, str] = {}

    def add(self, column: str, operator: str, value: str) -> None:
        parameter = f"p{len(self.parameters)}"
        self.parameters[parameter] = value
        self._comparisons.append(f"{column} {operator} @{parameter}")

    def text(self) -> str:
        return " and ".join(self._comparisons)


def _condition(etag: str) -> dict[str, Any]:
    if etag == ANY_VERSION:
        return {"match_condition": MatchConditions.Unconditionally}
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}
