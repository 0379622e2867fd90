"""Removing what is stored of a connection, a slice at a time.

The rows go first and the connection last, so that a removal that a crash cut short is still there
to be gone on with; removing what is gone already is no error.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from storage.rows import TRANSACTION_LIMIT, Operation, OperationKind, TransactionRefusedError
from storage.tables import TenantTable

QUEUE = "connection-removals"

COUPLINGS = "couplings"
WORK_TABLES = (
    "hints",
    "watermarks",
    "outcomes",
    "drift",
    "jobs",
    "runs",
    "mappings",
    "webhooks",
    "setup",
    "solutions",
)
"""The tables with rows of a connection apart from its couplings and itself."""

type _Keys = tuple[tuple[str, ...], list[tuple[str, ...]]]


def remove_rows(
    table: Callable[[str], TenantTable],
    connection_id: str,
    *,
    keep_couplings: bool,
    is_time_up: Callable[[], bool],
) -> bool:
    """Remove a connection's rows until the time is up; whether none is left.

    Kept couplings are taken up by a connection that is created under the same id again.
    """
    names = WORK_TABLES if keep_couplings else (COUPLINGS, *WORK_TABLES)
    for name in names:
        for partition, keys in _batches(table(name), connection_id):
            _remove(table(name), partition, keys)
            if is_time_up():
                return False
    return True


def _batches(table: TenantTable, connection_id: str) -> Iterator[_Keys]:
    """The keys of a connection's rows, each batch of one partition and fit for a transaction."""
    whole = (connection_id,)
    rows = itertools.chain(table.scan(whole, select=()), table.scan_below(whole, select=()))
    for partition, of_partition in itertools.groupby(rows, key=lambda row: row.partition):
        for batch in itertools.batched(of_partition, TRANSACTION_LIMIT, strict=False):
            yield partition, [row.key for row in batch]


def _remove(table: TenantTable, partition: tuple[str, ...], keys: list[tuple[str, ...]]) -> None:
    """Remove rows together, or one by one where another removal was at some of them.

    this removal                        the message's second delivery
    reads keys 1 to 100
                                        reads keys 1 to 100, removes them
    removes 1 to 100: refused
    removes each that is still there
    """
    try:
        table.transact(partition, [Operation(kind=OperationKind.DELETE, key=key) for key in keys])
    except TransactionRefusedError:
        for key in keys:
            table.delete(partition, key)
