"""Imports of couplings in storage: rows and their report, and which import is reported."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from errors import RefusedRequestError
from sync.by_hand.pairing import First
from sync.transfer.coupling_file import FileRow
from sync.transfer.import_model import Import, ReportedRow, RowState
from sync.transfer.import_store import TABLE, ImportStore

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def row(line: int, **changes) -> FileRow:
    named = FileRow(
        line=line,
        bc_id="",
        bc_key=f"C{line}",
        crm_id="",
        crm_key=(("accountnumber", f"A{line}"),),
        first=First.TO_CRM,
        replaces=True,
    )
    return replace(named, **changes)


def one(import_id: str, *, rows: int = 0, stored_at: datetime = AT, check_only=False) -> Import:
    return Import(
        import_id=import_id,
        mapping="CUSTOMER",
        check_only=check_only,
        rows=rows,
        stored_at=stored_at,
    )


@pytest.fixture
def store(open_table) -> ImportStore:
    return ImportStore(open_table(TABLE), "connection", "CUSTOMER")


def lines(store: ImportStore, import_id: str, after: str = "") -> list[int]:
    return [each.row.line for each in store.rows_after(import_id, after, 1000)]


def test_rows_are_read_as_they_were_stored(store):
    rows = [row(2), row(3, bc_id="b", bc_key="", crm_id="c", crm_key=(), first=First.NONE)]
    store.add(one("a", rows=2), rows)
    assert store.rows_after("a", "", 10) == [ReportedRow(row=each) for each in rows]


def test_rows_come_in_the_order_of_the_file_from_any_place(store):
    store.add(one("a"), [row(line) for line in (2, 10, 9, 100, 20_000)])
    assert lines(store, "a") == [2, 9, 10, 100, 20_000]
    nine = store.rows_after("a", "", 2)[-1]
    assert lines(store, "a", nine.place) == [10, 100, 20_000]


def test_more_than_a_transaction_takes_is_stored_and_removed(store):
    store.add(one("a", rows=250), [row(line) for line in range(2, 252)])
    assert len(lines(store, "a")) == 250
    store.forget("a")
    assert lines(store, "a") == []
    store.forget("a")


def test_what_became_of_rows_is_read_as_it_was_stored(store):
    store.add(one("a"), [row(2), row(3)])
    told = ReportedRow(
        row=row(2),
        state=RowState.REFUSED,
        code="record-unknown",
        message="There is none.",
        hint="Mend it.",
        bc_id="b",
        crm_id="c",
        replaced=("It was coupled.",),
    )
    store.save("a", [told])
    store.save("a", [told])
    assert store.rows_after("a", "", 10) == [told, ReportedRow(row=row(3))]
    assert store.counts("a") == dict.fromkeys(RowState, 0) | {
        RowState.REFUSED: 1,
        RowState.WAITING: 1,
    }


def test_rows_are_listed_by_state_page_by_page(store):
    store.add(one("a"), [row(line) for line in range(2, 8)])
    refused = [ReportedRow(row=row(line), state=RowState.REFUSED) for line in (3, 5, 7)]
    store.save("a", refused)
    first = store.list_page("a", state=RowState.REFUSED, limit=2, continuation=None)
    rest = store.list_page("a", state=RowState.REFUSED, limit=2, continuation=first.continuation)
    assert [*first.rows, *rest.rows] == refused
    assert rest.continuation is None


def test_a_page_of_another_import_does_not_go_on(store):
    store.add(one("a"), [row(2), row(3)])
    store.add(one("b"), [row(2), row(3)])
    page = store.list_page("a", state=None, limit=1, continuation=None)
    with pytest.raises(RefusedRequestError):
        store.list_page("b", state=None, limit=1, continuation=page.continuation)


def test_an_import_is_reported_once_its_run_was_begun(store):
    store.add(one("a", rows=1, check_only=True), [row(2)])
    assert store.last() is None
    later = AT + timedelta(seconds=2)
    store.begun("a", "run-1", later)
    store.begun("a", "run-1", later)
    begun = replace(one("a", rows=1, check_only=True, stored_at=later), run_id="run-1")
    assert store.last() == begun


def test_the_last_begun_import_is_reported_and_earlier_ones_are_removed(store):
    for number, import_id in enumerate(("a", "b")):
        store.add(one(import_id), [row(2)])
        store.begun(import_id, f"run-{number}", AT + timedelta(minutes=number))
    assert store.last().import_id == "b"
    assert (lines(store, "a"), lines(store, "b")) == ([], [2])


def test_a_sender_who_notes_its_run_late_does_not_take_the_report_from_a_later_one(store):
    store.add(one("a"), [row(2)])
    store.add(one("b"), [row(2)])
    store.begun("b", "run-2", AT + timedelta(minutes=1))
    store.begun("a", "run-1", AT)
    assert store.last().import_id == "b"


def test_a_removed_import_does_not_come_back(store):
    store.add(one("a"), [row(2)])
    store.forget("a")
    store.begun("a", "run-1", AT)
    assert store.last() is None


def test_rows_whose_sender_died_are_removed_after_a_while_and_not_sooner(store):
    store.add(one("dead"), [row(2)])
    store.add(one("sending", stored_at=AT + timedelta(hours=2)), [row(2)])
    store.add(one("a", stored_at=AT + timedelta(hours=2)), [row(2)])
    store.begun("a", "run-1", AT + timedelta(hours=2))
    assert lines(store, "dead") == []
    assert lines(store, "sending") == [2]


def test_tables_and_connections_have_imports_of_their_own(store, open_table):
    store.add(one("a"), [row(2)])
    store.begun("a", "run-1", AT)
    for connection, mapping in (("other", "CUSTOMER"), ("connection", "CONTACT")):
        assert ImportStore(open_table(TABLE), connection, mapping).last() is None
