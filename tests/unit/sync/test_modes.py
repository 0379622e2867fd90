"""What a full synchronization does with records without partner, by the mode of their table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from errors import RefusedRequestError
from sync.catalog import MappingCatalog
from sync.decisions import Decisions
from sync.hints import HintReason, RecordHint
from sync.jobs import JobState, Run, RunKind, TableJob
from sync.mapping import UpdateConflict
from sync.mappings import MAPPINGS
from sync.outcome_model import LEFT_UNCOUPLED
from sync.recommendation import Mode, Modes
from tests.support.table_jobs import SyncWorld, bc_customer, crm_account

FULL, COUPLE, NOTHING = Mode.FULL_SYNCHRONIZATION, Mode.COUPLE_RECORDS, Mode.NO_RECORDS
AS_RECOMMENDED = Modes()


@pytest.fixture
def world() -> SyncWorld:
    """Customer 10000 is on both sides, 20000 in Business Central, account 3 in CRM only."""
    world = SyncWorld()
    world.bc.put("customers", bc_customer("10000", city="Ely"))
    world.bc.put("customers", bc_customer("20000"))
    world.crm.put(
        "accounts",
        crm_account(1, accountnumber="10000", name="Customer 10000", address1_city="Ely"),
    )
    world.crm.put("accounts", crm_account(3))
    return world


def ran(
    world: SyncWorld, modes: Modes, *mappings: str, kind: RunKind = RunKind.FULL_SYNC
) -> tuple[Run, TableJob]:
    run = world.start(*(mappings or ("CUSTOMER",)), kind=kind, modes=modes)
    return run, world.drain(run)["CUSTOMER"]


def pass_over(world: SyncWorld) -> None:
    """A pass over the customers, and those that it asks for."""
    world.pass_time(3600)
    world.pass_worker().handle("CUSTOMER")
    while world.queues.messages:
        world.pass_worker().handle(world.queues.messages.pop(0)["mapping"])


def sizes(world: SyncWorld) -> tuple[int, int]:
    return len(world.bc.tables["customers"]), len(world.crm.tables["accounts"])


def left(world: SyncWorld) -> list[tuple[str, str]]:
    return [
        (each.side, each.record_name)
        for each in world.outcome_list("CUSTOMER")
        if each.code == LEFT_UNCOUPLED
    ]


def test_what_matches_is_coupled_and_nothing_is_created(world):
    _, line = ran(world, Modes(every=COUPLE))
    assert sizes(world) == (2, 2)
    assert world.couplings.count("CUSTOMER") == 1
    assert sorted(left(world)) == [("bc", "20000 Customer 20000"), ("crm", "Account 3")]
    assert line.state is JobState.FINISHED
    assert (line.to_crm.skipped, line.from_crm.skipped) == (1, 1)
    assert all(each.hint for each in world.outcome_list())


def test_both_systems_holding_records_is_reason_to_create_none(world):
    _, line = ran(world, AS_RECOMMENDED)
    assert (line.mode, sizes(world)) == (COUPLE, (2, 2))
    assert line.recommendation
    assert "2 in Business Central, 2 in Dynamics 365 Sales" in line.recommendation.reason


def test_an_empty_side_is_filled(world):
    world.crm.tables["accounts"].clear()
    _, line = ran(world, AS_RECOMMENDED)
    assert (line.mode, sizes(world)) == (FULL, (2, 2))


def test_a_table_that_both_sides_hold_nothing_of_is_skipped_with_its_reason(world):
    world.bc.tables["customers"].clear()
    world.crm.tables["accounts"].clear()
    _, line = ran(world, AS_RECOMMENDED)
    assert (line.mode, line.state) == (NOTHING, JobState.SKIPPED)
    assert "Neither system" in line.message


def test_a_table_that_was_to_be_left_alone_is_skipped_and_holds_nobody_up(world):
    run = world.start("CURRENCY", "CUSTOMER", modes=Modes(every=FULL, named={"CURRENCY": NOTHING}))
    lines = world.drain(run)
    assert lines["CURRENCY"].state is JobState.SKIPPED
    assert "no-records" in lines["CURRENCY"].message
    assert lines["CUSTOMER"].state is JobState.FINISHED


def test_a_preview_counts_the_same_and_stores_nothing(world):
    _, line = ran(world, AS_RECOMMENDED, kind=RunKind.PREVIEW)
    assert line.mode is COUPLE
    assert (line.to_crm.coupled + line.from_crm.coupled, line.to_crm.skipped) == (1, 1)
    assert line.from_crm.skipped == 1
    assert (world.couplings.count("CUSTOMER"), world.outcome_list()) == (0, [])


def test_coupled_records_are_synchronized(world):
    ran(world, Modes(every=COUPLE))
    (number,) = [each for each in world.bc.tables["customers"] if each.endswith("10000")]
    world.bc.put("customers", bc_customer("10000", city="Hull"))
    ran(world, Modes(every=COUPLE))
    assert world.bc.tables["customers"][number]["city"] == "Hull"
    cities = {each["address1_city"] for each in world.crm.tables["accounts"].values()}
    assert cities == {"Hull", "London"}


def test_what_was_left_gets_partners_by_a_full_synchronization_that_creates(world):
    ran(world, Modes(every=COUPLE))
    ran(world, Modes(every=FULL))
    assert sizes(world) == (3, 3)
    assert world.outcome_list() == []


def test_what_a_person_wants_a_partner_for_gets_one_even_where_none_are_created(world):
    wanted = RecordHint(
        side="bc",
        record_id=bc_customer("20000")["id"],
        reason=HintReason.COUPLE,
        due_at=world.now(),
        by_comparison=True,
    )
    world.hints.add_many("CUSTOMER", [wanted])
    ran(world, Modes(every=COUPLE), kind=RunKind.PREVIEW)
    assert world.hints.left_for_comparison("CUSTOMER") == [wanted]
    ran(world, Modes(every=COUPLE))
    assert left(world) == [("crm", "Account 3")]
    assert sizes(world) == (2, 3)
    assert world.hints.left_for_comparison("CUSTOMER") == []


def test_what_was_left_is_coupled_once_its_partner_appears(world):
    ran(world, Modes(every=COUPLE))
    world.crm.put("accounts", crm_account(2, accountnumber="20000"))
    ran(world, Modes(every=COUPLE))
    assert world.couplings.count("CUSTOMER") == 2
    assert left(world) == [("crm", "Account 3")]


def test_a_restart_keeps_the_mode(world):
    run, line = ran(world, AS_RECOMMENDED)
    again = world.full_sync.restart("CUSTOMER")
    assert again.run_id == run.run_id
    after = world.drain(again)["CUSTOMER"]
    assert (after.mode, after.recommendation, after.attempt) == (COUPLE, line.recommendation, 2)
    assert sizes(world) == (2, 2)


def test_a_table_that_was_empty_is_looked_at_again_by_a_restart(world):
    world.bc.tables["customers"].clear()
    world.crm.tables["accounts"].clear()
    ran(world, AS_RECOMMENDED)
    world.bc.put("customers", bc_customer("30000"))
    after = world.drain(world.full_sync.restart("CUSTOMER"))["CUSTOMER"]
    assert (after.mode, sizes(world)) == (FULL, (1, 1))


def test_a_mode_of_a_table_that_takes_no_part_is_refused(world):
    with pytest.raises(RefusedRequestError, match="CURRENCY") as refusal:
        world.start("CUSTOMER", modes=Modes(named={"CURRENCY": COUPLE}))
    assert refusal.value.status == 422
    with pytest.raises(RefusedRequestError) as refusal:
        world.start("CUSTOMER", modes=Modes(named={"VENDOR": COUPLE}))
    assert refusal.value.status == 404


def test_passes_leave_alone_what_was_left_until_it_changes(world):
    ran(world, Modes(every=COUPLE))
    pass_over(world)
    assert sizes(world) == (2, 2)
    assert len(left(world)) == 2
    world.bc.put("customers", bc_customer("20000", city="Hull"))
    pass_over(world)
    assert sizes(world) == (2, 3)
    assert left(world) == [("crm", "Account 3")]


def test_a_pass_that_compares_everything_leaves_it_alone_too(world):
    ran(world, Modes(every=COUPLE))
    changed = replace(MAPPINGS["CUSTOMER"], update_conflict=UpdateConflict.SEND_TO_CRM)
    world.catalog = MappingCatalog.of(MAPPINGS | {"CUSTOMER": changed})
    pass_over(world)
    assert sizes(world) == (2, 2)
    assert len(left(world)) == 2


def test_a_person_has_one_that_was_left_given_a_partner(world):
    ran(world, Modes(every=COUPLE))
    decisions = Decisions(world.outcomes, world.hints, world.requests, now=world.now)
    assert decisions.retry_group().records == {}
    (account,) = [each.key for each in world.outcome_list() if each.side == "crm"]
    decisions.retry("CUSTOMER", account)
    pass_over(world)
    assert sizes(world) == (3, 2)
