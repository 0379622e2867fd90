"""Waiting for the end of a pass that was asked for, as the API tells it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from local.coupler_client import CouplerClient

type Table = dict[str, Any]
"""How a table fares, as the API shows it."""

_POLL_SECONDS = 0.25
_IN_STEP, _NEW = "in-step", "new"


def next_second() -> datetime:
    """Waits for the next second to begin: the API tells to the second when a pass ended, so that
    one which is asked for now is told from those before."""
    time.sleep(1.0 - time.time() % 1.0)
    return datetime.now(UTC).replace(microsecond=0)


def await_pass(
    client: CouplerClient,
    connection: str,
    asked_at: datetime,
    look: Callable[[Sequence[Table]], None] = lambda _: None,
    *,
    seconds: float,
) -> None:
    """Wait until all synchronized tables were passed over since ``asked_at``.

    ``look`` is shown the tables each time. Raises ``TimeoutError``.
    """
    deadline = time.monotonic() + seconds
    while True:
        tables = client.tables(connection)["tables"]
        look(tables)
        late = [table for table in tables if not _is_over(table, asked_at)]
        if not late:
            return
        if time.monotonic() > deadline:
            told = "; ".join(f"{each['mapping']} is {each['state']}" for each in late)
            raise TimeoutError(f"not passed over within {seconds:.0f} s: {told}")
        time.sleep(_POLL_SECONDS)


def _is_over(table: Table, asked_at: datetime) -> bool:
    if table["state"] == _NEW:
        return True
    done = table["last_succeeded_at"]
    return table["state"] == _IN_STEP and bool(done) and datetime.fromisoformat(done) >= asked_at
