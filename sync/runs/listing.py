"""The past and present runs of a connection, newest first."""

from __future__ import annotations

from dataclasses import dataclass

from storage.paging import check_limit, resume, take_page, unknown_continuation
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
    check_limit(limit)
    partition = (connection_id,)
    last = resume(continuation, of=table)
    if last is not None and (last[0] != partition or last[1][0] != RUN):
        raise unknown_continuation()
    wanted = {"kind": kind, "state": state}
    rows = table.scan(
        partition,
        prefix=(RUN,),
        after=last[1] if last else None,
        where={column: each.value for column, each in wanted.items() if each},
        page_size=min(limit + 1, 1000),
    )
    page, following = take_page(rows, limit, of=table)
    return RunPage(runs=[run_of(row) for row in page], continuation=following)
