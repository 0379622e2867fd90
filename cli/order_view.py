"""The order of the tables, drawn level by level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

_COLOURS = {
    "finished": "green",
    "finished-with-errors": "yellow",
    "in-process": "yellow",
    "ready": "cyan",
    "error": "red",
    "blocked": "red",
    "cancelled": "red",
}


def order(lines: Sequence[dict[str, Any]]) -> RenderableType:
    """Which tables come before which, and how each stands: by colour and in words.

    A table stands under its level with those that it follows; all of a level go side by side.
    """
    root = Tree("Order")
    for level in sorted({_level(line) for line in lines}):
        branch = root.add(f"Level {level}")
        for line in lines:
            if _level(line) == level:
                branch.add(_told(line))
    return root


def _level(line: dict[str, Any]) -> int:
    level: int = line.get("level", 1)
    return level


def _told(line: dict[str, Any]) -> Text:
    status = line["job_queue_entry_status"]
    told = Text(line["name"])
    told.append(f" ({status.replace('-', ' ') or 'not run yet'})", style=_COLOURS.get(status, ""))
    if line.get("dependencies"):
        told.append(f" after {', '.join(line['dependencies'])}", style="dim")
    return told
