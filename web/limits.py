"""How many requests one tenant may send: a bucket of tokens for each tenant, in each process.

A bucket holds ``burst`` tokens when full and gains ``rate`` of them in a second; a request takes
one. The count is the process's own: it keeps one tenant from occupying the process, costs nothing,
and needs no storage. What is started and worked on is counted over all processes, see
``sync.run_limits`` and ``sync.tenant_slots``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from threading import Lock

from errors import TenantBusyError
from settings import settings

_MOST_BUCKETS = 10_000
"""Tenants remembered; beyond that the full buckets are forgotten, which changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """What one tenant has left at one moment, in seconds of any clock that never goes back."""

    left: float
    at: float

    def refilled(self, now: float, *, rate: float, burst: float) -> Bucket:
        return Bucket(left=min(burst, self.left + (now - self.at) * rate), at=now)

    def taken(self) -> Bucket:
        return Bucket(left=self.left - 1, at=self.at)


class RequestLimit:
    """Lets a tenant's requests in, or tells when to come again; safe for several threads."""

    def __init__(
        self, *, per_second: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """No limit where ``per_second`` is 0."""
        self._rate = per_second
        self._burst = burst
        self._clock = clock
        self._lock = Lock()
        self._buckets: dict[str, Bucket] = {}

    def admit(self, tenant: str) -> None:
        """Count one request; raises ``TenantBusyError`` where the tenant sent too many.

        A refused request takes nothing: whoever waits as told is let in.
        """
        if not self._rate:
            return
        with self._lock:
            now = self._clock()
            bucket = self._buckets.get(tenant, Bucket(left=self._burst, at=now))
            bucket = bucket.refilled(now, rate=self._rate, burst=self._burst)
            if bucket.left >= 1:
                self._forget_the_rested(now)
                self._buckets[tenant] = bucket.taken()
                return
        raise TenantBusyError(
            f"Your tenant sends more than {self._rate:g} requests a second.",
            retry_after=(1 - bucket.left) / self._rate,
            hint="Send fewer at once, and each again after the time in Retry-After.",
        )

    def _forget_the_rested(self, now: float) -> None:
        if len(self._buckets) < _MOST_BUCKETS:
            return
        filling = self._burst / self._rate
        self._buckets = {
            tenant: bucket for tenant, bucket in self._buckets.items() if now - bucket.at < filling
        }


@cache
def request_limit() -> RequestLimit:
    """The limit of this process."""
    chosen = settings()
    return RequestLimit(
        per_second=chosen.tenant_requests_per_second, burst=chosen.tenant_request_burst
    )
