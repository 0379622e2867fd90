"""The timers that remove what nobody needs any more."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func
from azure.durable_functions import OrchestrationRuntimeStatus

from audit.trail import TABLE as AUDIT
from connections.store import TABLE as CONNECTIONS
from connections.store import connections_of
from errors import CouplerError
from identity.model import TenantId
from settings import settings
from storage.accounts import storage_account
from storage.tables import TenantTable
from sync.job_rows import JOBS, RUNS
from sync.journal.journal import TABLE as CHANGES
from upkeep.purging import IsTimeUp, in_turn, purge_calls, purge_changes, purge_keys, purge_runs
from web.idempotency import TABLE as KEYS

log = logging.getLogger(__name__)

blueprint: Any = df.Blueprint()  # the SDK's decorators are not typed

_SECONDS = 240.0
"""Of one call; the rest is left to the next."""
_SECONDS_OF_A_TENANT = 20.0
"""In one table."""

_FIRST_HISTORY = datetime(2020, 1, 1, tzinfo=UTC)
"""Before any orchestration was ever begun: Durable Functions wants a beginning."""
_OVER = [
    OrchestrationRuntimeStatus.Completed,
    OrchestrationRuntimeStatus.Failed,
    OrchestrationRuntimeStatus.Canceled,
    OrchestrationRuntimeStatus.Terminated,
]

type _Step = Callable[[TenantId, IsTimeUp], int]


@blueprint.timer_trigger(arg_name="timer", schedule="0 23 * * * *", use_monitor=False)
def purge_what_is_over(timer: func.TimerRequest) -> None:
    """Remove keys, calls, coupling changes and runs whose time is over. One tenant's trouble is its
    own."""
    del timer
    chosen, now = settings(), datetime.now(UTC)
    until = time.monotonic() + _SECONDS
    _purge(KEYS, lambda tenant, is_up: purge_keys(_table(KEYS, tenant), now, is_up), until)
    if chosen.audit_retention_days:
        before = now - timedelta(days=chosen.audit_retention_days)
        _purge(
            AUDIT, lambda tenant, is_up: purge_calls(_table(AUDIT, tenant), before, is_up), until
        )
        _purge(CONNECTIONS, lambda tenant, is_up: _purge_changes(tenant, before, is_up), until)
    if chosen.run_retention_days:
        begun = now - timedelta(days=chosen.run_retention_days)
        _purge(CONNECTIONS, lambda tenant, is_up: _purge_runs(tenant, begun, is_up), until)


@blueprint.timer_trigger(arg_name="timer", schedule="0 53 * * * *", use_monitor=False)
@blueprint.durable_client_input(client_name="starter")
async def purge_histories(timer: func.TimerRequest, starter: Any) -> None:
    """Have Durable Functions forget orchestrations that are over as long as runs are kept."""
    del timer
    await forget_histories(starter, settings().run_retention_days, datetime.now(UTC))


async def forget_histories(starter: Any, days: int, now: datetime) -> None:
    """Have orchestrations forgotten that ended and were begun more than so many days ago; none
    where it is 0.

    They are removed one by one, so what a time limit cuts short goes on with the next call.
    ``starter``: the client of Durable Functions.
    """
    if not days:
        return
    purged = await starter.purge_instance_history_by(
        created_time_from=_FIRST_HISTORY,
        created_time_to=now - timedelta(days=days),
        runtime_status=_OVER,
    )
    if purged.instances_deleted:
        log.info("the histories of %d orchestrations purged", purged.instances_deleted)


def _purge(table: str, step: _Step, until: float) -> None:
    """Take the step for each tenant that has rows in the table, until the time is up."""
    for tenant in in_turn(storage_account().tenants(table), datetime.now(UTC)):
        if time.monotonic() >= until:
            log.info("purging goes on with the next call")
            return
        try:
            removed = step(tenant, _clock(min(until, time.monotonic() + _SECONDS_OF_A_TENANT)))
        except CouplerError as error:
            log.warning("rows of %s not purged: %s", tenant, error)
        else:
            if removed:
                log.info("%d rows of %s purged for %s", removed, table, tenant)


def _clock(end: float) -> IsTimeUp:
    return lambda: time.monotonic() >= end


def _purge_runs(tenant: TenantId, before: datetime, is_time_up: IsTimeUp) -> int:
    runs, jobs = _table(RUNS, tenant), _table(JOBS, tenant)
    return sum(
        purge_runs(runs, jobs, stored.connection.connection_id, before, is_time_up)
        for stored in connections_of(tenant).load_all()
    )


def _purge_changes(tenant: TenantId, before: datetime, is_time_up: IsTimeUp) -> int:
    table = _table(CHANGES, tenant)
    return sum(
        purge_changes(table, stored.connection.connection_id, before, is_time_up)
        for stored in connections_of(tenant).load_all()
    )


def _table(name: str, tenant: TenantId) -> TenantTable:
    return storage_account().table(name, tenant)
