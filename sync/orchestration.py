"""The durable orchestration of a run. Deterministic: it decides nothing, its activity does.

Each turn it lets the activity advance the run (enqueue the table jobs that became ready, see
whether all is over), then sleeps until a table job says that it is over, or until it is time to
look by itself. A lost event therefore costs one watch interval, and never hangs a run.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

ORCHESTRATOR = "run_table_jobs"
ADVANCE = "advance_run"
TABLE_JOB_OVER = "table-job-over"

_TURNS_PER_EXECUTION = 50
"""After so many turns the history starts anew, so that replaying stays cheap."""


def orchestrate(context: Any) -> Generator[Any, Any, str | None]:
    """Advance the run named by the input until it is over; returns the state it ended in."""
    run: dict[str, Any] = context.get_input()
    watch_interval = timedelta(seconds=run["watch_seconds"])
    by_itself = bool(run.get("by_itself"))
    for _ in range(_TURNS_PER_EXECUTION):
        end = yield from _advance(context, run, by_itself=by_itself)
        if end:
            return end
        by_itself = yield from _sleep(context, watch_interval)
    context.continue_as_new(run | {"by_itself": by_itself})
    return None


def _advance(
    context: Any, run: dict[str, Any], *, by_itself: bool
) -> Generator[Any, Any, str | None]:
    """How the run ended, None while it goes on."""
    try:
        result = yield context.call_activity(ADVANCE, run | {"by_itself": by_itself})
    except Exception:  # noqa: BLE001 - the SDK raises bare Exception for a failed activity
        # The storage was away for longer than the activity waits. The run must not die of it: the
        # next look, one watch interval later, is the retry.
        return None
    return str(result) if result else None


def _sleep(context: Any, interval: timedelta) -> Generator[Any, Any, bool]:
    """Wait for a table job's event or for the interval's end; whether it was the interval."""
    timer = context.create_timer(context.current_utc_datetime + interval)
    event = context.wait_for_external_event(TABLE_JOB_OVER)
    winner = yield context.task_any([event, timer])
    if winner is timer:
        return True
    timer.cancel()
    return False
