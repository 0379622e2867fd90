"""Holding a lease while working, and storing progress under it.

The lease is extended by a thread of its own, so that a page may take longer than the lease lasts.
A worker that lost its lease learns it at its next checkpoint and stops without a trace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self

from errors import CouplerError
from sync.job_model import Lease
from sync.jobs import LeaseLostError


class Leased(Protocol):
    """A stored value that has a lease; a frozen dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def lease(self) -> Lease: ...


class LeasingStore[T: Leased](Protocol):
    """Stores such values under their lease; both methods raise ``LeaseLostError``."""

    def checkpoint(self, held: T, /, *, now: datetime, seconds: float) -> T: ...

    def release(self, held: T, /) -> T: ...


class LeaseKeeper[T: Leased]:
    """A held lease; a context manager that extends the lease until it is left."""

    def __init__(
        self,
        store: LeasingStore[T],
        held: T,
        *,
        now: Callable[[], datetime],
        lease_seconds: float,
    ) -> None:
        """``held`` is as the store returned it when the lease was taken."""
        self._store = store
        self._held = held
        self._now = now
        self._seconds = lease_seconds
        self._lock = Lock()
        self._stop = Event()
        self._lost: LeaseLostError | None = None
        self._thread = Thread(target=self._extend, name="lease-keeper", daemon=True)

    @property
    def held(self) -> T:
        """What is held, as stored last."""
        return self._held

    def note(self, **changes: Any) -> None:
        """Have changes stored with the next checkpoint, for what may be lost with the process."""
        with self._lock:
            self._held = replace(self._held, **changes)

    def checkpoint(self, **changes: Any) -> None:
        """Store progress; raises ``LeaseLostError``."""
        self._store_for(self._seconds, changes)

    def postpone(self, seconds: float, **changes: Any) -> None:
        """Store progress and hold the lease so long, that nobody tries before; it is not extended
        any more. Raises ``LeaseLostError``."""
        self._stop.set()
        self._store_for(seconds, changes)

    def release(self, **changes: Any) -> None:
        """Store progress and give the lease back; raises ``LeaseLostError``."""
        with self._lock:
            self._held = self._store.release(replace(self._held, **changes))

    def _store_for(self, seconds: float, changes: dict[str, Any]) -> None:
        with self._lock:
            if self._lost:
                raise self._lost
            changed = replace(self._held, **changes) if changes else self._held
            self._held = self._store.checkpoint(changed, now=self._now(), seconds=seconds)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _extend(self) -> None:
        while not self._stop.wait(self._seconds / 3):
            with self._lock:
                if self._stop.is_set() or not self._held.lease.owner:
                    return
                try:
                    self._held = self._store.checkpoint(
                        self._held, now=self._now(), seconds=self._seconds
                    )
                except LeaseLostError as lost:
                    self._lost = lost
                    return
                except CouplerError:
                    # The storage is briefly away: the next attempt, or the next checkpoint, tells.
                    continue
