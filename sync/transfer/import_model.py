"""Imports of couplings as values: what a file asked for, and what became of each of its rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sync.transfer.coupling_file import FileRow


class RowState(StrEnum):
    """What became of a row."""

    WAITING = "waiting"  # not looked at yet
    FIT = "fit"  # nothing stands in its way; nothing was done: a check, or other rows were refused
    COUPLED = "coupled"
    ALREADY = "already"  # the two were coupled before
    REFUSED = "refused"  # and so nothing of the file was done


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """A file that was sent to be imported."""

    import_id: str
    mapping: str
    check_only: bool
    rows: int
    stored_at: datetime
    run_id: str = ""
    """The run that works on it; blank until one was begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedRow:
    """A row of the file, and what became of it."""

    row: FileRow
    state: RowState = RowState.WAITING
    code: str = ""
    message: str = ""
    hint: str = ""
    bc_id: str = ""
    """The record that the row means, once that is known."""
    crm_id: str = ""
    replaced: tuple[str, ...] = field(default=())
    """In words: the couplings that this one took the place of."""

    @property
    def place(self) -> str:
        """Sorts as the rows of the file do."""
        return f"{self.row.line:08}"
