"""What the demo shows: a live review while the run works, then the result side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

_COLOURS = {
    "finished": "green",
    "success": "green",
    "passed": "green",
    "warning": "yellow",
    "failed": "red",
    "finished-with-errors": "yellow",
    "in-process": "yellow",
    "ready": "cyan",
    "error": "red",
    "blocked": "red",
    "cancelled": "red",
    "full-synchronization": "green",
    "couple-records": "yellow",
    "no-records": "grey50",
}
_COUNTERS = ("inserted", "modified", "unchanged", "coupled")
_NOT_IN_STEP = ("skipped", "waiting", "conflict", "failed")


def setup_table(guide: dict[str, Any]) -> RenderableType:
    """The steps of the setup guide with their checks, and what does not simply pass."""
    table = Table(title="Setup guide", title_justify="left")
    for heading in ("Step", "Checks", "Result", "To know"):
        table.add_column(heading, no_wrap=heading != "To know")
    for step in guide["steps"]:
        told = [each["message"] for each in step["findings"] if each["result"] != "passed"]
        state = step["result"].replace("_", " ")
        checks = str(len(step["findings"]))
        table.add_row(
            step["step"], checks, Text(state, style=_COLOURS.get(state, "grey50")), " ".join(told)
        )
    return table


def recommendations_table(recommendations: Sequence[dict[str, Any]]) -> RenderableType:
    """What is recommended for each table from what both systems hold; the demo has all of them
    fully synchronized, because its numbers agree."""
    table = Table(title="Recommended", title_justify="left")
    table.add_column("Table", no_wrap=True)
    table.add_column("Recommendation", no_wrap=True)
    for heading in ("Only BC", "Only CRM"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Why")
    for each in recommendations:
        only = [_at_least(each[side]) for side in ("bc_uncoupled", "crm_uncoupled")]
        table.add_row(each["name"], _status(each["mode"]), *only, each["reason"])
    return table


def _at_least(count: dict[str, Any]) -> str:
    return str(count["records"]) if count["is_all"] else f"{count['records']}+"


def review_table(review: dict[str, Any]) -> RenderableType:
    """The lines of the full synchronization review with a progress bar each."""
    table = Table(title="Full Synchronization Review", title_justify="left")
    table.add_column("Table", no_wrap=True)
    # one line for each table, whatever it waits for: a live view must not jump
    table.add_column("Job queue entry", no_wrap=True, min_width=22, ratio=1)
    table.add_column("To CRM", no_wrap=True)
    table.add_column("From CRM", no_wrap=True)
    table.add_column("Progress", no_wrap=True)
    for heading in ("Records", "In step", "Not"):
        table.add_column(heading, justify="right", no_wrap=True)
    for line in review["lines"]:
        table.add_row(*_cells(line))
    return table


def _cells(line: dict[str, Any]) -> list[RenderableType]:
    progress = line.get("progress", {"handled": 0, "expected": None, "percent": None})
    counters = line.get("counters", {})
    waits = line.get("waiting_for") or line.get("blocked_by") or []
    status = _status(line["job_queue_entry_status"])
    if waits:
        status.append(f": {', '.join(waits)}")
    return [
        line["name"],
        status,
        _status(line["to_int_table_job_status"]),
        _status(line["from_int_table_job_status"]),
        ProgressBar(total=100, completed=progress["percent"] or 0, width=16),
        str(progress["handled"]),
        str(_sum(counters, _COUNTERS)),
        str(_sum(counters, _NOT_IN_STEP)),
    ]


def _status(status: str) -> Text:
    return Text(status.replace("-", " "), style=_COLOURS.get(status, "grey50"))


def _sum(counters: dict[str, dict[str, int]], names: Sequence[str]) -> int:
    return sum(each[name] for each in counters.values() for name in names)


def counts_table(counts: Sequence[tuple[str, str, int, str, int, int]]) -> RenderableType:
    """Records of each table on both sides, and how many are coupled."""
    table = Table(title="Records", title_justify="left")
    for heading in ("Table", "Business Central", "Records", "Dynamics 365 Sales"):
        table.add_column(heading)
    for heading in ("Records", "Coupled"):
        table.add_column(heading, justify="right")
    for name, bc_set, bc_count, crm_set, crm_count, coupled in counts:
        table.add_row(name, bc_set, str(bc_count), crm_set, str(crm_count), str(coupled))
    return table


def pairs_table(pairs: Sequence[tuple[str, str, str]]) -> RenderableType:
    """Coupled records side by side."""
    table = Table(title="Coupled pairs", title_justify="left")
    for heading in ("Table", "Business Central", "Dynamics 365 Sales"):
        table.add_column(heading)
    for pair in pairs:
        table.add_row(*pair)
    return table


def outcomes_table(outcomes: Sequence[dict[str, Any]], most: int = 12) -> RenderableType:
    """Records that are not in step, one example of each reason."""
    examples: dict[tuple[str, str], dict[str, Any]] = {}
    counts: dict[tuple[str, str], int] = {}
    for outcome in outcomes:
        reason = (outcome["mapping"], outcome["code"])
        examples.setdefault(reason, outcome)
        counts[reason] = counts.get(reason, 0) + 1
    table = Table(title=f"Not in step: {len(outcomes)} record(s)", title_justify="left")
    table.add_column("Table", no_wrap=True)
    table.add_column("Kind", no_wrap=True)
    table.add_column("Records", justify="right")
    table.add_column("For example")
    table.add_column("Why, and what to do", ratio=1)
    for reason, example in list(examples.items())[:most]:
        why = f"{example['message']} {example['hint']}"
        name = example["record_name"]
        table.add_row(reason[0], example["kind"], str(counts[reason]), name, why)
    more = len(examples) - most
    return Group(table, Text(f"and {more} more reasons")) if more > 0 else table
