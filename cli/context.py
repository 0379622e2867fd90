"""What every command works with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cli.api import Api
from cli.errors import UsageError
from cli.terminal import Terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One command's service and terminal."""

    api: Api
    terminal: Terminal
    sleep: Callable[[float], None]
    """Waits between two looks at long work."""

    def connection(self, chosen: str | None) -> str:
        """The connection that is meant: the chosen one, or the only one that there is.

        Raises ``UsageError`` where it is not clear which.
        """
        if chosen:
            return chosen
        found = self.connections()
        if len(found) == 1:
            return str(found[0]["connection_id"])
        known = ", ".join(str(each["connection_id"]) for each in found) or "none"
        raise UsageError(f"Which connection? Name one of: {known}.")

    def connections(self) -> Sequence[dict[str, Any]]:
        return list(self.api.all("connections", "connections"))
