"""Table states as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import Any

from sync.catalog import MappingCatalog
from sync.health import ConnectionHealth
from sync.mapping import TableMapping
from sync.table_model import TableState


class TableCondition(StrEnum):
    """How a table fares, in a word."""

    NEW = "new"  # its first full synchronization is still to come
    IN_STEP = "in-step"  # the last pass handled everything
    IN_PROCESS = "in-process"
    RETRYING = "retrying"  # the last pass failed; the next try has its time
    STOPPED = "stopped"  # the connection's passes are stopped
    DISABLED = "disabled"  # its mapping is: nothing is done with it


def tables_document(
    catalog: MappingCatalog,
    states: Mapping[str, TableState],
    health: ConnectionHealth,
    now: datetime,
) -> dict[str, Any]:
    """All tables of a connection, and what stops its passes."""
    return {
        "tables": [
            _table(mapping, states.get(name, TableState(mapping=name)), health, now)
            for name, mapping in catalog.mappings.items()
        ],
        "stopped": stopped_document(health),
        "timer_at": _time(health.sent_at),
    }


def _table(
    mapping: TableMapping, state: TableState, health: ConnectionHealth, now: datetime
) -> dict[str, Any]:
    found = condition(state, health, now) if mapping.enabled else TableCondition.DISABLED
    return {
        "mapping": state.mapping,
        "state": found.value,
        "last_started_at": _time(state.started_at),
        "last_succeeded_at": _time(state.succeeded_at),
        "last_changed_at": _time(state.changed_at),
        "to_crm": asdict(state.to_crm),
        "from_crm": asdict(state.from_crm),
        "bc_watermark": state.watermarks.bc.stamp,
        "tracks_crm": bool(state.watermarks.crm),
        "compares_next_because": state.compare_because,
        "compared_last_because": state.compared_because,
        "failures": state.failures,
        "retry_at": _time(state.retry_at),
        "message": state.message,
        "hint": state.hint,
    }


def condition(state: TableState, health: ConnectionHealth, now: datetime) -> TableCondition:
    """How the table fares. Pure."""
    if state.lease.is_alive(now):
        return TableCondition.IN_PROCESS
    if not state.is_synchronized:
        return TableCondition.NEW
    if health.is_stopped:
        return TableCondition.STOPPED
    return TableCondition.RETRYING if state.failures else TableCondition.IN_STEP


def stopped_document(health: ConnectionHealth) -> dict[str, Any] | None:
    """Why a connection's passes do not go on; None while they do."""
    if not health.is_stopped:
        return None
    return {
        "code": health.code,
        "message": health.message,
        "hint": health.hint,
        "since": _time(health.stopped_at),
        "next_try_at": _time(health.probe_at),
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
