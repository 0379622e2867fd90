"""Outcomes in storage: one row for each record that is not in step."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from errors import RefusedRequestError
from sync.outcomes import Outcome, OutcomeCount, OutcomeKind, OutcomeStore
from tests.fakes.hooked import HookedTable

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)


def outcome(record_id: str = "1", **changes) -> Outcome:
    failed = Outcome(
        mapping="CUSTOMER",
        side="bc",
        record_id=record_id,
        code="text-too-long",
        kind=OutcomeKind.FAILED,
        record_name="10000 Adatum",
        message="The name has 200 characters; CRM allows 160.",
        first_seen=AT,
        last_seen=AT,
        run_id="r1",
        partner_name="Adatum",
        field="name",
        value="A...",
        hint="Shorten the name in Business Central.",
    )
    return replace(failed, **changes)


@pytest.fixture
def table(open_table) -> HookedTable:
    return HookedTable(open_table("outcomes"))


@pytest.fixture
def store(table, pool) -> OutcomeStore:
    return OutcomeStore(table, "connection", pool=pool)


def everything(store: OutcomeStore, **choice) -> list[Outcome]:
    return store.list_page(limit=1000, **choice).outcomes


def test_an_outcome_comes_back_as_it_was_given(store: OutcomeStore):
    store.record_many([outcome()])

    assert everything(store) == [outcome()]


@pytest.mark.parametrize("number", [1, 130])
def test_an_outcome_seen_again_keeps_its_first_time_and_counts(store: OutcomeStore, number: int):
    store.record_many([outcome(f"{n:03}") for n in range(number)])

    store.record_many(
        [
            outcome(f"{n:03}", first_seen=LATER, last_seen=LATER, code="other", run_id="r2")
            for n in range(number)
        ]
    )

    assert everything(store) == [
        outcome(f"{n:03}", last_seen=LATER, code="other", run_id="r2", attempts=2)
        for n in range(number)
    ]


def test_of_two_outcomes_of_one_record_in_one_call_the_last_is_kept(store: OutcomeStore):
    store.record_many([outcome(code="first"), outcome(code="last")])

    assert everything(store) == [outcome(code="last")]


def test_the_two_sides_of_one_id_are_two_records(store: OutcomeStore):
    store.record_many([outcome(), outcome(side="crm")])

    assert [each.side for each in everything(store)] == ["bc", "crm"]


def test_long_texts_are_cut_visibly(store: OutcomeStore):
    store.record_many([outcome(message="x" * 50_000, value="y" * 50_000)])

    [stored] = everything(store)
    assert stored.message == "x" * 3999 + "…"
    assert stored.value == "y" * 999 + "…"


@pytest.mark.parametrize("number", [3, 130])
def test_records_that_got_in_step_lose_their_outcome(store: OutcomeStore, number: int):
    store.record_many([outcome(f"{n:03}") for n in range(number)] + [outcome("stays")])
    done = [("bc", f"{n:03}") for n in range(number)]

    assert store.clear_many("CUSTOMER", [*done, ("bc", "never"), ("crm", "000")]) == number
    assert store.clear_many("CUSTOMER", done) == 0

    assert everything(store) == [outcome("stays")]


def test_clearing_nothing_is_no_error(store: OutcomeStore):
    assert store.clear_many("CUSTOMER", []) == 0
    store.record_many([])


def test_an_outcome_removed_by_another_meanwhile_does_not_stop_the_clearing(
    open_table, table, store: OutcomeStore
):
    store.record_many([outcome("1"), outcome("2")])
    rival = OutcomeStore(open_table("outcomes"), "connection")
    table.before("transact", lambda: rival.clear_many("CUSTOMER", [("bc", "1")]))

    store.clear_many("CUSTOMER", [("bc", "1"), ("bc", "2")])

    assert everything(store) == []


def test_outcomes_are_listed_by_mapping_and_kind(store: OutcomeStore):
    waiting = outcome("2", kind=OutcomeKind.WAITING)
    contact = outcome("3", mapping="CONTACT", kind=OutcomeKind.WAITING)
    store.record_many([outcome("1"), waiting, contact])

    assert everything(store, mapping="CUSTOMER") == [outcome("1"), waiting]
    assert everything(store, kind=OutcomeKind.WAITING) == [contact, waiting]
    assert everything(store, mapping="CUSTOMER", kind=OutcomeKind.WAITING) == [waiting]


@pytest.mark.parametrize("mapping", [None, "CUSTOMER"])
@pytest.mark.parametrize("limit", [1, 4, 7])
def test_pages_cover_everything_once(store: OutcomeStore, mapping: str | None, limit: int):
    given = [outcome(str(n), mapping=m) for m in ("CONTACT", "CUSTOMER") for n in range(7)]
    store.record_many(given)
    expected = [each for each in given if mapping in (None, each.mapping)]

    seen: list[Outcome] = []
    continuation = None
    while True:
        page = store.list_page(mapping=mapping, limit=limit, continuation=continuation)
        assert len(page.outcomes) <= limit
        seen += page.outcomes
        continuation = page.continuation
        if continuation is None:
            break

    assert seen == expected


def test_a_continuation_of_another_list_is_refused(table, store: OutcomeStore):
    store.record_many([outcome("1"), outcome("2")])
    continuation = store.list_page(limit=1).continuation

    with pytest.raises(RefusedRequestError):
        store.list_page(mapping="CONTACT", limit=1, continuation=continuation)
    with pytest.raises(RefusedRequestError):
        OutcomeStore(table, "other").list_page(limit=1, continuation=continuation)


def test_the_summary_counts_by_mapping_kind_and_code(store: OutcomeStore, table):
    store.record_many(
        [
            outcome("1"),
            outcome("2"),
            outcome("3", kind=OutcomeKind.WAITING, code="not-coupled"),
            outcome("1", mapping="CONTACT"),
        ]
    )
    OutcomeStore(table, "other").record_many([outcome()])

    assert store.summary() == [
        OutcomeCount(mapping="CONTACT", kind=OutcomeKind.FAILED, code="text-too-long", count=1),
        OutcomeCount(mapping="CUSTOMER", kind=OutcomeKind.FAILED, code="text-too-long", count=2),
        OutcomeCount(mapping="CUSTOMER", kind=OutcomeKind.WAITING, code="not-coupled", count=1),
    ]
