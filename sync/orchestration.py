"""The durable orchestration of a run. Deterministic: it decides nothing, its activity does.

Each turn it lets the activity advance the run (enqueue the table jobs that became ready, see
whether all is over), then sleeps until a table job says that it is over, or until it is time to
look by itself. A lost event therefore costs one watch interval, and never hangs a run.

Each table job has an event name of its own, awaited once: Durable Functions for Python hands an
event that came before it was awaited to every later wait for its name
(Azure/azure-functions-durable-python, issue 507).
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

ORCHESTRATOR = "run_table_jobs"
ADVANCE = "advance_run"

_TURNS_PER_EXECUTION = 50
"""After so many turns the history starts anew, so that replaying stays cheap."""


def over_event(mapping: str) -> str:
    """The event that tells the end of a table job."""
    return f"over-{mapping.replace(' ', '-')}"


def orchestrate(context: Any) -> Generator[Any, Any, str | None]:
    """Advance the run named by the input until it is over; returns the state it ended in."""
    run: dict[str, Any] = context.get_input()
    watch_interval = timedelta(seconds=run["watch_seconds"])
    by_itself = bool(run.get("by_itself"))
    awaited: dict[str, Any] = {}
    for _ in range(_TURNS_PER_EXECUTION):
        progress = yield from _advance(context, run, by_itself=by_itself)
        if progress["end"]:
            return str(progress["end"])
        for mapping in progress["working"]:
            if mapping not in awaited:
                awaited[mapping] = context.wait_for_external_event(over_event(mapping))
        by_itself = yield from _sleep(context, awaited, watch_interval)
    context.continue_as_new(run | {"by_itself": by_itself})
    return None


def _advance(
    context: Any, run: dict[str, Any], *, by_itself: bool
) -> Generator[Any, Any, dict[str, Any]]:
    """How the run ended, null while it goes on, and the table jobs that are worked on."""
    try:
        progress: dict[str, Any] = yield context.call_activity(
            ADVANCE, run | {"by_itself": by_itself}
        )
    except Exception:  # noqa: BLE001 - the SDK raises bare Exception for a failed activity
        # The storage was away for longer than the activity waits. The run must not die of it: the
        # next look, one watch interval later, is the retry.
        return {"end": None, "working": []}
    return progress


def _sleep(context: Any, awaited: dict[str, Any], interval: timedelta) -> Generator[Any, Any, bool]:
    """Wait for the end of a table job or of the interval; whether it was the interval."""
    timer = context.create_timer(context.current_utc_datetime + interval)
    winner = yield context.task_any([*awaited.values(), timer])
    if winner is timer:
        return True
    timer.cancel()
    for mapping in [name for name, event in awaited.items() if event is winner]:
        del awaited[mapping]
    return False
