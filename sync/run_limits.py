"""How many runs one tenant may start within an hour, and have in process at once.

Both are counted in one row of the tenant, which changes only by writes that are refused where it
changed meanwhile: nobody starts unseen. Two starts, one place left:

    start A                                   start B
    reads the ledger: 9 of 10 run
                                              reads the ledger: 9 of 10 run
    writes its claim: done
                                              writes its claim: refused, the row changed
                                              reads again: 10 of 10, answers 429
    stores its run

A run that has ended gives nothing back: whoever is short of a place looks which of the claimed runs
are over. So a process that dies loses no place for good:

    start A                                   start C
    writes its claim
    dies before it stores its run
                                              reads the ledger: A's run is not stored; its claim is
                                              young, so it counts: 429
                                              (later) A's claim is older than any function may run:
                                              nobody can store that run any more, its place is free

A line that is restarted puts its run in process again under the next generation, by a claim of that
generation: the row of the run, which still says that the one before it is over, does not end it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from errors import TenantBusyError, TransientError
from storage.columns import Columns
from storage.rows import Row, RowChangedError, RowExistsError
from storage.tables import TenantTable
from sync.job_model import Run

TABLE = "limits"

_PARTITION: tuple[str, ...] = ()  # the tenant alone
_KEY = ("runs",)
_TRIES = 8
_YOUNG_SECONDS = 15 * 60
"""Longer than a function may run (``host.json``: ten minutes), clocks that differ included."""
_WINDOW_MINUTES = 61
"""Starts are counted by the minute: in any hour, whenever it begins, there are at most so many."""
_LOOK_AGAIN_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A run that has a place among those in process, or had it until it ended."""

    connection: str
    run_id: str
    generation: int
    at: int
    """Seconds since 1970."""

    @property
    def run_key(self) -> tuple[str, str]:
        return self.connection, self.run_id

    def counts(self, run: Run | None, now: int) -> bool:
        """Whether the run, as it is stored now, is in process or about to be."""
        if run and not run.state.is_over:
            return True
        if run and run.generation >= self.generation:
            return False
        return now - self.at < _YOUNG_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What one tenant started."""

    starts: dict[int, int] = field(default_factory=dict)
    """How many starts there were, by minutes since 1970."""
    claims: tuple[Claim, ...] = ()
    etag: str = field(default="", compare=False)

    def within_the_hour(self, minute: int) -> dict[int, int]:
        oldest = minute - _WINDOW_MINUTES + 1
        return {each: count for each, count in self.starts.items() if each >= oldest}

    def started(self, now: int, *, most: int) -> Ledger:
        """With one start more; raises ``TenantBusyError``."""
        minute = now // 60
        starts = self.within_the_hour(minute)
        if most and sum(starts.values()) >= most:
            until = (min(starts) + _WINDOW_MINUTES) * 60
            raise TenantBusyError(
                f"Your tenant has started {most} runs within the last hour, as many as it may.",
                retry_after=until - now,
                hint="Start again after the time in Retry-After. What changed is carried over by "
                "itself, without being started.",
            )
        return replace(self, starts=starts | {minute: starts.get(minute, 0) + 1})

    def without(self, run_key: tuple[str, str]) -> tuple[Claim, ...]:
        return tuple(claim for claim in self.claims if claim.run_key != run_key)


class RunLimits:
    """The runs of one tenant, over all of its connections and all processes."""

    def __init__(
        self,
        table: TenantTable,
        *,
        most_per_hour: int,
        most_at_once: int,
        find_run: Callable[[str, str], Run | None],
        now: Callable[[], datetime],
    ) -> None:
        """``find_run`` tells the run of a connection by its id, as it is stored now. 0 is no limit;
        where both are 0 nothing is counted."""
        self._table = table
        self._most_per_hour = most_per_hour
        self._most_at_once = most_at_once
        self._find_run = find_run
        self._now = now

    def claim_run(self, connection_id: str, run: Run) -> None:
        """Count a start of this generation of the run, which is not stored yet.

        Raises ``TenantBusyError``, ``TransientError``.
        """
        claim = Claim(
            connection=connection_id,
            run_id=run.run_id,
            generation=run.generation,
            at=int(self._now().timestamp()),
        )
        self._change(lambda ledger: self._claimed(ledger, claim))

    def withdraw(self, connection_id: str, run: Run) -> None:
        """Forget a claim whose run was not begun; its start stays counted."""
        key = (connection_id, run.run_id)
        self._change(lambda ledger: replace(ledger, claims=ledger.without(key)))

    def count_start(self) -> None:
        """Count a start of what is no run: passes that a person asks for.

        Raises ``TenantBusyError``, ``TransientError``.
        """
        now = int(self._now().timestamp())
        self._change(lambda ledger: ledger.started(now, most=self._most_per_hour))

    def _claimed(self, ledger: Ledger, claim: Claim) -> Ledger:
        if claim in ledger.claims:  # our own write, whose answer was lost
            return ledger
        ledger = ledger.started(claim.at, most=self._most_per_hour)
        if not self._most_at_once:
            return ledger
        others = ledger.without(claim.run_key)
        if len(others) >= self._most_at_once:
            others = tuple(
                each for each in others if each.counts(self._find_run(*each.run_key), claim.at)
            )
            if len(others) >= self._most_at_once:
                raise TenantBusyError(
                    f"{len(others)} runs of your tenant are in process, as many as may be at once.",
                    retry_after=_LOOK_AGAIN_SECONDS,
                    hint="Start again when one of them has ended, or cancel one.",
                )
        return replace(ledger, claims=(*others, claim))

    def _change(self, change: Callable[[Ledger], Ledger]) -> None:
        if not self._most_per_hour and not self._most_at_once:
            return
        for _ in range(_TRIES):
            ledger = self._load()
            changed = change(ledger)
            if changed == ledger:
                return
            row = Row(partition=_PARTITION, key=_KEY, values=_values(changed))
            try:
                if ledger.etag:
                    self._table.replace(row, ledger.etag)
                else:
                    self._table.insert(row)
            except (RowChangedError, RowExistsError):
                continue  # another start was first; or ours was, and its answer was lost
            return
        raise TransientError(
            "row-contended",
            "Too many runs of your tenant are being started at this moment.",
            hint="Start again in a few seconds.",
        )

    def _load(self) -> Ledger:
        row = self._table.get(_PARTITION, _KEY)
        return _ledger_of(row) if row else Ledger()


def _values(ledger: Ledger) -> dict[str, str]:
    return {
        "starts": json.dumps(ledger.starts),
        "claims": json.dumps([[c.connection, c.run_id, c.generation, c.at] for c in ledger.claims]),
    }


def _ledger_of(row: Row) -> Ledger:
    columns = Columns(row)
    return Ledger(
        starts={int(minute): n for minute, n in json.loads(columns.text("starts")).items()},
        claims=tuple(
            Claim(connection=connection, run_id=run_id, generation=generation, at=at)
            for connection, run_id, generation, at in json.loads(columns.text("claims"))
        ),
        etag=row.etag,
    )
