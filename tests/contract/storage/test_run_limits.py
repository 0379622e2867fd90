"""What a tenant may start: counted over all connections, with no gap between looking and taking."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from errors import TenantBusyError, TransientError
from identity.model import TenantId
from sync.jobs import Run, RunKind, RunState
from sync.run_limits import RunLimits
from tests.contract.storage.conftest import OpenTable
from tests.fakes.hooked import HookedTable


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 6, 26, 12, 0, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class Office:
    """One tenant's runs, as they are stored, and its limits."""

    def __init__(self, table: HookedTable, *, per_hour: int = 0, at_once: int = 0) -> None:
        self.table = table
        self.clock = Clock()
        self.stored: dict[tuple[str, str], Run] = {}
        self.limits = RunLimits(
            table,
            most_per_hour=per_hour,
            most_at_once=at_once,
            find_run=lambda *key: self.stored.get(key),
            now=self.clock,
        )

    def run(self, run_id: str) -> Run:
        return Run(
            run_id=run_id,
            kind=RunKind.FULL_SYNC,
            state=RunState.IN_PROCESS,
            started_at=self.clock.now,
            started_by="test",
            mappings=(),
        )

    def begin(self, run_id: str, connection: str = "demo") -> None:
        run = self.run(run_id)
        self.limits.claim_run(connection, run)
        self.stored[connection, run_id] = run

    def end(self, run_id: str, connection: str = "demo") -> None:
        run = self.stored[connection, run_id]
        self.stored[connection, run_id] = replace(run, state=RunState.FINISHED)


@pytest.fixture
def table(open_table: OpenTable) -> HookedTable:
    return HookedTable(open_table("limits"))


def refused(office: Office, run_id: str = "refused") -> int:
    """The seconds to wait that a refused start is told."""
    with pytest.raises(TenantBusyError) as error:
        office.begin(run_id, "another")
    assert (error.value.status, error.value.code) == (429, "tenant-busy")
    return int(error.value.headers["Retry-After"])


# at once


def test_runs_of_all_connections_count(table):
    office = Office(table, at_once=2)
    office.begin("a", "one")
    office.begin("b", "two")
    assert refused(office) == 30


def test_a_run_that_ended_makes_room(table):
    office = Office(table, at_once=2)
    office.begin("a")
    office.begin("b")
    office.end("a")
    office.begin("c")
    refused(office)


def test_two_starts_do_not_both_take_the_last_place(table):
    office = Office(table, at_once=2)
    office.begin("a")
    table.before("replace", lambda: office.begin("b"))
    refused(office)
    assert set(office.stored) == {("demo", "a"), ("demo", "b")}


def test_many_starts_at_once_take_no_more_places_than_there_are(table):
    office = Office(table, at_once=3)

    def is_begun(number: int) -> bool:
        try:
            office.begin(f"run {number}")
        except (TenantBusyError, TransientError):
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        begun = sum(pool.map(is_begun, range(12)))
    assert begun == 3


def test_a_run_that_is_not_stored_yet_counts(table):
    office = Office(table, at_once=1)
    office.limits.claim_run("demo", office.run("a"))
    refused(office)


def test_a_start_that_died_frees_its_place_once_nobody_can_store_its_run_any_more(table):
    office = Office(table, at_once=1)
    office.limits.claim_run("demo", office.run("a"))
    office.clock.move(minutes=14)
    refused(office)
    office.clock.move(minutes=1)
    office.begin("b")


def test_a_run_in_process_counts_however_old_it_is(table):
    office = Office(table, at_once=1)
    office.begin("a")
    office.clock.move(days=2)
    refused(office)


def test_a_withdrawn_start_frees_its_place(table):
    office = Office(table, at_once=1)
    office.limits.claim_run("demo", office.run("a"))
    office.limits.withdraw("demo", office.run("a"))
    office.begin("b")


def test_a_run_that_is_put_in_process_again_counts_before_that_is_stored(table):
    office = Office(table, at_once=1)
    office.begin("a")
    office.end("a")
    again = replace(office.stored["demo", "a"], generation=1)
    office.limits.claim_run("demo", again)
    refused(office)
    office.stored["demo", "a"] = again  # over, in its new generation
    office.begin("b")


def test_a_run_whose_line_is_restarted_takes_no_second_place(table):
    office = Office(table, at_once=1)
    office.begin("a")
    office.limits.claim_run("demo", replace(office.stored["demo", "a"], generation=1))


# within the hour


def test_an_hour_sees_no_more_starts_than_allowed(table):
    office = Office(table, per_hour=3)
    for number in range(3):
        office.begin(f"run {number}")
        office.clock.move(minutes=10)
    wait = refused(office)
    office.clock.move(seconds=wait - 61)
    refused(office)
    office.clock.move(seconds=61)
    office.begin("again")
    refused(office)


@pytest.mark.parametrize("offset", [0, 29, 59])
def test_there_is_no_hour_with_more_wherever_it_begins(table, offset):
    office = Office(table, per_hour=3)
    office.clock.move(seconds=offset)
    begun: list[datetime] = []
    for number in range(400):
        try:
            office.begin(f"run {number}")
        except TenantBusyError:
            pass
        else:
            begun.append(office.clock.now)
        office.clock.move(seconds=47)
    hour = timedelta(hours=1)
    assert len(begun) >= 12
    assert all(sum(at <= each < at + hour for each in begun) <= 3 for at in begun)


def test_passes_that_are_asked_for_count_as_starts(table):
    office = Office(table, per_hour=2)
    office.limits.count_start()
    office.begin("a")
    with pytest.raises(TenantBusyError):
        office.limits.count_start()


def test_being_refused_is_no_start(table):
    office = Office(table, per_hour=1)
    office.begin("a")
    for _ in range(50):
        refused(office)
    office.clock.move(minutes=61)
    office.begin("b")


def test_a_start_whose_answer_was_lost_counts_once(table):
    office = Office(table, per_hour=3, at_once=3)
    office.begin("a")
    table.lose_answer("replace")
    office.begin("b")
    office.begin("c")
    refused(office)


# both


def test_of_hundreds_of_starts_as_many_are_admitted_as_may_be(table):
    office = Office(table, per_hour=20, at_once=5)
    answers = []
    for number in range(300):
        try:
            office.begin(f"run {number}")
        except TenantBusyError as error:
            answers.append(int(error.headers["Retry-After"]))
        office.clock.move(seconds=1)
    assert len(office.stored) == 5
    assert min(answers) >= 1


def test_without_limits_nothing_is_stored(table):
    office = Office(table)
    for number in range(50):
        office.begin(f"run {number}")
    office.limits.count_start()
    assert list(table.scan(())) == []


def test_one_tenants_starts_are_not_anothers(table, open_table):
    office = Office(table, per_hour=1)
    office.begin("a")
    theirs = Office(HookedTable(open_table("limits", TenantId("b" * 8))), per_hour=1)
    theirs.begin("a")
