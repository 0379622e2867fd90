"""Work on many pairs in a world in memory: a list of wants, and the worker that carries it out."""

from __future__ import annotations

from collections.abc import Sequence

from sync.bulk.line import CouplingSlice
from sync.bulk.model import Told, ToldState, Want, WantList
from sync.job_model import RunKind, TableJob
from sync.slices import Held, MakeSlice
from sync.waking import Waking
from tests.support.journal import new_entry
from tests.support.table_jobs import SyncWorld


class ListInMemory:
    """Wants and what was told of them."""

    def __init__(
        self, wants: Sequence[Want], *, strict: bool = False, check_only: bool = False
    ) -> None:
        self._wants = sorted(wants, key=lambda each: each.place)
        self.strict = strict
        self.check_only = check_only
        self.told: dict[str, Told] = {}

    def count(self) -> int | None:
        return len(self._wants)

    def page(self, after: str, limit: int) -> Sequence[Want]:
        return [each for each in self._wants if each.place > after][:limit]

    def tell(self, told: Sequence[Told]) -> None:
        self.told |= {each.place: each for each in told}

    @property
    def states(self) -> dict[str, ToldState]:
        """What became of each row, by its place."""
        return {place: told.state for place, told in sorted(self.told.items())}

    @property
    def codes(self) -> dict[str, str]:
        return {place: told.code for place, told in sorted(self.told.items())}


def coupling_slices(world: SyncWorld, wants: WantList) -> MakeSlice:
    """What is done in runs of kind coupling that are about this list."""

    def make(held: Held) -> CouplingSlice:
        return CouplingSlice(
            held,
            wants,
            hints=world.hints,
            requests=world.requests,
            entry=new_entry(world, "import", change_id=held.run.run_id),
            wake_waiting=Waking(
                world.requests, world.outcomes, children=world.load_catalog().children
            ),
        )

    return make


def carry_out(
    world: SyncWorld, wants: WantList, mapping: str = "CUSTOMER", *, slice_seconds: float = 60
) -> TableJob:
    """A coupling run about this list, from its start to its end; its line."""
    world.further_slices[RunKind.COUPLING] = coupling_slices(world, wants)
    run = world.start(mapping, kind=RunKind.COUPLING)
    return world.drain(run, world.worker(slice_seconds=slice_seconds))[mapping]
