"""Rows whose time is over go, all others stay, and nothing is lost to a race or a crash."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from audit.model import Entry
from audit.trail import AuditTrail, Sought
from storage.rows import Row
from sync.job_rows import job_values
from sync.jobs import JobState, JobStore, Run, RunKind, RunState, TableJob
from sync.journal.journal import CouplingJournal
from sync.journal.model import Change, ChangeAction, JournalPair
from sync.mapping import Direction
from sync.runs.naming import new_run_id
from tests.fakes.hooked import HookedTable
from upkeep.purging import purge_calls, purge_changes, purge_keys, purge_runs
from web.idempotency import KEPT_FOR, LONGEST_CALL, Claim, Claims, KeptAnswer, KeyedCall

NOW = datetime(2026, 6, 26, 12, 0, tzinfo=UTC)
CONNECTION = "cronus"
ANSWER = KeptAnswer(status=202, mimetype="application/json", headers={}, body="{}")


def in_time() -> bool:
    return False


def times(turns: int):
    """In time so often, then no more."""
    left = iter([False] * turns)
    return lambda: next(left, True)


# coupling changes


def change(age: int) -> Change:
    at = NOW - timedelta(days=age)
    return Change(change_id=new_run_id(at), at=at, by="kim", origin="by-hand")


def entered(journal: CouplingJournal, age: int, pairs: int = 2) -> str:
    """A change of so many pairs of two tables; its id."""
    made = change(age)
    for mapping in ("CUSTOMER", "CONTACT"):
        some = [
            JournalPair(
                bc_id=f"b{n:03}", crm_id=f"c{n}", bc_key="1", name="A", action=ChangeAction.COUPLED
            )
            for n in range(pairs)
        ]
        journal.record(made, mapping, some)
    return made.change_id


def test_coupling_changes_go_with_their_pairs(open_table):
    table = open_table("couplingchanges")
    journal, other = CouplingJournal(table, CONNECTION), CouplingJournal(table, "other")
    entered(journal, 401, pairs=150)
    young, theirs = entered(journal, 399), entered(other, 500)
    before = NOW - timedelta(days=400)
    assert purge_changes(table, CONNECTION, before, in_time) == 302
    assert purge_changes(table, CONNECTION, before, in_time) == 0
    page = journal.list_page(mapping=None, by=None, limit=10, continuation=None)
    assert {each.change.change_id for each in page.entries} == {young}
    assert journal.count(young, "CUSTOMER") == other.count(theirs, "CONTACT") == 2


def test_a_purge_of_changes_that_is_cut_short_is_gone_on_with(open_table):
    table = open_table("couplingchanges")
    journal = CouplingJournal(table, CONNECTION)
    old = entered(journal, 401, pairs=150)
    before = NOW - timedelta(days=400)
    assert purge_changes(table, CONNECTION, before, times(1)) == 100
    assert {each.mapping for each in journal.entries(old)} == {"CUSTOMER", "CONTACT"}
    assert purge_changes(table, CONNECTION, before, in_time) == 202


# idempotency


def keyed(number: int) -> KeyedCall:
    return KeyedCall(route="start", subject="s", key=str(number), request="digest")


def claimed(table, number: int, at: datetime) -> Claim:
    claim = Claims(table, lambda: at).claim(keyed(number))
    assert isinstance(claim, Claim)
    return claim


def count(table) -> int:
    return len(list(table.scan_below(())))


def test_keys_go_when_they_count_no_more(open_table):
    table = open_table()
    claimed(table, 1, NOW - KEPT_FOR - LONGEST_CALL)
    claimed(table, 2, NOW - KEPT_FOR)
    Claims(table, lambda: NOW).keep(claimed(table, 3, NOW - timedelta(hours=1)), ANSWER)
    assert purge_keys(table, NOW, in_time) == 1
    assert Claims(table, lambda: NOW).claim(keyed(3)) == ANSWER
    assert count(table) == 2
    assert purge_keys(table, NOW, in_time) == 0


def test_a_key_that_is_claimed_anew_while_it_is_purged_stays(open_table):
    """Or the same call, sent again, would be carried out twice."""
    table = HookedTable(open_table())
    claimed(table, 1, NOW - timedelta(days=2))
    anew: list[Claim] = []
    table.before("delete", lambda: anew.append(claimed(table, 1, NOW)))
    assert purge_keys(table, NOW, in_time) == 0
    assert len(anew) == 1
    assert count(table) == 1


# the audit trail


def called(trail: AuditTrail, at: datetime) -> None:
    trail.begin(
        Entry(
            at=at,
            subject="s",
            name="kim",
            is_application=False,
            role=None,
            action="start",
            connection=CONNECTION,
            targets={},
            correlation_id="correlation",
        )
    )


def days(trail: AuditTrail) -> list[int]:
    page = trail.list_page(Sought(), limit=1000, continuation=None)
    return [(NOW - entry.at).days for entry in page.entries]


def test_calls_go_after_their_time_and_younger_ones_stay(open_table):
    trail = AuditTrail(table := open_table())
    for age in (0, 10, 399, 401, 500):
        called(trail, NOW - timedelta(days=age))
    assert purge_calls(table, NOW - timedelta(days=400), in_time) == 2
    assert days(trail) == [0, 10, 399]


def test_what_was_left_when_the_time_was_up_goes_the_next_time(open_table):
    trail = AuditTrail(table := open_table())
    for number in range(250):
        called(trail, NOW - timedelta(days=500, seconds=number))
    before = NOW - timedelta(days=400)
    assert purge_calls(table, before, times(1)) == 100
    assert purge_calls(table, before, in_time) == 150
    assert days(trail) == []


# runs


@pytest.fixture
def runs(open_table):
    return HookedTable(open_table("runs"))


@pytest.fixture
def jobs(open_table):
    return HookedTable(open_table("jobs"))


@pytest.fixture
def store(runs, jobs) -> JobStore:
    return JobStore(runs=runs, jobs=jobs, connection_id=CONNECTION)


def line(run: Run, mapping: str) -> TableJob:
    return TableJob(
        run_id=run.run_id,
        mapping=mapping,
        name=mapping,
        direction=Direction.BOTH,
        state=JobState.FINISHED,
        created_at=run.started_at,
    )


def begun(store: JobStore, age: int, kind: RunKind = RunKind.FULL_SYNC) -> Run:
    at = NOW - timedelta(days=age)
    run = Run(
        run_id=new_run_id(at),
        kind=kind,
        state=RunState.IN_PROCESS,
        started_at=at,
        started_by="kim",
        mappings=("CUSTOMER", "CONTACT"),
    )
    return store.begin_run(run, [line(run, "CUSTOMER"), line(run, "CONTACT")])


def ended(store: JobStore, age: int, kind: RunKind = RunKind.FULL_SYNC) -> Run:
    run = begun(store, age, kind)
    return store.finish_run(run.run_id, 0, RunState.FINISHED, now=run.started_at)


def purged(runs, jobs, is_time_up=in_time) -> int:
    return purge_runs(runs, jobs, CONNECTION, NOW - timedelta(days=90), is_time_up)


def known(store: JobStore, *of: Run) -> list[bool]:
    """Of which runs both the run and its lines are there; half of it is an error."""
    found = []
    for run in of:
        lines = len(store.list_jobs(run.run_id))
        assert lines in (0, 2)
        assert bool(lines) == (store.get_run(run.run_id) is not None)
        found.append(bool(lines))
    return found


def test_runs_go_with_their_lines_and_the_last_of_each_kind_stays(store, runs, jobs):
    old = ended(store, 300)
    last_preview = ended(store, 299, RunKind.PREVIEW)
    last_old = ended(store, 200)
    young = ended(store, 10, RunKind.RECONCILE)
    assert purged(runs, jobs) == 3
    assert known(store, old, last_preview, last_old, young) == [False, True, True, True]
    assert store.latest_run(RunKind.FULL_SYNC) == last_old
    assert purged(runs, jobs) == 0


def test_a_run_in_process_stays_however_old(store, runs, jobs):
    running = begun(store, 400)
    store.forget_latest(RunKind.FULL_SYNC)
    assert purged(runs, jobs) == 0
    assert known(store, running) == [True]


def test_a_review_that_was_blanked_keeps_no_run(store, runs, jobs):
    blanked = ended(store, 400)
    store.forget_latest(RunKind.FULL_SYNC)
    purged(runs, jobs)
    assert known(store, blanked) == [False]


def test_lines_of_a_run_that_was_never_stored_go(store, runs, jobs):
    run = replace(ended(store, 10), run_id=new_run_id(NOW - timedelta(days=399)))
    row = Row(
        partition=(CONNECTION,),
        key=(run.run_id, "CUSTOMER"),
        values=job_values(line(run, "CUSTOMER")),
    )
    jobs.insert(row)
    assert purged(runs, jobs) == 1
    assert store.list_jobs(run.run_id) == []


def test_a_purge_that_is_cut_short_between_lines_and_runs_is_gone_on_with(store, runs, jobs):
    old = ended(store, 300)
    ended(store, 10)
    assert purged(runs, jobs, times(1)) == 2
    assert store.list_jobs(old.run_id) == []
    assert purged(runs, jobs) == 1
    assert known(store, old) == [False]


def test_another_connections_runs_stay(store, runs, jobs):
    other = JobStore(runs=runs, jobs=jobs, connection_id="other")
    theirs = [ended(other, 300), ended(other, 200)]
    ended(store, 10)
    assert purged(runs, jobs) == 0
    assert known(other, *theirs) == [True, True]
