"""Matching a table: what fits what is stored, nothing is written to either system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from errors import TransientError
from sync.catalog import DEFAULT_CATALOG, MappingCatalog
from sync.jobs import JobState, RunKind
from sync.matching.model import MatchKind, MatchRow, Result, ResultId
from sync.matching.store import MatchStore
from tests.support.matching import MatchWorld
from tests.support.table_jobs import bc_customer, bc_item, crm_account


@pytest.fixture
def world() -> MatchWorld:
    return MatchWorld()


def pairs(rows: list[MatchRow]) -> list[tuple[list[str], list[str]]]:
    """Numbers and names of the records of each row."""
    return [([each.number for each in row.bc], [each.name for each in row.crm]) for row in rows]


def proposing(threshold: int) -> MappingCatalog:
    mappings = dict(DEFAULT_CATALOG.mappings)
    mappings["CUSTOMER"] = replace(mappings["CUSTOMER"], proposes_from=threshold)
    return MappingCatalog.of(mappings)


def test_a_record_of_each_side_with_the_same_number_is_an_exact_match(world):
    world.bc.put("customers", bc_customer("10000"))
    world.crm.put("accounts", crm_account(1, accountnumber="10000"))
    result = world.match()
    [row] = world.rows(MatchKind.EXACT)
    assert pairs([row]) == [(["10000"], ["Account 1"])]
    assert (row.level, row.criterion.bc, row.criterion.crm) == (0, ("number",), ("accountnumber",))
    assert (row.bc[0].values, row.crm[0].values) == (("10000",), ("10000",))
    assert (result.counts.exact, result.counts.unmatched_bc) == (1, 0)


def test_nothing_is_written_to_either_system(world):
    world.bc.put("customers", bc_customer("10000"))
    world.crm.put("accounts", crm_account(1, accountnumber="10000"))
    world.match()
    assert (world.bc.writes, world.crm.writes) == ([], [])
    assert list(world.couplings.scan("CUSTOMER")) == []
    assert world.outcome_list() == []


@pytest.mark.parametrize("twice", ["bc", "crm"])
def test_a_group_with_two_of_a_side_is_ambiguous_whichever_side_it_is(world, twice):
    for number in range(2 if twice == "bc" else 1):
        world.bc.put("customers", bc_customer(f"{number}", displayName="Adatum"))
    for number in range(2 if twice == "crm" else 1):
        world.crm.put("accounts", crm_account(number, name="Adatum"))
    counts = world.match().counts
    [row] = world.rows(MatchKind.AMBIGUOUS)
    assert (row.bc_total, row.crm_total) == ((2, 1) if twice == "bc" else (1, 2))
    assert row.criterion.bc == ("displayName", "postalCode")
    assert row.bc[0].values == ("Adatum", "N1 1AA")
    assert (counts.ambiguous, counts.ambiguous_bc, counts.ambiguous_crm) == (
        1,
        row.bc_total,
        row.crm_total,
    )
    assert world.rows(MatchKind.EXACT) == world.rows(MatchKind.UNMATCHED) == []


def test_records_that_nothing_fits_are_told_on_either_side(world):
    world.bc.put("customers", bc_customer("10000"))
    world.crm.put("accounts", crm_account(1))
    counts = world.match().counts
    assert [row.sides for row in world.rows(MatchKind.UNMATCHED)] == [("bc",), ("crm",)]
    assert (counts.unmatched_bc, counts.unmatched_crm) == (1, 1)


def test_records_with_names_alike_are_proposed_and_are_not_unmatched_besides():
    world = MatchWorld(catalog=proposing(80))
    world.bc.put("customers", bc_customer("10000", displayName="Adatum Corporation"))
    world.crm.put("accounts", crm_account(1, name="Adatum Corporatoin", address1_postalcode=""))
    counts = world.match().counts
    [row] = world.rows(MatchKind.PROPOSED)
    assert row.percent
    assert row.percent >= 80
    assert (counts.proposed, counts.unmatched_bc, counts.unmatched_crm) == (1, 0, 0)


def test_without_a_threshold_nothing_is_proposed(world):
    world.bc.put("customers", bc_customer("10000", displayName="Adatum Corporation"))
    world.crm.put("accounts", crm_account(1, name="Adatum Corporation", address1_postalcode=""))
    world.match()
    assert world.rows(MatchKind.PROPOSED) == []


def test_coupled_records_take_no_part(world):
    world.bc.put("customers", bc_customer("10000"))
    world.synchronize("CUSTOMER")
    world.bc.put("customers", bc_customer("20000"))
    world.match()
    assert pairs(world.rows(MatchKind.UNMATCHED)) == [(["20000"], [])]


def test_a_record_that_a_requirement_leaves_out_is_matched_with_nobody_and_tells_why(world):
    world.bc.put("customers", bc_customer("10000", blocked="All"))
    world.crm.put("accounts", crm_account(1, accountnumber="10000"))
    result = world.match()
    [of_bc, of_crm] = world.rows(MatchKind.UNMATCHED)
    assert (of_bc.code, of_crm.code) == ("blocked-in-bc", "")
    assert (result.counts.exact, result.counts.left_out) == (0, 1)


def test_a_pair_that_the_rule_does_not_let_be_coupled_is_an_exact_match_that_tells_why(world):
    unit = {"id": "bc-unit", "code": "PCS", "displayName": "Piece"}
    world.bc.put("unitsOfMeasure", unit)
    world.synchronize("UNIT OF MEASURE")
    world.bc.put("items", bc_item("1000"))
    product = {
        "productid": "c2222222-0000-4000-8000-000000000001",
        "name": "Item 1000",
        "productnumber": "1000",
        "producttypecode": 1,
        "_defaultuomscheduleid_value": "another unit group",
        "statecode": 0,
    }
    world.crm.put("products", product)
    world.match("ITEM-PRODUCT")
    [row] = world.rows(MatchKind.EXACT, "ITEM-PRODUCT")
    assert row.code == "unit-group-differs"


def test_what_coupler_made_of_a_record_and_did_not_come_to_couple_belongs_to_it(world):
    made = world.ids().of("CUSTOMER", "bc", bc_customer("10000")["id"])
    world.bc.put("customers", bc_customer("10000"))
    world.crm.put("accounts", crm_account(1, accountnumber="10000"))
    world.crm.put("accounts", crm_account(2) | {"accountid": made})
    world.match()
    [row] = world.rows(MatchKind.EXACT)
    assert (row.crm[0].record_id, row.level) == (made, None)


def test_a_table_without_uncoupled_records_has_an_empty_result(world):
    assert world.match().counts.exact == 0
    [line] = world.jobs.list_jobs(world.result().id.run_id)
    assert line.message == "No record of the table is uncoupled."


def test_a_later_match_takes_the_place_of_the_one_before(world):
    world.bc.put("customers", bc_customer("10000"))
    first = world.match()
    world.crm.put("accounts", crm_account(1, accountnumber="10000"))
    second = world.match()
    assert second.id.is_newer_than(first.id)
    assert len(world.rows(MatchKind.EXACT)) == 1
    assert world.matches.list_page(first, MatchKind.UNMATCHED).rows == []


def test_a_match_that_fails_leaves_the_result_before_as_it_is(world):
    world.bc.put("customers", bc_customer("10000"))
    before = world.match()

    def gone(call: str, table: str) -> None:
        raise TransientError("service-away", "It is away.")

    world.bc.before_call = gone
    lines = world.drain(world.start("CUSTOMER", kind=RunKind.MATCH))
    assert lines["CUSTOMER"].state is JobState.ERROR
    assert world.result() == before
    assert len(world.rows(MatchKind.UNMATCHED)) == 1


def test_a_message_that_comes_twice_matches_once(world):
    world.bc.put("customers", bc_customer("10000"))
    run = world.start("CUSTOMER", kind=RunKind.MATCH)
    world.full_sync.advance(run.run_id, run.generation, by_itself=False)
    world.queues.messages.clear()
    worker = world.worker()
    assert worker.handle(run.run_id, "CUSTOMER")
    result = world.result()
    assert worker.handle(run.run_id, "CUSTOMER") is None
    assert world.result() == result


def test_a_cancelled_match_leaves_no_result(world):
    world.bc.put("customers", bc_customer("10000"))
    run = world.start("CUSTOMER", kind=RunKind.MATCH)
    world.full_sync.advance(run.run_id, run.generation, by_itself=False)
    world.bc.before_call = lambda call, table: world.jobs.request_cancel(run.run_id) and None
    world.worker().handle(run.run_id, "CUSTOMER")
    line = world.jobs.get_job(run.run_id, "CUSTOMER")
    assert line
    assert line.state is JobState.CANCELLED
    assert world.matches.find("CUSTOMER") is None


def test_progress_tells_how_many_records_were_read(world):
    world.bc.put("customers", bc_customer("10000"))
    world.crm.put("accounts", crm_account(1))
    world.match()
    [line] = world.jobs.list_jobs(world.result().id.run_id)
    assert (line.records_handled, line.records_expected) == (2, 2)


def test_rows_are_in_the_order_of_numbers(world):
    for number in ("30000", "10000", "20000"):
        world.bc.put("customers", bc_customer(number))
    world.match()
    assert [row.bc[0].number for row in world.rows(MatchKind.UNMATCHED)] == [
        "10000",
        "20000",
        "30000",
    ]


class DiedError(BaseException):
    """The process ended."""


def test_a_worker_that_dies_while_it_stores_leaves_no_mixture(world, monkeypatch):
    """What it stored belongs to no result, and is removed by the next one."""
    for number in range(4):
        world.bc.put("customers", bc_customer(f"{number}"))
    before = world.match()
    world.bc.put("customers", bc_customer("9"))
    run = world.start("CUSTOMER", kind=RunKind.MATCH)
    world.full_sync.advance(run.run_id, run.generation, by_itself=False)
    monkeypatch.setattr("sync.matching.line._ROWS_STORED", 2)
    stored = MatchStore.put_rows
    calls = []

    def dies(self: MatchStore, mapping: str, result: ResultId, rows: Sequence[MatchRow]) -> None:
        calls.append(result)
        if len(calls) == 2:
            raise DiedError
        stored(self, mapping, result, rows)

    with monkeypatch.context() as patched:
        patched.setattr(MatchStore, "put_rows", dies)
        with pytest.raises(DiedError):
            world.worker().handle(run.run_id, "CUSTOMER")
    assert world.result() == before
    left = replace(before, id=calls[0])
    assert len(world.matches.list_page(left, MatchKind.UNMATCHED).rows) == 2
    world.bc.delete("customers", bc_customer("0")["id"])
    world.pass_time(world.lease_seconds + 1)
    assert world.worker().handle(run.run_id, "CUSTOMER")
    numbers = [row.bc[0].number for row in world.rows(MatchKind.UNMATCHED)]
    assert numbers == ["1", "2", "3", "9"]
    assert world.matches.list_page(left, MatchKind.UNMATCHED).rows == []


def test_a_worker_that_lost_its_line_does_not_replace_what_its_successor_found(world):
    """It goes on to its end, unaware; the lease tells before anything of it could count."""
    world.bc.put("customers", bc_customer("1"))
    run = world.start("CUSTOMER", kind=RunKind.MATCH)
    world.full_sync.advance(run.run_id, run.generation, by_itself=False)
    taken_over: list[str] = []

    def take_over(call: str, table: str) -> None:
        if call == "fetch_pages" and table == "customers" and not taken_over:
            taken_over.append(call)
            world.pass_time(world.lease_seconds + 1)
            assert world.worker().handle(run.run_id, "CUSTOMER")
            world.bc.put("customers", bc_customer("2"))

    world.bc.before_call = take_over
    world.worker().handle(run.run_id, "CUSTOMER")
    assert taken_over
    assert [row.bc[0].number for row in world.rows(MatchKind.UNMATCHED)] == ["1"]


def test_old_rows_are_removed_when_the_line_is_over_and_keep_nobody_waiting(world, monkeypatch):
    world.bc.put("customers", bc_customer("10000"))
    before = world.match()
    seen = []

    def fails(self: MatchStore, result: Result) -> None:
        line = world.jobs.get_job(result.id.run_id, "CUSTOMER")
        seen.append((line.state, world.states.load("CUSTOMER").lease.owner))
        raise TransientError("storage-away", "It is away.")

    with monkeypatch.context() as patched:
        patched.setattr(MatchStore, "forget_older", fails)
        assert world.match() == world.result()
    assert seen == [(JobState.FINISHED, "")]
    assert len(world.matches.list_page(before, MatchKind.UNMATCHED).rows) == 1
    world.match()
    assert world.matches.list_page(before, MatchKind.UNMATCHED).rows == []
