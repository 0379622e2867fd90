"""Imports as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync.documents import run_document
from sync.jobs import Run
from sync.transfer.import_model import Import, ReportedRow, RowState


def import_document(one: Import, run: Run | None, counts: Mapping[RowState, int]) -> dict[str, Any]:
    """An import and how far it is; without its run where that is so old that it is gone."""
    return {
        "mapping": one.mapping,
        "check_only": one.check_only,
        "rows": one.rows,
        "counts": {state.value: counts[state] for state in RowState},
        "run": run_document(run) if run else None,
    }


def rows_document(rows: Sequence[ReportedRow]) -> list[dict[str, Any]]:
    return [_row(each) for each in rows]


def _row(reported: ReportedRow) -> dict[str, Any]:
    asked = reported.row
    return {
        "line": asked.line,
        "bc_id": reported.bc_id or asked.bc_id,
        "bc_key": asked.bc_key,
        "crm_id": reported.crm_id or asked.crm_id,
        "crm_key": dict(asked.crm_key),
        "first": asked.first.value,
        "replace": asked.replaces,
        "state": reported.state.value,
        "code": reported.code,
        "message": reported.message,
        "hint": reported.hint,
        "replaced": list(reported.replaced),
    }
