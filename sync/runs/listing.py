"""The past and present runs of a connection, newest first."""

from __future__ import annotations

from dataclasses import dataclass

from storage.leafing import partition_page
from storage.tables import TenantTable
from sync.job_model import Run, RunKind, RunState
from sync.job_rows import RUN, run_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    runs: list[Run]
    continuation: str | None
    """Opaque; None on the last page."""


def list_runs(
    table: TenantTable,
    connection_id: str,
    *,
    kind: RunKind | None = None,
    state: RunState | None = None,
    limit: int = 100,
    continuation: str | None = None,
) -> RunPage:
    """Runs by the time they began, newest first. Raises ``RefusedRequestError``: 422 for a limit
    outside 1 to 1000, 400 for a continuation that another list gave."""
    wanted = {"kind": kind, "state": state}
    page, following = partition_page(
        table,
        (connection_id,),
        prefix=(RUN,),
        where={column: each.value for column, each in wanted.items() if each},
        limit=limit,
        continuation=continuation,
    )
    return RunPage(runs=[run_of(row) for row in page], continuation=following)
