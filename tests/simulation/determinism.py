"""What a simulation takes away from the product so that each run of a seed is the same: the time,
ids at random, threads. Apart from that pages are small, and keys are not worked out twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid5

from storage import keys

_partition_key = lru_cache(100_000)(keys.partition_key)
_row_key = lru_cache(100_000)(keys.row_key)
_parts_of = lru_cache(100_000)(keys.parts_of)
_prefix_range = lru_cache(1_000)(keys.prefix_range)
_uuid5 = lru_cache(100_000)(uuid5)


class _NoThread:
    """In place of the thread that extends leases: simulated workers hold theirs long enough, or
    lose them on purpose."""

    def __init__(self, **_: Any) -> None:
        pass

    def start(self) -> None:
        pass

    def join(self) -> None:
        pass


def _unchanged[Item](items: Iterator[Item]) -> Iterator[Item]:
    return items


@contextmanager
def deterministic(rng: Random, monotonic: Callable[[], float], *, page_size: int) -> Iterator[None]:
    """Within, ids come from ``rng`` and working time from ``monotonic``."""

    def uuid4() -> UUID:
        return UUID(int=rng.getrandbits(128), version=4)

    fake_time = SimpleNamespace(monotonic=monotonic)
    replaced: dict[str, Any] = {
        "sync.ids.uuid5": _uuid5,
        "sync.worker.uuid4": uuid4,
        "sync.pass_worker.uuid4": uuid4,
        "sync.runs.naming.uuid4": uuid4,
        "sync.worker.time": fake_time,
        "sync.pass_worker.time": fake_time,
        "sync.lease_keeper.Thread": _NoThread,
        "sync.comparison.prefetched": _unchanged,
        "sync.comparison.PAGE_SIZE": page_size,
        "sync.table_pass.PAGE_SIZE": page_size,
        "sync.crm_index.PAGE_SIZE": page_size,
        "storage.tables.partition_key": _partition_key,
        "storage.tables.row_key": _row_key,
        "storage.tables.prefix_range": _prefix_range,
        "storage.entities.row_key": _row_key,
        "storage.entities.parts_of": _parts_of,
    }
    with ExitStack() as stack:
        for name, value in replaced.items():
            stack.enter_context(patch(name, value))
        yield
