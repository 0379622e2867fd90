"""Matching in memory: a world whose runs may be matches and what is accepted of them."""

from __future__ import annotations

import json
from concurrent.futures import Executor, Future
from typing import Any

from sync.bulk.line import CouplingSlice
from sync.bulk.opening import order_of
from sync.by_hand.pairing import First
from sync.jobs import Run, RunKind, TableJob
from sync.matching.accepted import SOURCE, Accepted, AcceptedList
from sync.matching.line import matching
from sync.matching.model import MatchKind, MatchRow, Result
from sync.matching.picks import Picks
from sync.matching.store import MatchStore
from sync.slices import Held, MakeSlice
from tests.support.journal import new_entry
from tests.support.table_jobs import SyncWorld


class AtOnce(Executor):
    """Does things when they are asked for, in the thread that asks."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


class MatchWorld(SyncWorld):
    """Two services whose uncoupled records are matched."""

    pool: Executor = AtOnce()

    @property
    def matches(self) -> MatchStore:
        table = self.account.table("matches", self.tenant)
        return MatchStore(table, self.connection, pool=self.pool)

    def slices(self) -> dict[RunKind, MakeSlice]:
        return super().slices() | {
            RunKind.MATCH: matching(self.matches),
            RunKind.COUPLING: self._coupling,
        }

    def match(self, mapping: str = "CUSTOMER") -> Result:
        """Match a table."""
        [job] = self.drain(self.start(mapping, kind=RunKind.MATCH)).values()
        assert job.state == "finished", job.message
        return self.result(mapping)

    def result(self, mapping: str = "CUSTOMER") -> Result:
        result = self.matches.find(mapping)
        assert result
        return result

    def rows(self, kind: MatchKind, mapping: str = "CUSTOMER") -> list[MatchRow]:
        return self.matches.list_page(self.result(mapping), kind, limit=1000).rows

    def picks(self, mapping: str = "CUSTOMER", by: str = "Ann") -> Picks:
        return Picks(self.matches, self.result(mapping), by=by, now=self.now)

    def order(
        self,
        *,
        mapping: str = "CUSTOMER",
        exact: bool = False,
        picked: bool = False,
        create_in_crm: bool = False,
        create_in_bc: bool = False,
        first: First = First.NONE,
    ) -> Run:
        """Begin the run that carries out what is accepted."""
        accepted = Accepted(
            exact=exact,
            picked=picked,
            create_in_crm=create_in_crm,
            create_in_bc=create_in_bc,
            first=first,
            results={mapping: self.result(mapping).id.text},
        )
        order = order_of(SOURCE, **accepted.details())
        return self.full_sync.begin(RunKind.COUPLING, [mapping], "test", order=order)

    def accept(self, **wanted: Any) -> TableJob:
        """Accept, and carry it out."""
        [job] = self.drain(self.order(**wanted)).values()
        return job

    def _coupling(self, held: Held) -> CouplingSlice:
        return CouplingSlice(
            held,
            AcceptedList(self.matches, held.work, Accepted.of(_order_of(held.run))),
            hints=self.hints,
            requests=self.requests,
            entry=new_entry(self, "matches", change_id=held.run.run_id),
            wake_waiting=lambda mapping: None,
        )


def _order_of(run: Run) -> dict[str, Any]:
    order: dict[str, Any] = json.loads(run.order)
    return order
