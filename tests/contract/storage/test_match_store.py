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
from sync.matching.store import MatchStore
from sync.matching.stored import MOST_SHOWN, pick_key, row_key

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


def large_group(size: int, place: int = 0) -> MatchRow:
    """Two records of Business Central that so many of CRM fit."""
    return row(
        place,
        MatchKind.AMBIGUOUS,
        bc=tuple(candidate(f"b{place}-{number}") for number in range(2)),
        crm=tuple(candidate(f"c{place}-{number:04}", number="") for number in range(size)),
        bc_total=2,
        crm_total=size,
    )


def test_a_large_group_shows_its_first_candidates_and_all_are_listed(store):
    group = large_group(MOST_SHOWN + 30)
    of = published(store, group, large_group(3, place=1))
    [shown, _] = store.list_page(of, MatchKind.AMBIGUOUS).rows
    assert (shown.crm, shown.crm_total) == (group.crm[:MOST_SHOWN], MOST_SHOWN + 30)
    first = store.candidates_page(of, group.place, "crm", limit=70)
    rest = store.candidates_page(of, group.place, "crm", limit=70, continuation=first.continuation)
    assert (*first.candidates, *rest.candidates) == group.crm
    assert rest.continuation is None
    assert store.candidates_page(of, group.place, "bc").candidates == list(group.bc)
    assert store.candidates_page(of, "00000009", "bc").candidates == []


def test_candidates_are_not_gone_on_with_from_another_list(store):
    of = published(store, large_group(3), large_group(3, place=1))
    page = store.candidates_page(of, "00000000", "crm", limit=1)
    for place, side in (("00000001", "crm"), ("00000000", "bc")):
        with pytest.raises(RefusedRequestError) as refused:
            store.candidates_page(of, place, side, limit=1, continuation=page.continuation)
        assert refused.value.code == "continuation-unknown"


def test_every_candidate_of_a_large_group_is_known_as_one(store):
    group = large_group(MOST_SHOWN + 1)
    of = published(store, group)
    last = group.crm[-1]
    found = store.memberships(of, "crm", last.record_id)
    assert found == {(MatchKind.AMBIGUOUS, group.place): last}
    assert store.memberships(of, "crm", "unknown") == {}


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


def test_a_row_holds_as_many_candidates_with_long_values_as_there_is_room_for(store):
    long = "é" * 500
    many = tuple(candidate(f"c{number}", name=long, values=(long,) * 8) for number in range(60))
    of = published(store, row(0, MatchKind.AMBIGUOUS, crm=many, crm_total=60))
    [found] = store.list_page(of, MatchKind.AMBIGUOUS).rows
    assert 1 < len(found.crm) < MOST_SHOWN
    listed = store.candidates_page(of, "00000000", "crm").candidates
    assert [each.record_id for each in listed] == [each.record_id for each in many]


def test_the_groups_and_proposals_of_a_record_are_found(store):
    of = published(
        store,
        row(1, MatchKind.AMBIGUOUS),
        row(1, MatchKind.PROPOSED),
        row(2, MatchKind.PROPOSED, bc=(candidate("b1", name="Other"),)),
        row(1),
    )
    found = store.memberships(of, "bc", "b1")
    assert {key: each.name for key, each in found.items()} == {
        (MatchKind.AMBIGUOUS, "00000001"): "Adatum ~ & Söhne",
        (MatchKind.PROPOSED, "00000001"): "Adatum ~ & Söhne",
        (MatchKind.PROPOSED, "00000002"): "Other",
    }
    assert store.memberships(of, "crm", "b1") == {}


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
