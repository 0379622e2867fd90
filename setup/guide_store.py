"""What the setup guide found last: the table ``setup``, one row for each step of a connection."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from setup.model import Finding, Result, Step, StepResult
from storage.columns import Columns
from storage.rows import Row, Value
from storage.tables import TenantTable

TABLE = "setup"
_LONGEST_COLUMN = 30_000
"""Characters: a column holds 64 KiB of UTF-16, which is 32 Ki characters of two bytes each."""


class SetupStore:
    """The results of one connection's steps."""

    def __init__(self, table: TenantTable, connection_id: str) -> None:
        self._table = table
        self._partition = (connection_id,)

    def load(self) -> dict[Step, StepResult]:
        """The steps that were looked at, in their order."""
        rows = {row.key[0]: row for row in self._table.scan(self._partition)}
        return {step: _result_of(step, rows[step.value]) for step in Step if step.value in rows}

    def save(self, results: Iterable[StepResult]) -> None:
        """Keep these results in place of older ones; of two looks at once the later one stays."""
        for result in results:
            self._table.upsert(_row_of(self._partition, result))


def _row_of(partition: tuple[str, ...], result: StepResult) -> Row:
    findings = [
        {
            "check": each.check,
            "result": each.result.value,
            "subject": each.subject,
            "message": each.message,
            "hint": each.hint,
        }
        for each in result.findings
    ]
    text = json.dumps(findings)
    parts = [text[at : at + _LONGEST_COLUMN] for at in range(0, len(text), _LONGEST_COLUMN)]
    values: dict[str, Value] = {
        "checked_at": result.checked_at,
        "settings_mark": result.settings_mark,
        "parts": len(parts),
    }
    values |= {f"findings_{number}": part for number, part in enumerate(parts)}
    return Row(partition=partition, key=(result.step.value,), values=values)


def _result_of(step: Step, row: Row) -> StepResult:
    columns = Columns(row)
    parts = [columns.text(f"findings_{number}") for number in range(columns.number("parts"))]
    return StepResult(
        step=step,
        findings=tuple(_finding_of(each) for each in json.loads("".join(parts))),
        checked_at=columns.time("checked_at"),
        settings_mark=columns.text("settings_mark"),
    )


def _finding_of(stored: dict[str, Any]) -> Finding:
    return Finding(**stored | {"result": Result(stored["result"])})
