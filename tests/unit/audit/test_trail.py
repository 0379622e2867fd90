from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from audit import trail as module
from audit.model import Entry
from audit.trail import AuditTrail, Sought
from errors import RefusedRequestError
from identity.model import Role, TenantId
from tests.fakes.tables import MemoryAccount

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ENTRY = Entry(
    at=NOON,
    subject="33333333-3333-4333-8333-333333333333",
    name="Anna@cronus.example",
    is_application=False,
    role=Role.OPERATOR,
    action="start_full_sync",
    connection="cronus",
    targets={"mapping": "CUSTOMER"},
    correlation_id="0f8fad5b",
)


@pytest.fixture
def account():
    return MemoryAccount()


@pytest.fixture
def trail(account):
    return AuditTrail(account.table("audit", TenantId("t")))


def begun(trail: AuditTrail, minutes: int, **changes: Any) -> Entry:
    entry = replace(ENTRY, at=NOON + minutes * MINUTE, **changes)
    trail.begin(entry)
    return entry


def found(trail: AuditTrail, **sought: Any) -> list[Entry]:
    return trail.list_page(Sought(**sought), limit=100, continuation=None).entries


def test_an_entry_is_read_as_it_was_begun(trail):
    trail.begin(ENTRY)
    assert found(trail) == [ENTRY]


def test_an_entry_without_a_role_is_read_so(trail):
    entry = replace(ENTRY, role=None)
    trail.begin(entry)
    assert found(trail) == [entry]


def test_completing_adds_how_the_call_ended(trail):
    reference = trail.begin(ENTRY)
    for _ in range(2):
        trail.complete(reference, status=409, code="run-active", facts={"run": "r", "number": 1})
    expected = replace(ENTRY, status=409, code="run-active", facts={"run": "r", "number": 1})
    assert found(trail) == [expected]


def test_the_newest_call_comes_first(trail):
    entries = [begun(trail, minutes) for minutes in (3, 1, 2)]
    assert found(trail) == [entries[0], entries[2], entries[1]]


def test_calls_of_the_same_moment_are_all_kept(trail):
    for _ in range(3):
        trail.begin(ENTRY)
    assert len(found(trail)) == 3


def test_a_span_of_time_includes_both_its_ends(trail):
    entries = [begun(trail, minutes) for minutes in range(5)]
    since, until = NOON + MINUTE, (NOON + 3 * MINUTE).astimezone(timezone(timedelta(hours=2)))
    assert found(trail, since=since, until=until) == entries[3:0:-1]
    assert found(trail, since=NOON + 10 * MINUTE) == []
    assert found(trail, until=NOON - MINUTE) == []
    assert len(found(trail, since=datetime.min.replace(tzinfo=UTC))) == 5
    assert len(found(trail, until=datetime.max.replace(tzinfo=UTC))) == 5


@pytest.mark.parametrize(
    ("sought", "minutes"),
    [
        ({"connection": "other"}, [1]),
        ({"action": "reset"}, [2]),
        ({"who": "bert@cronus.example"}, [3]),
        ({"who": ENTRY.subject.upper()}, [3, 2, 1]),
        ({"who": "44444444-4444-4444-8444-444444444444"}, [4]),
        ({"who": "nobody"}, []),
        ({"action": "reset", "connection": "other"}, []),
    ],
)
def test_calls_are_found_by_connection_action_and_who(trail, sought, minutes):
    begun(trail, 1, connection="other")
    begun(trail, 2, action="reset")
    begun(trail, 3, name="Bert@cronus.example")
    begun(trail, 4, subject="44444444-4444-4444-8444-444444444444")
    assert [entry.at for entry in found(trail, **sought)] == [NOON + n * MINUTE for n in minutes]


def test_pages_follow_each_other_without_gaps(trail):
    entries = [begun(trail, minutes) for minutes in range(5)]
    read: list[Entry] = []
    continuation, pages = None, 0
    while pages == 0 or continuation:
        page = trail.list_page(Sought(), limit=2, continuation=continuation)
        continuation, pages = page.continuation, pages + 1
        read += page.entries
    assert (read, pages) == (entries[::-1], 3)


def test_a_page_looks_at_a_bounded_number_of_calls_and_says_where_to_go_on(trail, monkeypatch):
    monkeypatch.setattr(module, "_MOST_LOOKED_AT", 3)
    wanted = begun(trail, 0, name="bert")
    for minutes in range(1, 5):
        begun(trail, minutes)
    first = trail.list_page(Sought(who="bert"), limit=10, continuation=None)
    assert first.entries == []
    assert first.continuation
    second = trail.list_page(Sought(who="bert"), limit=10, continuation=first.continuation)
    assert (second.entries, second.continuation) == ([wanted], None)


def test_a_limit_or_continuation_that_no_list_has_is_refused(trail):
    for limit, continuation in ((0, None), (1001, None), (1, "made-up")):
        with pytest.raises(RefusedRequestError):
            trail.list_page(Sought(), limit=limit, continuation=continuation)


def test_one_tenants_calls_are_not_anothers(account, trail):
    trail.begin(ENTRY)
    other = AuditTrail(account.table("audit", TenantId("other")))
    assert found(other) == []


def test_texts_that_a_caller_chose_are_kept_short_and_printable(trail):
    chosen = "a\r\nb\ud800" + "x" * 5000
    reference = trail.begin(replace(ENTRY, connection=chosen, targets={"mapping": chosen}))
    trail.complete(reference, status=200, code="", facts={f"fact{n}": chosen for n in range(100)})
    [entry] = found(trail)
    kept = "a??b?" + "x" * 195
    assert (entry.connection, entry.targets) == (kept, {"mapping": kept})
    assert len(entry.facts) == 20
    assert set(entry.facts.values()) == {kept}
