"""Table states as table rows, and back."""

from __future__ import annotations

import json
from dataclasses import fields
from functools import lru_cache
from typing import Any

from storage.columns import Columns
from storage.rows import Row, Value
from sync.job_model import Lease
from sync.job_rows import counters_of, counters_text
from sync.table_model import TableState, Watermarks
from sync.watermark import BcWatermark

_MARKS = tuple(each.name for each in fields(Watermarks))
_BC_MARK = tuple(each.name for each in fields(BcWatermark))
_REMEMBERED = 256
"""Watermarks kept with their texts: every checkpoint stores the same ones again."""


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
        "to_crm": counters_text(state.to_crm),
        "from_crm": counters_text(state.from_crm),
        "message": state.message,
        "hint": state.hint,
        "couplings": state.couplings,
        "seen_couplings": json.dumps(dict(state.seen_couplings)),
    }


@lru_cache(_REMEMBERED)
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
        watermarks=_watermarks(columns.text("watermarks")),
        pending=_watermarks(pending) if pending else None,
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
        to_crm=counters_of(columns.text("to_crm")),
        from_crm=counters_of(columns.text("from_crm")),
        message=columns.text("message"),
        hint=columns.text("hint"),
        couplings=columns.number("couplings"),
        seen_couplings=json.loads(columns.text("seen_couplings")),
        etag=row.etag,
    )


@lru_cache(_REMEMBERED)
def _watermarks(text: str) -> Watermarks:
    values: dict[str, Any] = json.loads(text)
    return Watermarks(**(values | {"bc": BcWatermark(**values["bc"])}))
