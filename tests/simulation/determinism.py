"""What a simulation takes away from the product so that each run of a seed is the same: the time,
ids at random, threads. Nothing else of the product is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import UUID

PAGE_SIZE = 2


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
def deterministic(rng: Random, monotonic: Callable[[], float]) -> Iterator[None]:
    """Within, ids come from ``rng`` and working time from ``monotonic``; pages are small."""

    def uuid4() -> UUID:
        return UUID(int=rng.getrandbits(128), version=4)

    fake_time = SimpleNamespace(monotonic=monotonic)
    replaced: dict[str, Any] = {
        "sync.worker.uuid4": uuid4,
        "sync.pass_worker.uuid4": uuid4,
        "sync.full_sync.uuid4": uuid4,
        "sync.worker.time": fake_time,
        "sync.pass_worker.time": fake_time,
        "sync.lease_keeper.Thread": _NoThread,
        "sync.comparison.prefetched": _unchanged,
        "sync.comparison.PAGE_SIZE": PAGE_SIZE,
        "sync.table_pass.PAGE_SIZE": PAGE_SIZE,
        "sync.crm_index.PAGE_SIZE": PAGE_SIZE,
    }
    with ExitStack() as stack:
        for name, value in replaced.items():
            stack.enter_context(patch(name, value))
        yield
