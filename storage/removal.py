"""Removing rows of which some may be gone already."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import batched

from storage.rows import TRANSACTION_LIMIT, Operation, OperationKind, TransactionRefusedError
from storage.tables import TenantTable


def remove_rows(
    table: TenantTable, partition: tuple[str, ...], keys: Iterable[tuple[str, ...]]
) -> None:
    """Remove rows of one partition; idempotent. Few requests for many.

    They go together, or one by one where some are gone already: after an answer that was lost, or
    where somebody else removes the same ones.
    """
    for some in batched(keys, TRANSACTION_LIMIT, strict=False):
        try:
            table.transact(
                partition, [Operation(kind=OperationKind.DELETE, key=key) for key in some]
            )
        except TransactionRefusedError:
            for key in some:
                table.delete(partition, key)
