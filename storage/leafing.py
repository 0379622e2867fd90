"""Leafing through the rows of one partition, or of one connection partition by partition."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain

from storage.paging import check_limit, resume, take_page, unknown_continuation
from storage.rows import Row
from storage.tables import TenantTable


def partition_page(
    table: TenantTable,
    partition: tuple[str, ...],
    *,
    prefix: tuple[str, ...] = (),
    where: Mapping[str, str] | None = None,
    select: Sequence[str] | None = None,
    keep: Callable[[Row], bool] = lambda _: True,
    limit: int,
    continuation: str | None,
) -> tuple[list[Row], str | None]:
    """A page of the rows of one partition in the order of their keys, of what is to ``keep``, and
    where to go on: None where there are no more. Else as ``TenantTable.scan``.

    Raises ``RefusedRequestError``: 422 for a limit outside 1 to 1000, 400 for a continuation that
    another list gave.
    """
    check_limit(limit)
    last = resume(continuation, of=table)
    if last is not None and (last[0] != partition or last[1][: len(prefix)] != prefix):
        raise unknown_continuation()
    rows = table.scan(
        partition,
        prefix=prefix,
        after=last[1] if last else None,
        select=select,
        where=where,
        page_size=min(limit + 1, 1000),
    )
    return take_page(filter(keep, rows), limit, of=table)


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
