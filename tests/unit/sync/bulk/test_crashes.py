"""A worker that dies at any point of a coupling run leaves what the next one carries on.

The scenario is repeated once for every point: just before and just after each storage request that
writes, and each message.
"""

from __future__ import annotations

from itertools import count

import pytest

from sync.bulk import line
from sync.bulk.model import ToldState
from sync.by_hand.pairing import First
from sync.job_model import RunKind
from sync.jobs import JobState
from tests.support.bulk import ListInMemory, coupling_slices
from tests.support.crashes import CrashingWorld
from tests.unit.sync.bulk.office import (
    bc,
    couple,
    couple_by_hand,
    create_account,
    crm,
    fill,
    pairs,
    phones,
    uncouple,
)

WANTS = [
    couple("1", 1, 1, First.TO_CRM),
    couple("2", 2, 2, First.FROM_CRM),
    couple("3", 3, 4, First.TO_CRM, replaces=True),  # 3 has account 3, 4 has account 4
    uncouple("4", 5, 5),
    create_account("5", 6),
]
STATES = [ToldState.COUPLED] * 3 + [ToldState.ASKED] * 2


def office() -> CrashingWorld:
    """Six customers and accounts, of which three pairs are coupled."""
    world = CrashingWorld()
    world.points.counts = False
    fill(world, 6)
    for number in (3, 4, 5):
        couple_by_hand(world, number, number)
    world.queues.messages.clear()
    return world


def carry_out(world: CrashingWorld, wants: ListInMemory, dies_at: int) -> bool:
    """Whether a worker lived through the run, which is carried to its end in any case."""
    world.further_slices[RunKind.COUPLING] = coupling_slices(world, wants)
    run = world.start("CUSTOMER", kind=RunKind.COUPLING)
    world.full_sync.advance(run.run_id, run.generation, by_itself=True)
    world.points.begin(dies_at)
    survived = world.survives(lambda: world.worker().handle(run.run_id, "CUSTOMER"))
    world.points.counts = False
    while not world.full_sync.advance(run.run_id, run.generation, by_itself=True).end:
        world.worker().handle(run.run_id, "CUSTOMER")
    (job,) = world.jobs.list_jobs(run.run_id)
    assert job.state is JobState.FINISHED, dies_at
    return survived


@pytest.mark.parametrize("strict", [False, True], ids=["as it comes", "strict"])
def test_what_was_wanted_is_done_wherever_the_worker_dies(strict, monkeypatch):
    monkeypatch.setattr(line, "PAGE_SIZE", 3)
    before = office()
    saved = before.save()
    for dies_at in count():
        world = before
        world.restore(saved)
        wants = ListInMemory(WANTS, strict=strict)
        survived = carry_out(world, wants, dies_at)
        # What was replaced, or asked for, before the crash is as it is wanted after it.
        assert list(wants.states.values()) == STATES, dies_at
        world.pass_although_processes_die()
        coupled = pairs(world)
        new = coupled.pop(bc(6))
        assert new not in {crm(number) for number in range(1, 7)}, dies_at
        assert coupled == {bc(1): crm(1), bc(2): crm(2), bc(3): crm(4)}, dies_at
        assert phones(world, 1) == ("+44 1", "+44 1"), dies_at
        assert phones(world, 2) == ("+1 2", "+1 2"), dies_at
        assert world.crm.tables["accounts"][crm(4)]["telephone1"] == "+44 3", dies_at
        # Nobody whose partner was taken gets a new one, and nothing is made twice.
        assert len(world.bc.tables["customers"]) == 6, dies_at
        assert len(world.crm.tables["accounts"]) == 7, dies_at
        if survived:
            return
