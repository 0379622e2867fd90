"""Leafing through the rows of one connection, partition by partition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from storage.paging import resume, unknown_continuation
from storage.rows import Row
from storage.tables import TenantTable


def rows_from(
    table: TenantTable,
    connection_id: str,
    mapping: str | None,
    *,
    where: Mapping[str, str],
    limit: int,
    continuation: str | None,
) -> Iterator[Row]:
    """Rows whose partition is (connection, mapping), from where a page of ``limit`` rows ended.

    Rows of all mappings of the connection where none is named; ``take_page`` makes a page of them.
    Raises ``RefusedRequestError`` (400) for a continuation that another list gave.
    """
    connection = (connection_id,)
    size = min(limit + 1, 1000)
    last = resume(continuation, of=table)
    if last is None:
        if mapping is None:
            return table.scan_below(connection, where=where, page_size=size)
        return table.scan((connection_id, mapping), where=where, page_size=size)
    partition, key = last
    if len(partition) != 2 or partition[0] != connection_id:
        raise unknown_continuation()
    if mapping not in (None, partition[1]):
        raise unknown_continuation()
    rest = table.scan(partition, after=key, where=where, page_size=size)
    if mapping is not None:
        return rest
    return chain(rest, table.scan_below(connection, after=partition, where=where, page_size=size))
