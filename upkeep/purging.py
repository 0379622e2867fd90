"""Removing what nobody needs any more, a bounded part at a time.

Every step removes the rows that it finds until its time is up, and finds the rest when it is called
again: what was removed is not met a second time. Removing what is gone already is no error, so two
purges at once, or one that a crash cut short, do no harm.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import batched

from audit.trail import PARTITION as CALLS
from identity.model import TenantId
from storage.columns import Columns
from storage.recency import newest_first
from storage.removal import remove_rows
from storage.rows import TRANSACTION_LIMIT, Row, RowChangedError
from storage.tables import TenantTable
from sync.job_model import RunKind
from sync.job_rows import RUN
from sync.jobs import JobStore
from web.idempotency import KEPT_FOR, LONGEST_CALL

type IsTimeUp = Callable[[], bool]


def in_turn(tenants: Iterable[TenantId], now: datetime) -> list[TenantId]:
    """The tenants in an order that is another one every hour, so that none is always last."""
    hour = now.strftime("%Y-%m-%dT%H")

    def place(tenant: TenantId) -> bytes:
        return hashlib.blake2b(f"{hour} {tenant}".encode(), digest_size=8).digest()

    return sorted(tenants, key=place)


def purge_keys(table: TenantTable, now: datetime, is_time_up: IsTimeUp) -> int:
    """Remove a tenant's idempotency keys that count no more; how many.

    A key may be claimed anew at any moment, so each is removed only in the version that was read:

        this purge                          a call with the same key
        reads the row: too old
                                            claims the key anew, a new version
        removes the old version: refused
    """
    removed = 0
    for row in table.scan_below((), select=("claimed_at",)):
        if is_time_up():
            break
        if now - Columns(row).time("claimed_at") < KEPT_FOR + LONGEST_CALL:
            continue
        try:
            table.delete(row.partition, row.key, row.etag)
        except RowChangedError:
            continue  # claimed anew, or removed by another purge
        removed += 1
    return removed


def purge_calls(table: TenantTable, before: datetime, is_time_up: IsTimeUp) -> int:
    """Remove a tenant's calls from the audit trail that came in before this moment; how many.

    They are the last ones of the partition, so no younger row is read.
    """
    old = table.scan(CALLS, after=(newest_first(before),), select=())
    return _remove(table, old, is_time_up)


def purge_runs(
    runs: TenantTable,
    jobs: TenantTable,
    connection_id: str,
    before: datetime,
    is_time_up: IsTimeUp,
) -> int:
    """Remove a connection's runs begun before this moment, and their lines; how many rows.

    The last run of each kind stays, and one in process does: those may be shown, gone on with or
    restarted. All others never change again: a run that is not the last of its kind cannot become
    it. Lines go before their runs, so that a crash in between leaves no line that nobody finds;
    lines whose run was never stored go as well.
    """
    store = JobStore(runs=runs, jobs=jobs, connection_id=connection_id)
    needed = [store.active_run(), *(store.latest_run(kind) for kind in RunKind)]
    kept = {run.run_id for run in needed if run}
    partition, oldest = (connection_id,), newest_first(before)
    lines = jobs.scan(partition, after=(oldest,), select=())
    removed = _remove(jobs, (row for row in lines if row.key[0] not in kept), is_time_up)
    if is_time_up():
        return removed
    old = runs.scan(partition, prefix=(RUN,), after=(RUN, oldest), select=())
    return removed + _remove(runs, (row for row in old if row.key[1] not in kept), is_time_up)


def purge_changes(
    table: TenantTable, connection_id: str, before: datetime, is_time_up: IsTimeUp
) -> int:
    """Remove a connection's coupling changes made before this moment; how many rows.

    Pairs go before their change, so that a crash in between leaves none that nobody finds. What is
    gone cannot be undone any more.
    """
    removed = 0
    for head in table.scan((connection_id,), after=(newest_first(before),), select=()):
        pairs = table.scan((connection_id, *head.key), select=())
        removed += _remove(table, pairs, is_time_up)
        if is_time_up():
            break
        remove_rows(table, head.partition, [head.key])
        removed += 1
    return removed


def _remove(table: TenantTable, rows: Iterator[Row], is_time_up: IsTimeUp) -> int:
    """Remove rows of one partition until the time is up; how many."""
    removed = 0
    for some in batched(rows, TRANSACTION_LIMIT, strict=False):
        if is_time_up():
            break
        remove_rows(table, some[0].partition, [row.key for row in some])
        removed += len(some)
    return removed
