"""Pages in another order than that of keys, which is the only one that Azure Tables knows.

All rows are read for each page, and as many as the page has are held: meant for lists of which
people look at the first pages.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

from storage.paging import check_limit, continuation_after, resume, unknown_continuation
from storage.tables import TenantTable


def sorted_page[T](
    items: Iterable[T],
    place: Callable[[T], tuple[str, ...]],
    *,
    order: str,
    limit: int,
    continuation: str | None,
    of: TenantTable,
) -> tuple[list[T], str | None]:
    """The ``limit`` items that follow in this order, and where to go on: None where no more are.

    ``place``: what the items are sorted by, different for each item. ``order``: the name of the
    order; one that begins with ``-`` is the other way round. Raises ``RefusedRequestError`` (400)
    for a continuation that another list or order gave.
    """
    chosen = heapq.nlargest if order.startswith("-") else heapq.nsmallest
    last = resume(continuation, of=of)
    if last is not None and last[0] != (order,):
        raise unknown_continuation()

    def follows(item: T) -> bool:
        if last is None:
            return True
        return place(item) < last[1] if order.startswith("-") else place(item) > last[1]

    found = chosen(check_limit(limit) + 1, filter(follows, items), key=place)
    page = found[:limit]
    if len(found) == len(page):
        return page, None
    return page, continuation_after(((order,), place(page[-1])), of=of)
