"""Reading ahead: the next page is fetched while the current one is handled."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor


def prefetched[Item](items: Iterator[Item]) -> Iterator[Item]:
    """The same items, each asked for as soon as the one before is handed out.

    At most one item waits in memory. An error of the source is raised where its item was due.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead") as reader:
        coming: Future[Item | None] = reader.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = reader.submit(next, items, None)
            yield item
