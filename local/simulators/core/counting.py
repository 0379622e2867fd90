"""Counts what clients asked of a simulator."""

from __future__ import annotations

from collections import Counter
from typing import Any

from local.simulators.core.messages import SimResponse

TOO_MANY_REQUESTS = 429


class TrafficCounter:
    """Requests of the imitated API since the start or the last ``clear``."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin again at zero."""
        self._requests = 0
        self._operations = 0
        self._throttled = 0
        self._by_kind: Counter[str] = Counter()

    def count(self, method: str, response: SimResponse) -> None:
        """Count one request by its answer."""
        self._requests += 1
        self._operations += response.operations
        self._throttled += response.status == TOO_MANY_REQUESTS
        self._by_kind[response.kind or method] += 1

    def count_unanswered(self, method: str) -> None:
        """Count a request that was dropped before it was processed."""
        self._requests += 1
        self._by_kind[method] += 1

    def snapshot(self) -> dict[str, Any]:
        """The counters as the admin API shows them."""
        return {
            "requests": self._requests,
            "operations": self._operations,
            "throttled": self._throttled,
            "by_kind": dict(sorted(self._by_kind.items())),
        }
