"""What goes wrong in one simulation: chosen from its seed, so that each seed is another mixture."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """How often each fault happens: chances at each point where it could."""

    crash: float
    """The process dies before or after a side effect."""
    interleaved: float
    """Another worker's message is handled to its end between two steps of one."""
    paused: float
    """A worker stands still beyond its lease, while others go on."""
    edited: float
    """A user edits a record between two steps."""
    refused_call: float
    """A service throttles or fails, before it did anything."""
    lost_answer: float
    """A service fails after it carried a batch out."""
    bad_write: float
    """A service fails on a single record of a batch, or says that it changed."""
    storage: float
    """The storage fails, or its answer is lost and the request is sent again."""
    page_drift: float
    """A record is on two pages."""
    expired: float
    """CRM forgets a table's past."""
    misconfigured: float
    """A privilege is missing for a while."""
    slow: float
    """An answer takes long."""
    slice_ends: float
    """A worker's time is up after a page."""
    late_stamp: float
    """A record of Business Central is stamped when its transaction begins."""
    webhook_lost: float
    webhook_repeated: float
    message_repeated: float
    clock_skew_seconds: float
    """How wrong Business Central's clock is."""

    @classmethod
    def of(cls, rng: Random) -> FaultPlan:
        def sometimes(highest: float, likely: float = 0.5) -> float:
            return rng.uniform(0, highest) if rng.random() < likely else 0.0

        return cls(
            crash=sometimes(0.012),
            interleaved=sometimes(0.02),
            paused=sometimes(0.004),
            edited=sometimes(0.015),
            refused_call=sometimes(0.04),
            lost_answer=sometimes(0.08),
            bad_write=sometimes(0.08),
            storage=sometimes(0.006),
            page_drift=sometimes(0.5),
            expired=sometimes(0.05),
            misconfigured=sometimes(0.01, 0.2),
            slow=sometimes(0.03),
            slice_ends=sometimes(0.3),
            late_stamp=sometimes(0.4),
            webhook_lost=rng.choice((0.0, 0.3, 1.0)),
            webhook_repeated=sometimes(0.4),
            message_repeated=sometimes(0.3),
            clock_skew_seconds=rng.choice((0.0, 0.0, -86_400.0, 3_600.0, -200.0)),
        )
