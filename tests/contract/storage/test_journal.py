"""The journal of coupling changes, in storage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from errors import RefusedRequestError
from identity.model import TenantId
from sync.journal.journal import CouplingJournal
from sync.journal.model import (
    BY_HAND,
    Change,
    ChangeAction,
    FormerPair,
    JournalPair,
    Undone,
    UndoState,
)
from sync.runs.naming import new_run_id

AT = datetime(2026, 6, 26, 12, 0, tzinfo=UTC)
CUSTOMER = "CUSTOMER"


@pytest.fixture
def journal(open_table) -> CouplingJournal:
    return CouplingJournal(open_table("couplingchanges"), "demo")


def change(minutes: int = 0, by: str = "ann") -> Change:
    at = AT + timedelta(minutes=minutes)
    return Change(change_id=new_run_id(at), at=at, by=by, origin=BY_HAND)


def pair(number: int = 1, **changes) -> JournalPair:
    values = {
        "bc_id": f"b{number:04}",
        "crm_id": f"c{number:04}",
        "bc_key": f"{number}0000",
        "name": "Adatum ~ & Söhne",
        "action": ChangeAction.COUPLED,
    }
    return JournalPair(**(values | changes))


def listed(journal: CouplingJournal, **asked) -> list[str]:
    """The ids of changes, page by page."""
    found, continuation = [], None
    while True:
        page = journal.list_page(
            **({"mapping": None, "by": None, "limit": 2} | asked), continuation=continuation
        )
        found += [each.change.change_id for each in page.entries]
        continuation = page.continuation
        if continuation is None:
            return found


def test_a_change_is_read_as_it_was_entered(journal):
    former = (FormerPair(bc_id="b9", crm_id="c1", name="Former"),)
    replaced = pair(action=ChangeAction.REPLACED, replaced=former)
    made = change()
    journal.record(made, CUSTOMER, [replaced, pair(2)])
    [entry] = journal.entries(made.change_id)
    assert (entry.change, entry.mapping, entry.example) == (made, CUSTOMER, replaced)
    page = journal.list_pairs(made.change_id, CUSTOMER, limit=10, continuation=None)
    assert [each.pair for each in page.pairs] == [replaced, pair(2)]
    assert [each.undone for each in page.pairs] == [None, None]


def test_the_latest_changes_come_first_and_pages_follow_each_other(journal):
    made = [change(minutes) for minutes in range(5)]
    for each in made:
        journal.record(each, CUSTOMER, [pair()])
    assert listed(journal) == [each.change_id for each in reversed(made)]


def test_changes_are_listed_by_table_and_caller(journal):
    ours, theirs = change(1, by="ann"), change(2, by="ben")
    journal.record(ours, CUSTOMER, [pair()])
    journal.record(theirs, "CONTACT", [pair()])
    assert listed(journal, by="ann") == listed(journal, mapping=CUSTOMER) == [ours.change_id]
    assert listed(journal, by="ann", mapping="CONTACT") == []


def test_entering_the_same_again_changes_nothing_and_a_later_word_counts(journal):
    made = change()
    for _ in range(2):
        journal.record(made, CUSTOMER, [pair(1), pair(2)])
    journal.record(made, CUSTOMER, [pair(1, crm_id="another")])
    page = journal.list_pairs(made.change_id, CUSTOMER, limit=10, continuation=None)
    assert [each.pair.crm_id for each in page.pairs] == ["another", "c0002"]
    assert len(journal.entries(made.change_id)) == 1


def test_what_was_entered_and_not_done_is_taken_back(journal):
    made = change()
    journal.record(made, CUSTOMER, [pair(number) for number in range(3)])
    for _ in range(2):
        journal.take_back(made, CUSTOMER, ["b0001"])
    assert journal.count(made.change_id, CUSTOMER) == 2


def test_a_change_of_very_many_pairs_is_read_in_parts(journal):
    made = change()
    journal.record(made, CUSTOMER, [pair(number) for number in range(1500)])
    assert journal.count(made.change_id, CUSTOMER) == 1500
    first = journal.list_pairs(made.change_id, CUSTOMER, limit=1000, continuation=None)
    rest = journal.list_pairs(made.change_id, CUSTOMER, limit=1000, continuation=first.continuation)
    assert [len(each.pairs) for each in (first, rest)] == [1000, 500]
    beyond = journal.pairs_after(made.change_id, CUSTOMER, "b0009", 3)
    assert [each.bc_id for each in beyond] == ["b0010", "b0011", "b0012"]


def test_what_became_of_undoing_is_told_with_each_pair(journal):
    made, undoing = change(), change(1)
    journal.record(made, CUSTOMER, [pair(1), pair(2)])
    journal.note_undoing(made.change_id, CUSTOMER, undoing.change_id)
    refused = Undone(bc_id="b0002", state=UndoState.REFUSED, code="record-gone", message="It is.")
    journal.tell_undone(made.change_id, CUSTOMER, [refused])
    page = journal.list_pairs(made.change_id, CUSTOMER, limit=10, continuation=None)
    assert [each.undone for each in page.pairs] == [None, refused]
    assert journal.entries(made.change_id)[0].undone_by == undoing.change_id


def test_connections_and_tenants_see_nothing_of_each_other(open_table, journal):
    made = change()
    journal.record(made, CUSTOMER, [pair()])
    stranger = open_table("couplingchanges", TenantId(f"other-{uuid4()}"))
    for other in (
        CouplingJournal(open_table("couplingchanges"), "demo2"),
        CouplingJournal(stranger, "demo"),
    ):
        assert listed(other) == []
        assert other.count(made.change_id, CUSTOMER) == 0
        with pytest.raises(RefusedRequestError) as unknown:
            other.entries(made.change_id)
        assert (unknown.value.status, unknown.value.code) == (404, "change-unknown")


def test_a_continuation_of_another_list_is_refused(journal):
    made = [change(minutes) for minutes in range(2)]
    for each in made:
        journal.record(each, CUSTOMER, [pair(1), pair(2)])
    changes = journal.list_page(mapping=None, by=None, limit=1, continuation=None)
    pairs = journal.list_pairs(made[0].change_id, CUSTOMER, limit=1, continuation=None)
    with pytest.raises(RefusedRequestError, match="continuation"):
        journal.list_pairs(made[1].change_id, CUSTOMER, limit=1, continuation=pairs.continuation)
    with pytest.raises(RefusedRequestError, match="continuation"):
        journal.list_pairs(made[0].change_id, CUSTOMER, limit=1, continuation=changes.continuation)
