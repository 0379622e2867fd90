"""What matches found, in storage: results that never mix, picks that are never two."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from errors import RefusedRequestError
from sync.matching.model import (
    Candidate,
    Counts,
    Criterion,
    Fate,
    MatchKind,
    MatchRow,
    Pick,
    Result,
    ResultId,
    RowState,
)
from sync.matching.store import MatchStore, pick_key, row_key

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER, EARLIER = "100", "200"
"""Ids of runs: those of later ones come first."""


@pytest.fixture
def store(open_table) -> Iterator[MatchStore]:
    with ThreadPoolExecutor(max_workers=4) as pool:
        yield MatchStore(open_table("matches"), "connection", pool=pool)


def result(run_id: str = EARLIER, epoch: int = 1, **changes) -> Result:
    made = Result(
        mapping="CUSTOMER",
        id=ResultId(run_id=run_id, epoch=epoch),
        lineage="abc",
        found_at=AT,
        counts=Counts(exact=1, unmatched_crm=2),
    )
    return replace(made, **changes)


def candidate(record_id: str, **changes) -> Candidate:
    made = Candidate(record_id=record_id, number="10000", name="Adatum ~ & Söhne", values=("1",))
    return replace(made, **changes)


def row(number: int = 0, kind: MatchKind = MatchKind.EXACT, **changes) -> MatchRow:
    made = MatchRow(
        kind=kind,
        place=f"{number:08}",
        bc=(candidate(f"b{number}"),),
        crm=(candidate(f"c{number}", number=""),),
        bc_total=1,
        crm_total=1,
        level=0,
        criterion=Criterion(bc=("number",), crm=("accountnumber",), compare=("text",)),
        code="blocked",
        message="It is.",
        hint="Wait.",
    )
    return replace(made, **changes)


def published(store: MatchStore, *rows: MatchRow, of: Result | None = None) -> Result:
    of = of or result()
    store.put_rows("CUSTOMER", of.id, rows)
    store.publish(of)
    return of


def pick(bc_id: str = "b1", crm_id: str = "c1", by: str = "Ann") -> Pick:
    return Pick(bc_id=bc_id, crm_id=crm_id, bc_name="A", crm_name="B", by=by, picked_at=AT)


def test_rows_are_read_as_they_were_stored(store):
    proposal = row(1, MatchKind.PROPOSED, level=None, criterion=Criterion(), percent=91)
    of = published(store, row(), proposal)
    assert store.list_page(of, MatchKind.EXACT).rows == [row()]
    assert store.list_page(of, MatchKind.PROPOSED).rows == [proposal]
    assert store.row(of, MatchKind.EXACT, "00000000") == row()
    assert store.row(of, MatchKind.EXACT, "00000009") is None


def test_rows_may_be_stored_again_with_others_among_them(store):
    """As where the answer to a request was lost."""
    rows = [row(number) for number in range(3)]
    store.put_rows("CUSTOMER", result().id, rows[1:2])
    of = published(store, *rows)
    assert store.list_page(of, MatchKind.EXACT).rows == rows


def test_a_result_is_read_as_it_was_published(store):
    assert store.find("CUSTOMER") is None
    of = published(store)
    assert store.find("CUSTOMER") == of
    assert store.results() == {"CUSTOMER": of}


def test_rows_count_only_once_their_result_is_published(store):
    before = published(store, row())
    store.put_rows("CUSTOMER", ResultId(run_id=LATER, epoch=1), [row(1), row(2)])
    assert store.find("CUSTOMER") == before
    assert store.list_page(before, MatchKind.EXACT).rows == [row()]


@pytest.mark.parametrize(("run_id", "epoch"), [(LATER, 1), (EARLIER, 2)], ids=["run", "worker"])
def test_a_newer_result_takes_the_place_and_an_older_one_does_not_take_it_back(
    store, run_id, epoch
):
    older = published(store)
    newer = published(store, of=result(run_id, epoch))
    store.publish(older)
    assert store.find("CUSTOMER") == newer


def test_rows_of_older_results_are_removed_and_those_of_newer_ones_stay(store):
    oldest, newest = result("300"), result(LATER)
    store.put_rows("CUSTOMER", oldest.id, [row(number) for number in range(150)])
    store.put_rows("CUSTOMER", newest.id, [row(7)])
    now = published(store, row(1))
    for _ in range(2):
        store.forget_older(now)
    assert store.list_page(oldest, MatchKind.EXACT).rows == []
    assert store.list_page(now, MatchKind.EXACT).rows == [row(1)]
    assert store.list_page(newest, MatchKind.EXACT).rows == [row(7)]


def test_a_table_has_a_result_of_its_own(store):
    published(store, row())
    other = result(mapping="CONTACT")
    store.publish(other)
    store.forget_older(other)
    assert set(store.results()) == {"CUSTOMER", "CONTACT"}
    assert len(store.list_page(result(), MatchKind.EXACT).rows) == 1


def test_pages_follow_each_other_in_order_by_kind(store):
    rows = [row(number) for number in range(250)]
    of = published(store, *rows, row(3, MatchKind.UNMATCHED))
    found, continuation = [], None
    while True:
        page = store.list_page(of, MatchKind.EXACT, limit=100, continuation=continuation)
        found += page.rows
        continuation = page.continuation
        if continuation is None:
            break
    assert found == rows
    assert [each.place for each in store.rows_after(of, MatchKind.EXACT, "00000247", 9)] == [
        "00000248",
        "00000249",
    ]


def test_a_continuation_of_another_result_or_kind_is_refused(store):
    of = published(store, row(0), row(1))
    continuation = store.list_page(of, MatchKind.EXACT, limit=1).continuation
    for asked, kind in ((result(LATER), MatchKind.EXACT), (of, MatchKind.UNMATCHED)):
        with pytest.raises(RefusedRequestError) as refused:
            store.list_page(asked, kind, continuation=continuation)
        assert refused.value.code == "continuation-unknown"


def test_a_group_of_many_records_with_long_names_tells_as_many_as_a_row_holds(store):
    many = tuple(candidate(f"c{number}", name="é" * 500) for number in range(400))
    of = published(store, row(0, MatchKind.AMBIGUOUS, crm=many, crm_total=400))
    [found] = store.list_page(of, MatchKind.AMBIGUOUS).rows
    assert 50 < len(found.crm) < 400
    assert found.crm_total == 400
    last = found.crm[-1].record_id
    assert store.places_of(of, "crm", last) == {MatchKind.AMBIGUOUS: ["00000000"]}


def test_the_groups_and_proposals_of_a_record_are_found(store):
    of = published(
        store,
        row(1, MatchKind.AMBIGUOUS),
        row(1, MatchKind.PROPOSED),
        row(2, MatchKind.PROPOSED, bc=(candidate("b1"),)),
        row(1),
    )
    assert store.places_of(of, "bc", "b1") == {
        MatchKind.AMBIGUOUS: ["00000001"],
        MatchKind.PROPOSED: ["00000001", "00000002"],
    }
    assert store.places_of(of, "crm", "b1") == {}


def test_what_became_of_rows_is_kept_and_rows_that_are_gone_keep_nothing(store):
    of = published(store, *(row(number) for number in range(120)))
    fate = Fate(state=RowState.REFUSED, code="x", message="No.", hint="Else.")
    gone = row_key(row(999))
    told = [(row_key(row(number)), fate) for number in range(120)]
    for _ in range(2):
        store.tell(of, [*told, (gone, fate), (pick_key("bc", "b9"), fate)])
    found = store.list_page(of, MatchKind.EXACT, limit=1000).rows
    assert found == [row(number, fate=fate) for number in range(120)]


def test_a_pick_is_found_under_both_records_and_taken_back_by_both(store):
    of = published(store)
    assert store.pick(of, pick()) is None
    assert store.find_pick(of, "bc", "b1") == store.find_pick(of, "crm", "c1") == pick()
    fate = Fate(state=RowState.COUPLED)
    store.tell(of, [(pick_key("bc", "b1"), fate)])
    assert store.find_pick(of, "crm", "c1") == replace(pick(), fate=fate)
    for _ in range(2):
        store.take_back(of, pick())
    assert store.find_pick(of, "bc", "b1") is None
    assert store.find_pick(of, "crm", "c1") is None


@pytest.mark.parametrize(
    "other", [pick("b1", "c2", "Bob"), pick("b2", "c1", "Bob")], ids=["bc", "crm"]
)
def test_the_storage_refuses_a_second_pick_of_either_record_and_tells_who_has_it(store, other):
    of = published(store)
    store.pick(of, pick())
    assert store.pick(of, other) == pick()
    assert [(each.bc_id, each.crm_id) for each in store.picks(of)] == [("b1", "c1")]
    assert store.pick(of, pick()) is None


def test_of_many_who_pick_the_same_record_at_once_one_gets_it(store):
    of = published(store)
    with ThreadPoolExecutor(max_workers=8) as people:
        refused = list(
            people.map(lambda number: store.pick(of, pick(f"b{number}", "c1")), range(8))
        )
    assert refused.count(None) == 1
    [kept] = store.picks(of)
    assert {each.bc_id for each in refused if each} == {kept.bc_id}


def test_picks_are_paged_by_their_records(store):
    of = published(store)
    for number in range(5):
        store.pick(of, pick(f"b{number}", f"c{number}"))
    assert [each.bc_id for each in store.picks_after(of, "", 2)] == ["b0", "b1"]
    assert [each.bc_id for each in store.picks_after(of, "b1", 9)] == ["b2", "b3", "b4"]
