"""Storage transactions of this process: requests to the storage account, as Azure bills them."""

from __future__ import annotations

from collections import Counter
from threading import Lock


class TransactionCounter:
    """Counts by kind, such as ``POST couplings``; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._by_kind: Counter[str] = Counter()

    def add(self, kind: str) -> None:
        with self._lock:
            self._by_kind[kind] += 1

    def by_kind(self) -> dict[str, int]:
        with self._lock:
            return dict(self._by_kind)

    def total(self) -> int:
        with self._lock:
            return self._by_kind.total()


TRANSACTIONS = TransactionCounter()
"""Of all clients of this process; retries and pages count singly, a batch of 100 counts once."""
