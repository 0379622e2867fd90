"""Table states as table rows, and back."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from storage.columns import Columns
from storage.rows import Row, Value
from sync.job_model import Counters, Lease
from sync.table_model import TableState, Watermarks
from sync.watermark import BcWatermark

_COUNTERS = tuple(each.name for each in fields(Counters))
_MARKS = tuple(each.name for each in fields(Watermarks))
_BC_MARK = tuple(each.name for each in fields(BcWatermark))


def state_values(state: TableState) -> dict[str, Value]:
    return {
        "lease_owner": state.lease.owner,
        "lease_epoch": state.lease.epoch,
        "lease_expires_at": state.lease.expires_at,
        "lineage": state.lineage,
        "watermarks": _marks_text(state.watermarks),
        "pending": _marks_text(state.pending) if state.pending else "",
        "pending_of": state.pending_of,
        "phase": state.phase,
        "cursor": state.cursor,
        "newest": state.newest,
        "compare_because": state.compare_because,
        "compared_because": state.compared_because,
        "failures": state.failures,
        "retry_at": state.retry_at,
        "started_at": state.started_at,
        "succeeded_at": state.succeeded_at,
        "changed_at": state.changed_at,
        "to_crm": json.dumps(_members(state.to_crm, _COUNTERS)),
        "from_crm": json.dumps(_members(state.from_crm, _COUNTERS)),
        "message": state.message,
        "hint": state.hint,
    }


def _marks_text(marks: Watermarks) -> str:
    values = _members(marks, _MARKS)
    return json.dumps(values | {"bc": _members(marks.bc, _BC_MARK)})


def _members(value: object, names: tuple[str, ...]) -> dict[str, Any]:
    """As ``asdict``, which copies deeply and is slow for what every checkpoint stores."""
    return {name: getattr(value, name) for name in names}


def state_of(row: Row, mapping: str) -> TableState:
    columns = Columns(row)
    pending = columns.text("pending")
    return TableState(
        mapping=mapping,
        lease=Lease(
            owner=columns.text("lease_owner"),
            epoch=columns.number("lease_epoch"),
            expires_at=columns.optional_time("lease_expires_at"),
        ),
        lineage=columns.text("lineage"),
        watermarks=_watermarks(json.loads(columns.text("watermarks"))),
        pending=_watermarks(json.loads(pending)) if pending else None,
        pending_of=columns.text("pending_of"),
        phase=columns.text("phase"),
        cursor=columns.text("cursor"),
        newest=columns.text("newest"),
        compare_because=columns.text("compare_because"),
        compared_because=columns.text("compared_because"),
        failures=columns.number("failures"),
        retry_at=columns.optional_time("retry_at"),
        started_at=columns.optional_time("started_at"),
        succeeded_at=columns.optional_time("succeeded_at"),
        changed_at=columns.optional_time("changed_at"),
        to_crm=Counters(**json.loads(columns.text("to_crm"))),
        from_crm=Counters(**json.loads(columns.text("from_crm"))),
        message=columns.text("message"),
        hint=columns.text("hint"),
        etag=row.etag,
    )


def _watermarks(values: dict[str, Any]) -> Watermarks:
    return Watermarks(**(values | {"bc": BcWatermark(**values["bc"])}))
