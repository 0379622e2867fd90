"""How runs are named, so that a table that keeps its rows by name has the newest run first."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from storage.recency import newest_first

RUN_ID_PATTERN = r"[0-9]{18}[0-9a-f]{14}"


def new_run_id(now: datetime) -> str:
    """An id that no other run has, and that comes before those of all runs begun earlier.

    Runs of the same microsecond come in any order. ``now`` is aware.
    """
    return newest_first(now) + uuid4().hex[:14]
