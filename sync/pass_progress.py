"""The progress of a comparison that a pass makes, kept on the table's state."""

from __future__ import annotations

from collections.abc import Callable

from sync.job_model import Counters
from sync.lease_keeper import LeaseKeeper
from sync.mapping import Direction
from sync.table_job import begun, counted
from sync.table_model import TableState, Watermarks

_COMPARING = "comparing "


class PassProgress:
    """The progress of a comparison on the table's state."""

    def __init__(
        self,
        keeper: LeaseKeeper[TableState],
        count: Callable[[dict[Direction, Counters]], None],
        because: str,
        lineage: str,
    ) -> None:
        """``lineage`` is the mapping's: a comparison that began with another one begins anew."""
        self._keeper = keeper
        self._count = count
        self._because = because
        self._lineage = lineage

    @property
    def phase(self) -> str:
        phase = self._keeper.held.phase
        return phase.removeprefix(_COMPARING) if phase.startswith(_COMPARING) else ""

    @property
    def cursor(self) -> str:
        return self._keeper.held.cursor if self.phase else ""

    @property
    def pending(self) -> Watermarks | None:
        state = self._keeper.held
        return state.pending if self.phase and state.pending_of == self._lineage else None

    def begin(self, watermarks: Watermarks) -> None:
        self._keeper.checkpoint(
            pending=watermarks,
            pending_of=self._lineage,
            compare_because=self._because,
            phase="",
            cursor="",
        )

    def count(self, total: int, whole: int) -> None:
        if self.pending:
            self._keeper.checkpoint(pending=counted(self.pending, total, whole))

    def move(self, phase: str) -> None:
        self._keeper.checkpoint(phase=_COMPARING + phase, cursor="")

    def confirm(self, *, couples: bool) -> None:
        self._keeper.checkpoint(**begun(self._keeper.held, couples=couples))

    def page_done(
        self,
        cursor: str,
        *,
        expected: int | None,
        handled: int,
        counted: dict[Direction, Counters],
    ) -> None:
        del expected, handled
        self._count(counted)
        self._keeper.checkpoint(cursor=cursor)
