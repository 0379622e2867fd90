"""Outcomes in storage: one row for each record that is not in step."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from errors import RefusedRequestError
from sync.mapping import Direction
from sync.outcome_model import SETTLED
from sync.outcomes import (
    Decision,
    DecisionKind,
    FieldDetail,
    Outcome,
    OutcomeKind,
    OutcomeOrder,
    OutcomeStore,
)
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


def test_whether_there_is_an_outcome_of_a_kind_or_code_is_told(store: OutcomeStore):
    store.record_many([outcome("1", kind=OutcomeKind.SKIPPED, code="this")])
    assert store.has("CUSTOMER", OutcomeKind.SKIPPED)
    assert store.has("CUSTOMER", OutcomeKind.SKIPPED, "this")
    assert not store.has("CUSTOMER", OutcomeKind.SKIPPED, "that")
    assert not store.has("CUSTOMER", OutcomeKind.WAITING)
    assert not store.has("CONTACT", OutcomeKind.SKIPPED)


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


# what is known of earlier attempts


def refused(**changes) -> Outcome:
    return outcome(**{"content": "abc"} | changes)


def attempts(store: OutcomeStore, *given: Outcome) -> Outcome:
    """The outcome of a record that was noticed once an hour."""
    for hour, each in enumerate(given):
        at = AT + timedelta(hours=hour)
        store.record_many([replace(each, first_seen=at, last_seen=at)])
    [stored] = everything(store)
    return stored


def test_a_record_refused_alike_three_times_is_parked(store: OutcomeStore):
    assert not attempts(store, refused(), refused()).parked
    assert attempts(store, refused()).parked


@pytest.mark.parametrize(
    "other", [refused(content="changed"), refused(message="Other."), refused(code="other")]
)
def test_a_refusal_of_another_content_or_reason_begins_the_count_anew(store, other):
    stored = attempts(store, refused(), refused(), other)
    assert (stored.refusals, stored.parked, stored.attempts) == (1, False, 3)


def test_what_is_no_refusal_is_never_parked(store: OutcomeStore):
    assert not attempts(store, *[outcome()] * 5).parked


def test_a_parked_record_that_is_left_alone_stays_parked_and_counts_no_attempt(store):
    stored = attempts(store, *[refused()] * 3, refused(untried=True), refused(untried=True))
    assert (stored.parked, stored.attempts, stored.refusals) == (True, 3, 3)
    assert stored.last_seen == AT + timedelta(hours=4)


def test_an_outcome_stored_twice_because_the_answer_was_lost_counts_once(table, store):
    store.record_many([refused()])
    again = refused(first_seen=LATER, last_seen=LATER)
    store.record_many([again])
    store.record_many([again])
    [stored] = everything(store)
    assert (stored.attempts, stored.refusals) == (2, 2)


# people


DECISION = Decision(
    kind=DecisionKind.RESOLVE, winners={"name": Direction.TO_CRM}, seen={"name": "d1"}
)


def decide(store: OutcomeStore, decision: Decision | None = DECISION) -> None:
    [stored] = everything(store)
    assert store.change(replace(stored, decision=decision))


def test_a_decision_comes_back_as_it_was_given(store: OutcomeStore):
    store.record_many([outcome()])
    decide(store)
    assert everything(store)[0].decision == DECISION


def test_a_decision_that_was_carried_out_is_forgotten(store: OutcomeStore):
    store.record_many([outcome()])
    decide(store)
    store.record_many([outcome(last_seen=LATER, considered=DECISION)])
    assert everything(store)[0].decision is None


def test_a_decision_that_could_not_be_carried_out_yet_stays(store: OutcomeStore):
    store.record_many([outcome()])
    decide(store)
    store.record_many([outcome(last_seen=LATER, considered=DECISION, decision=DECISION)])
    assert everything(store)[0].decision == DECISION


def test_a_decision_made_while_the_record_was_handled_stays(store: OutcomeStore):
    store.record_many([outcome()])
    decide(store)
    store.record_many([outcome(last_seen=LATER)])
    assert everything(store)[0].decision == DECISION


def test_a_decision_made_between_reading_and_writing_a_row_stays(open_table, table, store):
    store.record_many([outcome()])
    rival = OutcomeStore(open_table("outcomes"), "connection")
    table.before("transact", lambda: decide(rival))

    store.record_many([outcome(last_seen=LATER, message="Said anew.")])

    [stored] = everything(store)
    assert (stored.decision, stored.message, stored.attempts) == (DECISION, "Said anew.", 2)


def test_a_person_s_change_of_an_outcome_that_was_written_since_is_refused(store: OutcomeStore):
    store.record_many([outcome()])
    [read] = everything(store)
    store.record_many([outcome(last_seen=LATER)])

    assert not store.change(replace(read, decision=DECISION))
    store.clear_many("CUSTOMER", [outcome().key])
    assert not store.change(read)


def test_an_ignored_outcome_stays_ignored_until_something_else_is_said(store: OutcomeStore):
    store.record_many([outcome()])
    [stored] = everything(store)
    store.change(replace(stored, ignored=True))
    store.record_many([outcome(last_seen=LATER)])
    assert everything(store)[0].ignored
    store.record_many([outcome(last_seen=LATER, message="The name has 170 characters.")])
    assert not everything(store)[0].ignored


# conflicts that were decided


def test_a_decided_conflict_keeps_its_losing_value_when_the_record_is_in_step(store):
    settled = outcome(kind=OutcomeKind.CONFLICT, code=SETTLED)
    store.record_many([settled])
    assert store.clear_many("CUSTOMER", [settled.key]) == 0
    assert store.clear_older("CUSTOMER", LATER) == 0
    assert store.record_ids("CUSTOMER", "bc") == []
    assert everything(store) == [settled]
    assert store.clear_older("CUSTOMER", AT + timedelta(days=31)) == 1


def test_every_detail_of_a_conflict_comes_back(store: OutcomeStore):
    detail = FieldDetail(
        bc_field="displayName",
        crm_column="name",
        bc_value="Adatum",
        crm_value="Ådatum",
        base_value="",
        winner=None,
        seen="d1",
    )
    store.record_many([outcome(fields=(detail,), waits_for=("A", "B"), waits_for_ref="10")])
    assert everything(store)[0] == outcome(
        fields=(detail,), waits_for=("A", "B"), waits_for_ref="10"
    )


def test_a_hundred_outcomes_of_the_longest_texts_can_be_stored(store: OutcomeStore):
    detail = FieldDetail(
        bc_field="f" * 30,
        crm_column="c" * 30,
        bc_value="ü" * 9000,
        crm_value="ü" * 9000,
        base_value="ü" * 9000,
        winner=None,
        seen="s" * 24,
    )
    long = outcome(message="ü" * 9000, hint="ü" * 9000, value="ü" * 9000, fields=(detail,) * 50)
    store.record_many([replace(long, record_id=str(number)) for number in range(100)])
    assert len(everything(store)) == 100


# finding


def test_outcomes_are_found_by_code_and_by_what_the_caller_keeps(store: OutcomeStore):
    given = [outcome(str(n), code="odd" if n % 2 else "even") for n in range(6)]
    store.record_many(given)
    assert everything(store, code="odd") == [given[1], given[3], given[5]]
    page = store.list_page(limit=1, keep=lambda each: each.record_id > "2")
    assert page.outcomes == [given[3]]
    page = store.list_page(
        limit=9, keep=lambda each: each.record_id > "2", continuation=page.continuation
    )
    assert page.outcomes == given[4:]


def test_all_outcomes_of_a_connection_are_scanned(table, store: OutcomeStore):
    contact = outcome("1", mapping="CONTACT", code="other")
    store.record_many([outcome("1"), contact])
    OutcomeStore(table, "other").record_many([outcome()])
    assert list(store.scan()) == [contact, outcome("1")]
    assert list(store.scan(mapping="CUSTOMER")) == [outcome("1")]
    assert list(store.scan(code="other")) == [contact]


def test_the_outcomes_of_given_records_are_found(store: OutcomeStore):
    store.record_many([outcome("1"), outcome("2")])
    assert store.find("CUSTOMER", [("bc", "1"), ("crm", "1")]) == {("bc", "1"): outcome("1")}
    assert store.record_ids("CUSTOMER", "bc") == ["1", "2"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (OutcomeOrder.RECORD, "1234"),
        (OutcomeOrder.FIRST_SEEN, "2413"),
        (OutcomeOrder.LATEST_FIRST_SEEN, "3142"),
        (OutcomeOrder.LAST_SEEN, "4123"),
        (OutcomeOrder.LATEST_LAST_SEEN, "3214"),
    ],
)
@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_outcomes_come_in_the_order_that_is_asked_for(store: OutcomeStore, order, expected, limit):
    hours = {"1": (2, 5), "2": (0, 6), "3": (3, 7), "4": (1, 4)}
    store.record_many(
        [
            outcome(
                record_id,
                mapping="CONTACT" if record_id == "1" else "CUSTOMER",
                first_seen=AT + timedelta(hours=first),
                last_seen=AT + timedelta(hours=last),
            )
            for record_id, (first, last) in hours.items()
        ]
    )
    found, continuation = "", None
    while True:
        page = store.list_page(order=order, limit=limit, continuation=continuation)
        found += "".join(each.record_id for each in page.outcomes)
        continuation = page.continuation
        if continuation is None:
            break
    assert found == expected
