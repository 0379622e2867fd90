"""The setup guide as the API shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connections.model import Connection, ConnectionState
from setup.model import Finding, Result, Step, StepResult

type _Results = Mapping[Step, StepResult]


def guide_document(connection: Connection, results: _Results, mark: str) -> dict[str, Any]:
    """Every step with its findings, and the one thing to do next.

    ``mark``: of the present settings (``setup.guide.settings_mark``); a result of others is stale.
    """
    return {
        "connection_id": connection.connection_id,
        "state": connection.state.value,
        "hold_reason": connection.hold_reason,
        "is_ready": is_ready(results, mark),
        "next": _next(connection, results, mark),
        "steps": [step_document(step, results.get(step), mark) for step in Step],
    }


def step_document(step: Step, result: StepResult | None, mark: str) -> dict[str, Any]:
    """One step; one that was never looked at has no findings."""
    if result is None:
        return {
            "step": step.value,
            "result": Result.NOT_CHECKED.value,
            "is_stale": False,
            "checked_at": None,
            "findings": [],
        }
    return {
        "step": step.value,
        "result": result.result.value,
        "is_stale": result.settings_mark != mark,
        "checked_at": result.checked_at.isoformat(timespec="seconds"),
        "findings": [_finding(each) for each in result.findings],
    }


def is_ready(results: _Results, mark: str) -> bool:
    """Every step was looked at with the present settings, and nothing failed."""
    return all(
        step in results
        and results[step].settings_mark == mark
        and results[step].result is not Result.FAILED
        for step in Step
    )


def _finding(finding: Finding) -> dict[str, str]:
    return {
        "check": finding.check,
        "result": finding.result.value,
        "subject": finding.subject,
        "message": finding.message,
        "hint": finding.hint,
    }


def _next(connection: Connection, results: _Results, mark: str) -> dict[str, str] | None:
    """What to do now: mend the first thing that failed, else look, else enable."""
    for step in Step:
        result = results.get(step)
        if result is None or result.settings_mark != mark:
            continue
        for finding in result.findings:
            if finding.result is Result.FAILED:
                return _advice(step, finding.check, f"{finding.message} {finding.hint}")
    address = f"/api/connections/{connection.connection_id}"
    for step in Step:
        if step not in results or results[step].settings_mark != mark:
            why = (
                "was not looked at yet" if step not in results else "was looked at before a change"
            )
            return _advice(step, "", f"This step {why}: POST {address}/setup/{step.value}.")
    if connection.state is ConnectionState.ACTIVE:
        return None
    return _advice("", "", f"{connection.hold_reason} Enable it: POST {address}/enable.")


def _advice(step: Step | str, check: str, message: str) -> dict[str, str]:
    return {"step": str(step), "check": check, "message": message.strip()}
